"""Why a story stands beside another: what both are about, in words for readers."""

from collections.abc import Mapping, Sequence

from recommender.article import Article
from recommender.gazetteer import PLACES, SUBJECT, Gazetteer

Shared = Mapping[str, list[str]]
SHOWN_NAMES = 2


def shared(
    source: Article | None, names: Sequence[str], other: Article, other_names: Sequence[str]
) -> dict[str, list[str]]:
    """Labels that two articles have in common, and names (keys of the gazetteer) in the order of the source's."""
    both = set(other_names)
    return {
        "countries": [country for country in source.countries if country in other.countries] if source else [],
        "tags": [tag for tag in source.tags if tag in other.tags] if source else [],
        "names": [name for name in names if name in both],
    }


def reason(common: Shared, gazetteer: Gazetteer, language: str) -> str | None:
    """One short line for readers, in the language of the page; None where there is nothing to say.

    It names what both stories are about: who first, then where, else their subject or a country. It says no more than
    that, so it cannot be wrong about how the two hang together.
    """
    known = [gazetteer[key] for key in common["names"] if key in gazetteer]
    actors = [name for name in known if name.kind not in PLACES and name.kind != SUBJECT]
    places = [name for name in known if name.kind in PLACES]
    chosen = [*actors[:1], *places[:1]]
    chosen = [*chosen, *actors[1:], *places[1:]][:SHOWN_NAMES] or [name for name in known if name.kind == SUBJECT][:1]
    labels = [name.label(language) for name in chosen] or common["countries"][:SHOWN_NAMES]
    if not labels:
        return None
    return f"Également : {', '.join(labels)}" if language == "fr" else f"Also about {' and '.join(labels)}"
