"""The version rule's thresholds against pairs that are known to be versions of one report."""

import json
from dataclasses import replace
from itertools import combinations, product

import numpy as np

from benchmarks.judged import SAMPLE, SHOWN, Judged, Pairs, Setup, figures, rankings
from benchmarks.report import Table
from recommender.ranking import VERSION_LEXICAL, VERSION_RAW

RAWS = (0.75, VERSION_RAW, 0.85)
LEXICALS = (0.30, 0.33, 0.35, VERSION_LEXICAL, 0.40, 0.45)


def thresholds(judged: Judged, shipped: Setup) -> list[Table]:
    """Precision and recall of pairs, what it means for the ranking, and the pairs in dispute."""
    known = _known_versions(judged)
    rows = []
    for raw, lexical in product(RAWS, LEXICALS):
        versions = judged.versions(raw, lexical)
        found = np.triu(versions)
        right = int(np.count_nonzero(found & known))
        count = int(np.count_nonzero(found))
        rows.append(
            [
                f"{raw:.2f}",
                f"{lexical:.2f}",
                str(count),
                f"{right / max(count, 1):.2f}",
                f"{right / np.count_nonzero(known):.2f}",
                *figures(judged, rankings(judged, replace(shipped, versions=versions))),
            ]
        )
    return [
        Table(
            "The version rule: thresholds",
            f"Pairs found by raw cosine and lexical similarity from these values on, against the "
            f"{np.count_nonzero(known)} known pairs: graded -1, or of one event and one language.",
            ("raw", "lexical", "pairs", "precision", "recall", *SHOWN),
            rows,
        ),
        _disputed(judged, known),
    ]


def _known_versions(judged: Judged) -> Pairs:
    """(n, n) pairs graded -1, and those in one language that report one event."""
    known = np.zeros((len(judged.articles),) * 2, dtype=bool)
    rows, others = np.nonzero(judged.grades == -1)
    known[np.array(judged.queries)[rows], others] = True
    for group in json.loads((SAMPLE / "event_groups.json").read_text(encoding="utf-8")):
        for one, other in combinations([judged.places[article] for article in group["ids"]], 2):
            known[one, other] = judged.articles[one].language == judged.articles[other].language
    return np.triu(known | known.T)


def _disputed(judged: Judged, known: Pairs) -> Table:
    """The pairs that the rule and the known groups see differently, and the nearest that both leave alone."""
    found = np.triu(judged.versions())
    loose = np.triu(judged.versions(VERSION_RAW - 0.05, VERSION_LEXICAL - 0.06)) & ~known & ~found
    kinds = {"found, not known": found & ~known, "known, not found": known & ~found, "neither, but near": loose}
    return Table(
        "The version rule: disputed pairs",
        "Where the rule and the known pairs differ, and the nearest pairs beyond both.",
        ("pair", "raw", "lexical", "one", "other"),
        [
            [kind, *(f"{judged.table[feature][pair]:.3f}" for feature in ("raw", "lexical"))]
            + [judged.articles[place].id for place in pair]
            for kind, pairs in kinds.items()
            for pair in zip(*(places.tolist() for places in np.nonzero(pairs)), strict=True)
        ],
    )
