"""The score of a candidate: log-odds in named parts, and the probability that an editor would call it related.

The model is additive: each part turns one similarity of the two articles into log-odds, 0 or more, and the sum less a
threshold is the logit of the probability. It was learned from judged pairs; a card in `models` says how.

Where a reader of both texts has graded the pair (`recommender.reranking`) the grade is a part of its own, and decides:
all other parts count OTHERS_SHARE of what they do without it. Where none has, the score is as if there were no reader.

Similarities of embeddings and of words mean different things in every archive and with every embedding model, so they
are counted in standard deviations above the mean of random pairs of that archive (`Scales`, measured by each build).
That is why the same weights, and the same threshold, hold for another model.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
import numpy.typing as npt

from recommender.arrays import Counts, FloatArray
from recommender.ranking.candidates import FEATURES, GRADE, CandidateArray, is_graded
from recommender.reranking.base import HIGHEST_GRADE

Values = npt.NDArray[np.floating]

DAY = 86_400.0
TIME_PROXIMITY_DAYS = 365.0  # two stories a year apart get 1/e of the credit for time proximity
MAX_DEVIATIONS = 8.0  # nearly the same text; beyond, similarity says no more
UNITS = 10_000  # scores are counted in ten-thousandths, so that the parts shown add up exactly

SIGNALS = "signals"  # the part of a score that editors' boosts and burials have added or taken away
READER = "reader"  # the part of a score that is the grade of a reader of both texts
MEASURED = ("dense", "lexical", "themes", "names", "topics", "tags", "places", "nearness")  # by the service itself
PARTS = (*MEASURED, READER)
SCALED = ("dense", "lexical", "themes")
# What an archive or an article may lack altogether. Then the part is unknown, and the threshold is lower. Topics are
# unknown where names are; their relief is that of names.
OPTIONAL = ("names", "tags", "places", "nearness")
# Of what the measured parts say of a pair that has been graded. On the sample the loss is flat from 0.1 to 0.5 and much
# higher at 1, where measured similarities outvote a reader who has understood both texts.
OTHERS_SHARE = 0.25
TIE = 0.5  # of a grade: what the measured parts may add in the order, so that with all that varies a box it is below 1


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of a similarity over random pairs of articles in one language."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class Scales:
    """How similarities spread in one generation. The lexical one is scaled as its square root, which spreads evenly."""

    dense: Scale = Scale(0.0, 0.14)
    lexical: Scale = Scale(0.19, 0.065)
    themes: Scale = Scale(0.0, 0.16)

    def to_json(self) -> str:
        """As the store keeps it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Scales":
        """The scales that `to_json` wrote."""
        return cls(**{name: Scale(**scale) for name, scale in json.loads(text).items()})


USUAL = Scales()  # of the sample with the default embedding model: for a build with too few pairs to measure


@dataclass(frozen=True)
class RankingModel:
    """Weights in log-odds: per standard deviation for SCALED, per grade for READER, else for a similarity of 1.

    `threshold` is the sum of parts at which half of the candidates are related; `relief` is by how much it is lower
    where an optional part is unknown, or no reader has graded the pair. A weight of 0 for READER says that the model
    makes nothing of grades.
    """

    version: str
    weights: Mapping[str, float]
    threshold: float
    relief: Mapping[str, float]

    def to_json(self) -> str:
        """As the store keeps it."""
        return json.dumps(
            {
                "version": self.version,
                "weights": dict(self.weights),
                "threshold": self.threshold,
                "relief": dict(self.relief),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "RankingModel":
        """The model that `to_json` wrote, perhaps in another release: see `for_parts`."""
        return for_parts(cls(**json.loads(text)))


def for_parts(model: RankingModel) -> RankingModel:
    """The model with a weight for each of PARTS and a relief for each of OPTIONAL and READER.

    A model learned before a part existed says nothing of it: both are 0, and its scores stay as they were. A part that
    this release does not know raises ValueError, since to leave it out would change every score.
    """
    unknown = {*model.weights, *model.relief} - {*PARTS}
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))}: no such part of the score in this release")
    return replace(
        model,
        weights={part: model.weights.get(part, 0.0) for part in PARTS},
        relief={part: model.relief.get(part, 0.0) for part in (*OPTIONAL, READER)},
    )


# Learned from the sample's judgments by `recommender train`; a test holds it to the card in models/sahel/1.
DEFAULT = for_parts(
    RankingModel(
        version="sample-2",
        weights={
            "dense": 0.846,
            "lexical": 0.641,
            "themes": 0.479,
            "names": 3.617,
            "topics": 3.766,
            "tags": 5.444,
            "places": 1.682,
            "nearness": 1.479,
            "reader": 2.94,
        },
        threshold=8.816,
        relief={"names": 2.161, "tags": 0.337, "places": 0.826, "nearness": 0.493, "reader": 4.32},
    )
)


def similarities(rows: CandidateArray, apart: FloatArray, scales: Scales) -> dict[str, FloatArray]:
    """What each part measures of each candidate, 0 or more: for SCALED up to MAX_DEVIATIONS, else up to 1.

    NaN where it is unknown of a pair. `apart` is the time between the two in seconds, NaN where a date is missing.
    READER is the grade, and left out where the list holds none: see `candidates.with_grades`.
    """
    measured = scaled({feature: rows[feature] for feature in FEATURES}, scales)
    measured["nearness"] = np.exp(np.abs(apart) / (-DAY * TIME_PROXIMITY_DAYS))
    if is_graded(rows):
        measured[READER] = rows[GRADE].astype(np.float64)
    return measured


