"""What the ranking's choices are worth: others in their place, on the judgments of the sample and of other archives."""

from dataclasses import fields, replace
from itertools import combinations, product

import numpy as np
import numpy.typing as npt

from benchmarks import texts, versions, weights
from benchmarks.judged import SHOWN, Judged, Pairs, Setup, archives, figures, rankings, scores
from benchmarks.report import Table
from recommender.candidates import DEPTH, DEPTH_OTHER, CandidateArray
from recommender.ranking import MOST_DIVERSITY, Rules, Weights

MIN_SCORES = (0.0, 0.08, 0.10, 0.12, 0.14, 0.16, 0.18, 0.20)
DIVERSITIES = (0.0, 0.25, 0.5, 1.0, 2.5)
DEPTHS = ((10, 10, 5), (20, 20, 10), (DEPTH, DEPTH, DEPTH_OTHER), (100, 100, 50), (50, 0, 25), (0, 50, 0))


def run() -> list[Table]:
    """Every table; minutes the first time, when the variants are embedded, and about one later."""
    judged = archives()
    sample = judged[0]
    shipped = Setup(sample.table, sample.versions())
    return [
        texts.embeddings(sample),
        *(texts.embeddings(other, texts.WHOLE | texts.SHIPPED) for other in judged[1:]),
        _parts(sample, shipped),
        texts.lexical(sample, shipped),
        *map(texts.elsewhere, judged[1:]),
        weights.cross_validation(sample, shipped),
        weights.moved(sample, shipped),
        _thresholds(sample, shipped),
        *versions.thresholds(sample, shipped),
        _diversity(sample, shipped),
        _depths(sample, shipped),
    ]


def _parts(judged: Judged, shipped: Setup) -> Table:
    none = np.zeros_like(shipped.versions)
    one_mean = texts.centred(judged.raw, [""] * len(judged.raw))
    setups = {"the sum (shipped)": shipped}
    for field in fields(Weights):
        setups[f"{field.name} alone"] = replace(shipped, weights=texts.alone(field.name))
    for field in fields(Weights):
        setups[f"without {field.name}"] = replace(shipped, weights=replace(shipped.weights, **{field.name: 0.0}))
    setups |= {
        "no article has tags or countries": replace(shipped, table=judged.without("tags", "places")),
        "nearness to the newest article": replace(shipped, fresh=True),
        "dense with one mean out": replace(shipped, table=judged.replaced({"dense": one_mean @ one_mean.T})),
        "dense with no mean out": replace(shipped, table=judged.replaced({"dense": judged.raw @ judged.raw.T})),
    }
    return Table(
        "Parts of the score: sample",
        "Each part alone, the sum, and the sum without one; with the version rule and without it. Every article is a "
        "candidate.",
        ("score", *SHOWN, *(f"{measure}, no version rule" for measure in SHOWN)),
        [
            [
                name,
                *figures(judged, rankings(judged, setup)),
                *figures(judged, rankings(judged, replace(setup, versions=none))),
            ]
            for name, setup in setups.items()
        ],
    )


def _thresholds(judged: Judged, shipped: Setup) -> Table:
    setups = {"sample": shipped, "without tags and countries": replace(shipped, table=judged.without("tags", "places"))}
    rows = []
    for (name, setup), least in product(setups.items(), MIN_SCORES):
        lists = rankings(judged, replace(setup, min_score=least))
        shown = np.mean([len(places[:3]) for places in lists])
        score = np.stack([scores(judged, setup, place) for place in judged.queries])
        score[np.arange(len(score)), judged.queries] = -1
        reach = [f"{np.mean(score[pairs] >= least):.1%}" for pairs in (judged.grades >= 2, judged.grades == 0)]
        rows.append([name, f"{least:.2f}", *figures(judged, lists), f"{shown:.2f}", *reach])
    return Table(
        "The least score",
        f"What `min_score` costs and saves; the service has {Rules(now=0).min_score}. `shown` is how many of three "
        "places are filled, before fallbacks; the last columns are the shares of all pairs of a grade that reach it.",
        ("archive", "min_score", *SHOWN, "shown", "grade 2 and up", "grade 0"),
        rows,
    )


def _diversity(judged: Judged, shipped: Setup) -> Table:
    rows = []
    for diversity in DIVERSITIES:
        lists = rankings(judged, replace(shipped, diversity=diversity))
        alike = [np.mean([_like(shipped.table, *pair) for pair in combinations(places[:3], 2)]) for places in lists]
        share = MOST_DIVERSITY * diversity
        rows.append([f"{diversity:.2f}", f"{share:.2f}", *figures(judged, lists), f"{np.mean(alike):.3f}"])
    return Table(
        "Diversity",
        "Maximal marginal relevance; `share` is the share of likeness in the gain. `alike` is the mean lexical "
        "similarity within the first three. The service takes diversities from 0, its default, to 1.",
        ("diversity", "share", *SHOWN, "alike"),
        rows,
    )


def _like(table: CandidateArray, one: int, other: int) -> float:
    return float(table["lexical"][one, other])


def _depths(judged: Judged, shipped: Setup) -> Table:
    rows = []
    for own, lexical, others in DEPTHS:
        candidates = _candidates(shipped.table, own, lexical, others)
        lists = rankings(judged, replace(shipped, candidates=candidates))
        asked = candidates[judged.queries]
        kept = [np.mean(asked[judged.grades >= grade]) for grade in (2, 3)]
        size = f"{asked.sum(axis=1).mean():.0f}"
        rows.append(
            [f"{own} + {lexical} + {others}", size, *(f"{share:.3f}" for share in kept), *figures(judged, lists)]
        )
    return Table(
        "Depth of the candidate lists",
        "Nearest by embedding in the same language + best by words + nearest in other languages; the share of the "
        f"articles graded 2 or better, and 3 or better, that stand in the list. The service has {DEPTH} + {DEPTH} + "
        f"{DEPTH_OTHER}.",
        ("depth", "mean size", "grade 2 and up", "grade 3 and up", *SHOWN),
        rows,
    )


def _candidates(table: CandidateArray, own: int, lexical: int, others: int) -> Pairs:
    def best(values: npt.NDArray[np.floating], depth: int) -> Pairs:
        values = np.where(np.eye(len(values), dtype=bool), -np.inf, values)
        ranks = np.argsort(np.argsort(-values, axis=1, kind="stable"), axis=1)
        return (ranks < depth) & (values > -np.inf)

    same = table["same"]
    return (
        best(np.where(same, table["dense"], -np.inf), own)
        | best(table["lexical"], lexical)
        | best(np.where(same, -np.inf, table["dense"]), others)
    )
