"""Why a story stands beside another: what both are about, in words for readers."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from recommender.articles.article import Article
from recommender.articles.gazetteer import PLACES, REGION, SUBJECT, Gazetteer, Name

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
    that, so it cannot be wrong about how the two are connected.
    """
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


# What readers call a language: those that news of the region and its diaspora is written in.
_LANGUAGES = {
    "en": {
        "am": "Amharic", "ar": "Arabic", "bm": "Bambara", "de": "German", "en": "English", "es": "Spanish",
        "ff": "Fulfulde", "fr": "French", "ha": "Hausa", "ig": "Igbo", "it": "Italian", "kr": "Kanuri", "nl": "Dutch",
        "pt": "Portuguese", "ru": "Russian", "so": "Somali", "sw": "Swahili", "ti": "Tigrinya", "tr": "Turkish",
        "wo": "Wolof", "yo": "Yoruba", "zh": "Chinese",
    },
    "fr": {
        "am": "amharique", "ar": "arabe", "bm": "bambara", "de": "allemand", "en": "anglais", "es": "espagnol",
        "ff": "peul", "fr": "français", "ha": "haoussa", "ig": "igbo", "it": "italien", "kr": "kanouri",
        "nl": "néerlandais", "pt": "portugais", "ru": "russe", "so": "somali", "sw": "swahili", "ti": "tigrigna",
        "tr": "turc", "wo": "wolof", "yo": "yoruba", "zh": "chinois",
    },
}  # fmt: skip


def in_language(code: str, language: str) -> str | None:
    """What a page in `language` says of a story in another one, such as "in English" or "en anglais";
    None for a story in the page's own.
    """
    if code == language:
        return None
    name = _LANGUAGES["fr" if language == "fr" else "en"].get(code, code.upper())
    return f"en {name}" if language == "fr" else f"in {name}"


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


def day(moment: str | None, language: str = "en") -> str:
    """A date for readers, such as 17 September 2024 or 17 septembre 2024; empty without a date."""
    if not moment:
        return ""
    date = datetime.fromisoformat(moment)
    months = MONTHS.get(language, MONTHS["en"])
    first = "1er" if language == "fr" and date.day == 1 else str(date.day)
    return f"{first} {months[date.month - 1]} {date.year}"


def count(number: int) -> str:
    """A number with thousands separated."""
    return f"{number:,}"
