"""Figures of merit over ranked lists of ids: TREC's relevance measures and the spread over the archive."""

import math
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from recommender.arrays import FloatArray

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


class PairedDifference(NamedTuple):
    """The mean of some paired differences with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


def paired_difference(first: Sequence[float], second: Sequence[float]) -> PairedDifference:
    """By how much the second is above the first on the same queries; the queries are resampled, not the systems.

    So a query that is hard for both does not widen the interval.
    """
    differences = [after - before for before, after in zip(first, second, strict=True)]
    mean = sum(differences) / len(differences) if differences else 0.0
    return PairedDifference(mean, *bootstrap_interval(differences))


def sign_test(wins: int, losses: int) -> float:
    """Two-sided p-value of the exact sign test:

    how likely a fair coin is to fall so unevenly. Leave ties out before.
    """
    total, fewer = wins + losses, min(wins, losses)
    log_ways = math.lgamma(total + 1) - total * math.log(2)
    tail = sum(math.exp(log_ways - math.lgamma(hits + 1) - math.lgamma(total - hits + 1)) for hits in range(fewer + 1))
    return min(1.0, 2 * tail)


def overlap(first: Sequence[Hashable], second: Sequence[Hashable], k: int) -> float:
    """Share of the first `k` that two lists have in common, in [0, 1]; of the longer one where both are shorter.

    Two empty lists are alike.
    """
    top, other_top = set(first[:k]), set(second[:k])
    return len(top & other_top) / max(len(top), len(other_top)) if top or other_top else 1.0


def rank_biased_overlap(first: Sequence[Hashable], second: Sequence[Hashable], p: float = 0.9) -> float:
    """How alike two rankings are, the top counting most: 1 for equal ones, 0 where nothing is in common.

    The extrapolated form for lists of any lengths, equation 32 of Webber, Moffat and Zobel (ACM TOIS 2010). With `p`
    0.9 the first ten places have 86 % of the weight. Two empty lists are alike.
    """
    short, long = sorted((first, second), key=len)
    if not short:
        return 0.0 if long else 1.0
    common = [len(set(short[:depth]).intersection(long[:depth])) for depth in range(len(long) + 1)]
    s, m = len(short), len(long)
    agreed = sum(common[depth] / depth * p**depth for depth in range(1, m + 1))
    grown = sum(common[s] * (depth - s) / (s * depth) * p**depth for depth in range(s + 1, m + 1))
    return (1 - p) / p * (agreed + grown) + ((common[m] - common[s]) / m + common[s] / s) * p**m


def coverage(lists: Mapping[str, Sequence[str]]) -> float:
    """Share of the articles (the keys) that stand in at least one list."""
    covered = {item for items in lists.values() for item in items}
    return len(covered & lists.keys()) / len(lists) if lists else 0.0


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
    """The Gini coefficient: 0 where all values are equal, towards 1 where one has everything; 0 for no values."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    total = ordered.sum()
    if not total:
        return 0.0
    ranks = np.arange(1, len(ordered) + 1)
    return float(2 * (ranks @ ordered) / (len(ordered) * total) - (len(ordered) + 1) / len(ordered))
