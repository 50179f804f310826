"""The evaluation over rankings whose measures are known by hand."""

from math import log2

import pytest

from recommender.errors import InvalidInput
from recommender.evaluation.evaluation import (
    DEPTH,
    MAIN,
    MEASURES,
    SERVICE,
    DeliveredPlace,
    Ranking,
    delivered,
    evaluate,
    spread,
)

QRELS = {"q1": {"a": 4, "b": 0, "c": 2}, "q2": {"a": 1, "b": 3}, "ghost": {"a": 1}}
LANGUAGES = {"q1": "en", "q2": "fr"}


def fixed(*items: str) -> Ranking:
    return [(item, float(-place)) for place, item in enumerate(items)]


def systems(**others: dict[str, Ranking]) -> dict[str, object]:
    best = {"q1": fixed("a", "c", "b"), "q2": fixed("b", "a")}
    return {SERVICE: best.__getitem__} | {name: lists.__getitem__ for name, lists in others.items()}


WORST = {"q1": fixed("b", "x", "y"), "q2": fixed("x")}
MIDDLE = {"q1": fixed("a", "b", "c"), "q2": fixed("b", "a")}


def test_table_holds_means_over_queries() -> None:
    table = evaluate(systems(worst=WORST, middle=MIDDLE), QRELS, LANGUAGES).table  # type: ignore[arg-type]
    assert {name: row[MAIN].mean for name, row in table.items()} == {
        SERVICE: pytest.approx(1),
        "worst": 0,
        "middle": pytest.approx(((15 + 3 / 2) / (15 + 3 / log2(3)) + 1) / 2),
    }
    assert table[SERVICE]["poor@3"].mean == pytest.approx(1 / 6)
    assert table["worst"]["poor@3"].mean == 1
    assert table[SERVICE]["recall@10"].mean == 1
    assert list(table["worst"]) == list(MEASURES)


def test_unknown_queries_are_named_not_counted() -> None:
    evaluation = evaluate(systems(worst=WORST), QRELS, LANGUAGES)  # type: ignore[arg-type]
    assert (evaluation.queries, evaluation.missing) == (2, ("ghost",))


def test_judgments_of_another_archive_refused() -> None:
    with pytest.raises(InvalidInput, match="None of the judged queries"):
        evaluate(systems(worst=WORST), QRELS, {"other": "en"})  # type: ignore[arg-type]


def test_service_meets_the_best_baseline() -> None:
    comparison = evaluate(systems(worst=WORST, middle=MIDDLE), QRELS, LANGUAGES).comparison  # type: ignore[arg-type]
    assert comparison.baseline == "middle"
    assert comparison.difference == pytest.approx((1 - (15 + 3 / 2) / (15 + 3 / log2(3))) / 2)
    # One of two queries differs, so every assignment of signs is as extreme as the one observed.
    assert comparison.p_value == 1


def test_languages_are_measured_apart() -> None:
    by_language = evaluate(systems(worst=WORST), QRELS, LANGUAGES).by_language  # type: ignore[arg-type]
    assert [(language, count, estimate.mean) for language, (count, estimate) in by_language.items()] == [
        ("en", 1, pytest.approx(1)),
        ("fr", 1, pytest.approx(1)),
    ]


def test_runs_are_cut_at_their_depth() -> None:
    long = {query: fixed(*map(str, range(DEPTH + 5))) for query in LANGUAGES}
    assert len(evaluate(systems(long=long), QRELS, LANGUAGES).runs["long"]["q1"]) == DEPTH  # type: ignore[arg-type]


def test_spread_describes_all_sidebars() -> None:
    measured = spread({"a": ["b", "c", "d"], "b": ["c"], "c": [], "d": ["c"]}, 3)
    assert (measured.articles, measured.coverage, measured.never_shown) == (4, 0.75, 0.25)
    assert (measured.most_shown, measured.largest_share, measured.full_sidebars) == ("c", 0.75, 0.25)


def test_box_is_measured_by_language_and_in_all() -> None:
    """Three places each; what fills none of them counts against the box, as a fallback does."""
    boxes = {
        "q": [DeliveredPlace("a", True, False), DeliveredPlace("b", True, True), DeliveredPlace("x", False, False)],
        "r": [DeliveredPlace("a", True, False)],
        "s": [],
    }
    qrels = {"q": {"a": 2, "b": 1}, "r": {"a": 1}, "s": {"a": 1}, "gone": {"a": 1}}
    by_language = delivered(boxes, qrels, {"q": "en", "r": "en", "s": "fr"}, 3)
    assert list(by_language) == ["all", "en", "fr"]
    assert [group.queries for group in by_language.values()] == [3, 2, 1]
    assert [group.ndcg.mean for group in by_language.values()] == pytest.approx([2 / 3, 1, 0])
    assert [group.poor.mean for group in by_language.values()] == pytest.approx([1 / 9, 1 / 6, 0])
    assert (by_language["all"].related, by_language["all"].foreign, by_language["all"].fallbacks) == pytest.approx(
        (3 / 9, 1 / 9, 1 / 9)
    )


def test_spread_of_nothing_is_zero() -> None:
    assert spread({}, 3).coverage == 0
