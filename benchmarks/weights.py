"""The weights of the parts: chosen on some queries and measured on others, and what moving one of them changes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields, replace
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from benchmarks.judged import SHOWN, Judged, Setup, figures, rankings, values
from benchmarks.report import Table
from recommender.evaluation import MAIN
from recommender.metrics import bootstrap_interval, paired_randomisation
from recommender.ranking import Weights

# Only ratios count, as the score divides by the sum; so one weight can stay.
GRID = [
    Weights(dense, 0.50, tags, places, nearness)
    for dense, tags, places, nearness in product(
        (0.15, 0.20, 0.25, 0.30, 0.40), (0.0, 0.10, 0.15, 0.20, 0.25), (0.0, 0.03, 0.05), (0.0, 0.03, 0.05, 0.07)
    )
]
STEPS: Mapping[str, Sequence[float]] = {
    "dense": (0.15, 0.20, 0.30, 0.40),
    "lexical": (0.30, 0.40, 0.60, 0.70),
    "tags": (0.05, 0.10, 0.15, 0.20, 0.25),
    "places": (0.0, 0.05, 0.10),
    "nearness": (0.0, 0.03, 0.07, 0.10),
}
FOLDS = 5
REPEATS = 20
NEAR_BEST = 0.01

Scores = npt.NDArray[np.float64]
Groups = npt.NDArray[np.integer]


def cross_validation(judged: Judged, shipped: Setup) -> Table:
    """Held-out figures beside those of the shipped weights and of the grid's best, which have seen every query."""
    scores = np.array([values(judged, rankings(judged, replace(shipped, weights=one)), MAIN) for one in GRID])
    ours = np.array(values(judged, rankings(judged, shipped), MAIN))
    means = scores.mean(axis=1)
    groups = stories(judged)
    best = int(means.argmax())
    near = np.mean(means >= means.max() - NEAR_BEST)
    better = np.mean(means > ours.mean())
    return Table(
        "Weights: cross-validation",
        f"{FOLDS} folds, {REPEATS} times: the best of {len(GRID)} settings by {MAIN} on four folds ranks the fifth. "
        "Two queries are of one story if one is graded 3 or 4 for the other, or an article is for both; that makes "
        f"{groups.max() + 1} stories of {len(groups)} queries. Intervals and p (paired randomisation) are over "
        "queries. "
        f"Of the settings, {near:.0%} lie within {NEAR_BEST} of the best, and {better:.0%} above the shipped weights; "
        f"the median is {np.median(means):.3f}, the worst {means.min():.3f}.",
        ("weights", MAIN, "95 % interval", "p against shipped", "dense / lexical / tags / places / nearness"),
        [
            _row("chosen on other stories", *_held_out(scores, groups), ours),
            _row("chosen on other queries", *_held_out(scores, np.arange(len(groups))), ours),
            _row("the grid's best, chosen on all queries", scores[best], GRID[best], ours),
            _row("the shipped weights", ours, shipped.weights, ours),
        ],
    )


def _row(name: str, scores: Scores, chosen: Weights, ours: Scores) -> list[str]:
    low, high = bootstrap_interval(scores.tolist())
    p_value = paired_randomisation(scores.tolist(), ours.tolist())
    weights = " / ".join(f"{weight:.2f}" for weight in astuple(chosen))
    return [name, f"{scores.mean():.3f}", f"{low:.3f}-{high:.3f}", f"{p_value:.2f}", weights]


def _held_out(scores: Scores, groups: Groups) -> tuple[Scores, Weights]:
    """Each query's figure when its group had no say, mean over the repeats; and the setting chosen most often."""
    random = np.random.default_rng(1)
    total = np.zeros(scores.shape[1])
    chosen: Counter[int] = Counter()
    for _ in range(REPEATS):
        fold = (random.permutation(groups.max() + 1) % FOLDS)[groups]
        for number in range(FOLDS):
            best = int(scores[:, fold != number].mean(axis=1).argmax())
            total[fold == number] += scores[best, fold == number]
            chosen[best] += 1
    return total / REPEATS, GRID[chosen.most_common(1)[0][0]]


def stories(judged: Judged) -> Groups:
    """The number of each query's story: what is connected by grades of 3 and 4, directly or through an article."""
    near = (judged.grades >= 3).astype(int)
    near[np.arange(len(near)), judged.queries] = 1
    groups: Groups = connected_components(csr_array(near @ near.T > 0), directed=False)[1]
    return groups


def moved(judged: Judged, shipped: Setup) -> Table:
    """One weight at a time in other steps; the others keep their ratios."""
    rows = [["as shipped", "", *figures(judged, rankings(judged, shipped))]]
    for part in fields(Weights):
        for weight in STEPS[part.name]:
            setup = replace(shipped, weights=replace(shipped.weights, **{part.name: weight}))
            rows.append([part.name, f"{weight:.2f}", *figures(judged, rankings(judged, setup))])
    return Table(
        "Weights: one of them moved", "The plateau around the shipped weights.", ("part", "weight", *SHOWN), rows
    )
