"""Stories that editors have put into a slot."""

from collections.abc import Mapping, Sequence

from recommender.ranking.facts import Columns, Filters, RankedTeaser, SourceArticle
from recommender.ranking.filters import allowed


def pinned_places(facts: Columns, source: SourceArticle, filters: Filters) -> dict[int, int]:
    """By slot (from 1) the place in `facts` of each pinned article that may stand in this sidebar."""
    slots = {number: slot for slot, number in source.constraints.pins.items() if slot <= filters.n}
    mask = allowed(facts, source, filters)
    return {
        slots[number]: place for place, number in enumerate(facts.number.tolist()) if number in slots and mask[place]
    }


def place_pins(teasers: Sequence[RankedTeaser], pins: Mapping[int, RankedTeaser], n: int) -> list[RankedTeaser]:
    """The sidebar with every pin in its slot, and the others around them; where there are too few, pins move up."""
    rest = list(teasers)
    places: list[RankedTeaser] = []
    waiting = dict(sorted(pins.items()))
    while len(places) < n and (rest or waiting):
        slot = len(places) + 1
        if slot in waiting or not rest:
            places.append(waiting.pop(slot if slot in waiting else min(waiting)))
        else:
            places.append(rest.pop(0))
    return places
