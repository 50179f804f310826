"""What two stories share, and the line that says so to readers."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from recommender.articles.article import Article
from recommender.articles.gazetteer import Gazetteer, Name
from recommender.articles.reasons import MONTHS, reason, reported, shared
from tests.factories import GAZETTEER


def article(*countries: str, tags: tuple[str, ...] = ()) -> Article:
    return Article(id="a", title="t", countries=countries, tags=tags)


def said(*names: str, countries: tuple[str, ...] = (), language: str = "en") -> str | None:
    return reason({"names": list(names), "tags": ["gold"], "countries": list(countries)}, GAZETTEER, language)


def test_common_labels_keep_the_sources_order() -> None:
    source, other = article("Mali", "Niger", "Chad", tags=("a", "b", "c")), article("Chad", "Mali", tags=("c", "b"))
    assert shared(source, ["jnim", "niger", "mali"], other, ("mali", "jnim")) == {
        "countries": ["Mali", "Chad"],
        "tags": ["b", "c"],
        "names": ["jnim", "mali"],
    }


def test_unknown_sources_share_nothing() -> None:
    assert shared(None, [], article("Mali", tags=("a",)), ("mali",)) == {"countries": [], "tags": [], "names": []}


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (["niamey", "jnim"], "Also about JNIM and Niamey"),  # who stands before where
        (["jnim", "bazoum", "niamey"], "Also about JNIM and Niamey"),
        (["jnim", "bazoum"], "Also about JNIM and Mohamed Bazoum"),
        (["niamey", "mali"], "Also about Niamey and Mali"),
        (["jnim", "bazoum", "mali"], "Also about JNIM and Mali"),
        (["coup", "niamey"], "Also about Niamey"),  # a subject only where there is nothing else
        (["coup"], "Also about coups"),
        (["gone", "jnim"], "Also about JNIM"),  # no longer in the table
    ],
)
def test_reason_says_who_and_where(names: list[str], line: str) -> None:
    assert said(*names, countries=("Chad",)) == line


def test_countries_stand_in_for_names() -> None:
    assert said(countries=("Mali", "Niger", "Chad")) == "Also about Mali and Niger"
    assert said("gone", countries=("Mali",)) == "Also about Mali"


def test_shared_countries_are_called_as_on_the_page() -> None:
    table = Gazetteer([Name("chad", "country", "Chad", "Tchad")])
    common = {"names": [], "tags": [], "countries": ["Chad", "Elsewhere"]}
    assert reason(common, table, "fr") == "Également : Tchad, Elsewhere"
    assert reason(common | {"countries": ["Tchad"]}, table, "en") == "Also about Chad"


def test_place_and_what_holds_it_are_one() -> None:
    assert said("niamey", "niger") == "Also about Niamey"
    assert said("niger", "niamey", "mali") == "Also about Niger and Mali"


def test_person_and_their_group_are_one() -> None:
    table = Gazetteer(
        [
            Name("koufa", "person", "Amadou Koufa", "Amadou Koufa", within=("jnim",)),
            Name("jnim", "group", "JNIM", "JNIM"),
            Name("fla", "group", "the FLA", "FLA"),
        ]
    )
    common = {"names": ["koufa", "jnim", "fla"], "tags": [], "countries": []}
    assert reason(common, table, "en") == "Also about Amadou Koufa and the FLA"


def test_wide_regions_are_no_reason() -> None:
    table = Gazetteer([Name("sahel", "region", "the Sahel", "Sahel"), Name("mali", "country", "Mali", "Mali")])
    assert reason({"names": ["sahel"], "tags": [], "countries": []}, table, "en") is None
    assert reason({"names": ["sahel", "mali"], "tags": [], "countries": []}, table, "en") == "Also about Mali"


@pytest.mark.parametrize(
    ("language", "dated", "undated"),
    [
        ("en", "reported on 1 August 2024", "reported already"),
        ("fr", "publié le 1er août 2024", "déjà publié"),
        ("ha", "reported on 1 August 2024", "reported already"),
    ],
)
def test_earlier_reports_say_when(language: str, dated: str, undated: str) -> None:
    posted = replace(article(), posted_on=datetime(2024, 8, 1, 23, tzinfo=UTC))
    assert reported(posted, language) == dated
    assert reported(article(), language) == undated


def test_only_the_first_is_an_ordinal() -> None:
    assert (
        reported(replace(article(), posted_on=datetime(2024, 12, 21, tzinfo=UTC)), "fr") == "publié le 21 décembre 2024"
    )


def test_years_have_twelve_months() -> None:
    assert [len(set(MONTHS[language])) for language in ("en", "fr")] == [12, 12]


def test_nothing_shared_gives_no_reason() -> None:
    assert said() is None


def test_french_pages_read_french() -> None:
    assert said("coup", language="fr") == "Également : coups d'État"
    assert said("jnim", "niamey", language="fr") == "Également : JNIM, Niamey"
