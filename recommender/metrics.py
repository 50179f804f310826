"""Figures of merit over ranked lists of ids: TREC's relevance measures and the spread over the archive."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Grades = Mapping[str, int]


def ndcg(ranking: Sequence[str], grades: Grades, k: int) -> float:
    """Normalised discounted cumulative gain of the first `k`, in [0, 1]; gain 2^grade - 1, log2 discount.

    A grade below zero counts 0, as does an id without a grade. A query with no positive grade scores 0.
    """
    gains = [_gain(grades.get(item, 0)) for item in ranking[:k]]
    best = sorted((_gain(grade) for grade in grades.values()), reverse=True)[:k]
    ideal = _discounted(best)
    return _discounted(gains) / ideal if ideal > 0 else 0.0


def _gain(grade: int) -> float:
    return float(2 ** max(grade, 0) - 1)


def _discounted(gains: Sequence[float]) -> float:
    return float(sum(gain / np.log2(place + 2) for place, gain in enumerate(gains)))


def recall(ranking: Sequence[str], grades: Grades, k: int, relevant_from: int = 2) -> float:
    """Share of the articles graded `relevant_from` or better that stand among the first `k`; 0 if there are none."""
    relevant = {item for item, grade in grades.items() if grade >= relevant_from}
    return len(relevant.intersection(ranking[:k])) / len(relevant) if relevant else 0.0


def poor_share(ranking: Sequence[str], grades: Grades, k: int = 3) -> float:
    """Share of the first `k` shown that are graded 0 or -1 (or not at all); 0 for an empty list."""
    shown = ranking[:k]
    return sum(grades.get(item, 0) <= 0 for item in shown) / len(shown) if shown else 0.0


def bootstrap_interval(
    values: Sequence[float], level: float = 0.95, resamples: int = 10_000, seed: int = 20240917
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean over queries; the seed makes the printed table repeatable."""
    sample = np.asarray(values, dtype=np.float64)
    if sample.size == 0:
        return (0.0, 0.0)
    means = _resampled_means(sample, resamples, seed)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _resampled_means(sample: FloatArray, resamples: int, seed: int) -> FloatArray:
    picks = np.random.default_rng(seed).integers(0, sample.size, size=(resamples, sample.size))
    means: FloatArray = sample[picks].mean(axis=1)
    return means


def paired_randomisation(
    first: Sequence[float], second: Sequence[float], resamples: int = 20_000, seed: int = 20240917
) -> float:
    """Two-sided p-value of Fisher's paired randomisation test for a difference of means.

    The test recommended for retrieval experiments by Smucker, Allan and Carterette (CIKM 2007).
    """
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    observed = abs(difference.mean()) if difference.size else 0.0
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(resamples, difference.size))
    permuted = np.abs((signs * difference).mean(axis=1)) if difference.size else np.zeros(resamples)
    # The observed assignment is one of the permutations, so a p-value is never 0.
    return float((np.count_nonzero(permuted >= observed - 1e-12) + 1) / (resamples + 1))


def coverage(lists: Mapping[str, Sequence[str]]) -> float:
    """Share of the articles (the keys) that stand in at least one list."""
    seen = {item for items in lists.values() for item in items}
    return len(seen & lists.keys()) / len(lists) if lists else 0.0


def largest_exposure(lists: Mapping[str, Sequence[str]]) -> tuple[str | None, float]:
    """The article that stands in most lists, and in which share of them."""
    counts = Counter(item for items in lists.values() for item in set(items))
    if not counts:
        return None, 0.0
    item, count = min(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return item, count / len(lists)


def per_query(
    runs: Mapping[str, Sequence[str]], qrels: Mapping[str, Grades], measure: Callable[[Sequence[str], Grades], float]
) -> list[float]:
    """One value per judged query, in the order of the qrels; a query without a list counts with an empty one."""
    return [measure(runs.get(query, ()), grades) for query, grades in qrels.items()]


def gini(values: Sequence[float]) -> float:
    """How uneven some amounts are: 0 where all are alike, towards 1 where one has everything; 0 for nothing."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    total = ordered.sum()
    if not total:
        return 0.0
    ranks = np.arange(1, len(ordered) + 1)
    return float(2 * (ranks @ ordered) / (len(ordered) * total) - (len(ordered) + 1) / len(ordered))
