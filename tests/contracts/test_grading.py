"""What the store of panels and grades promises, on SQLite and on PostgreSQL."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from recommender.errors import InvalidInput
from recommender.store.base import Store
from recommender.store.grading import Grade, Panel, PanelSidebar
from tests.factories import NOW

PANEL = Panel(
    name="Spring — Sahel « 1 »",
    by="awa",
    created=NOW,
    model="toy@1",
    generation=7,
    sidebars=(PanelSidebar(5, (3, 9, 1), (8, 2)), PanelSidebar(4, (), (5,)), PanelSidebar(2, (9,), ())),
    model_version="sahel/1",
)


def grade(target: int | None, value: int, **fields: Any) -> Grade:
    """A grade of panel 1 by awa."""
    values: dict[str, Any] = {"panel": 1, "source": 5, "grader": "awa", "at": NOW} | fields
    return Grade(target=target, value=value, **values)


@pytest.fixture
def panel(store: Store) -> int:
    """The number of a kept panel, the first."""
    return store.grading.add_panel(PANEL)


def test_panel_comes_back_unchanged(store: Store, panel: int) -> None:
    assert store.grading.panel(panel) == replace(PANEL, number=panel)


@pytest.mark.parametrize("number", [2, 0, -1, 2**31, 10**30])
def test_unknown_panel_is_none(store: Store, panel: int, number: int) -> None:
    assert store.grading.panel(number) is None


def test_panels_come_latest_first(store: Store, panel: int) -> None:
    other = store.grading.add_panel(replace(PANEL, name="Other", created=NOW - timedelta(days=3)))
    assert [(panel_read.number, panel_read.name) for panel_read in store.grading.panels()] == [
        (other, "Other"),
        (panel, PANEL.name),
    ]
    assert store.grading.panels()[1] == replace(PANEL, number=panel)


def test_taken_name_is_refused(store: Store, panel: int) -> None:
    with pytest.raises(InvalidInput, match="already"):
        store.grading.add_panel(replace(PANEL, sidebars=()))
    assert [panel_read.number for panel_read in store.grading.panels()] == [panel]


def test_grades_come_back_in_order(store: Store, panel: int) -> None:
    grades = [grade(3, 4), grade(9, -1), grade(None, 2), grade(3, 0, grader="idrissa", at=NOW + timedelta(seconds=1))]
    store.grading.put_grades(grades)
    assert store.grading.grades(panel) == grades


def test_last_grade_of_a_pair_counts(store: Store, panel: int) -> None:
    store.grading.put_grades([grade(3, 4), grade(None, 2)])
    store.grading.put_grades([grade(3, 1, at=NOW - timedelta(days=1)), grade(None, 0)])
    assert [(grade_read.target, grade_read.value) for grade_read in store.grading.grades()] == [(3, 1), (None, 0)]


def test_grades_of_others_and_other_pairs_stay(store: Store, panel: int) -> None:
    other = store.grading.add_panel(replace(PANEL, name="Other"))
    grades = [
        grade(3, 4),
        grade(3, 3, grader="idrissa"),
        grade(3, 2, source=4),
        grade(3, 1, panel=other),
        grade(None, 1, panel=other),
    ]
    store.grading.put_grades(grades)
    assert store.grading.grades() == grades
    assert store.grading.grades(panel) == grades[:3]
    assert store.grading.grades(other) == grades[3:]


def test_nothing_graded_is_nothing(store: Store, panel: int) -> None:
    store.grading.put_grades([])
    assert store.grading.grades(panel) == []


def test_unfinished_transaction_leaves_no_grade(store: Store, panel: int) -> None:
    def grade_and_fail() -> None:
        with store.writing():
            store.grading.put_grades([grade(3, 4)])
            store.grading.add_panel(PANEL)

    with pytest.raises(InvalidInput):
        grade_and_fail()
    assert store.grading.grades() == []


def test_grading_changes_no_sidebar(store: Store, panel: int) -> None:
    before = store.state()
    store.grading.put_grades([grade(3, 4)])
    assert store.state() == before
