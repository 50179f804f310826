"""The release gate on figures whose verdict is known."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from recommender.errors import InvalidInput
from recommender.grading.panels import Report, report
from recommender.release.gate import (
    MIN_QUERIES,
    Check,
    ReleaseRefused,
    checked_reason,
    on_golden,
    on_judgments,
    on_panel,
)
from recommender.release.golden_pairs import Broken, GoldenPair
from recommender.store.grading import INAPPROPRIATE, SATISFACTORY, UNACCEPTABLE, Grade, Panel, PanelSidebar

AT = datetime(2026, 6, 1, tzinfo=UTC)
PAIR = GoldenPair("coup", must=("verdict",))


def graded(*verdicts: int | None, by: str = "ana") -> Report:
    """The report of a panel with one sidebar for each verdict; None: not graded."""
    sidebars = tuple(PanelSidebar(source, (), ()) for source in range(len(verdicts)))
    panel = Panel("spring", "ana", AT, "toy@1", 2, sidebars)
    grades = [Grade(1, source, None, value, by, AT) for source, value in enumerate(verdicts) if value is not None]
    return report(panel, grades, frozenset(range(len(verdicts))))


def judged(live: Sequence[float], candidate: Sequence[float]) -> Check:
    return on_judgments({"nDCG@3": live}, {"nDCG@3": candidate}, "the sample")


class TestJudgments:
    """Measures on the judged queries."""

    def test_equal_models_pass(self) -> None:
        assert judged([0.5] * 20, [0.5] * 20).passed

    def test_loss_on_every_query_is_refused(self) -> None:
        assert not judged([0.5] * 20, [0.49] * 20).passed

    def test_loss_within_the_interval_passes(self) -> None:
        """Eleven queries lose as much as nine gain: chance gives that every other time."""
        assert judged([0.5] * 20, [0.4] * 11 + [0.6] * 9).passed

    def test_loss_beyond_the_interval_is_refused(self) -> None:
        assert not judged([0.5] * 20, [0.4] * 18 + [0.6] * 2).passed

    def test_hard_queries_do_not_hide_a_loss(self) -> None:
        """The values lie far apart and the difference is small, but the same for all: only pairing shows it."""
        live = [0.0, 1.0] * 15
        assert not judged(live, [value - 0.02 for value in live]).passed

    def test_loss_by_one_measure_is_enough(self) -> None:
        live = {"nDCG@3": [0.5] * 20, "nDCG@10": [0.5] * 20}
        assert not on_judgments(live, live | {"nDCG@10": [0.4] * 20}, "the sample").passed
        assert on_judgments(live, live, "the sample").passed

    def test_too_few_queries_say_nothing(self) -> None:
        check = judged([0.5] * (MIN_QUERIES - 1), [0.9] * (MIN_QUERIES - 1))
        assert check.says == (
            "the sample: 19 queries are judged here, 20 are needed; "
            "name judgments with `--qrels FILE`, or grade a panel"
        )
        assert not check.passed

    def test_figures_are_told(self) -> None:
        assert judged([0.5] * 20, [0.6] * 20).says == (
            "nDCG@3 0.500 with the live model, 0.600 with this one, +0.100 (+0.100 to +0.100); 20 queries of the sample"
        )


class TestGolden:
    """Golden pairs."""

    @pytest.mark.parametrize(
        ("pairs", "skipped", "says"),
        [
            (4, 0, "all 4 hold"),
            (0, 0, "there are none"),
            (2, 1, "all 2 hold; 1 more are about articles that are not published here"),
        ],
    )
    def test_pairs_that_hold_pass(self, pairs: int, skipped: int, says: str) -> None:
        assert on_golden(pairs, [], skipped) == Check("golden pairs", passed=True, says=says)

    def test_one_broken_pair_is_enough(self) -> None:
        check = on_golden(9, [Broken(PAIR, ("verdict",), ())], 0)
        assert check == Check("golden pairs", passed=False, says="1 of 9 do not hold: coup does not list verdict")

    def test_many_broken_pairs_are_cut_short(self) -> None:
        check = on_golden(9, [Broken(PAIR, ("verdict",), ())] * 4, 0)
        assert check.says.count("coup does not list verdict") == 3
        assert check.says.endswith("; …")


class TestPanel:
    """The bar of a graded panel."""

    def test_good_panel_passes(self) -> None:
        assert on_panel(graded(*[SATISFACTORY] * 17, *[INAPPROPRIATE] * 3), "mine/2", same=20).passed

    @pytest.mark.parametrize(
        "verdicts",
        [
            [SATISFACTORY] * 19 + [UNACCEPTABLE],
            [SATISFACTORY] * 16 + [INAPPROPRIATE] * 4,
            [SATISFACTORY] * 19 + [None],
            [SATISFACTORY] * 19,
            [None] * 20,
        ],
        ids=["one unacceptable", "a fifth inappropriate", "one not graded", "too small", "nothing graded"],
    )
    def test_other_panels_are_refused(self, verdicts: list[int | None]) -> None:
        assert not on_panel(graded(*verdicts), "mine/2", same=len(verdicts)).passed

    def test_verdicts_on_sidebars_that_are_others_now_do_not_count(self) -> None:
        """Four of five must be the same still."""
        panel = graded(*[SATISFACTORY] * 20)
        assert on_panel(panel, "mine/2", same=16).passed
        check = on_panel(panel, "mine/2", same=15)
        assert not check.passed
        assert "15 of 20 sidebars are still the same; 80% must be" in check.says

    def test_shares_intervals_and_graders_are_reported(self) -> None:
        check = on_panel(graded(*[SATISFACTORY] * 17, *[INAPPROPRIATE] * 3, by="ben"), "mine/2", same=18)
        assert check.says == (
            "panel 'spring' has verdicts on 20 of 20 sidebars by ben (20); unacceptable 0.0% (0.0%-16.1%); "
            "inappropriate 15.0% (5.2%-36.0%); satisfactory 85.0% (64.0%-94.8%); 18 of 20 sidebars are still the same"
        )

    def test_without_a_panel_it_says_how_to_draw_one(self) -> None:
        check = on_panel(None, "mine/2")
        assert not check.passed
        assert "recommender panel create PANEL --model mine/2" in check.says


def test_refusal_names_what_has_failed_only() -> None:
    refusal = ReleaseRefused(
        "mine/2", [Check("golden pairs", True, "all 4 hold"), Check("graded panel", False, "no panel")]
    )
    assert str(refusal) == (
        "mine/2 is not released, and nothing has changed:\n  graded panel: no panel\n"
        "Correct it, or take responsibility: `--reason TEXT` releases it all the same, and the reason is kept."
    )


def test_reason_is_one_line_of_bounded_length() -> None:
    assert checked_reason("  the agency's\n feed  ends ") == "the agency's feed ends"
    with pytest.raises(InvalidInput, match=r"1,001 characters; 1,000 are the most"):
        checked_reason("x" * 1_001)
