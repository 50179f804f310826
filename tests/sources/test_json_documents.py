"""JSON that is not one object a line."""

import io
import json
from itertools import islice
from typing import Any

import pytest

from recommender.sources import json_documents
from recommender.sources.files import JsonFile
from tests.contracts.test_sources import Endless


def read(text: str) -> list[Any]:
    """The ids of a file's records, and of those that cannot be read, why."""
    records = JsonFile(io.BytesIO(text.encode()), "a.json")
    return [record.unreadable or record.fields.get("id") for record in records]


GHOST = {
    "db": [{"meta": {"v": [{"id": 9}]}, "data": {"posts": [{"id": 1, "tags": [{"id": 7}]}], "users": [{"id": 8}]}}]
}
JSON_API = {"jsonapi": {"version": "1.0"}, "data": [{"id": 1, "relationships": {"tags": {"data": [{"id": 8}]}}}]}
FEED = {"version": "https://jsonfeed.org/version/1.1", "title": "News", "items": [{"id": 1}]}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("value", [[{"id": 1}], {"posts": [{"id": 1}]}, GHOST, JSON_API, FEED, [[{"id": 1}]]])
def test_lists_are_found_where_they_are(value: object, indent: int | None) -> None:
    assert read(json.dumps(value, indent=indent)) == [1]


def test_own_lists_of_an_article_are_its_own() -> None:
    assert read('{"id": 1, "data": [{"id": 2}]}\n{"id": 3}') == [1, 3]


def test_several_arrays_in_a_file() -> None:
    assert read('[{"id": 1}]\n[\n{"id": 2}, {"id": 3}\n]') == [1, 2, 3]


def test_objects_printed_large() -> None:
    assert read('{\n "id": 1\n}\n{\n "id": 2\n}\n') == [1, 2]


def test_broken_line_is_no_document() -> None:
    first, second = read('{"id": 1,\n{"id": 2}\n')
    assert (first.startswith("is not valid JSON"), second) == (True, 2)


def test_broken_record_costs_only_itself() -> None:
    first, second, third, fourth = read('[{"id": 1}, {"id": 2,}, 7, {"id": 4}]')
    assert (first, fourth) == (1, 4)
    assert second.startswith("is not valid JSON (")
    assert third.startswith("is a JSON value, not an object")


def test_file_that_ends_too_early_says_so() -> None:
    assert read('[{"id": 1}, {"id": 2') == [1, "is not valid JSON: it does not end; write a list of objects"]


def test_giant_record_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_documents, "MAX_LINE_BYTES", 1_000)
    monkeypatch.setattr(json_documents, "_CHUNK", 100)
    giant = json.dumps({"id": 1, "body": 'say \\"x\\" ' * 1_000})
    first, second = read(f'[{giant}, {{"id": 2}}]')
    assert (first, second) == ("is longer than 1,000 bytes; an article is shorter", 2)


def test_lines_are_those_of_the_file() -> None:
    records = JsonFile(io.BytesIO(b'[\n{"id": 1},\n\n{\n"id": 2}, {"id": 3}]'), "a.json")
    assert [record.line for record in records] == [2, 4, 5]


def test_documents_are_read_piece_by_piece() -> None:
    stream = io.BufferedReader(Endless(b"[", b'{"id": "a"},\n'))
    assert len(list(islice(JsonFile(stream, "a.json"), 1_000))) == 1_000


@pytest.mark.parametrize("text", ["", "[]", "  \n", "[[]]"])
def test_nothing_is_no_record(text: str) -> None:
    assert read(text) == []
