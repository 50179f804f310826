"""Which rows belong into a candidate list, and what two lists say of a pair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.arrays import Counts
from recommender.ranking import candidates
from recommender.ranking.candidates import (
    CANDIDATE,
    CandidateArray,
    by_number,
    floors,
    from_bytes,
    pair_features,
    to_bytes,
    trim,
    with_newcomers,
)
from tests.factories import make_rows


@st.composite
def tables(draw: st.DrawFn) -> CandidateArray:
    """Rows with many equal similarities, of two languages, more than a list of the test's depths holds."""
    size = draw(st.integers(0, 30))
    values = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75]), min_size=size, max_size=size)
    same = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return make_rows(range(size), same=same, dense=draw(values), lexical=draw(values))


def alone(rows: CandidateArray) -> Counts:
    """No two articles of one text."""
    return copied(rows, 1)


def copied(rows: CandidateArray, each: int) -> Counts:
    """Texts that stand in `each` articles: 0 to `each` - 1 and so on."""
    copies: Counts = rows["number"].astype(np.int64) // each
    return copies


def trimmed(rows: CandidateArray, each: int = 1) -> CandidateArray:
    """The rows that belong in a list, each text being that of some articles."""
    return trim(rows, copied(rows, each))


def same(left: CandidateArray, right: CandidateArray) -> bool:
    """Equal rows in equal order; NumPy's own comparison of records takes NaN for different."""
    return left.dtype == right.dtype and left.tobytes() == right.tobytes()


@pytest.fixture(autouse=True, scope="module")
def _short_lists() -> object:
    """Lists of four, two and four rows, so that a few articles compete for a place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "DEPTH", 4)
        patch.setattr(candidates, "DEPTH_OTHER", 2)
        yield


@given(tables())
def test_lists_survive_their_bytes(rows: CandidateArray) -> None:
    assert same(from_bytes(to_bytes(rows)), rows)


@given(tables(), st.sampled_from([1, 2, 6, 30]), st.data())
def test_trimming_in_steps_changes_nothing(rows: CandidateArray, each: int, data: st.DataObject) -> None:
    early = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))), dtype=bool)
    in_steps = trimmed(with_newcomers(trimmed(rows[early], each), rows[~early]), each)
    assert same(in_steps, trimmed(rows, each))


@given(tables(), st.randoms())
def test_order_of_arrival_changes_nothing(rows: CandidateArray, random: object) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert same(by_number(trimmed(rows[order])), trimmed(rows))


@given(tables())
def test_trim_keeps_the_best_of_each(rows: CandidateArray) -> None:
    kept = set(trimmed(rows)["number"].tolist())
    for feature, among, depth in (
        ("dense", rows["same"], 4),
        ("dense", ~rows["same"], 2),
        ("lexical", rows["lexical"] > 0, 4),
    ):
        best = sorted(rows[among].tolist(), key=lambda row: (-row[CANDIDATE.names.index(feature)], row[0]))[:depth]
        assert {row[0] for row in best} <= kept


@given(tables(), st.sampled_from([1, 2, 6, 30]))
def test_floors_let_in_what_trim_keeps(rows: CandidateArray, each: int) -> None:
    kept = trimmed(rows, each)
    same, other, lexical = floors(kept, copied(kept, each))
    for row in kept:
        by_meaning = row["dense"] >= (same if row["same"] else other)
        assert by_meaning or row["lexical"] >= max(lexical, 0.25)


def test_lists_hold_at_most_their_depths() -> None:
    rows = make_rows(range(20), same=[True] * 10 + [False] * 10, dense=np.linspace(1, 0.1, 20))
    assert trimmed(rows)["number"].tolist() == [0, 1, 2, 3, 10, 11]


def test_copies_of_one_text_take_one_place() -> None:
    rows = make_rows(range(20), dense=np.linspace(1, 0.1, 20))
    assert trimmed(rows, each=10)["number"].tolist() == [0, 1, 2, 3, 10, 11, 12, 13]
    assert trimmed(rows, each=2)["number"].tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_words_bring_in_what_meaning_misses() -> None:
    rows = make_rows(range(10), dense=np.linspace(1, 0.1, 10), lexical=[0.0] * 9 + [0.5])
    assert trimmed(rows)["number"].tolist() == [0, 1, 2, 3, 9]


def test_shared_words_are_needed() -> None:
    rows = make_rows(range(10), dense=np.linspace(1, 0.1, 10), lexical=0.0)
    assert trimmed(rows)["number"].tolist() == [0, 1, 2, 3]


def test_equal_rows_favour_smaller_numbers() -> None:
    assert trimmed(make_rows([9, 3, 7, 1, 5], dense=0.5))["number"].tolist() == [3, 7, 1, 5]


def test_full_lists_have_floors() -> None:
    rows = make_rows(range(6), dense=[0.9, 0.8, 0.7, 0.6, 0.5, 0.4], lexical=[0.5, 0.4, 0.3, 0.2, 0.1, 0.0])
    assert floors(rows, alone(rows)) == (pytest.approx(0.6), -np.inf, pytest.approx(0.2))


def test_replaced_rows_stand_once() -> None:
    rows = with_newcomers(make_rows([1, 2], dense=0.5), make_rows([2], dense=0.9))
    assert rows["number"].tolist() == [1, 2]
    assert rows["dense"].tolist() == pytest.approx([0.5, 0.9])


def test_pairs_are_known_from_either_list() -> None:
    lists = {1: make_rows([2], themes=0.9), 3: make_rows([1, 2], themes=[0.3, 0.4])}
    table = pair_features(lists, np.array([1, 2, 3], dtype=np.int32), ["themes"])["themes"]
    np.testing.assert_allclose(table, [[0, 0.9, 0.3], [0.9, 0, 0.4], [0.3, 0.4, 0]], rtol=1e-6)


@given(st.integers(0, 2**32 - 1), st.permutations([1, 2, 3, 4, 9]), st.integers(0, 5))
def test_pair_tables_hold_the_best_that_is_known(seed: int, numbers: list[int], size: int) -> None:
    """The greater of what two lists say, 0 where one says nothing."""
    random = np.random.default_rng(seed)
    values = random.uniform(-1, 1, (10, 10)).astype(np.float32)
    listed = (random.random((10, 10)) < 0.5) & ~np.eye(10, dtype=bool)
    lists = {
        number: make_rows(others := np.flatnonzero(listed[number]).tolist(), dense=values[number, others])
        for number in (1, 2, 3, 9)
    }
    listed[4] = False  # it has no list
    wanted = numbers[:size]
    table = pair_features(lists, np.array(wanted, dtype=np.int32), ["dense"])["dense"]
    expected = np.where(listed, values, 0)
    np.testing.assert_array_equal(table, np.maximum(expected, expected.T)[np.ix_(wanted, wanted)])


@given(st.permutations([1, 2, 3]))
def test_pair_tables_follow_the_order_asked(order: list[int]) -> None:
    lists = {1: make_rows([2, 3], lexical=[0.2, 0.3])}
    table = pair_features(lists, np.array(order, dtype=np.int32), ["lexical"])["lexical"]
    assert table[order.index(1), order.index(3)] == np.float32(0.3)
    assert table[order.index(2), order.index(3)] == 0
