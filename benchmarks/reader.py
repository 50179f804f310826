"""`python -m benchmarks.reader FILE`: what a recorded reader of both texts is worth on the sample, as readers get it.

FILE has boxes as `recommender.reranking.recorded` reads them. The sample is built as a site builds it with
`reranker = "recorded:FILE"`, and the boxes of the judged queries in the file are measured with and without the grades.
A second argument says how many candidates of each article are looked up in the file, 25 where it is left out: all that
compete for places. A record knows those that were the best when it was made, and not all that are the best ten today.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from benchmarks import corpora
from benchmarks.judged import REPEATS, SAMPLE, SETTINGS, Archive, estimate, mean
from benchmarks.report import Table
from recommender.arrays import FloatArray
from recommender.evaluation.baselines import boxes
from recommender.evaluation.evaluation import MAIN, MEASURES, POOR
from recommender.evaluation.trec import read_qrels
from recommender.metrics import Grades, paired_difference
from recommender.ranking.candidates import GRADE
from recommender.ranking.facts import SIDEBAR_PLACES
from recommender.ranking.scoring import DEFAULT, OTHERS_SHARE, READER, RankingModel, scored
from recommender.ranking.shortlist import POOL
from recommender.training import ranking_weights
from recommender.training.ranking_weights import RELATED_GRADE, JudgedQuery
from recommender.wiring import make_gazetteer, open_store

SHARES = (1.0, 0.5, 0.25, 0.1, 0.0)
SHRINKAGE = 1e-4
WITHOUT = replace(DEFAULT, weights=dict(DEFAULT.weights) | {READER: 0.0})


def run(file: Path, candidates: int = POOL) -> list[Table]:
    """The tables."""
    os.environ |= {
        "RECOMMENDER_RERANKER": f"recorded:{file.resolve()}",
        "RECOMMENDER_RERANKER_CANDIDATES": str(candidates),
    }
    url = corpora.built(f"reader-{candidates}", ("--sample",))
    recorded = {box["query"]: box for box in map(json.loads, file.read_text(encoding="utf-8").splitlines())}
    qrels = read_qrels(SAMPLE / "qrels.txt")
    covered = {query: grades for query, grades in qrels.items() if query in recorded}
    with ExitStack() as stack:
        store = open_store(url)
        stack.callback(store.close)
        archive = Archive("sample", store, covered, make_gazetteer(SETTINGS))
        graded = [_graded(archive, query) for query in archive.judged]
        held = _held_out(archive, graded)
        measured = {
            "without a reader": _boxes(archive, WITHOUT),
            "with its grades": _boxes(archive, DEFAULT),
            "with its grades, weights of other stories": held,
        }
        return [_quality(archive, measured, recorded), _calibration(graded), _shares(graded)]


def _graded(archive: Archive, query: JudgedQuery) -> JudgedQuery:
    """A judged query with the grades of its candidates, as the store holds them, beside its similarities."""
    number = archive.store.articles.numbers([query.query])[query.query]
    rows = archive.store.generations.grades(archive.live.number, [number]).get(number)
    known = {} if rows is None else dict(zip(rows["number"].tolist(), rows[GRADE].tolist(), strict=True))
    numbers = archive.store.articles.numbers(list(query.articles))
    grades = np.array([known.get(numbers[other], np.nan) for other in query.articles])
    return replace(query, similarities=dict(query.similarities) | {READER: grades})


def _learned(queries: Sequence[JudgedQuery], share: float) -> tuple[float, float]:
    """What a grade is worth and how far it lifts the threshold, where the other parts count a share."""

    def loss(point: FloatArray) -> float:
        return _loss(queries, share, point[0], point[1]) + SHRINKAGE * float(point @ point)

    worth, relief = minimize(loss, np.array([1.0, 1.0]), bounds=[(0, None)] * 2).x.tolist()
    return worth, relief


def _loss(queries: Sequence[JudgedQuery], share: float, worth: float, relief: float) -> float:
    """The log loss of graded pairs; every query counts alike."""
    columns = zip(*map(_pairs, queries), strict=True)
    log_odds, grades, related, weight = (np.concatenate(column) for column in columns)
    logit = share * log_odds + worth * grades - relief
    return float(weight @ (np.logaddexp(0, logit) - related * logit)) / float(weight.sum())


def _shares(graded: Sequence[JudgedQuery]) -> Table:
    """How much the other parts may say of a pair that has been graded."""
    rows = [["without the grade", f"{_loss(graded, 1.0, 0.0, 0.0):.3f}"]]
    for share in SHARES:
        losses = [
            (len(held), _loss(held, share, *_learned(training, share)))
            for training, held in ranking_weights.folds(graded, 0)
        ]
        rows.append([f"{share:g}", f"{sum(size * loss for size, loss in losses) / len(graded):.3f}"])
    return Table(
        "The share of the other parts",
        "Log loss of graded pairs, each query scored by what was learned on other stories; every query counts alike.",
        ("share", "log loss"),
        rows,
    )


def _calibrated(queries: Sequence[JudgedQuery]) -> RankingModel:
    """The shipped weights, with what a grade is worth and how far it lifts the threshold learned from some queries."""
    worth, relief = _learned(queries, OTHERS_SHARE)
    return replace(
        DEFAULT,
        version="calibrated",
        weights=dict(DEFAULT.weights) | {READER: worth},
        relief=dict(DEFAULT.relief) | {READER: relief},
    )


def _pairs(query: JudgedQuery) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Of graded candidates: log-odds without the grade, grade, whether related, and a weight: queries count alike."""
    grades = query.similarities[READER]
    known = ~np.isnan(grades)
    log_odds = scored(query.similarities, WITHOUT).log_odds[known]
    related = (query.grades[known] >= RELATED_GRADE).astype(np.float64)
    return log_odds, grades[known], related, np.full(int(known.sum()), 1 / max(1, int(known.sum())))


