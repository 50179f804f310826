"""Lexical scores with scikit-learn: TF-IDF weights of an archive's words and its themes, fixed once learned."""

import base64
import json
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

from recommender.arrays import Vectors
from recommender.articles.article import Article
from recommender.articles.gazetteer import Gazetteer
from recommender.articles.labels import LabelCounts, LabelWeights, full_text, idf, plain
from recommender.articles.shingles import UNSPACED, sketch
from recommender.articles.text import names
from recommender.retrieval.terms import TermRow

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
# What scikit-learn's list takes for filling and a newspaper does not: "un" is the United Nations in English.
_NEWS_WORDS = frozenset("bill cry fire interest mine serious sincere system un us".split())
_STOP_WORDS = {"en": ENGLISH_STOP_WORDS - _NEWS_WORDS, "fr": FRENCH_STOP_WORDS}
# A word, or a run of a script that puts no spaces between words.
_WORD = re.compile(rf"[{UNSPACED}]+|[^\W{UNSPACED}]{{2,}}")
_RUN = re.compile(rf"[{UNSPACED}]")
_ACRONYM = re.compile(r"\b[A-Z]{2,5}\b")
_WORD_LIMIT = 40  # longer "words" are encodings and addresses
_SMALL = 100  # a smaller archive keeps every word: it cannot say yet what is rare or common
# The share of a language's articles that a term stands in is mixed with its share of the archive, by so many articles'
# worth: among 20 French articles every French word would be rare in the archive, and tell them apart from English only.
_SHRINKAGE = 10

# Themes are the archive's main directions of words that stand together (latent semantic analysis): one for each eight
# articles, as fewer cannot carry one.
ARTICLES_PER_THEME = 8
MIN_THEMES = 5
MAX_THEMES = 100
THEME_TERMS = 30_000  # the terms of most articles; bounds what is stored
THEME_ARTICLES = 20_000  # themes of a larger archive are learned from as many of its articles


MOSTLY = 0.6  # of an article's words: of the sample's stories, the few French ones among them, a build lacks up to 0.57

Archive = Callable[[], Iterable[Article]]
Weighted = tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]  # term numbers in rising order, and weights


def words(text: str, language: str) -> list[str]:
    """Words in lower case, without accents and the stop words of a language: Ménaka and Menaka are one word.

    An acronym is no stop word, though it may look like one: IT, WHO. A text wholly in capitals has none. A script
    without spaces has each two neighbouring characters for words, as search engines read it.
    """
    stop_words = _STOP_WORDS.get(language, frozenset())
    tokens = [word for run in _WORD.findall(plain(text)) for word in _cut(run)]
    kept = [word for word in tokens if len(word) <= _WORD_LIMIT and word not in stop_words]
    acronyms = [word.lower() for word in _ACRONYM.findall(text) if word.lower() in stop_words]
    return kept + acronyms if acronyms and not text.isupper() else kept


def _cut(run: str) -> list[str]:
    if len(run) < 2 or not _RUN.match(run):
        return [run]
    return [first + second for first, second in pairwise(run)]


def terms(text: str, language: str) -> list[str]:
    """The words of a text and its pairs of neighbouring words; names once more, so that they weigh double."""
    single = words(text, language)
    pairs = [f"{first} {second}" for first, second in pairwise(single)]
    return [*single, *pairs, *words(" ".join(names(text)), language)]


def _terms_of(article: Article) -> list[str]:
    return terms(full_text(article), article.language)


