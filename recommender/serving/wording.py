"""What a box says around its titles, in the language of its article: headings, dates, counts, names of languages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_decimal

from recommender.articles.article import FALLBACK_LANGUAGE

STANDARD = FALLBACK_LANGUAGE  # what is said where Babel does not know a language
DEFAULT_HEADING = "More on the Sahel"
# The default heading for readers of other languages; a heading of the site's own is given as it is.
_HEADINGS = {
    "en": DEFAULT_HEADING,
    "fr": "À lire aussi sur le Sahel",
    "ar": "المزيد عن الساحل",
    "de": "Mehr zum Sahel",
    "es": "Más sobre el Sahel",
    "ha": "Ƙarin labarai kan Sahel",
    "it": "Altro sul Sahel",
    "nl": "Meer over de Sahel",
    "pt": "Mais sobre o Sahel",
    "ru": "Ещё о Сахеле",  # noqa: RUF001  # letters of this language
    "sw": "Zaidi kuhusu Sahel",
    "tr": "Sahel hakkında daha fazlası",  # noqa: RUF001  # letters of this language
    "zh": "更多萨赫勒报道",
}
# One, and any other number; the count stands for {count}. A language that is not here says nothing of reads.
_READS = {
    "en": ("{count} read", "{count} reads"),
    "fr": ("{count} lecture", "{count} lectures"),
    "ar": ("القراءات: {count}", "القراءات: {count}"),
    "de": ("{count}-mal gelesen", "{count}-mal gelesen"),
    "es": ("{count} lectura", "{count} lecturas"),
    "it": ("{count} lettura", "{count} letture"),
    "nl": ("{count} keer gelezen", "{count} keer gelezen"),
    "pt": ("{count} leitura", "{count} leituras"),
    "ru": ("Прочтений: {count}", "Прочтений: {count}"),
    "sw": ("Imesomwa mara {count}", "Imesomwa mara {count}"),
    "tr": ("{count} okuma", "{count} okuma"),
    "zh": ("阅读 {count}", "阅读 {count}"),
}
_CALLED_HERE = {("en", "ff"): "Fulfulde"}  # Babel says Fula


def spoken(language: str) -> str:
    """The language that a box beside an article of this one speaks: the same, where Babel knows it."""
    return STANDARD if _locale(language) is None else language


def day(moment: str | datetime | None, language: str = STANDARD) -> str:
    """A date for readers, such as 17 September 2024 or 17 septembre 2024; empty without a date."""
    if not moment:
        return ""
    date = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    words = format_date(date.date(), "long", locale=_locale(spoken(language)))
    return f"1er {words[2:]}" if language == "fr" and date.day == 1 else words


def number(count: int, language: str = STANDARD) -> str:
    """A number with thousands separated as in this language."""
    return format_decimal(count, locale=_locale(spoken(language)))


def in_language(code: str, language: str) -> str | None:
    """What a page in `language` says of a story in another one, such as "in English", "en anglais", or its bare name;
    None for a story in the page's own.
    """
    if code == language:
        return None
    speaks = spoken(language)
    locale = _locale(speaks)
    name = _CALLED_HERE.get((speaks, code)) or (locale.languages.get(code) if locale else None) or code.upper()
    return {"en": f"in {name}", "fr": f"en {name}"}.get(speaks, name)


def direction(language: str | None) -> str | None:
    """`rtl` or `ltr`; None where Babel does not know the language."""
    locale = _locale(language) if language else None
    return None if locale is None else locale.text_direction


@lru_cache(maxsize=256)
def _locale(language: str) -> Locale | None:
    try:
        return Locale.parse("en_GB" if language == "en" else language)
    except (UnknownLocaleError, ValueError):
        return None


@dataclass(frozen=True)
class Wording:
    """A site's own words. `texts` has them by language (`fr`), or by language and edition (`fr/Maghreb`), which counts
    first; each may have `heading`, `fallback_heading` and `reads`, in which {count} stands for the number.
    """

    default_heading: str = DEFAULT_HEADING
    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def heading(self, language: str, edition: str) -> tuple[str, str | None]:
        """The heading above related stories, and its language; None for the site's own one of no language."""
        own = self._own("heading", language, edition)
        if own is not None:
            return own, language
        if self.default_heading != DEFAULT_HEADING:
            return self.default_heading, None
        return (_HEADINGS[language], language) if language in _HEADINGS else (DEFAULT_HEADING, STANDARD)

    def fallback_heading(self, language: str, edition: str) -> str | None:
        """The heading above fallbacks, in this language; None where the site has none."""
        return self._own("fallback_heading", language, edition)

    def reads(self, count: int | None, language: str, edition: str = "") -> str | None:
        """How often a story has been read; None where that is not known, or has no words in this language."""
        if count is None:
            return None
        own = self._own("reads", language, edition)
        one, many = (own, own) if own is not None else _READS.get(language, (None, None))
        words = one if count == 1 or (language == "fr" and not count) else many
        return None if words is None else words.replace("{count}", number(count, language))

    day = staticmethod(day)
    number = staticmethod(number)
    direction = staticmethod(direction)

    def _own(self, name: str, language: str, edition: str) -> str | None:
        for key in (f"{language}/{edition}", language):
            if name in self.texts.get(key, {}):
                return self.texts[key][name]
        return None


USUAL_WORDING = Wording()
