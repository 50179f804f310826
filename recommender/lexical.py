"""Lexical scores with scikit-learn: TF-IDF weights of an archive's words, fixed once learned."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

from recommender.article import Article
from recommender.terms import TERM_FIELDS, TermRow

# The commonest words of French, which scikit-learn has no list for; accents are stripped before they are compared.
FRENCH_STOP_WORDS = frozenset(
    "ai au aux avec ce ces cet cette ceux ci comme contre dans de depuis des dont du elle elles en entre est et etait "
    "etaient ete etre eux fait il ils je la le les leur leurs lui mais me meme mes moi mon ne nos notre nous on ont ou "
    "par pas pendant peu plus pour qu que quel quelle qui sa sans se selon sera ses si son sont sous sur ta te tes toi "
    "ton tous tout toute toutes tu un une vers vos votre vous".split()
)
_WORD = re.compile(r"(?u)\b\w\w+\b")
_WORD_LIMIT = 40  # longer "words" are encodings and addresses


def analyse(text: str) -> list[str]:
    """Words in lower case, without accents and stop words: Ménaka and Menaka are one word."""
    stripped = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(character for character in stripped if not unicodedata.combining(character))
    return [word for word in _WORD.findall(plain) if len(word) <= _WORD_LIMIT and word not in _STOP_WORDS]


_STOP_WORDS = ENGLISH_STOP_WORDS | FRENCH_STOP_WORDS


def full_text(article: Article) -> str:
    """What the lexical score reads of an article."""
    return f"{article.title}\n{article.summary}\n{article.body}"


class TfidfModel:
    """`LexicalModel`: sublinear term frequency times inverse document frequency, each row of unit length."""

    def __init__(self, vocabulary: dict[str, int], idf: Sequence[float], label_idf: dict[str, float]) -> None:
        self._vectorizer = TfidfVectorizer(
            analyzer=analyse, sublinear_tf=True, vocabulary=vocabulary, dtype=np.float32, norm="l2"
        )
        self._vectorizer.idf_ = np.asarray(idf, dtype=np.float32)
        self._vocabulary = vocabulary
        self._idf = list(idf)
        self._label_idf = label_idf
        self._label_numbers = {label: number for number, label in enumerate(sorted(label_idf))}

    @classmethod
    def fit(cls, articles: Callable[[], Iterable[Article]]) -> "TfidfModel":
        """Learns the weights; `articles` gives the archive anew at each call, so it need not fit into memory.

        Words of more than half of the articles carry nothing. An archive of ten or fewer keeps all its words.
        """
        total = 0
        documents: dict[str, int] = {}
        labels: dict[str, int] = {}
        for article in articles():
            total += 1
            for word in set(analyse(full_text(article))):
                documents[word] = documents.get(word, 0) + 1
            for label in article_labels(article):
                labels[label] = labels.get(label, 0) + 1
        ceiling = total / 2 if total > 10 else total
        kept = sorted(word for word, count in documents.items() if count <= ceiling)
        return cls(
            {word: number for number, word in enumerate(kept)},
            [_idf(documents[word], total) for word in kept],
            {label: _idf(count, total) for label, count in labels.items()},
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "TfidfModel":
        """The model that `to_bytes` wrote."""
        state = json.loads(data)
        words = state["words"]
        return cls({word: number for number, word in enumerate(words)}, state["idf"], state["label_idf"])

    def to_bytes(self) -> bytes:
        """The learned weights as JSON."""
        words = sorted(self._vocabulary, key=self._vocabulary.__getitem__)
        state: dict[str, Any] = {"words": words, "idf": self._idf, "label_idf": self._label_idf}
        return json.dumps(state, ensure_ascii=False).encode()

    def rows(self, articles: Sequence[Article]) -> list[TermRow]:
        """The weighted terms of each article for each of TERM_FIELDS. Words the archive did not know are left out."""
        bodies = self._matrix([full_text(article) for article in articles])
        titles = self._matrix([article.title for article in articles])
        labels = [self._labels(article) for article in articles]
        return [
            dict(zip(TERM_FIELDS, fields, strict=True)) for fields in zip(bodies, titles, labels, strict=True)
        ]

    def _matrix(self, texts: list[str]) -> list[tuple[Any, Any]]:
        matrix = self._vectorizer.transform(texts)
        matrix.sort_indices()
        return [
            (matrix.indices[start:end].astype(np.int32), matrix.data[start:end].astype(np.float32))
            for start, end in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)
        ]

    def _labels(self, article: Article) -> tuple[Any, Any]:
        known = sorted((self._label_numbers[label], self._label_idf[label])
                       for label in article_labels(article) if label in self._label_idf)
        numbers = np.array([number for number, _ in known], dtype=np.int32)
        weights = np.array([weight for _, weight in known], dtype=np.float32)
        length = float(np.linalg.norm(weights))
        return numbers, weights / length if length else weights


def article_labels(article: Article) -> set[str]:
    """Tags and countries as one set of comparable names."""
    return {" ".join(analyse(label)) or label.casefold() for label in (*article.tags, *article.countries)}


def _idf(documents: int, total: int) -> float:
    # Smoothed as in scikit-learn: as if one more document held every word.
    return float(np.log((1 + total) / (1 + documents)) + 1)
