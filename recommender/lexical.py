"""Lexical scores with scikit-learn: TF-IDF weights of an archive's words, fixed once learned."""

import json
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

from recommender.article import UPDATE_TAG, Article
from recommender.interfaces import Vectors
from recommender.terms import TERM_FIELDS, TermRow
from recommender.text import names

# The commonest words of French without accents; scikit-learn has a list for English only.
FRENCH_STOP_WORDS = frozenset(
    """a afin ai ainsi alors apres au aucun aucune aujourd aura auront aussi autre autres aux avaient avait avant avec
    avoir ayant beaucoup ce ceci cela celle celles celui cependant certain certaines certains ces cet cette ceux chacun
    chaque chez comme comment contre dans de dehors deja depuis des desormais deux devait devant devra doit donc dont
    du elle elles en encore enfin entre est et etaient etait etant ete etre eu eux fait faire fois font furent fut ici
    il ils je jusqu jusque la laquelle le lequel les lesquels leur leurs lors lorsque lui ma mais malgre me meme memes
    mes mieux moi moins mon ne ni non nos notre nous on ont ou par parce parmi pas pendant peu peut peuvent plus
    plusieurs pour pourquoi pourrait pres puis qu quand que quel quelle quelles quels qui quoi sa sans se selon sera
    serait seront ses si sien soit son sont sous sur ta tandis tant te tel telle tellement tels tes toi ton toujours
    tous tout toute toutes tres trop tu un une vers voici voila vos votre vous""".split()
)
_STOP_WORDS = ENGLISH_STOP_WORDS | FRENCH_STOP_WORDS
_WORD = re.compile(r"\b\w\w+\b")
_WORD_LIMIT = 40  # longer "words" are encodings and addresses
_SMALL = 10  # an archive of so few articles keeps every word: what is rare or common cannot be told yet


def words(text: str) -> list[str]:
    """Words in lower case, without accents and stop words: Ménaka and Menaka are one word."""
    found = _WORD.findall(_plain(text))
    return [word for word in found if len(word) <= _WORD_LIMIT and word not in _STOP_WORDS]


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def terms(text: str) -> list[str]:
    """The words of a text and its pairs of neighbouring words; names once more, so that they weigh double."""
    single = words(text)
    pairs = [f"{first} {second}" for first, second in pairwise(single)]
    return [*single, *pairs, *words(" ".join(names(text)))]


def full_text(article: Article) -> str:
    """What the lexical score reads of an article."""
    return f"{article.title} \n{article.summary} \n{article.body}"


class TfidfModel:
    """`LexicalModel`: sublinear term frequency times inverse document frequency, each row of unit length."""

    def __init__(self, vocabulary: Sequence[str], idf: Sequence[float], tags: dict[str, float], total: int) -> None:
        """`vocabulary` and `idf` are aligned; `tags` holds each known tag's weight, `total` counts the articles."""
        self._vectorizer = TfidfVectorizer(
            analyzer=terms,
            sublinear_tf=True,
            vocabulary={term: number for number, term in enumerate(vocabulary)},
            dtype=np.float32,
        )
        self._vectorizer.idf_ = np.asarray(idf, dtype=np.float32)
        self._vocabulary = vocabulary
        self._idf = idf
        self._tags = tags
        self._total = total

    @classmethod
    def fit(cls, articles: Callable[[], Iterable[Article]]) -> "TfidfModel":
        """Learns the weights from one pass over an archive, which need not fit into memory.

        A term of one article only joins nothing, and one of more than half of them tells nothing: both are left out.
        """
        total = 0
        counts: Counter[str] = Counter()
        tags: Counter[str] = Counter()
        for article in articles():
            total += 1
            counts.update(set(terms(full_text(article))))
            tags.update(_labels(article.tags))
        least, most = (2, total / 2) if total > _SMALL else (1, total)
        # scikit-learn refuses an empty vocabulary; the empty word is in no text.
        kept = sorted(term for term, count in counts.items() if least <= count <= most) or [""]
        tag_weights = {tag: _idf(count, total) for tag, count in tags.items()}
        return cls(kept, [_idf(counts[term], total) for term in kept], tag_weights, total)

    @classmethod
    def from_bytes(cls, data: bytes) -> "TfidfModel":
        """The model that `to_bytes` wrote."""
        return cls(**json.loads(data))

    def to_bytes(self) -> bytes:
        """The learned weights as JSON."""
        state: dict[str, Any] = {
            "vocabulary": list(self._vocabulary),
            "idf": list(self._idf),
            "tags": self._tags,
            "total": self._total,
        }
        return json.dumps(state, ensure_ascii=False).encode()

    def rows(self, articles: Sequence[Article]) -> list[TermRow]:
        """The weighted terms of each article for each of TERM_FIELDS; words the archive did not know are left out."""
        matrix = self._vectorizer.transform([full_text(article) for article in articles])
        matrix.sort_indices()
        spans = zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)
        lexical = [(matrix.indices[start:end].astype(np.int32), matrix.data[start:end]) for start, end in spans]
        tags = [self._row({tag: self._tag_weight(tag) for tag in _labels(article.tags)}) for article in articles]
        places = [self._row(dict.fromkeys(_labels(article.countries), 1.0)) for article in articles]
        return [dict(zip(TERM_FIELDS, row, strict=True)) for row in zip(lexical, tags, places, strict=True)]

    def _tag_weight(self, tag: str) -> float:
        return self._tags.get(tag, _idf(0, self._total))

    def _row(self, weights: dict[str, float]) -> tuple[Any, Any]:
        """Labels are numbered by a hash of their names, so one that came after the build is known as well."""
        numbered = sorted((_label_number(label), weight) for label, weight in weights.items())
        values = np.array([weight for _, weight in numbered], dtype=np.float32)
        length = float(np.linalg.norm(values)) or 1.0
        return np.array([number for number, _ in numbered], dtype=np.int32), values / np.float32(length)


class PlainTfidf:
    """TF-IDF as it is commonly set up, a baseline for evaluation: single words, English stop words, sublinear."""

    def __init__(self, texts: Sequence[str]) -> None:
        vectorizer = TfidfVectorizer(
            sublinear_tf=True, stop_words="english", max_df=0.5 if len(texts) > _SMALL else 1.0, dtype=np.float32
        )
        self._matrix = vectorizer.fit_transform(texts)

    def scores(self, place: int) -> Vectors:
        """(n,) cosine similarity of one of the texts to each of them."""
        return np.asarray((self._matrix @ self._matrix[place].T).todense(), dtype=np.float32).ravel()


def _labels(labels: Iterable[str]) -> set[str]:
    return {_plain(label) for label in labels} - {UPDATE_TAG}


def _label_number(label: str) -> int:
    # 22 bits: among 1,000 labels one pair in ten archives shares a number, and is then taken for one label.
    return zlib.crc32(label.encode()) & 0x3FFFFF


def _idf(documents: int, total: int) -> float:
    # Smoothed as in scikit-learn: as if one more document held every term.
    return float(np.log((1 + total) / (1 + documents)) + 1)
