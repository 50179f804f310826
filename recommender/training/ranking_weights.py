"""Use case: learn the weights of the score from judged pairs, and say how good they are on stories not seen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Protocol

import numpy as np

from recommender.arrays import BoolArray, FloatArray
from recommender.errors import InvalidInput, NotBuilt
from recommender.grading.panels import VERSION
from recommender.metrics import Grades
from recommender.ranking.events import same_event
from recommender.ranking.scoring import (
    DEFAULT,
    MEASURED,
    OPTIONAL,
    READER,
    RankingModel,
    scored,
    similarities,
)
from recommender.store.base import Store

RELATED_GRADE = 2  # "significant: real context or a clear parallel": from here on an editor calls it related
SAME_STORY_GRADE = 3
RELATED_STEP = RELATED_GRADE - 1  # its place among the thresholds of a fit
FOLDS = 5
_Z = 1.96  # standard deviations of a 95 % interval
DECIMALS = 3
# Copies of every pair in which something is unknown, so that one set of weights serves sites without it. A gazetteer
# that does not cover an archive knows neither its names nor its topics; the relief of names stands for both.
_NAMED = ("names", "topics")
_OTHERS = tuple(part for part in OPTIONAL if part not in _NAMED)
UNKNOWN: Sequence[frozenset[str]] = tuple(
    frozenset(parts)
    for parts in (
        (),
        _NAMED,
        *((part,) for part in _OTHERS),
        ("tags", "places"),
        (*_NAMED, "tags", "places"),
        (*_NAMED, *_OTHERS),
    )
)


class FittedWeights(Protocol):
    """What a fitter returns: weights of MEASURED, thresholds of the grades 1, 2, 3, relief of OPTIONAL."""

    @property
    def weights(self) -> FloatArray: ...  # documented above

    @property
    def thresholds(self) -> FloatArray: ...

    @property
    def relief(self) -> FloatArray: ...


# (features, missing, grades, weight) -> FittedWeights, as `recommender.training.ordinal_regression.fit` does it.
Fitter = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], FittedWeights]


@dataclass(frozen=True)
class JudgedQuery:
    """One judged query: its candidates, their similarities and grades, and the story it belongs to."""

    query: str
    articles: Sequence[str]
    similarities: Mapping[str, FloatArray]
    grades: FloatArray
    story: int = field(default=0)


def collect(store: Store, qrels: Mapping[str, Grades]) -> list[JudgedQuery]:
    """The candidates of every judged query that the live generation knows, without other reports of its event.

    An article that is not listed in the judgments counts as grade 0. Raises NotBuilt, and InvalidInput where none of
    the queries is known.
    """
    with store.reading():
        generation = store.generations.live()
        if generation is None:
            raise NotBuilt
        numbers = store.articles.numbers([*qrels, *(other for grades in qrels.values() for other in grades)])
        queries = {query: numbers[query] for query in qrels if query in numbers}
        lists = store.generations.candidates(generation.number, list(queries.values()))
        articles = store.articles.get(
            sorted({number for rows in lists.values() for number in rows["number"].tolist()} | set(lists)), texts=False
        )
    ids = {number: article.id for number, article in articles.items()}
    posted = {
        number: article.posted_on.timestamp() if article.posted_on else np.nan for number, article in articles.items()
    }
    stories = _stories(qrels)
    judged = []
    for query, number in queries.items():
        if number not in lists:
            continue
        rows = lists[number]
        rows = rows[np.isin(rows["number"], list(ids))]
        apart = np.abs(np.array([posted[other] for other in rows["number"].tolist()]) - posted[number])
        measured = similarities(rows, apart, generation.scales)
        remaining = ~(same_event(measured, apart, rows["same"]) & rows["same"])
        if not remaining.any():
            continue  # it has no candidates, so nothing is learned from it
        grades = np.array([qrels[query].get(ids[other], 0) for other in rows["number"].tolist()], dtype=np.float64)
        measured = {part: values[remaining] for part, values in measured.items()}
        others = [ids[other] for other in rows["number"][remaining].tolist()]
        judged.append(JudgedQuery(query, others, measured, grades[remaining], stories[query]))
    if not judged:
        raise InvalidInput("None of the judged queries is among the articles; are these the right judgments?")
    return judged


def _stories(qrels: Mapping[str, Grades]) -> dict[str, int]:
    """Numbers of stories: queries are of one if one is graded 3, 4 or -1 for the other, or an article is for both."""
    group = {query: query for query in qrels}

    def top(query: str) -> str:
        while group[query] != query:
            query = group[query]
        return query

    owner: dict[str, str] = {}
    for query, grades in qrels.items():
        for article in [query, *(other for other, grade in grades.items() if _same_story(grade))]:
            if article in owner:
                group[top(query)] = top(owner[article])
            owner[article] = query
    tops = sorted({top(query) for query in qrels})
    return {query: tops.index(top(query)) for query in qrels}


def _same_story(grade: int) -> bool:
    return grade >= SAME_STORY_GRADE or grade == VERSION


def learn(judged: Sequence[JudgedQuery], fitter: Fitter, version: str) -> RankingModel:
    """The ranking model that fits the judgments of some queries best. Every query counts the same.

    What a reader's grade is worth does not depend on them: it is that of DEFAULT.
    """
    features, missing, grades, weight = [], [], [], []
    for query, unknown in product(judged, UNKNOWN):
        masked = {
            part: np.full(len(values), np.nan) if part in unknown else values
            for part, values in query.similarities.items()
        }
        features.append(np.stack([np.nan_to_num(masked[part]) for part in MEASURED], axis=1))
        missing.append(np.stack([np.isnan(masked[part]).astype(np.float64) for part in OPTIONAL], axis=1))
        grades.append(query.grades)
        weight.append(np.full(len(query.grades), 1 / len(query.grades)))
    fit = fitter(np.concatenate(features), np.concatenate(missing), np.concatenate(grades), np.concatenate(weight))
    return RankingModel(
        version=version,
        weights=_rounded(MEASURED, fit.weights) | {READER: DEFAULT.weights[READER]},
        threshold=round(float(fit.thresholds[RELATED_STEP]), DECIMALS),
        relief=_rounded(OPTIONAL, fit.relief) | {READER: DEFAULT.relief[READER]},
    )


def _rounded(names: Sequence[str], values: FloatArray) -> dict[str, float]:
    return {name: round(float(value), DECIMALS) for name, value in zip(names, values, strict=True)}


def folds(judged: Sequence[JudgedQuery], seed: int) -> list[tuple[list[JudgedQuery], list[JudgedQuery]]]:
    """(for learning, held out) FOLDS times, so that no story stands on both sides."""
    stories = sorted({query.story for query in judged})
    order = np.random.default_rng(seed).permutation(len(stories))
    fold = {story: int(place) % FOLDS for story, place in zip(stories, order.tolist(), strict=True)}
    return [
        (
            [query for query in judged if fold[query.story] != number],
            [query for query in judged if fold[query.story] == number],
        )
        for number in range(FOLDS)
        if any(fold[query.story] == number for query in judged)
    ]


@dataclass(frozen=True)
class Bin:
    """Candidates whose scores lie in one range: how many, their mean score, and the share that is related."""

    low: float
    high: float
    count: int
    score: float
    related: float

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the related share (Wilson 1927): few candidates say little."""
        shrunken = 1 + _Z**2 / self.count
        middle = (self.related + _Z**2 / (2 * self.count)) / shrunken
        spread = self.related * (1 - self.related) / self.count + _Z**2 / (4 * self.count**2)
        half = _Z * spread**0.5 / shrunken
        return max(0.0, middle - half), min(1.0, middle + half)


