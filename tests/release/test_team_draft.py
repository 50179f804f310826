"""The draft favours nobody, whatever the lists are; and clicks whose cause is known lead to the right verdict."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.release.team_draft import MIN_HOURS, Fits, coins, drafted, preference
from recommender.store.interleaving import CHALLENGER, LIVE, HourCount, Pick

PLACES = 3
rankings = st.lists(st.integers(0, 7), max_size=4, unique=True)
pairs = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=8)


def anything(remaining: Sequence[int], _taken: Sequence[int]) -> Sequence[int]:
    """No story keeps another one out."""
    return remaining


def without(events: set[tuple[int, int]]) -> Fits:
    """Of two stories that report one event only one may stand."""

    def fits(remaining: Sequence[int], taken: Sequence[int]) -> list[int]:
        return [one for one in remaining if not any({(one, other), (other, one)} & events for other in taken)]

    return fits


def drafts(live: Sequence[int], challenger: Sequence[int], fits: Fits = anything) -> list[list[Pick]]:
    """What comes out of every way in which the coins may fall, all of them equally likely."""
    coins_of = product((False, True), repeat=PLACES)
    return [drafted(live, challenger, PLACES, falls.__getitem__, fits) for falls in coins_of]


def chances(found: Sequence[list[Pick]], team: str) -> list[Fraction]:
    """How likely a team stands in each place."""
    return [
        Fraction(sum(len(picks) > place and picks[place].team == team for picks in found), len(found))
        for place in range(PLACES)
    ]


# -- the draft ---------------------------------------------------------------------------------------------------------


def test_models_take_turns() -> None:
    picks = drafted([1, 2, 3], [4, 5, 6], PLACES, [True, False, False].__getitem__, anything)
    assert picks == [Pick(1, LIVE), Pick(4, CHALLENGER), Pick(5, CHALLENGER)]


def test_coin_says_who_goes_first() -> None:
    picks = drafted([1, 2, 3], [4, 5, 6], 2, [False].__getitem__, anything)
    assert picks == [Pick(4, CHALLENGER), Pick(1, LIVE)]


def test_what_both_choose_is_nobodys() -> None:
    picks = drafted([1, 2, 3], [1, 3, 4], PLACES, [True].__getitem__, anything)
    assert picks == [Pick(1, None), Pick(2, LIVE), Pick(3, CHALLENGER)]


def test_equal_lists_throw_no_coin() -> None:
    picks = drafted([1, 2, 3], [1, 2, 3], PLACES, [].__getitem__, anything)
    assert picks == [Pick(1, None), Pick(2, None), Pick(3, None)]


def test_one_report_of_each_event() -> None:
    """1 and 4 report one event: the coin says whose version stands."""
    fits = without({(1, 4)})
    first, second = (drafted([1, 2, 3], [4, 5, 6], PLACES, [one, True].__getitem__, fits) for one in (True, False))
    assert first == [Pick(1, LIVE), Pick(2, LIVE), Pick(5, CHALLENGER)]
    assert second == [Pick(4, CHALLENGER), Pick(2, LIVE), Pick(5, CHALLENGER)]


def test_what_only_one_can_add_is_nobodys() -> None:
    picks = drafted([1], [4, 5, 6], PLACES, [True].__getitem__, anything)
    assert picks == [Pick(1, LIVE), Pick(4, CHALLENGER), Pick(5, None)]


@given(rankings, rankings, pairs)
def test_every_place_is_either_teams_with_the_same_chance(
    live: list[int], challenger: list[int], events: set[tuple[int, int]]
) -> None:
    """So position favours neither. Exact, over all falls of the coins, whatever keeps stories apart."""
    found = drafts(live, challenger, without(events))
    assert chances(found, LIVE) == chances(found, CHALLENGER)


@given(rankings, rankings, pairs)
def test_draft_keeps_what_a_list_keeps(live: list[int], challenger: list[int], events: set[tuple[int, int]]) -> None:
    """No story twice, no two reports of an event, every story from the list of its team."""
    fits = without(events)
    for picks in drafts(live, challenger, fits):
        numbers = [pick.number for pick in picks]
        assert len(set(numbers)) == len(numbers)
        assert all(fits([number], numbers[:place]) for place, number in enumerate(numbers))
        whose = {LIVE: live, CHALLENGER: challenger, None: [*live, *challenger]}
        assert all(pick.number in whose[pick.team] for pick in picks)


@given(rankings, rankings)
def test_places_are_filled_while_there_are_stories(live: list[int], challenger: list[int]) -> None:
    size = min(PLACES, len({*live, *challenger}))
    assert {len(picks) for picks in drafts(live, challenger)} == {size}


# -- the coin ----------------------------------------------------------------------------------------------------------


def test_coin_falls_alike_for_all_workers() -> None:
    one, other = coins("key", 1, 7, 490_000), coins("key", 1, 7, 490_000)
    assert [one(turn) for turn in range(20)] == [other(turn) for turn in range(20)]


@pytest.mark.parametrize("changed", [("other", 1, 7, 5), ("key", 2, 7, 5), ("key", 1, 8, 5), ("key", 1, 7, 6)])
def test_coin_depends_on_key_trial_article_and_hour(changed: tuple[str, int, int, int]) -> None:
    one, other = coins("key", 1, 7, 5), coins(*changed)
    assert [one(turn) for turn in range(60)] != [other(turn) for turn in range(60)]


def test_coin_is_fair() -> None:
    """10,000 throws of a fair coin give between 4,800 and 5,200 heads but for once in 15,000 times."""
    assert 4_800 < sum(coins("key", 1, article, 5)(0) for article in range(10_000)) < 5_200


# -- what clicks say ---------------------------------------------------------------------------------------------------


def count(live: int, challenger: int, *, hour: int = 0, nobody: int = 0, article: int = 1) -> HourCount:
    return HourCount(article, hour, live, challenger, nobody)


def test_article_in_an_hour_is_one_vote() -> None:
    """However many clicks there are: a flood changes one vote."""
    said = preference([count(0, 900), count(2, 1), count(1, 0), count(3, 3), count(0, 0, nobody=8)])
    assert (said.wins, said.losses, said.ties, said.clicks) == (1, 2, 1, 910)
    assert said.share is not None
    assert said.share.mean == (1 + 1 / 2) / 4


def test_no_clicks_no_share() -> None:
    said = preference([count(0, 0)])
    assert (said.share, said.p_value, said.clicks, said.verdict) == (None, 1.0, 0, None)


def test_interval_is_over_hours() -> None:
    """A hundred votes of one hour are one observation: where hours agree there is no doubt, else there is much."""
    agreed = [count(hour % 2, 1 - hour % 2, hour=hour, article=one) for hour in range(2) for one in range(100)]
    said = preference(agreed)
    assert said.share == (0.5, 0.0, 1.0)


def test_clicks_needed_for_five_percent() -> None:
    """783 votes find 55 % with a power of 80 % at a level of 5 %: the normal approximation of the sign test."""
    assert preference([]).needed == 783
    assert preference([count(0, 2), count(1, 1)]).needed == 3_127  # at four clicks for a vote that is decided
    assert preference([count(0, 1, hour=one) for one in range(800)]).needed == 0


EXAMINED = (1.0, 0.6, 0.4)  # how likely a reader looks at each place


def simulated(likes: dict[int, float], live: Sequence[int], challenger: Sequence[int], hours: int) -> list[HourCount]:
    """Clicks of readers who look at places by EXAMINED and click by how much they like a story: 20 in an hour."""
    draw = np.random.default_rng(7)
    found = []
    for hour in range(hours):
        picks = drafted(live, challenger, PLACES, coins("key", 1, 1, hour), anything)
        clicks = dict.fromkeys((LIVE, CHALLENGER, None), 0)
        for pick, seen in zip(picks, EXAMINED, strict=True):
            clicks[pick.team] += int(draw.binomial(20, seen * likes[pick.number]))
        found.append(HourCount(1, hour, clicks[LIVE], clicks[CHALLENGER], clicks[None]))
    return found


def test_equal_models_are_not_preferred() -> None:
    """An A/A test: other stories, liked as much. The places they stand in favour neither."""
    likes = dict.fromkeys(range(6), 0.1)
    said = preference(simulated(likes, [0, 1, 2], [3, 4, 5], 2_000))
    assert said.verdict is None
    assert said.p_value > 0.05
    assert said.share is not None
    assert abs(said.share.mean - 0.5) < 0.03


def test_lists_that_overlap_and_are_liked_alike_are_not_preferred() -> None:
    likes = dict.fromkeys(range(6), 0.1)
    assert preference(simulated(likes, [0, 1, 2], [2, 0, 4], 2_000)).verdict is None


@pytest.mark.parametrize(
    ("hours", "missing"),
    [
        (1, ["clicks in 24 different hours, of which there are 1", "a sign test with p below 0.05, which is 1.0000"]),
        (MIN_HOURS - 1, ["clicks in 24 different hours, of which there are 23"]),
        (MIN_HOURS, []),
    ],
)
def test_verdict_takes_votes_of_a_day(hours: int, missing: list[str]) -> None:
    said = preference([count(0, 1, hour=hour) for hour in range(hours)])
    assert said.share == (1.0, 1.0, 1.0)
    assert list(said.missing) == missing
    assert said.verdict == (None if missing else CHALLENGER)


def test_verdict_takes_a_sign_test() -> None:
    """Seventeen hours won and seven lost: the interval alone would do."""
    said = preference([count(int(hour >= 17), int(hour < 17), hour=hour) for hour in range(24)])
    assert said.share is not None
    assert said.share.low > 0.5
    assert said.missing == ("a sign test with p below 0.05, which is 0.0639",)
    assert said.verdict is None


def test_verdict_takes_an_interval_without_one_half() -> None:
    """One hour with many votes and forty against it: the sign test alone would do."""
    said = preference([count(0, 1, article=one) for one in range(200)] + [count(1, 0, hour=1 + h) for h in range(40)])
    assert said.p_value < 0.05
    assert said.missing == ("an interval of the share that leaves out 50%",)
    assert said.verdict is None


def test_same_model_twice_has_no_vote() -> None:
    said = preference(simulated(dict.fromkeys(range(3), 0.1), [0, 1, 2], [0, 1, 2], 100))
    assert (said.share, said.clicks) == (None, 0)


@pytest.mark.parametrize(("better", "team"), [((3, 4, 5), CHALLENGER), ((0, 1, 2), LIVE)])
def test_better_model_is_found(better: tuple[int, ...], team: str) -> None:
    likes = {one: 0.15 if one in better else 0.1 for one in range(6)}
    said = preference(simulated(likes, [0, 1, 2], [3, 4, 5], 1_000))
    assert said.verdict == team
    assert said.p_value < 0.001


def test_intervals_of_equal_models_hold_one_half_as_often_as_they_say() -> None:
    """100 trials of 40 hours with clicks that a coin gives to either: 95 % hold 1/2, give or take 6 points."""
    draw = np.random.default_rng(1)
    held = 0
    for trial in range(100):
        counts = [count(int(one), 1 - int(one), hour=hour) for hour, one in enumerate(draw.integers(0, 2, 40))]
        share = preference(counts, seed=trial).share
        held += share is not None and share.low <= 0.5 <= share.high
    assert 89 <= held < 100


def test_equal_models_seldom_get_a_verdict() -> None:
    """400 trials of the least number of hours, a coin for each of one vote or five in an hour: 5 % get one at the most.

    The interval alone would give it to 6 %.
    """
    draw = np.random.default_rng(3)
    found = 0
    for trial in range(400):
        won = draw.integers(0, 2, (MIN_HOURS, (1, 5)[trial % 2]))
        counts = [
            count(1 - int(one), int(one), hour=hour, article=article) for (hour, article), one in np.ndenumerate(won)
        ]
        found += preference(counts, seed=trial).verdict is not None
    assert found <= 0.05 * 400
