"""What fills the places that no related story fills."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from recommender.arrays import BoolArray, FloatArray, IntArray, Positions
from recommender.ranking.events import same_text
from recommender.ranking.facts import Columns, Filters, RankedTeaser, SourceArticle
from recommender.ranking.filters import allowed
from recommender.ranking.quotas import Quota, allowed_by_quotas
from recommender.ranking.scoring import DAY

FALLBACK_READ = "fallback_edition_read"
FALLBACK_EDITION = "fallback_edition_latest"
FALLBACK_ANY = "fallback_any_latest"
FALLBACK_UNDATED = "fallback_any_undated"
READ_LATELY = 30 * DAY
_NONE: IntArray = np.empty(0, dtype=np.int32)


def fill_with_fallbacks(
    chosen: Sequence[RankedTeaser],
    more: Sequence[RankedTeaser],
    events: Callable[[IntArray], BoolArray],
    n: int,
    quotas: Sequence[Quota] = (),
) -> list[RankedTeaser]:
    """`chosen` and as many of `more` as fill `n` places within the quotas, without a second report of any event.

    `events` says which of some articles report one event, as `events_among` does. `more` is taken in its order, but for
    what rules still ask for.
    """
    teasers = [*chosen, *more]
    numbers = [teaser.number for teaser in teasers]
    versions = events(np.array(numbers, dtype=np.int32))
    place_of = {number: place for place, number in enumerate(numbers)}
    filled = list(range(len(chosen)))
    remaining = numbers[len(chosen) :]
    while len(filled) < n:
        fresh = [number for number in remaining if not versions[place_of[number], filled].any()]
        possible = allowed_by_quotas(fresh, [numbers[place] for place in filled], n - len(filled), quotas)
        if not possible:
            break
        filled.append(place_of[possible[0]])
        remaining.remove(possible[0])
    return [teasers[place] for place in filled]


def fallbacks(
    facts: Columns,
    source: SourceArticle,
    filters: Filters,
    missing: int,
    taken: frozenset[int],
    *,
    kinds: Positions | None = None,
    nearest: IntArray = _NONE,
) -> list[RankedTeaser]:
    """What fills the places that no related story fills, by a ladder; every filter of the request holds.

    Rungs: most read of the edition in the 30 days before now, latest of the edition, latest of any edition. With
    `filters.fallback` "latest" the first is left out; with "none" nothing is filled. Ties go to the newer article. No
    text comes twice, nor that of the source or of what is taken. Where nothing has a date there is one rung, since
    nothing is the latest: `nearest`, numbers of what is closest to the source, in its order; then those of the edition,
    and the last ones added before others.
    With `kinds` (see `kinds_of`) there are up to `missing` of each kind, in the same order.
    """
    if missing <= 0 or filters.fallback == "none" or not source.constraints.fills:
        return []
    free = allowed(facts, source, replace(filters, foreign=False))
    dated = free & ~np.isnan(facts.posted)
    free = dated if dated.any() else free
    if taken:
        free &= ~_told(facts, list(taken))
    free &= ~same_text(facts.copy, source.copy)
    here = free & (facts.edition == source.edition)
    rungs = [(FALLBACK_EDITION, here, facts.posted), (FALLBACK_ANY, free, facts.posted)]
    if filters.fallback == "ladder":
        rungs.insert(0, (FALLBACK_READ, here & (facts.posted >= filters.now - READ_LATELY), facts.reads))
    if not dated.any():
        rungs = [(FALLBACK_UNDATED, free, _nearness(facts.number, nearest) + (facts.edition == source.edition))]
    kinds = np.zeros(len(facts.number), dtype=np.intp) if kinds is None else kinds
    room = dict.fromkeys(np.unique(kinds).tolist(), missing)
    teasers: list[RankedTeaser] = []
    for label, mask, key in rungs:
        places = np.flatnonzero(mask & ~_told(facts, [teaser.number for teaser in teasers]))
        order = np.lexsort((-facts.number[places], -facts.posted[places], -key[places]))
        for place in _first_of_each(_once(_once(places[order], facts.copy), facts.page), kinds, room):
            room[int(kinds[place])] -= 1
            teasers.append(RankedTeaser(int(facts.number[place]), 0.0, label))
    return teasers


def _nearness(numbers: IntArray, nearest: IntArray) -> FloatArray:
    """2 or more for what is among the nearest, the more the nearer; else 0."""
    rank = {number: 2.0 * (place + 1) for place, number in enumerate(reversed(nearest.tolist()))}
    return np.array([rank.get(number, 0.0) for number in numbers.tolist()])


def _told(facts: Columns, numbers: Sequence[int]) -> BoolArray:
    """Which articles are among some, or have the text of one of them."""
    among = np.isin(facts.number, numbers)
    told: BoolArray = among | (np.isin(facts.copy, facts.copy[among]) & (facts.copy >= 0))
    return told


def _once(ordered: Positions, codes: IntArray) -> Positions:
    """Some places without those whose code, of a text or an address, an earlier one has."""
    known = codes[ordered] + 1  # 0: not known
    several = np.flatnonzero((known > 0) & (np.bincount(known)[known] > 1)) if len(known) else ordered
    _, first = np.unique(known[several], return_index=True)
    return np.delete(ordered, np.delete(several, first))


def _first_of_each(ordered: Positions, kinds: Positions, room: Mapping[int, int]) -> list[int]:
    """Of some places the first of each kind, as many as there is room for, in the order given."""
    firsts = [np.flatnonzero(kinds[ordered] == kind)[:count].tolist() for kind, count in room.items()]
    return [int(ordered[first]) for first in sorted(chain.from_iterable(firsts))]