def calibration(judged: Sequence[tuple[JudgedQuery, RankingModel]], edges: Sequence[float]) -> list[Bin]:
    """How far scores are probabilities: each query scored by a ranking model that has not seen its story."""
    scores, related = _outcomes(judged)
    bins = []
    for low, high in pairwise(edges):
        here = (scores >= low) & ((scores < high) | (high == edges[-1]))
        if here.any():
            bins.append(Bin(low, high, int(here.sum()), float(scores[here].mean()), float(related[here].mean())))
    return bins


def brier(judged: Sequence[tuple[JudgedQuery, RankingModel]]) -> float:
    """The mean squared distance between score and outcome, 0 (perfect) to 1 (Brier 1950)."""
    scores, related = _outcomes(judged)
    return float(np.mean((scores - related) ** 2))


def calibration_error(bins: Sequence[Bin]) -> float:
    """By how much scores are wrong on average, as the share of candidates weighs their bins: the expected calibration
    error (Naeini et al., AAAI 2015), 0 (perfect) to 1."""
    total = sum(bin_.count for bin_ in bins)
    return sum(bin_.count * abs(bin_.score - bin_.related) for bin_ in bins) / total


def _outcomes(judged: Sequence[tuple[JudgedQuery, RankingModel]]) -> tuple[FloatArray, BoolArray]:
    """The score of each candidate, and whether it is related."""
    scores = np.concatenate([scored(query.similarities, model).score for query, model in judged])
    related: BoolArray = np.concatenate([query.grades >= RELATED_GRADE for query, _ in judged])
    return scores, related
