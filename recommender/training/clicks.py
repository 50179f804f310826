"""How much readers like a story beside another, from their clicks, whatever positions it stood at."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from recommender.errors import InvalidInput
from recommender.training.pairs import joined

ROUNDS = 500  # of the estimate; it is still within a few dozen
SETTLED = 1e-9
MIN_EXAMINED = 50.0  # of a pair: with fewer times looked at, its rate of clicks says nothing
BEST_SHARE = 0.95  # the rate that counts as 1 is this quantile, not the luckiest pair


@dataclass(frozen=True)
class Clicks:
    """How often an article was shown beside another at a position (from 1), and how often it was clicked there."""

    source: str
    article: str
    position: int
    impressions: int
    clicks: int


def examination(events: Sequence[Clicks]) -> dict[int, float]:
    """How often readers look at each position, as a share of how often they look at position 1.

    A click needs that a place is looked at and that the story is liked: rate = examination[position] * liking[pair]
    (position-based model, Craswell et al., WSDM 2008). Both are estimated from the events by maximum likelihood of
    Poisson counts, in turns. That needs pairs that were shown at several positions (as Agarwal et al.,
    WSDM 2019, do): raises InvalidInput for a position that no such pair links with position 1.
    """
    places: defaultdict[tuple[str, str], list[Clicks]] = defaultdict(list)
    for event in events:
        places[event.source, event.article].append(event)
    positions = sorted({event.position for event in events})
    links = [
        (str(event.position), str(other.position)) for shown in places.values() for event, other in pairwise(shown)
    ]
    group = joined(map(str, [1, *positions]), links)
    if apart := [position for position in positions if group[str(position)] != group["1"]]:
        raise InvalidInput(
            f"position {apart[0]}: no story was shown both there and, directly or through others, at position 1, so "
            "how often it is looked at is unknown; give events in which stories change their positions."
        )
    share = dict.fromkeys(positions, 1.0)
    for _ in range(ROUNDS):
        liking = {pair: _rate(shown, share) for pair, shown in places.items()}
        expected: Counter[int] = Counter()
        clicked: Counter[int] = Counter()
        for pair, shown in places.items():
            for event in shown:
                expected[event.position] += event.impressions * liking[pair]  # type: ignore[assignment]  # a float counts
                clicked[event.position] += event.clicks
        estimate = {
            position: clicked[position] / expected[position] if expected[position] else 0.0 for position in positions
        }
        if not estimate.get(1):
            raise InvalidInput("position 1: there is no click, so nothing can be compared with it; give more events.")
        estimate = {position: value / estimate[1] for position, value in estimate.items()}
        moved = max(abs(estimate[position] - share[position]) for position in positions)
        share = estimate
        if moved < SETTLED:
            break
    return share


def liked(events: Sequence[Clicks]) -> dict[tuple[str, str], float]:
    """By (source, article) how much readers like it there, in [0, 1], whatever positions it stood at.

    It is the rate of clicks among the times it was looked at (see `examination`), divided by the BEST_SHARE quantile of
    all pairs. Pairs that were looked at fewer than MIN_EXAMINED times are left out.
    """
    if not events:
        return {}
    share = examination(events)
    places: defaultdict[tuple[str, str], list[Clicks]] = defaultdict(list)
    for event in events:
        places[event.source, event.article].append(event)
    rates = {
        pair: _rate(shown, share)
        for pair, shown in places.items()
        if sum(event.impressions * share[event.position] for event in shown) >= MIN_EXAMINED
    }
    best = float(np.quantile(list(rates.values()), BEST_SHARE)) if rates else 0.0
    return {pair: min(1.0, rate / best) for pair, rate in rates.items()} if best else {}


def _rate(shown: Iterable[Clicks], share: Mapping[int, float]) -> float:
    looked = clicked = 0.0
    for event in shown:
        looked += event.impressions * share[event.position]
        clicked += event.clicks
    return clicked / looked if looked else 0.0
