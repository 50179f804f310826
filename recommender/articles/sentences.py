"""The sentences in which two articles are most alike, for editors and callers who want to see why."""

import re
from collections import Counter
from dataclasses import dataclass

from recommender.articles.article import Article
from recommender.articles.gazetteer import Gazetteer
from recommender.articles.labels import plain

_END = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][»”\"’]))\s+(?=[A-ZÀ-Ý«“\"‘])|\n+")  # noqa: RUF001  # quotes are meant
_WORD = re.compile(r"\w{4,}")  # shorter words mostly say little on their own, in both languages
_NAME_WEIGHT = 2.0  # a name in common, in whatever language, says more than a word
MAX_SENTENCES = 200  # of one article: bounds the work


@dataclass(frozen=True)
class SentencePair:
    """One sentence of each article."""

    source: str
    other: str


def sentences(article: Article) -> list[str]:
    """Title, summary and the sentences of the body."""
    texts = [article.title, *_END.split(article.summary), *_END.split(article.body)]
    return [sentence.strip() for sentence in texts if sentence and sentence.strip()][:MAX_SENTENCES]


# Sentences, each with the weights of its features.
Passages = list[tuple[str, dict[str, float]]]


def passages(article: Article, gazetteer: Gazetteer, most: int = MAX_SENTENCES) -> Passages:
    """The first sentences of an article, read for comparison."""
    return [(text, _features(text, gazetteer)) for text in sentences(article)[:most]]


def closest(ours: Passages, theirs: Passages) -> SentencePair | None:
    """The two sentences with the most names and rare words in common, of equal pairs the first; None where no two share
    anything. What stands in many sentences of the two articles counts little.
    """
    common = Counter(feature for _, features in [*ours, *theirs] for feature in features)
    places: dict[str, list[int]] = {}
    for place, (_, features) in enumerate(theirs):
        for feature in features:
            places.setdefault(feature, []).append(place)
    best, pair = 0.0, None
    for text, features in ours:
        shared: dict[int, float] = {}
        for feature, weight in features.items():
            for place in places.get(feature, ()):
                shared[place] = shared.get(place, 0.0) + weight / common[feature]
        for place in sorted(shared):
            candidate, others = theirs[place]
            score = shared[place] / (len(features) * len(others)) ** 0.25
            if score > best:
                best, pair = score, SentencePair(text, candidate)
    return pair


def _features(text: str, gazetteer: Gazetteer) -> dict[str, float]:
    features = dict.fromkeys(_WORD.findall(plain(text)), 1.0)
    return features | {f"@{key}": _NAME_WEIGHT for key in gazetteer.count_names(text)}
