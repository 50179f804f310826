"""All neighbours of an archive against the bare matrix product with top-k selection."""

import numpy as np

from benchmarks import corpora
from benchmarks.report import Table, in_turn, ratio, seconds
from recommender.arrays import Vectors
from recommender.build.neighbours import SEARCHED_AT_ONCE, Finder, GenerationModels
from recommender.embedding.pooling import Geometry
from recommender.ranking.candidates import DEPTH
from recommender.retrieval import terms
from recommender.retrieval.exact import ExactIndex
from recommender.settings import Settings
from recommender.wiring import make_gazetteer, make_toolbox, open_store

ROUNDS = 3
QUERIES = 5_000  # of the 100,000 synthetic vectors: all of them take minutes and say nothing else


def run() -> list[Table]:
    """The index for each size, and the whole stage of a build where there are real words."""
    rows = [_row("sample", corpora.vectors_of(corpora.sample_url()), None, rounds=ROUNDS * 5)]
    reuters = corpora.reuters_url()
    if reuters:
        rows.append(_row("newswire", corpora.vectors_of(reuters), None, rounds=ROUNDS))
    rows.append(_row("synthetic", corpora.synthetic(100_000), QUERIES, rounds=ROUNDS))
    tables = [
        Table(
            "All neighbours: the index",
            f"The {DEPTH} nearest of every article by scikit-learn's exact search against one matrix product and "
            "`argpartition`, in blocks of the same size. Below 1 means that the index is faster.",
            ("archive", "articles", "queries", "index", "bare product", "index / bare product"),
            rows,
        )
    ]
    if reuters:
        tables.append(_stage(reuters))
    return tables


def _row(name: str, vectors: Vectors, queries: int | None, rounds: int) -> list[str]:
    index = ExactIndex(vectors)
    searched = vectors[:queries]
    ours, bare = in_turn(lambda: _searched(index, searched), lambda: _product(vectors, searched), rounds)
    return [name, f"{len(vectors):,}", f"{len(searched):,}", seconds(ours), seconds(bare), ratio(ours, bare)]


def _searched(index: ExactIndex, queries: Vectors) -> None:
    for start in range(0, len(queries), SEARCHED_AT_ONCE):
        index.search(queries[start : start + SEARCHED_AT_ONCE], DEPTH + 1)


def _product(vectors: Vectors, queries: Vectors) -> None:
    for start in range(0, len(queries), SEARCHED_AT_ONCE):
        scores = queries[start : start + SEARCHED_AT_ONCE] @ vectors.T
        best = np.argpartition(-scores, DEPTH + 1, axis=1)[:, : DEPTH + 1]
        np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)


def _stage(url: str) -> Table:
    store = open_store(url)
    live = store.generations.live()
    if live is None:
        raise SystemExit("The benchmark's database has no generation.")
    vectors = corpora.vectors_of(url)
    members = store.generations.members(live.model, live.number)
    rows = {row.number: row for row in store.generations.rows_since(live.number, 0)}
    toolbox = make_toolbox(make_gazetteer(Settings()))
    models = GenerationModels(Geometry.from_bytes(live.geometry), toolbox.read_lexical(live.lexical))
    entries = [
        models.entry(
            member.number,
            member.text_hash,
            member.language,
            member.vector,
            terms.from_bytes(rows[member.number].terms),
        )
        for member in members
    ]
    store.close()
    finder = Finder(toolbox, entries, models.geometry.trust)
    ours, bare = in_turn(lambda: finder.lists(entries), lambda: _product(vectors, vectors), 1)
    return Table(
        "All neighbours: the whole stage of a build",
        "The same with everything that a candidate list holds: nearest by embedding, best by words, and the features "
        "of each pair.",
        ("archive", "articles", "stage", "bare product", "stage / bare product"),
        [["newswire", f"{len(entries):,}", seconds(ours), seconds(bare), ratio(ours, bare)]],
    )
