"""Every picture can be drawn, and shows the values that it was given."""

import pytest

from recommender.evaluation.evaluation import Estimate
from recommender.evaluation.exposure import GroupExposure
from recommender.notebook import plots
from recommender.notebook.tables import MapPoint, StoryMap
from tests.factories import make_article

MAP = StoryMap([MapPoint(make_article(f"a{number}"), float(number), 0.0, 1) for number in range(4)], {1: "Mali"})
PICTURES = {
    "bars": plots.bars({"a": 3, "b": 1}, "t"),
    "histogram": plots.histogram([1, 2, 2], "t", "words"),
    "estimates": plots.estimates({"one": Estimate(0.5, 0.4, 0.7)}, "t"),
    "lines": plots.lines({"one": [(0, 1), (1, 2)]}, "t", "x", "y"),
    "shares": plots.shares([GroupExposure("en", 4, 1), GroupExposure("fr", 0, 0)], "t"),
    "lorenz": plots.lorenz([0, 1, 3], "t"),
    "map": plots.story_map(MAP, "t"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_picture_is_a_png_with_a_title(name: str) -> None:
    picture = PICTURES[name]
    assert picture._repr_png_().startswith(b"\x89PNG")
    assert picture.figure.axes[0].get_title("left") == "t"


def test_first_bar_is_on_top() -> None:
    axes = PICTURES["bars"].figure.axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["b", "a"]
    assert [bar.get_width() for bar in axes.patches] == [1, 3]


def test_interval_reaches_from_low_to_high() -> None:
    segments = PICTURES["estimates"].figure.axes[0].collections[0].get_segments()
    assert [point[0] for point in segments[0]] == pytest.approx([0.4, 0.7])


def test_evenness_ends_at_one() -> None:
    line = PICTURES["lorenz"].figure.axes[0].lines[0]
    assert line.get_ydata() == pytest.approx([0, 0, 0.25, 1])


def test_stories_are_named_on_the_map() -> None:
    assert [text.get_text() for text in PICTURES["map"].figure.axes[0].texts] == ["Mali"]
