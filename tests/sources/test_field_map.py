"""Which key of a record is which field."""

import pytest

from recommender.sources.field_map import READY, FieldMap, suggested


def test_own_names_need_no_map() -> None:
    mapped = FieldMap().apply({"id": 1, " Title ": "Rain", "BODY": "It rains.", "mood": "grim"})
    assert mapped.values == {"id": 1, "title": "Rain", "body": "It rains."}
    assert mapped.origins["title"] == " Title "
    assert mapped.ignored == ("mood",)


def test_exact_names_come_before_others() -> None:
    assert FieldMap().apply({"ID": "old", "id": "new"}).values == {"id": "new"}


def test_first_place_that_holds_something_counts() -> None:
    field_map = FieldMap.of(["summary=acf.lead|excerpt.rendered"])
    assert field_map.apply({"acf": {"lead": ""}, "excerpt": {"rendered": "Rain."}}).values == {"summary": "Rain."}


def test_places_reach_into_lists() -> None:
    field_map = FieldMap.of(["tags=terms.*.name", "author=people.0.name"])
    record = {"terms": [{"name": "rain"}, {"id": 2}, {"name": "Niger"}], "people": [{"name": "A. Writer"}]}
    assert field_map.apply(record).values == {"tags": ["rain", "Niger"], "author": "A. Writer"}


def test_flattened_columns_are_places() -> None:
    assert FieldMap.of(["wordpress"]).apply({"title.rendered": "Rain"}).values["title"] == "Rain"


def test_later_entry_corrects_a_ready_map() -> None:
    record = {"id": 1, "title": {"rendered": "Rain"}, "headline": "Sun"}
    assert FieldMap.of(["wordpress", "title=headline"]).apply(record).values["title"] == "Sun"


def test_false_says_something() -> None:
    assert FieldMap().apply({"published": False}).values == {"published": False}


@pytest.mark.parametrize("name", READY)
def test_ready_maps_keep_ids_and_titles(name: str) -> None:
    assert FieldMap.of([name]).apply({"id": "a", "title": "Rain"}).values == {"id": "a", "title": "Rain"}


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("datePublished", "posted_on"),
        ("headline", "title"),
        ("lnaguage", "language"),
        ("tag", "tags"),
        ("tags", None),
        ("mood", None),
    ],
)
def test_other_names_are_suggested(key: str, field: str | None) -> None:
    assert suggested(key) == field
