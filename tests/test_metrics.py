"""Measures against values worked out by hand."""

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.metrics import (
    bootstrap_interval,
    coverage,
    gini,
    largest_exposure,
    ndcg,
    overlap,
    paired_difference,
    paired_randomisation,
    per_query,
    poor_share,
    rank_biased_overlap,
    recall,
    sign_test,
)

GRADES = {"a": 4, "b": 0, "c": 2, "d": -1}
IDEAL = 15 + 3 / log2(3)


@pytest.mark.parametrize(
    ("ranking", "k", "expected"),
    [
        (["a", "c", "b"], 3, 1.0),
        (["a", "b", "c"], 3, (15 + 3 / 2) / IDEAL),
        (["b", "c", "a"], 3, (3 / log2(3) + 15 / 2) / IDEAL),
        (["b", "d", "x"], 3, 0.0),
        (["a", "c"], 1, 1.0),
        (["c"], 1, 3 / 15),
        ([], 3, 0.0),
    ],
)
def test_ndcg_equals_hand_computed_values(ranking: list[str], k: int, expected: float) -> None:
    assert ndcg(ranking, GRADES, k) == pytest.approx(expected)


def test_ndcg_of_four_zero_two() -> None:
    assert ndcg(["a", "b", "c"], GRADES, 3) == pytest.approx(0.976749, abs=1e-6)


def test_ndcg_of_a_textbook_example() -> None:
    # Grades 3 2 3 0 1 2 in this order; DCG 13.8483 of an ideal 14.5957 (a textbook example with 2^grade - 1).
    grades = dict(zip("abcdef", [3, 2, 3, 0, 1, 2], strict=True))
    assert ndcg("abcdef", grades, 6) == pytest.approx(13.848263 / 14.595390, abs=1e-6)


def test_ndcg_without_positive_grades_is_zero() -> None:
    assert ndcg(["a"], {"a": 0, "b": -1}, 3) == 0


def test_recall_counts_good_grades_only() -> None:
    grades = {"a": 4, "b": 2, "c": 1, "d": 3}
    assert recall(["a", "c", "x", "b"], grades, 3) == pytest.approx(1 / 3)
    assert recall(["a", "c", "x", "b"], grades, 4) == pytest.approx(2 / 3)
    assert recall(["a"], {"a": 1}, 3) == 0


def test_poor_share_counts_unjudged_as_poor() -> None:
    assert poor_share(["a", "b", "x"], GRADES) == pytest.approx(2 / 3)
    assert poor_share(["a", "c"], GRADES) == 0
    assert poor_share(["d"], GRADES) == 1
    assert poor_share([], GRADES) == 0


def test_poor_share_looks_at_first_three() -> None:
    assert poor_share(["a", "a", "a", "b"], GRADES) == 0


def test_interval_of_equal_values_is_a_point() -> None:
    assert bootstrap_interval([0.4] * 9) == pytest.approx((0.4, 0.4))


def test_interval_of_two_values_is_their_range() -> None:
    # A quarter of the resamples is all 0, a quarter all 1: far more than 2.5 % on either side.
    assert bootstrap_interval([0.0, 1.0]) == (0.0, 1.0)


def test_interval_matches_the_normal_law() -> None:
    # 100 values of standard deviation 1/2: the mean's is 1/20, so 95 % lie within 1.96/20.
    low, high = bootstrap_interval([0.0, 1.0] * 50)
    assert (low, high) == (pytest.approx(0.5 - 0.098, abs=0.011), pytest.approx(0.5 + 0.098, abs=0.011))


def test_interval_of_nothing_is_zero() -> None:
    assert bootstrap_interval([]) == (0.0, 0.0)


def test_interval_is_repeatable() -> None:
    assert bootstrap_interval([0.1, 0.5, 0.9]) == bootstrap_interval([0.1, 0.5, 0.9])


def test_randomisation_of_equal_systems_is_one() -> None:
    assert paired_randomisation([0.1, 0.9], [0.1, 0.9]) == 1


def test_randomisation_of_three_wins() -> None:
    # Of the 8 assignments of signs only two (all plus, all minus) reach the observed mean: p is 1/4.
    assert paired_randomisation([0.5, 0.6, 0.7], [0.4, 0.4, 0.4]) == pytest.approx(0.25, abs=0.01)


def test_randomisation_of_clear_difference_is_small() -> None:
    assert paired_randomisation([0.9] * 30, [0.1] * 30) == pytest.approx(1 / 20_001)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8))
def test_randomisation_is_symmetric(pairs: list[tuple[float, float]]) -> None:
    first, second = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert paired_randomisation(first, second, 200) == paired_randomisation(second, first, 200)


