"""What a box says around its titles: every language that Babel knows, and the site's own words before all others."""

import pytest
from babel import localedata

from recommender.serving.wording import DEFAULT_HEADING, Wording, day, direction, in_language, number, spoken

TEXTS = {
    "fr": {"heading": "À lire aussi", "fallback_heading": "Les dernières du Sahel", "reads": "Lu {count} fois"},
    "fr/Maghreb": {"heading": "Au Maghreb"},
}
DATE = "2024-09-01T08:30:00Z"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "1 September 2024"),
        ("fr", "1er septembre 2024"),
        ("ar", "1 سبتمبر 2024"),
        ("ha", "1 Satumba, 2024"),
        ("zh", "2024年9月1日"),
    ],
)
def test_dates_are_in_the_language(language: str, words: str) -> None:
    assert day(DATE, language) == words


@pytest.mark.parametrize("language", sorted({code.split("_")[0] for code in localedata.locale_identifiers()}))
def test_every_language_that_babel_knows_has_dates_and_numbers(language: str) -> None:
    assert spoken(language) == language
    assert day(DATE, language)
    assert number(1356, language)
    assert direction(language) in ("ltr", "rtl")
    assert in_language("zz", language) not in (None, "")


@pytest.mark.parametrize("language", ["qq", "x", "../etc", ""])
def test_what_babel_does_not_know_is_said_in_english(language: str) -> None:
    assert spoken(language) == "en"
    assert day(DATE, language) == "1 September 2024"
    assert direction(language) is None


@pytest.mark.parametrize(
    ("code", "language", "words"),
    [("en", "fr", "en anglais"), ("ff", "en", "in Fulfulde"), ("en", "ar", "الإنجليزية"), ("fr", "fr", None)],
)
def test_story_of_another_language_is_called_so(code: str, language: str, words: str | None) -> None:
    assert in_language(code, language) == words


@pytest.mark.parametrize(
    ("count", "language", "words"),
    [
        (0, "en", "0 reads"),
        (1, "en", "1 read"),
        (1356, "en", "1,356 reads"),
        (0, "fr", "0 lecture"),
        (2, "fr", "2 lectures"),
        (1356, "ar", "القراءات: 1,356"),
        (5, "wo", None),
    ],
)
def test_reads_are_counted_where_there_are_words(count: int, language: str, words: str | None) -> None:
    assert Wording().reads(count, language) == words


def test_sites_words_come_first_and_those_of_an_edition_before() -> None:
    wording = Wording(texts=TEXTS)
    assert wording.heading("fr", "Sahel") == ("À lire aussi", "fr")
    assert wording.heading("fr", "Maghreb") == ("Au Maghreb", "fr")
    assert wording.fallback_heading("fr", "Maghreb") == "Les dernières du Sahel"
    assert wording.fallback_heading("en", "Sahel") is None
    assert wording.reads(2, "fr") == "Lu 2 fois"


@pytest.mark.parametrize(("language", "answer"), [("ar", ("المزيد عن الساحل", "ar")), ("wo", (DEFAULT_HEADING, "en"))])
def test_default_heading_is_translated(language: str, answer: tuple[str, str]) -> None:
    assert Wording().heading(language, "") == answer


def test_own_heading_comes_as_it_is() -> None:
    assert Wording("Nos articles").heading("ar", "") == ("Nos articles", None)
