"""The matrix of sensitive content: which flags keep apart, and what no editor can change."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.articles.article import FLAGS, HOLD_FLAG
from recommender.curation.sensitivity import (
    ANYTHING,
    BITS,
    DEFAULT_MATRIX,
    FIXED,
    ROWS,
    Cell,
    Matrix,
    bits,
    parse_matrix,
)
from recommender.errors import InvalidSignal

flags = st.sets(st.sampled_from(FLAGS))
cells = st.frozensets(st.tuples(st.sampled_from(ROWS), st.sampled_from(ROWS)))


def apart(matrix: Matrix, source: set[str], target: set[str]) -> bool:
    """Whether a matrix keeps two articles with these flags apart."""
    return bool(matrix.mask(bits(source)) & bits(target))


@given(flags, flags)
def test_bits_tell_flags_apart(flags: set[str], other_flags: set[str]) -> None:
    assert (bits(flags) == bits(other_flags)) == (flags == other_flags)


def test_every_article_is_anything() -> None:
    assert bits(()) == BITS[ANYTHING]
    assert bits(["opinion", "opinion"]) == BITS["opinion"] | BITS[ANYTHING]


def test_bits_fit_a_column_of_32() -> None:
    assert bits(FLAGS) < 2**31


@given(cells, flags, flags)
def test_one_cell_of_all_flags_is_enough(forbidden: frozenset[Cell], source: set[str], target: set[str]) -> None:
    pairs = {(row, column) for row in source | {ANYTHING} for column in target | {ANYTHING}}
    assert apart(Matrix(forbidden), source, target) == bool(pairs & (forbidden | FIXED))


@given(cells, flags, flags)
def test_cell_that_is_named_keeps_them_apart(forbidden: frozenset[Cell], source: set[str], target: set[str]) -> None:
    matrix = Matrix(forbidden)
    cell = matrix.cell(bits(source), bits(target))
    assert (cell is not None) == apart(matrix, source, target)
    if cell is not None:
        assert cell in forbidden | FIXED
        assert cell[0] in source | {ANYTHING}
        assert cell[1] in target | {ANYTHING}


def test_cell_is_the_first_of_its_row() -> None:
    matrix = Matrix(frozenset({("minor", "opinion"), ("minor", "hostage"), ("opinion", "hostage")}))
    assert matrix.cell(bits(["opinion", "minor"]), bits(["opinion", "hostage"])) == ("minor", "hostage")


@given(cells, flags)
def test_legal_hold_cannot_be_lifted(forbidden: frozenset[Cell], other: set[str]) -> None:
    matrix = Matrix(forbidden - FIXED)
    assert apart(matrix, {HOLD_FLAG}, other)
    assert apart(matrix, other, {HOLD_FLAG})


def test_matrix_holds_one_way() -> None:
    matrix = Matrix(frozenset({("opinion", "minor")}))
    assert apart(matrix, {"opinion"}, {"minor"})
    assert not apart(matrix, {"minor"}, {"opinion"})


def test_plain_articles_stand_together_by_default() -> None:
    assert not apart(DEFAULT_MATRIX, set(), set())


@given(flags, flags)
def test_trials_and_children_are_kept_apart_by_default(source: set[str], target: set[str]) -> None:
    assert apart(DEFAULT_MATRIX, source | {"live_trial"}, target | {"live_trial"})
    assert apart(DEFAULT_MATRIX, source | {"victims_named"}, target | {"minor"})


@given(flags)
def test_advertisements_stand_beside_nothing_by_default(source: set[str]) -> None:
    assert apart(DEFAULT_MATRIX, source, {"sponsored"})


@given(cells)
def test_data_give_the_same_matrix_again(forbidden: frozenset[Cell]) -> None:
    data = Matrix(forbidden).to_data()
    assert parse_matrix(data) == Matrix(forbidden | FIXED)
    assert parse_matrix(data).to_data() == data


@pytest.mark.parametrize(
    "cell", [["opinion", "weather"], ["weather", "opinion"], ["opinion"], ["opinion", "minor", "minor"], []]
)
def test_unknown_cells_are_refused(cell: Any) -> None:
    with pytest.raises(InvalidSignal) as caught:
        parse_matrix({"forbidden": [["opinion", "minor"], cell]})
    assert [problem.field for problem in caught.value.problems] == ["matrix"]
