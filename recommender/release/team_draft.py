"""Two models in one sidebar: whose teaser stands in which place, and what readers' clicks say. Pure functions.

Team-draft interleaving (Radlinski, Kurup and Joachims, CIKM 2008): in each round both models choose the best story that
is not placed yet, and a coin says which of them goes first. One thing is added: what both would choose next, or what
only one of them could add, belongs to nobody. So in every place either model stands with the same probability, whatever
their lists are, and a reader who clicks without reading favours neither.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from recommender.metrics import sign_test
from recommender.store.interleaving import CHALLENGER, LIVE, HourCount, Pick

HOUR = 3600  # seconds; all readers of an article see one sidebar for so long
TELLING = 0.05  # by how much a share of wins must differ from one half to be worth knowing
SURE, POWER = 1.959964, 0.841621  # normal deviates of a two-sided 5 % and of a power of 80 %
RESAMPLES = 2_000
# Hours with votes. Of few a bootstrap interval is too narrow, of one it is a point; and a day has readers of all sorts.
MIN_HOURS = 24
LEVEL = 0.05  # of the sign test

# (what is left of a list, what is placed) -> what of it may come next, in its order. All are article numbers.
Fits = Callable[[Sequence[int], Sequence[int]], Sequence[int]]


def coins(key: str, run: int, article: int, hour: int) -> Callable[[int], bool]:
    """The coin of each round, drawn from a keyed hash: every worker throws the same, and nobody can foretell it.

    True says that the live model goes first. `hour` counts from 1970.
    """
    told = f"{run}/{article}/{hour}".encode()
    # A key of BLAKE2b has 64 bytes at the most.
    thrown = int.from_bytes(hashlib.blake2b(told, key=key.encode()[:64], digest_size=8).digest())
    return lambda turn: bool(thrown >> turn & 1)


def drafted(
    live: Sequence[int], challenger: Sequence[int], free: int, coin: Callable[[int], bool], fits: Fits
) -> list[Pick]:
    """Up to `free` picks of two lists, each best first, in their order.

    Where two choices cannot stand beside each other, such as two reports of one event, the coin says whose stands.
    """
    picks: list[Pick] = []
    taken: list[int] = []

    def best(ranking: Sequence[int], *more: int) -> int | None:
        placed = [*taken, *more]
        return next(iter(fits([number for number in ranking if number not in placed], placed)), None)

    turn = 0
    while len(picks) < free:
        ours, theirs = best(live), best(challenger)
        if ours is None or theirs is None or ours == theirs:
            common = ours if ours is not None else theirs
            if common is None:
                break
            chosen = [Pick(common, None)]
        else:
            pair = [Pick(ours, LIVE), Pick(theirs, CHALLENGER)]
            both = best(challenger, ours) == theirs and best(live, theirs) == ours
            chosen = (pair if coin(turn) else pair[::-1])[: min(free - len(picks), 2 if both else 1)]
            turn += 1
        picks += chosen
        taken += [pick.number for pick in chosen]
    return picks


class Interval(NamedTuple):
    """A figure with its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Preference:
    """What clicks say of the challenger. An article in an hour is one vote: for whose teasers got more clicks.

    `share` is (wins + ties / 2) / votes, the measure of Chapelle, Joachims, Radlinski and Yue (TOIS 2012), with a
    bootstrap interval over hours; None without a vote. `p_value` is that of the sign test. `clicks` are those on the
    teasers of a team, `needed` how many more it takes, as far as can be told, to find a share that differs from one
    half by TELLING. `verdict` is the team that readers prefer; while that is open it is None, and `missing` says in
    words what it still takes.
    """

    wins: int
    losses: int
    ties: int
    share: Interval | None
    p_value: float
    clicks: int
    needed: int
    verdict: str | None
    missing: tuple[str, ...]


def preference(counts: Sequence[HourCount], seed: int = 20240917) -> Preference:
    """Which model readers prefer. Articles in hours without a click on a teaser of a team say nothing."""
    votes = [vote for vote in counts if vote.live or vote.challenger]
    wins = sum(vote.challenger > vote.live for vote in votes)
    losses = sum(vote.challenger < vote.live for vote in votes)
    clicks = sum(vote.live + vote.challenger for vote in votes)
    share, p_value = _share(votes, seed) if votes else None, sign_test(wins, losses)
    missing = tuple(_missing(len({vote.hour for vote in votes}), share, p_value))
    return Preference(
        wins=wins,
        losses=losses,
        ties=len(votes) - wins - losses,
        share=share,
        p_value=p_value,
        clicks=clicks,
        needed=_needed(wins + losses, clicks),
        verdict=None if missing else CHALLENGER if wins > losses else LIVE,
        missing=missing,
    )


def _missing(hours: int, share: Interval | None, p_value: float) -> Iterator[str]:
    if hours < MIN_HOURS:
        yield f"clicks in {MIN_HOURS} different hours, of which there are {hours}"
    if p_value >= LEVEL:
        yield f"a sign test with p below {LEVEL}, which is {p_value:.4f}"
    if share is None or share.low <= 0.5 <= share.high:
        yield "an interval of the share that leaves out 50%"


def _share(votes: Sequence[HourCount], seed: int) -> Interval:
    hours, places = np.unique([vote.hour for vote in votes], return_inverse=True)
    points = [(1 + int(np.sign(vote.challenger - vote.live))) / 2 for vote in votes]
    won = np.bincount(places, weights=points)
    cast = np.bincount(places)
    # How often each hour is drawn, in each resample.
    drawn = np.random.default_rng(seed).multinomial(len(hours), np.full(len(hours), 1 / len(hours)), size=RESAMPLES)
    low, high = np.quantile((drawn @ won) / (drawn @ cast), [0.025, 0.975])
    return Interval(float(won.sum() / cast.sum()), float(low), float(high))


def _needed(decided: int, clicks: int) -> int:
    """Clicks still to come, if as many go to a decided vote as until now."""
    share = 0.5 + TELLING
    votes = ((SURE * 0.5 + POWER * math.sqrt(share * (1 - share))) / TELLING) ** 2
    return math.ceil(max(0.0, votes - decided) * (clicks / decided if decided else 1.0))
