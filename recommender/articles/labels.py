"""What an article is labelled with or names: tags, countries, names and topics, each weighted by how rare it is."""

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from recommender.articles.article import UPDATE_TAG, Article
from recommender.articles.gazetteer import SUBJECT, Gazetteer
from recommender.articles.text import names as capitalised
from recommender.articles.text import without_marks

LABELS = ("tags", "places", "names", "topics")
# As if every article named that much more that no other article does: two that share the only name each has are not
# the same story. In units of the squared weight of the rarest name.
_UNSEEN = 0.5
MORE_THAN_ONCE = 2  # in title, summary or tags, or twice in the text
TOO_COMMON = 1 / 3
MAX_NAMES = 15
COVERED = 0.5  # the share of an archive's names that a gazetteer must know for it to tell articles apart

Row = tuple[Any, Any]
Weights = Mapping[str, float]


def plain(text: str) -> str:
    """Lower case without marks: Ménaka and menaka are one word, and so are Ƙungiya and kungiya."""
    return without_marks(text.lower())


def full_text(article: Article) -> str:
    """What is read of an article for its words and names."""
    return f"{article.title} \n{article.summary} \n{article.body}"


def name_counts(gazetteer: Gazetteer, article: Article) -> Counter[str]:
    """How often an article names what the gazetteer knows; title, summary and tags count once more.

    A subject that one word alone speaks for is left out where the article names nothing else and has no such tag, nor
    a country.
    """
    text = full_text(article)
    counts = gazetteer.count_names(text)
    counts.update(gazetteer.count_names(f"{article.title} \n{article.summary}").keys())
    tagged = [key for key in map(gazetteer.key_of, article.tags) if key is not None]
    counts.update(tagged)
    if not tagged and not article.countries:
        for key in gazetteer.homonyms(text):
            del counts[key]
    return counts


@dataclass
class LabelCounts:
    """In how many articles of an archive each label stands, and how many of its names the gazetteer knows."""

    articles: int = 0
    tags: Counter[str] = field(default_factory=Counter)
    names: Counter[str] = field(default_factory=Counter)
    known: int = 0
    unknown: int = 0

    def add(self, article: Article, gazetteer: Gazetteer) -> None:
        """Counts one article."""
        self.articles += 1
        self.tags.update(_tags(article.tags, gazetteer))
        names = name_counts(gazetteer, article)
        self.names.update(names.keys())
        self.known += sum(gazetteer[key].kind != SUBJECT for key in names)
        words = {plain(word) for word in capitalised(full_text(article))}
        self.unknown += len(words - set().union(*(gazetteer.words(key) for key in names)))


class LabelWeights:
    """Weights of labels, learned once from an archive and then fixed. A label it did not know counts as rare."""

    def __init__(self, gazetteer: Gazetteer, articles: int, tags: Weights, names: Weights, *, covered: bool) -> None:
        """`tags` and `names` hold in how many articles each stands; `covered`: whether names tell articles apart."""
        self._gazetteer = gazetteer
        self._articles = articles
        self._tags = tags
        self._names = names
        self._covered = covered

    @classmethod
    def of(cls, counts: LabelCounts, gazetteer: Gazetteer) -> "LabelWeights":
        """The weights of an archive."""
        covered = counts.known > COVERED * (counts.known + counts.unknown)
        return cls(gazetteer, counts.articles, counts.tags, counts.names, covered=covered)

    @classmethod
    def from_data(cls, data: Mapping[str, Any], gazetteer: Gazetteer) -> "LabelWeights":
        """The weights that `to_data` wrote."""
        return cls(gazetteer, **data)

    def to_data(self) -> dict[str, Any]:
        """As plain numbers."""
        return {
            "articles": self._articles,
            "tags": dict(self._tags),
            "names": dict(self._names),
            "covered": self._covered,
        }

    def rows(self, article: Article) -> dict[str, Row]:
        """The weighted labels of an article for each of LABELS.

        Where names are not covered there are no names or topics: a gazetteer of another subject finds homonyms. Of an
        article that names nothing its topics are left out for the same reason, see `name_counts`.
        """
        counts = name_counts(self._gazetteer, article)
        names = {key: count for key, count in counts.items() if self._gazetteer[key].kind != SUBJECT}
        topics = {key: count for key, count in counts.items() if self._gazetteer[key].kind == SUBJECT}
        tags = {tag: idf(self._tags.get(tag, 0), self._articles) for tag in _tags(article.tags, self._gazetteer)}
        places = dict.fromkeys(_labels(article.countries, self._gazetteer), 1.0)
        return {
            "tags": _row(tags),
            "places": _row(places),
            "names": _row(self._rare(names), self._unseen) if self._covered else _row({}),
            "topics": _row(self._rare(topics), self._unseen) if self._covered else _row({}),
        }

    def names(self, article: Article) -> tuple[str, ...]:
        """Keys of what an article names more than in passing, but a third of the archive does not; the rarest first."""
        every = name_counts(self._gazetteer, article)
        counts = {key: count for key, count in every.items() if count >= MORE_THAN_ONCE}
        weights = self._rare(counts)
        telling = [key for key in counts if self._names.get(key, 0) <= self._articles * TOO_COMMON + 1]
        return tuple(sorted(telling, key=lambda key: (-weights[key], key))[:MAX_NAMES])

    @property
    def articles(self) -> int:
        """How many articles the archive had."""
        return self._articles

    @property
    def covered(self) -> bool:
        """Whether the gazetteer knows enough of the archive's names to tell its articles apart."""
        return self._covered

    @property
    def _unseen(self) -> float:
        return float(_UNSEEN * np.log(1 + self._articles) ** 2)

    def _rare(self, counts: Mapping[str, int]) -> dict[str, float]:
        total = self._articles
        return {
            key: float((1 + np.log(count)) * np.log((1 + total) / (1 + min(total, self._names.get(key, 0)))))
            for key, count in counts.items()
        }


def idf(documents: float, total: int) -> float:
    """Inverse document frequency, smoothed as in scikit-learn: as if one more document held every term."""
    return float(np.log((1 + total) / (1 + documents)) + 1)


def _tags(tags: Iterable[str], gazetteer: Gazetteer) -> set[str]:
    return _labels((tag for tag in tags if plain(tag) != UPDATE_TAG), gazetteer)


def _labels(labels: Iterable[str], gazetteer: Gazetteer) -> set[str]:
    """Labels by what they mean: two forms of one name are one label."""
    key_of: Callable[[str], str | None] = gazetteer.key_of
    return {f"@{key}" if (key := key_of(label)) else plain(label) for label in labels}


def _row(weights: Mapping[str, float], unseen: float = 0.0) -> Row:
    """Labels are numbered by a hash of their names, so a label that came after the build has a number as well."""
    numbered = sorted((_number(label), weight) for label, weight in weights.items())
    values = np.array([weight for _, weight in numbered], dtype=np.float32)
    length = float(np.sqrt(values @ values + unseen)) or 1.0
    return np.array([number for number, _ in numbered], dtype=np.int32), values / np.float32(length)


def _number(label: str) -> int:
    # 22 bits: among 1,000 labels one pair in ten archives shares a number, and is then taken for one label.
    return zlib.crc32(label.encode()) & 0x3FFFFF
