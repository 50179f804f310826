"""Why a story stands beside another: what both are about, in words for readers."""

from collections.abc import Mapping, Sequence

from recommender.articles.article import Article
from recommender.articles.gazetteer import PLACES, REGION, SUBJECT, Gazetteer, Name

Shared = Mapping[str, list[str]]
SHOWN_NAMES = 2
NAMED_IN = ("en", "fr")  # the languages that the gazetteer has names in


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
    """One short line for readers, in the language of the page; None where there is nothing to say, or no names in it.

    It names what both stories are about: who first, then where, else their subject or a country. It says no more than
    that, so it cannot be wrong about how the two are connected.
    """
    if language not in NAMED_IN:
        return None
    names = [gazetteer[key] for key in common["names"] if key in gazetteer]
    actors = [name for name in names if name.kind not in PLACES | {SUBJECT, REGION}]
    places = [name for name in names if name.kind in PLACES]
    chosen = [*actors[:1], *places[:1]]
    for name in (*actors[1:], *places[1:]):
        if len(chosen) < SHOWN_NAMES and not any(_one_holds_the_other(name, other) for other in chosen):
            chosen.append(name)
    chosen = chosen or [name for name in names if name.kind == SUBJECT][:1]
    countries = [_country(country, gazetteer, language) for country in common["countries"]]
    labels = [name.label(language) for name in chosen] or countries[:SHOWN_NAMES]
    if not labels:
        return None
    return f"Également : {', '.join(labels)}" if language == "fr" else f"Also about {' and '.join(labels)}"


def _one_holds_the_other(name: Name, other: Name) -> bool:
    return name.key in other.within or other.key in name.within


def _country(country: str, gazetteer: Gazetteer, language: str) -> str:
    key = gazetteer.key_of(country)
    return gazetteer[key].label(language) if key else country


MONTHS = {
    "en": "January February March April May June July August September October November December".split(),
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split(),
}


def reported(article: Article, language: str) -> str:
    """When something has been reported already, in words, such as "reported on 12 March 2024"."""
    if article.posted_on is None:
        return "déjà publié" if language == "fr" else "reported already"
    day, month, year = article.posted_on.day, article.posted_on.month, article.posted_on.year
    if language == "fr":
        return f"publié le {'1er' if day == 1 else day} {MONTHS['fr'][month - 1]} {year}"
    return f"reported on {day} {MONTHS['en'][month - 1]} {year}"