Boxes = Mapping[str, Mapping[str, float]]  # by measure and query


def _boxes(archive: Archive, model: RankingModel, queries: Mapping[str, Grades] | None = None) -> Boxes:
    wanted = archive.qrels if queries is None else queries
    shown = boxes(archive.recommender(model), wanted)
    return {
        measure: {
            query: MEASURES[measure]([place.article for place in shown[query]], grades)
            for query, grades in wanted.items()
        }
        for measure in (MAIN, POOR)
    }


def _held_out(archive: Archive, graded: Sequence[JudgedQuery]) -> Boxes:
    """Each box by what a grade was worth on other stories; the mean over REPEATS divisions."""
    values: dict[str, dict[str, list[float]]] = {measure: {} for measure in (MAIN, POOR)}
    for seed in range(REPEATS):
        for training, held in ranking_weights.folds(graded, seed):
            queries = {query.query: archive.qrels[query.query] for query in held}
            for measure, by_query in _boxes(archive, _calibrated(training), queries).items():
                for query, value in by_query.items():
                    values[measure].setdefault(query, []).append(value)
    return {
        measure: {query: float(np.mean(repeated)) for query, repeated in by_query.items()}
        for measure, by_query in values.items()
    }


def _quality(archive: Archive, measured: Mapping[str, Boxes], recorded: Mapping[str, Mapping[str, list[str]]]) -> Table:
    languages = archive.evaluated.languages
    order = {
        query: MEASURES[MAIN](recorded[query]["order"], grades)
        for query, grades in archive.qrels.items()
        if "order" in recorded[query]
    }
    groups = {"all": list(archive.qrels)}
    for query in archive.qrels:
        groups.setdefault(languages[query], []).append(query)
    rows = []
    for name, figures in measured.items():
        for group, queries in groups.items():
            main, poor = ([figures[measure][query] for query in queries] for measure in (MAIN, POOR))
            first = [measured["without a reader"][MAIN][query] for query in queries]
            gain = paired_difference(first, main)
            change = "" if main == first else f"{gain.mean:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"
            rows.append([name, group, str(len(queries)), estimate(main), change, mean(poor)])
    if order:
        rows.append(
            ["its own order of what it was given", "all", str(len(order)), estimate(list(order.values())), "", ""]
        )
    return Table(
        "A reader of both texts",
        f"The box of {SIDEBAR_PLACES} places as readers get it, of the sample's judged queries that are in the file, "
        "every place counted. The last row but one gives each query the weight of a grade and the threshold that were "
        "learned on other stories.",
        ("box", "language", "queries", MAIN, "gain", POOR),
        rows,
    )


def _calibration(graded: Sequence[JudgedQuery]) -> Table:
    """How far scores of graded pairs are probabilities, each query scored by what was learned on other stories."""
    held = [(query, _calibrated(training)) for training, apart in ranking_weights.folds(graded, 0) for query in apart]
    rows = []
    for name, model_of in (("without a reader", lambda _: WITHOUT), ("with its grades", lambda model: model)):
        scores = np.concatenate(
            [
                scored(query.similarities, model_of(model)).score[~np.isnan(query.similarities[READER])]
                for query, model in held
            ]
        )
        related = np.concatenate(
            [(query.grades >= RELATED_GRADE)[~np.isnan(query.similarities[READER])] for query, _ in held]
        )
        rows.append(
            [name, str(len(scores)), f"{np.mean((scores - related) ** 2):.3f}", f"{_error(scores, related):.3f}"]
        )
    learned = _calibrated(graded)
    return Table(
        "Scores with a reader's grades",
        "Pairs that were graded, each scored by what was learned on other stories: mean squared error (Brier), and the "
        "mean distance of ten bins of scores from the share that is related, by the number of pairs in them. Learned "
        f"on all: a grade is worth {learned.weights[READER]:.2f}, the threshold {learned.relief[READER]:.2f} higher.",
        ("scores", "pairs", "Brier", "calibration error"),
        rows,
    )


def _error(scores: FloatArray, related: FloatArray, bins: int = 10) -> float:
    of = np.minimum((scores * bins).astype(int), bins - 1)
    distances = [
        (of == place).mean() * abs(scores[of == place].mean() - related[of == place].mean()) for place in set(of)
    ]
    return float(sum(distances))


if __name__ == "__main__":
    for table in run(Path(sys.argv[1]), *map(int, sys.argv[2:3])):
        sys.stdout.write(f"## {table.title}\n\n{table.note}\n\n{table.markdown()}\n\n")