class TfidfModel:
    """`LexicalModel`: sublinear term frequency times inverse document frequency, each row of unit length."""

    def __init__(self, vocabulary: Sequence[str], idf: Sequence[float], labels: LabelWeights) -> None:
        """`vocabulary` and `idf` are aligned."""
        self._vectorizer = TfidfVectorizer(
            analyzer=_terms_of,
            sublinear_tf=True,
            vocabulary={term: number for number, term in enumerate(vocabulary)},
            dtype=np.float32,
        )
        self._vectorizer.idf_ = np.asarray(idf, dtype=np.float32)
        self._vocabulary = vocabulary
        self._idf = idf
        self._labels = labels
        self._theme_terms = np.empty(0, dtype=np.int32)
        self._directions: Vectors = np.empty((0, 0), dtype=np.float32)

    @classmethod
    def fit(cls, articles: Archive, gazetteer: Gazetteer) -> "TfidfModel":
        """Learns the weights from two passes over an archive, which need not fit into memory.

        A term of one article only joins nothing, and one of more than half of them tells nothing: both are left out.
        """
        labels = LabelCounts()
        languages: Counter[str] = Counter()
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for article in articles():
            languages[article.language] += 1
            counts[article.language].update(set(_terms_of(article)))
            labels.add(article, gazetteer)
        total = labels.articles
        documents: Counter[str] = Counter()
        for counted in counts.values():
            documents.update(counted)
        least, most = (2, total / 2) if total > _SMALL else (1, total)
        # scikit-learn refuses an empty vocabulary; the empty word is in no text.
        vocabulary = sorted(term for term, count in documents.items() if least <= count <= most) or [""]
        weights = [idf(total * _share(term, counts, languages, documents[term] / total), total) for term in vocabulary]
        model = cls(vocabulary, weights, LabelWeights.of(labels, gazetteer))
        model._learn_themes(articles, total, documents)
        return model

    def _learn_themes(self, articles: Archive, total: int, documents: Mapping[str, int]) -> None:
        count = min(MAX_THEMES, max(MIN_THEMES, total // ARTICLES_PER_THEME), total - 1, len(self._vocabulary) - 1)
        if count < 1:
            return
        common = sorted(range(len(self._vocabulary)), key=lambda place: -documents[self._vocabulary[place]])
        self._theme_terms = np.sort(np.array(common[:THEME_TERMS], dtype=np.int32))
        every = -(-total // THEME_ARTICLES)
        matrix = self._vectorizer.transform(islice(articles(), 0, None, every))[:, self._theme_terms]
        svd = TruncatedSVD(count, random_state=0)  # a fixed start: builds of one archive are alike
        with np.errstate(divide="ignore", invalid="ignore"):  # it divides by the variance, 0 where all texts are equal
            svd.fit(matrix)
        self._directions = svd.components_.astype(np.float16).astype(np.float32)

    @classmethod
    def from_bytes(cls, data: bytes, gazetteer: Gazetteer) -> "TfidfModel":
        """The model that `to_bytes` wrote."""
        state = json.loads(data)
        model = cls(state["vocabulary"], state["idf"], LabelWeights.from_data(state["labels"], gazetteer))
        model._theme_terms = np.array(state["theme_terms"], dtype=np.int32)
        directions = np.frombuffer(base64.b64decode(state["directions"]), dtype="<f2").astype(np.float32)
        model._directions = directions.reshape(state["themes"], len(model._theme_terms))
        return model

    def to_bytes(self) -> bytes:
        """As JSON."""
        state: dict[str, Any] = {
            "vocabulary": list(self._vocabulary),
            "idf": list(self._idf),
            "labels": self._labels.to_data(),
            "theme_terms": self._theme_terms.tolist(),
            "themes": len(self._directions),
            "directions": base64.b64encode(self._directions.astype("<f2").tobytes()).decode(),
        }
        return json.dumps(state, ensure_ascii=False).encode()

    def rows(self, articles: Sequence[Article]) -> list[TermRow]:
        matrix = self._vectorizer.transform(articles)
        matrix.sort_indices()
        spans = zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)
        known = [(matrix.indices[start:end].astype(np.int32), matrix.data[start:end]) for start, end in spans]
        lexical = [self._with_unknown(article, row) for article, row in zip(articles, known, strict=True)]
        return [
            {"lexical": terms_of_article, **self._labels.rows(article), "shingles": _shingles(article)}
            for terms_of_article, article in zip(lexical, articles, strict=True)
        ]

    def _with_unknown(self, article: Article, known: Weighted) -> Weighted:
        """The row of an article; where the archive had few of its words, as in a language that is new to it, with those
        that it had not, as rare ones. Otherwise the one word that it had by chance would be all that the article says.
        """
        counts = Counter(_terms_of(article))
        vocabulary = self._vectorizer.vocabulary
        unknown = [term for term in counts if term not in vocabulary]
        single = sum(" " not in term for term in counts)
        if sum(" " not in term for term in unknown) <= MOSTLY * single:
            return known
        rarest = idf(0, self._labels.articles)
        weights = {
            vocabulary[term]: (1 + np.log(count)) * self._idf[vocabulary[term]]
            for term, count in counts.items()
            if term in vocabulary
        }
        for term in unknown:
            number = len(vocabulary) + (zlib.crc32(term.encode()) & 0x3FFFFF)
            weights[number] = weights.get(number, 0.0) + (1 + np.log(counts[term])) * rarest
        numbers = np.array(sorted(weights), dtype=np.int32)
        values = np.array([weights[number] for number in numbers.tolist()], dtype=np.float32)
        return numbers, values / np.linalg.norm(values)

    def names(self, article: Article) -> tuple[str, ...]:
        return self._labels.names(article)

    def themes(self, rows: Sequence[TermRow]) -> Vectors:
        vectors = np.zeros((len(rows), len(self._directions)), dtype=np.float32)
        if not len(self._theme_terms):
            return vectors
        for article, row in enumerate(rows):
            numbers, weights = row["lexical"]
            places = np.minimum(np.searchsorted(self._theme_terms, numbers), len(self._theme_terms) - 1)
            in_themes = self._theme_terms[places] == numbers
            vectors[article] = self._directions[:, places[in_themes]] @ weights[in_themes]
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)

    @property
    def covers_names(self) -> bool:
        return self._labels.covered


def _shingles(article: Article) -> tuple[npt.NDArray[np.int32], Vectors]:
    """The sketch of an article as a row, so that the product of two rows is the share that they have in common."""
    # 22 bits, as labels have: two texts share a number of 64 by chance in one of a thousand pairs.
    numbers = sorted({shingle & 0x3FFFFF for shingle in sketch(full_text(article))})
    length = np.sqrt(max(len(numbers), 1))
    return np.array(numbers, dtype=np.int32), np.full(len(numbers), 1 / length, dtype=np.float32)


def _share(term: str, counts: Mapping[str, Mapping[str, int]], languages: Mapping[str, int], overall: float) -> float:
    """The share of articles that a term stands in, in the language where it is the most common."""
    return max(
        (counted.get(term, 0) + _SHRINKAGE * overall) / (languages[language] + _SHRINKAGE)
        for language, counted in counts.items()
    )


class PlainTfidf:
    """TF-IDF as it is commonly set up, a baseline for evaluation: single words, English stop words, sublinear."""

    def __init__(self, texts: Sequence[str]) -> None:
        vectorizer = TfidfVectorizer(
            sublinear_tf=True, stop_words="english", max_df=0.5 if len(texts) > _SMALL else 1.0, dtype=np.float32
        )
        try:
            self._matrix = vectorizer.fit_transform(texts)
        except ValueError:  # scikit-learn's "empty vocabulary", as of tags where there are none
            self._matrix = TfidfVectorizer(vocabulary=[""], dtype=np.float32).fit_transform(texts)

    def scores(self, place: int) -> Vectors:
        """(n,) cosine similarity of one of the texts to each of them."""
        return np.asarray((self._matrix @ self._matrix[place].T).todense(), dtype=np.float32).ravel()