def test_paired_difference_knows_no_hard_queries() -> None:
    """Every query gains 0.1: however far apart the queries lie, there is nothing to doubt."""
    assert paired_difference([0.0, 0.5, 0.9], [0.1, 0.6, 1.0]) == pytest.approx((0.1, 0.1, 0.1))


def test_paired_difference_of_one_loss_and_one_gain() -> None:
    assert paired_difference([0.0, 1.0], [1.0, 0.5]) == pytest.approx((0.25, -0.5, 1.0))


def test_paired_difference_wants_the_same_queries() -> None:
    with pytest.raises(ValueError, match="shorter"):
        paired_difference([0.1, 0.2], [0.1])


@pytest.mark.parametrize(
    ("wins", "losses", "expected"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (5, 5, 1.0),
        (5, 0, 2 / 32),
        (1, 8, 2 * (1 + 9) / 512),
        (8, 1, 2 * (1 + 9) / 512),
    ],
)
def test_sign_test_counts_the_falls_of_a_coin(wins: int, losses: int, expected: float) -> None:
    assert sign_test(wins, losses) == pytest.approx(expected)


def test_sign_test_of_many_pairs_follows_the_normal_law() -> None:
    # 10,000 throws have a deviation of 50: 98 off the half are 1.96 deviations.
    assert sign_test(5_098, 4_902) == pytest.approx(0.05, abs=0.002)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("abc", "cab", 1.0), ("abc", "abd", 2 / 3), ("abc", "xyz", 0.0), ("abcx", "abcy", 1.0), ("ab", "a", 1 / 2)],
)
def test_overlap_counts_what_both_show(first: str, second: str, expected: float) -> None:
    assert overlap(first, second, 3) == pytest.approx(expected)


def test_empty_lists_are_alike() -> None:
    assert overlap("", "", 3) == rank_biased_overlap("", "") == 1
    assert overlap("", "a", 3) == rank_biased_overlap("a", "") == 0


def test_rank_biased_overlap_by_hand() -> None:
    # Depth by depth the two have 0, 2 and 2 in common: (1-p)/p (2/2 p^2 + 2/3 p^3) + 2/3 p^3 with p = 1/2.
    assert rank_biased_overlap("abc", "bad", 0.5) == pytest.approx(1 / 4 + 1 / 12 + 1 / 12)


def test_rank_biased_overlap_of_a_short_list_is_extrapolated() -> None:
    """All of the short one agrees, so the rest of it would have agreed as well."""
    assert rank_biased_overlap("ab", "abcd") == pytest.approx(1)


@given(st.permutations("abcdef"), st.permutations("abcxyz"))
def test_rank_biased_overlap_is_symmetric(first: list[str], second: list[str]) -> None:
    overlap_of_both = rank_biased_overlap(first, second)
    assert overlap_of_both == pytest.approx(rank_biased_overlap(second, first))
    assert 0 <= overlap_of_both <= 1
    assert rank_biased_overlap(first, first) == pytest.approx(1)


def test_coverage_counts_shown_articles() -> None:
    assert coverage({"a": ["b", "c"], "b": ["c"], "c": [], "d": ["elsewhere"]}) == 0.5
    assert coverage({}) == 0


def test_largest_exposure_names_the_hub() -> None:
    assert largest_exposure({"a": ["c", "c"], "b": ["c"], "c": ["b"], "d": []}) == ("c", 0.5)
    assert largest_exposure({"a": ["c"], "b": ["d"]}) == ("c", 0.5)
    assert largest_exposure({"a": []}) == (None, 0.0)


def test_missing_lists_count_as_empty() -> None:
    qrels = {"q2": {"a": 1}, "q1": {"a": 1}}
    assert per_query({"q1": ["a"]}, qrels, lambda ranking, grades: ndcg(ranking, grades, 3)) == [0.0, 1.0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3, 3, 3], 0.0),
        ([0, 0, 0, 8], 3 / 4),
        ([1, 3], 1 / 4),
        ([3, 1], 1 / 4),
        ([7], 0.0),
        ([0, 0], 0.0),
        ([], 0.0),
    ],
)
def test_gini_tells_how_uneven_amounts_are(values: list[float], expected: float) -> None:
    assert gini(values) == pytest.approx(expected)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(any))
def test_gini_is_half_the_mean_difference(values: list[int]) -> None:
    """Its definition: the mean difference of any two, as a share of twice the mean."""
    differences = sum(abs(value - other_value) for value in values for other_value in values)
    assert gini(values) == pytest.approx(differences / (2 * len(values) * sum(values)))
