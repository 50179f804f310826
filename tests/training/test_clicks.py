"""Clicks freed from the positions at which stories stood."""

import pytest

from recommender.errors import InvalidInput
from recommender.training.clicks import Clicks, examination, liked

EXAMINED = {1: 1.0, 2: 0.5, 3: 0.25}
LIKING = {"x": 0.2, "y": 0.1, "z": 0.04}


def shown(story: str, position: int, impressions: int = 10_000) -> Clicks:
    clicks = round(impressions * EXAMINED[position] * LIKING[story])
    return Clicks("source", story, position, impressions, clicks)


# Each story at two positions; the best one stands low most of the time, so that raw rates mislead.
EVENTS = [shown("x", 3, 90_000), shown("x", 2), shown("y", 1, 50_000), shown("y", 2), shown("z", 1), shown("z", 3)]


def test_examination_is_recovered() -> None:
    """Clicks counted from known shares and likings, without chance: the estimate finds the shares."""
    assert examination(EVENTS) == pytest.approx(EXAMINED, rel=1e-3)


def test_liking_is_free_of_the_position() -> None:
    raw = {
        story: sum(event.clicks for event in EVENTS if event.article == story)
        / sum(event.impressions for event in EVENTS if event.article == story)
        for story in LIKING
    }
    assert raw["x"] < raw["y"]
    liking = {article: value for (_, article), value in liked(EVENTS).items()}
    assert liking["x"] == 1.0
    assert liking["y"] / liking["z"] == pytest.approx(2.5, rel=1e-3)
    assert liking["x"] > liking["y"] > liking["z"]


def test_positions_without_a_link_are_refused() -> None:
    """If the best always stands first, the clicks cannot say whether it is the story or the place."""
    with pytest.raises(InvalidInput, match="position 2"):
        examination([shown("x", 1), shown("y", 2)])


def test_rarely_seen_pairs_say_nothing() -> None:
    assert ("source", "q") not in liked([*EVENTS, Clicks("source", "q", 1, 20, 20)])


def test_no_events_no_clicks() -> None:
    assert liked([]) == {}


def test_clicks_are_needed_at_the_top() -> None:
    with pytest.raises(InvalidInput, match="position 1: there is no click"):
        examination([Clicks("s", "a", 1, 100, 0)])
