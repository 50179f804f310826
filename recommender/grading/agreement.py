"""How far people agree who have graded the same things."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from itertools import combinations

import numpy as np

from recommender.arrays import FloatArray

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
