"""How panels are drawn, and what their grades come to."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InvalidInput
from recommender.grading.panels import (
    Agreement,
    Mean,
    Sample,
    agreed,
    by_pair,
    check_values,
    draw,
    progress,
    report,
    share,
    shuffled,
)
from recommender.store.articles import Facts
from recommender.store.grading import GRADES, INAPPROPRIATE, SATISFACTORY, UNACCEPTABLE, Grade, Panel, PanelSidebar
from tests.factories import NOW

# Two articles with three stories each, and one with none.
PANEL = Panel(
    "Spring",
    "awa",
    NOW,
    "toy@1",
    1,
    (PanelSidebar(1, (2, 3), (4,)), PanelSidebar(5, (2,), (3, 6)), PanelSidebar(7, (), ())),
    9,
)
ALL = frozenset(range(10))


def facts(number: int) -> Facts:
    """Facts of a published article."""
    return Facts(number, number, 0, "Sahel", "en", True, True, False, False, 1, False, "", 0, frozenset(), number)


def grades(source: int, values: dict[int | None, int], grader: str = "awa") -> list[Grade]:
    """What a grader says of an article."""
    return [Grade(9, source, target, value, grader, NOW) for target, value in values.items()]


def verdicts(*values: int) -> list[Grade]:
    """A verdict each on the sidebars of a panel, by one grader."""
    return [Grade(9, source, None, value, "awa", NOW) for source, value in enumerate(values)]


class TestDraw:
    """`draw`."""

    def test_one_comes_from_each_stretch(self) -> None:
        chosen = draw([facts(number) for number in range(100)], Sample(seed=7, size=10))
        assert sorted(number // 10 for number in chosen) == list(range(10))

    def test_small_archive_is_taken_whole(self) -> None:
        assert sorted(draw([facts(number) for number in range(5)], Sample(seed=7, size=30))) == list(range(5))

    def test_seed_decides(self) -> None:
        eligible = [facts(number) for number in range(50)]
        assert draw(eligible, Sample(seed=1)) == draw(eligible, Sample(seed=1))
        assert draw(eligible, Sample(seed=1)) != draw(eligible, Sample(seed=2))

    @given(st.integers(1, 80), st.integers(1, 80), st.integers(0, 9))
    def test_nothing_is_drawn_twice(self, archive: int, size: int, seed: int) -> None:
        chosen = draw([facts(number) for number in range(archive)], Sample(seed, size))
        assert len(set(chosen)) == len(chosen) == min(archive, size)

    @pytest.mark.parametrize("wrong", [{"size": 0}, {"size": 501}, {"pool": -1}, {"pool": 21}, {"seed": -1}])
    def test_impossible_sample_is_refused(self, wrong: dict[str, int]) -> None:
        with pytest.raises(InvalidInput):
            Sample(**{"seed": 1, **wrong})


class TestShuffled:
    """`shuffled`."""

    def test_order_stays_for_one_grader(self) -> None:
        assert shuffled(range(8), 1, 2, "awa") == shuffled(list(reversed(range(8))), 1, 2, "awa")

    def test_graders_panels_and_articles_differ(self) -> None:
        orders = [shuffled(range(8), *key) for key in [(1, 2, "awa"), (1, 2, "idrissa"), (3, 2, "awa"), (1, 4, "awa")]]
        assert len({tuple(order) for order in orders}) == 4

    def test_first_place_says_nothing(self) -> None:
        firsts = [shuffled((0, 1, 2, 3), 1, source, "awa")[0] for source in range(400)]
        assert all(70 <= firsts.count(story) <= 130 for story in range(4))


class TestAgreed:
    """`agreed`."""

    @pytest.mark.parametrize(
        ("values", "result"),
        [
            ([3], 3),
            ([-1], -1),
            ([4, 3], 3),
            ([4, 1], 2),
            ([4, 4, 0], 4),
            ([-1, -1, 4], -1),
            ([-1, 3], 1),
            ([-1, 3, 3], 3),
            ([-1, -1, 3, 3], 1),
        ],
    )
    def test_median_is_rounded_down_and_versions_need_most(self, values: Sequence[int], result: int) -> None:
        assert agreed(values) == result

    @given(st.lists(st.sampled_from(GRADES), min_size=1, max_size=7))
    def test_result_lies_on_the_scale(self, values: list[int]) -> None:
        assert agreed(values) in GRADES
        assert agreed(values) <= max(values)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_share_has_wilson_interval(count: int, total: int, low: float, high: float) -> None:
    """Newcombe, Two-sided confidence intervals for the single proportion (1998), table I, method 3."""
    proportion = share(count, total)
    assert (proportion.count, proportion.share) == (count, count / total)
    assert (proportion.low, proportion.high) == pytest.approx((low, high), abs=0.00005)


class TestCheckValues:
    """`check_values`."""

    def test_partial_values_are_fine(self) -> None:
        check_values(PANEL.sidebars[0], {2: 4, 4: -1, None: 2})

    @pytest.mark.parametrize("values", [{}, {2: 5}, {2: -2}, {5: 1}, {None: 3}, {None: -1}, {2: 1, None: 4}])
    def test_what_is_not_asked_is_refused(self, values: dict[int | None, int]) -> None:
        with pytest.raises(InvalidInput):
            check_values(PANEL.sidebars[0], values)


class TestProgress:
    """`progress`."""

    def test_finished_needs_every_story_and_the_sidebar(self) -> None:
        graded = [*grades(1, {2: 1, 3: 0, 4: 2, None: 1}), *grades(5, {2: 1, 3: 0, 6: 2}), *grades(7, {None: 2})]
        so_far = progress(PANEL, graded, ALL)
        assert (so_far.articles, so_far.finished) == (3, {"awa": 2})
        assert not so_far.done_by("awa")
        assert progress(PANEL, [*graded, *grades(5, {None: 0})], ALL).done_by("awa")

    def test_withdrawn_articles_are_not_asked_for(self) -> None:
        so_far = progress(PANEL, grades(5, {3: 0, 6: 2, None: 1}), ALL - {1, 2})
        assert (so_far.articles, so_far.finished) == (2, {"awa": 1})

    def test_graders_are_counted_apart(self) -> None:
        graded = [*grades(7, {None: 2}), *grades(1, {2: 1, 3: 0, 4: 2, None: 1}, "idrissa"), *grades(1, {2: 1})]
        assert progress(PANEL, graded, ALL).finished == {"awa": 1, "idrissa": 1}


class TestReport:
    """`report`."""

    def test_without_grades_nothing_is_claimed(self) -> None:
        result = report(PANEL, [], ALL)
        assert (result.judged, result.verdicts, result.bar, result.ndcg, result.passed) == (0, {}, {}, None, False)
        assert (result.grades, result.sidebars) == (Agreement(None, None), Agreement(None, None))

    def test_shares_are_of_judged_sidebars(self) -> None:
        result = report(PANEL, [*verdicts(2, 2, 2, 1), *grades(9, {2: 1})], ALL)
        assert result.judged == 4
        assert result.verdicts == {UNACCEPTABLE: share(0, 4), INAPPROPRIATE: share(1, 4), SATISFACTORY: share(3, 4)}

    @pytest.mark.parametrize(
        ("values", "bar"),
        [
            ([2] * 20, (True, True, True)),
            ([2] * 17 + [1] * 3, (True, True, True)),
            ([2] * 16 + [1] * 4, (True, False, False)),
            ([2] * 19 + [0], (False, True, True)),
        ],
    )
    def test_bar_is_zero_fifteen_eighty_five(self, values: list[int], bar: tuple[bool, ...]) -> None:
        result = report(PANEL, verdicts(*values), frozenset(range(100)))
        assert (result.bar[UNACCEPTABLE], result.bar[INAPPROPRIATE], result.bar[SATISFACTORY]) == bar
        assert result.passed == all(bar)

    def test_verdicts_on_articles_that_have_gone_do_not_count(self) -> None:
        """Readers do not see their sidebars any more, and others have no verdict yet."""
        result = report(PANEL, verdicts(2, 2, 0), ALL - {2})
        assert (result.judged, result.unacceptable) == (2, ())

    def test_worse_verdict_counts_in_a_tie(self) -> None:
        result = report(PANEL, [*grades(1, {None: 2}), *grades(1, {None: 0}, "idrissa")], ALL)
        assert result.verdicts[INAPPROPRIATE].count == 1
        assert result.unacceptable == (1,)

    def test_ndcg_is_of_the_sidebars_graded_whole(self) -> None:
        """1: 3 gains before 1 gain of 3 possible ones; 5 lacks a grade, 7 has no story."""
        graded = [*grades(1, {2: 2, 3: 0, 4: 2}), *grades(5, {2: 4, 3: 1}), *grades(7, {None: 2})]
        assert report(PANEL, graded, ALL).ndcg == Mean(*[pytest.approx(1 / (1 + 0.63093), abs=1e-5)] * 3, 1)

    def test_ndcg_needs_something_good(self) -> None:
        assert report(PANEL, grades(1, {2: 0, 3: 0, 4: -1}), ALL).ndcg is None

    def test_withdrawn_story_of_the_pool_is_not_missed(self) -> None:
        result = report(PANEL, grades(5, {2: 4, 3: 0}), ALL - {6})
        assert result.ndcg == Mean(1.0, 1.0, 1.0, 1)

    def test_agreement_is_reported_for_each_scale(self) -> None:
        graded = [*grades(1, {2: 4, 3: 0, 4: 1, None: 2}), *grades(1, {2: 4, 3: 0, 4: 1, None: 1}, "idrissa")]
        result = report(PANEL, graded, ALL)
        assert result.grades == Agreement(1.0, 1.0)
        assert result.sidebars == Agreement(0.0, 0.0)


def test_last_value_of_a_grader_counts() -> None:
    graded = [*grades(1, {2: 4}), *grades(1, {2: 3}, "idrissa"), *grades(1, {2: 1})]
    assert by_pair(graded) == {(1, 2): {"awa": 1, "idrissa": 3}}
