"""What every index of vectors and of terms promises, held against the plain computation."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.arrays import Vectors
from recommender.retrieval.base import Index, TermIndex
from recommender.retrieval.exact import ExactIndex
from recommender.retrieval.sparse import SparseTermIndex
from recommender.retrieval.terms import TERM_FIELDS, TermRow

INDEXES = [ExactIndex]
TERM_INDEXES = [SparseTermIndex]

every_index = pytest.mark.parametrize("make", INDEXES)
every_term_index = pytest.mark.parametrize("make", TERM_INDEXES)
sizes = st.integers(1, 60)
seeds = st.integers(0, 2**32 - 1)


def unit_vectors(seed: int, count: int, dimension: int = 8) -> Vectors:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


# -- vectors -----------------------------------------------------------------------------------------------------------


@every_index
@given(seeds, sizes, st.integers(1, 70))
def test_nearest_equal_brute_force(make: type[Index], seed: int, size: int, k: int) -> None:
    vectors, queries = unit_vectors(seed, size), unit_vectors(seed + 1, 3)
    positions, similarities = make(vectors).search(queries, k)  # type: ignore[call-arg]
    truth = queries.astype(np.float64) @ vectors.T.astype(np.float64)
    assert positions.shape == similarities.shape == (3, min(k, size))
    np.testing.assert_allclose(similarities, -np.sort(-truth, axis=1)[:, :k], atol=1e-5)
    np.testing.assert_allclose(similarities, np.take_along_axis(truth, positions, axis=1), atol=1e-5)
    assert all(len(set(row)) == len(row) for row in positions.tolist())


@every_index
@given(seeds, sizes)
def test_similarities_equal_brute_force(make: type[Index], seed: int, size: int) -> None:
    vectors, query = unit_vectors(seed, size), unit_vectors(seed + 1, 1)[0]
    np.testing.assert_allclose(make(vectors).similarities(query), vectors @ query, atol=1e-6)  # type: ignore[call-arg]


@every_index
@pytest.mark.parametrize("k", [1, 3, 5, 8])
def test_equal_vectors_come_by_position(make: type[Index], k: int) -> None:
    axes = np.eye(4, dtype=np.float32)
    vectors = axes[[3, 0, 1, 0, 0, 2, 0, 0]]
    positions, _ = make(vectors).search(axes[:1], k)  # type: ignore[call-arg]
    assert positions.tolist() == [[1, 3, 4, 6, 7, 0, 2, 5][:k]]


@every_index
@pytest.mark.parametrize("k", [10, 51, 150])
def test_many_equal_vectors_come_by_position(make: type[Index], k: int) -> None:
    vectors = np.repeat(unit_vectors(1, 4, 64), 100, axis=0)
    positions, _ = make(vectors).search(vectors[100:101], k)  # type: ignore[call-arg]
    assert positions[0, :100].tolist() == list(range(100, 200))[:k]


@every_index
def test_opposite_vectors_come_last(make: type[Index]) -> None:
    positions, similarities = make(np.array([[-1, 0], [0, 1], [1, 0]], np.float32)).search(  # type: ignore[call-arg]
        np.array([[1, 0]], np.float32), 3
    )
    assert positions.tolist() == [[2, 1, 0]]
    np.testing.assert_allclose(similarities, [[1, 0, -1]], atol=1e-6)


# -- terms -------------------------------------------------------------------------------------------------------------


def row(**fields: Sequence[int]) -> TermRow:
    """Equally weighted terms of each field; a field not named has none."""
    fields_of_row = {}
    for field in TERM_FIELDS:
        terms = np.array(sorted(fields.get(field, ())), np.int32)
        fields_of_row[field] = (terms, np.full(len(terms), 1 / np.sqrt(max(len(terms), 1)), np.float32))
    return fields_of_row


def cosine(first: TermRow, second: TermRow, field: str) -> float:
    """The dot product of two rows; NaN where one has no terms."""
    left, right = (dict(zip(*map(list, row[field]), strict=True)) for row in (first, second))
    return float(sum(weight * right.get(term, 0) for term, weight in left.items())) if left and right else np.nan


term_rows = st.builds(row, **{field: st.sets(st.integers(0, 12), max_size=4) for field in TERM_FIELDS})
archives = st.lists(term_rows, min_size=1, max_size=20)


@every_term_index
@given(archives, st.lists(term_rows, min_size=1, max_size=3), st.integers(1, 25))
def test_best_by_words_equal_brute_force(
    make: type[TermIndex], archive: list[TermRow], queries: list[TermRow], k: int
) -> None:
    best = make(archive).search(queries, k)  # type: ignore[call-arg]
    assert best.shape == (len(queries), min(k, len(archive)))
    for query, positions in zip(queries, best.tolist(), strict=True):
        truth = np.nan_to_num([cosine(query, other, "lexical") for other in archive])
        assert len(set(positions)) == len(positions)
        np.testing.assert_allclose(truth[positions], -np.sort(-truth)[:k], atol=1e-6)


@every_term_index
@given(archives, term_rows)
def test_similarities_by_words_equal_brute_force(make: type[TermIndex], archive: list[TermRow], query: TermRow) -> None:
    truth = np.nan_to_num([cosine(query, other, "lexical") for other in archive])
    np.testing.assert_allclose(make(archive).similarities(query), truth, atol=1e-6)  # type: ignore[call-arg]


@every_term_index
@given(archives, st.data())
def test_similar_words_equal_brute_force(make: type[TermIndex], archive: list[TermRow], data: st.DataObject) -> None:
    places = st.integers(0, len(archive) - 1)
    pairs = data.draw(st.lists(st.tuples(places, places)))
    first, second = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    scores = make(archive).similar(first, second)  # type: ignore[call-arg]
    truth = np.nan_to_num([cosine(archive[first], archive[second], "lexical") for first, second in pairs])
    np.testing.assert_allclose(scores, truth, atol=1e-6)


@every_term_index
@given(archives, st.lists(term_rows, min_size=1, max_size=3), st.data())
def test_pairs_equal_brute_force(
    make: type[TermIndex], archive: list[TermRow], queries: list[TermRow], data: st.DataObject
) -> None:
    pairs = data.draw(st.lists(st.tuples(st.integers(0, len(queries) - 1), st.integers(0, len(archive) - 1))))
    query, other = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    similarities = make(archive).pairs(queries, query, other)  # type: ignore[call-arg]
    assert set(similarities) == set(TERM_FIELDS)
    for field, values in similarities.items():
        truth = [cosine(queries[place], archive[other_place], field) for place, other_place in pairs]
        np.testing.assert_allclose(values, truth, atol=1e-6)


@every_term_index
@pytest.mark.parametrize("k", [1, 5, 30, 50, 70])
@pytest.mark.parametrize("words", [[1], [2], [3], []])
def test_equally_alike_come_by_position(make: type[TermIndex], k: int, words: list[int]) -> None:
    archive = [row(lexical=[1 + position % 2]) for position in range(70)]
    best = sorted(range(70), key=lambda position: (1 + position % 2 not in words, position))
    assert make(archive).search([row(lexical=words)], k).tolist() == [best[:k]]  # type: ignore[call-arg]


@every_term_index
def test_empty_archives_can_be_searched(make: type[TermIndex]) -> None:
    index = make([])  # type: ignore[call-arg]
    assert index.search([row(lexical=[1])], 3).shape == (1, 0)
    assert index.similarities(row(lexical=[1])).shape == (0,)


@every_term_index
@given(archives, st.lists(term_rows, max_size=4), st.data())
def test_replaced_terms_equal_new_ones(
    make: type[TermIndex], archive: list[TermRow], more: list[TermRow], data: st.DataObject
) -> None:
    keep = np.array([data.draw(st.booleans()) for _ in archive], dtype=bool)
    index = make(archive)  # type: ignore[call-arg]
    replaced = index.replaced(keep, more)
    fresh = make([row for row, stays in zip(archive, keep, strict=True) if stays] + more)  # type: ignore[call-arg]
    for query in [*archive, *more]:
        assert replaced.similarities(query).tolist() == fresh.similarities(query).tolist()
        assert replaced.search([query], 3).tolist() == fresh.search([query], 3).tolist()
    assert len(index.similarities(archive[0])) == len(archive)
