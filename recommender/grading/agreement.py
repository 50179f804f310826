"""How far people agree who have graded the same things."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from recommender.arrays import BoolArray, FloatArray

# (what was graded, who graded it, the value). Graders may have left things out; of two values of one grader for one
# thing the last counts.
Triple = tuple[Hashable, Hashable, int]


def percent_agreement(triples: Iterable[Triple]) -> float | None:
    """Share in [0, 1] of the pairs of people, over all things, who gave the same value; None where no two met."""
    pairs = [first == second for values in _units(triples) for first, second in combinations(values, 2)]
    return sum(pairs) / len(pairs) if pairs else None


def ordinal_alpha(triples: Iterable[Triple]) -> float | None:
    """Krippendorff's alpha for ordered values: 1 for full agreement, 0 for what chance would give, below for less.

    None where it is not defined: no two people met, or all gave one and the same value. After Krippendorff, Computing
    Krippendorff's Alpha-Reliability (2011), section D with the ordinal metric.
    """
    units = _units(triples)
    values = sorted({value for unit in units for value in unit})
    if len(values) < 2:
        return None
    together = _coincidences(units, values)
    totals = together.sum(axis=1)
    apart = _ordinal_distances(totals)
    expected = float(totals @ apart @ totals / (totals.sum() - 1))
    return 1 - float((together * apart).sum()) / expected


def _units(triples: Iterable[Triple]) -> list[list[int]]:
    """The values of everything that two or more people have graded."""
    units: dict[Hashable, dict[Hashable, int]] = defaultdict(dict)
    for item, person, value in triples:
        units[item][person] = value
    return [list(values.values()) for values in units.values() if len(values) > 1]


def _coincidences(units: Sequence[Sequence[int]], values: Sequence[int]) -> FloatArray:
    """(v, v) how often each value met each other one; every grade counts once, however many met it."""
    together = np.zeros((len(values), len(values)))
    for unit in units:
        counts = np.array([unit.count(value) for value in values], dtype=np.float64)
        together += (np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1)
    return together


def _ordinal_distances(totals: FloatArray) -> FloatArray:
    """(v, v) squared distances: as many grades as lie between two values, half of those of the two themselves."""
    middles = np.cumsum(totals) - totals / 2
    distances: FloatArray = np.square(middles[:, None] - middles[None, :])
    return distances


@dataclass(frozen=True)
class GradeAgreement:
    """How far two graders of the same pairs agree; a figure is None where it is not defined.

    Grades below 0 count as 0, as in the measures. `exact` and `within_one` are shares of the pairs in [0, 1]; `related`
    and `essential` Cohen's kappa, at most 1 and 0 for what chance would give, on whether a grade is at least RELATED or
    ESSENTIAL; `pearson` the correlation of the grades, -1 to 1.
    """

    pairs: int
    exact: float | None
    within_one: float | None
    related: float | None
    essential: float | None
    pearson: float | None


RELATED, ESSENTIAL = 2, 3


def grade_agreement(pairs: Sequence[tuple[float, float]]) -> GradeAgreement:
    """How far the two grades of each pair agree."""
    if not pairs:
        return GradeAgreement(0, None, None, None, None, None)
    grades = np.maximum(np.asarray(pairs, dtype=np.float64), 0.0)
    first, second = grades[:, 0], grades[:, 1]
    apart = np.abs(first - second)
    varied = bool(np.ptp(first)) and bool(np.ptp(second))
    return GradeAgreement(
        pairs=len(pairs),
        exact=float((apart == 0).mean()),
        within_one=float((apart <= 1).mean()),
        related=cohen_kappa(first >= RELATED, second >= RELATED),
        essential=cohen_kappa(first >= ESSENTIAL, second >= ESSENTIAL),
        pearson=float(np.corrcoef(first, second)[0, 1]) if varied else None,
    )


def cohen_kappa(first: BoolArray, second: BoolArray) -> float | None:
    """Cohen's kappa of two people's yes or no; None where both always say the same one.

    After Cohen, A Coefficient of Agreement for Nominal Scales (1960).
    """
    expected = float(first.mean() * second.mean() + (1 - first.mean()) * (1 - second.mean()))
    if expected == 1:
        return None
    return (float((first == second).mean()) - expected) / (1 - expected)
