"""The sidebar of one article, from its candidates: a pure function that reads in the order of its steps."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from recommender.arrays import BoolArray, IntArray
from recommender.curation.constraints import SidebarConstraints
from recommender.ranking.candidates import CandidateArray, Lists
from recommender.ranking.events import events_among
from recommender.ranking.facts import PINNED, Columns, Filters, RankedTeaser, Ranker, SourceArticle
from recommender.ranking.fallbacks import fallbacks, fill_with_fallbacks
from recommender.ranking.filters import guarded
from recommender.ranking.pins import pinned_places, place_pins
from recommender.ranking.quotas import kinds_of, missing_quota, quotas_of
from recommender.ranking.selection import choose_related
from recommender.ranking.shortlist import shortlist, teasers_of

SPARE_FALLBACKS = 10  # looked at beyond the places to be filled, as some may be versions of one report

# Gives the candidate lists of some articles by number; those that have none are left out.
ListsOf = Callable[[Sequence[int]], Lists]


def sidebar(
    rows: CandidateArray, source: SourceArticle, filters: Filters, ranker: Ranker, *, archive: Columns, lists: ListsOf
) -> list[RankedTeaser]:
    """The teasers beside an article, in their order; at most `filters.n`, none where editors have turned the box off.

    `rows` is its candidate list, `archive` the facts of every article, each at the place of its number. The steps are:
    filters and bans → score, boosted or buried → one report of each event → threshold → roles or diversity, within the
    quotas of rules → pins → fallbacks → cut → guard. What may not stand beside the source is filtered out first, here
    and in the fallbacks, so that others replace it; the finished list passes the same guard again, so that no step
    can bring it back.
    """
    if source.constraints.off is not None:
        return []
    candidates = archive.take(rows["number"])
    short = shortlist(rows, candidates, source, filters, ranker)

    wanted = archive.take(np.array(sorted(source.constraints.pins.values()), dtype=np.intp))
    slots = pinned_places(wanted, source, filters)
    pinned = wanted.take(np.array(list(slots.values()), dtype=np.intp))

    theirs = lists([*short.numbers.tolist(), *pinned.number.tolist()])
    related, dropped = choose_related(short, theirs, filters, source, ranker, pinned=pinned)

    scored_teasers = teasers_of(pinned.number, rows, candidates, source, ranker)
    pins = {
        slot: replace(scored_teasers.get(number, RankedTeaser(number, 0.0, PINNED)), source=PINNED)
        for slot, number in zip(slots, pinned.number.tolist(), strict=True)
    }
    chosen = [*pins.values(), *related]
    teasers = _with_fallbacks(
        chosen, len(pins), dropped, source, filters, nearest=short.numbers, ranker=ranker, archive=archive, lists=lists
    )
    placed = {teaser.number for teaser in pins.values()}
    arrangement = place_pins([teaser for teaser in teasers if teaser.number not in placed], pins, filters.n)
    return let_through(arrangement, archive, source.constraints)


def _with_fallbacks(
    chosen: list[RankedTeaser],
    pins: int,
    dropped: frozenset[int],
    source: SourceArticle,
    filters: Filters,
    *,
    nearest: IntArray,
    ranker: Ranker,
    archive: Columns,
    lists: ListsOf,
) -> list[RankedTeaser]:
    """Pins, which come first in `chosen`, and related teasers, with fallbacks in the places that are left."""
    quotas = quotas_of(archive, source.constraints)
    missing = filters.n - len(chosen)
    asked_for, fitting = missing_quota(chosen, quotas)
    taken = dropped | {teaser.number for teaser in chosen}
    # Articles of one kind are the same to every quota; so some of each are enough, however many there are.
    kinds = kinds_of(archive, quotas) if quotas else None
    many = (filters.n if quotas else missing) + SPARE_FALLBACKS
    spare = fallbacks(
        archive, source, filters, many if missing or asked_for else 0, taken, kinds=kinds, nearest=nearest
    )
    if not spare and not chosen and filters.foreign:  # better a story of another language than an empty box
        anywhere = replace(filters, languages=None)
        spare = fallbacks(archive, source, anywhere, many, taken, kinds=kinds, nearest=nearest)
    if not spare:
        return chosen
    # Where a rule asks for what no related story gives, fallbacks replace the last related ones; pins stay.
    room = min(asked_for, len(fitting.intersection(teaser.number for teaser in spare)))
    staying = chosen[: max(pins, min(len(chosen), filters.n - room))]

    def events(numbers: IntArray) -> BoolArray:
        return events_among(archive.take(numbers), lists(numbers.tolist()), ranker.scales)

    return fill_with_fallbacks(staying, spare, events, filters.n, quotas)


def let_through(
    teasers: Sequence[RankedTeaser], archive: Columns, constraints: SidebarConstraints
) -> list[RankedTeaser]:
    """The teasers that the guard lets through, whatever put them there."""
    facts = archive.take(np.array([teaser.number for teaser in teasers], dtype=np.intp))
    passed = guarded(facts, constraints)
    return [teaser for teaser, passes in zip(teasers, passed.tolist(), strict=True) if passes]