def scaled(features: Mapping[str, Values], scales: Scales) -> dict[str, FloatArray]:
    """Features of candidate lists as parts measure them: see `similarities`."""
    return {feature: _MEASURES[feature](values, scales).astype(np.float64) for feature, values in features.items()}


def _deviations(values: Values, scale: Scale) -> Values:
    return _between((values - scale.mean) / scale.deviation, MAX_DEVIATIONS)


def _share(values: Values) -> Values:
    return _between(values, 1.0)


def _between(values: Values, most: float) -> Values:
    within: Values = np.minimum(np.maximum(values, 0.0), most)  # np.clip takes several times as long on so few
    return within


_MEASURES: Mapping[str, Callable[[Values, Scales], Values]] = {
    "dense": lambda values, scales: _deviations(values, scales.dense),
    "lexical": lambda values, scales: _deviations(np.sqrt(_share(values)), scales.lexical),
    "themes": lambda values, scales: _deviations(values, scales.themes),
    "names": lambda values, _: np.sqrt(_share(values)),
    "topics": lambda values, _: np.sqrt(_share(values)),
    "tags": lambda values, _: _share(values),
    "places": lambda values, _: _share(values),
    "shingles": lambda values, _: _share(values),
}


@dataclass(frozen=True)
class Scores:
    """Of each candidate: the log-odds of its score, and the parts of the score in ten-thousandths."""

    log_odds: FloatArray
    units: Mapping[str, Counts]

    @property
    def score(self) -> FloatArray:
        """The probability that an editor would call the candidate related, as shown: the sum of its parts."""
        total: FloatArray = np.sum(list(self.units.values()), axis=0) / UNITS
        return total

    def parts(self) -> dict[str, FloatArray]:
        """The parts of each score; they add up to it exactly."""
        return {part: values / UNITS for part, values in self.units.items()}

    def take(self, places: npt.NDArray[np.integer]) -> "Scores":
        """The scores at some places."""
        return Scores(self.log_odds[places], {part: values[places] for part, values in self.units.items()})


def scored(measured: Mapping[str, FloatArray], model: RankingModel) -> Scores:
    """The scores of candidates from what `similarities` measured.

    A part's share in a score is its share in the log-odds.
    """
    values = np.stack([measured[part] for part in MEASURED])
    unknown = np.isnan(values)
    contributions = np.where(unknown, 0.0, values) * np.array([model.weights[part] for part in MEASURED])[:, None]
    relief = np.array([model.relief.get(part, 0.0) for part in MEASURED])
    total: FloatArray = contributions.sum(axis=0)
    log_odds: FloatArray = total + relief @ unknown - model.threshold
    parts: tuple[str, ...] = MEASURED
    if READER in measured and model.weights.get(READER):
        parts = PARTS
        contributions, log_odds = _read(contributions, log_odds, measured[READER], model)
        total = contributions.sum(axis=0)
    score = np.round(UNITS / (1 + np.exp(-log_odds))).astype(np.int64)
    score[total == 0] = 0  # with nothing in common the score is 0, whatever the threshold
    divisor = np.where(total > 0, total, 1)
    units = (score * (contributions / divisor)).astype(np.int64)
    # What rounding down has left over goes to the largest part.
    units[np.argmax(contributions, axis=0), np.arange(units.shape[1])] += score - units.sum(axis=0)
    return Scores(log_odds, dict(zip(parts, units, strict=True)))


def _read(
    contributions: FloatArray, log_odds: FloatArray, grades: FloatArray, model: RankingModel
) -> tuple[FloatArray, FloatArray]:
    """Contributions and log-odds of MEASURED with those of the reader, for PARTS; ungraded pairs are as they were."""
    graded = ~np.isnan(grades)
    share = np.where(graded, OTHERS_SHARE, 1.0)
    reader = np.where(graded, grades, 0.0) * model.weights[READER]
    read: FloatArray = share * log_odds + reader - np.where(graded, model.relief.get(READER, 0.0), 0.0)
    return np.vstack([share * contributions, reader]), read


def by_grade(grades: FloatArray, factors: FloatArray, log_odds: FloatArray, model: RankingModel) -> FloatArray:
    """Where candidates stand, in grades, when a reader has graded some of them: what it says decides.

    The measured parts only order those of equal grade, and editors' boosts and a reader's own language (`factors` of
    the odds, which `log_odds` has in it) count as much of a grade as they count of the log-odds. A candidate without a
    grade stands where its log-odds would put one that has one and no other part.
    """
    weight, relief = model.weights[READER], model.relief.get(READER, 0.0)
    with np.errstate(divide="ignore"):  # a factor of 0 gives minus infinity
        added = np.log(factors)
    ungraded = np.clip((log_odds + relief) / weight, -np.inf, HIGHEST_GRADE)
    with np.errstate(invalid="ignore", over="ignore"):
        others = (log_odds - added + relief - weight * grades) / OTHERS_SHARE
        graded = grades + added / weight + TIE / (1 + np.exp(-others))
    standing: FloatArray = np.where(np.isnan(grades), ungraded, graded)
    return standing


def multiplied(scores: Scores, factors: FloatArray) -> Scores:
    """The scores with the odds of each candidate multiplied; what that adds or takes away is a part of its own.

    Odds and not scores, so that a score stays a probability and two boosted candidates still differ.
    """
    before = sum(scores.units.values(), start=np.zeros(len(factors), dtype=np.int64)) / UNITS
    score = np.round(UNITS * before * factors / (1 - before + before * factors)).astype(np.int64)
    change = score - np.round(before * UNITS).astype(np.int64)
    with np.errstate(divide="ignore"):  # a factor of 0 gives log-odds of minus infinity
        log_odds: FloatArray = scores.log_odds + np.log(factors)
    return Scores(log_odds, {**scores.units, SIGNALS: change})
