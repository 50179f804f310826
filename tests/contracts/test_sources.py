"""What every source of records promises."""

import io
from itertools import islice

import pytest

from recommender.sources import files
from recommender.sources.base import MAX_LINE_BYTES, Record, Source
from recommender.sources.files import open_source

# A record of each format of `files.FORMATS`, one that is broken, and one in Latin-1.
GOOD = {
    "jsonl": b'{"id": "a", "title": "Caf\xc3\xa9"}',
    "json": b'{"id": "a", "title": "Caf\xc3\xa9"}',
    "csv": b"a,Caf\xc3\xa9",
    "wxr": b"<item><wp:post_type>post</wp:post_type><wp:post_id>a</wp:post_id><title>Caf\xc3\xa9</title></item>",
}
BROKEN = {"jsonl": b"{broken", "json": b"{broken", "csv": b'"a"b,c', "wxr": b"<item><title>&</title></item>"}
LATIN = {
    "jsonl": b'{"id": "a", "title": "Caf\xe9"}',
    "json": b'{"id": "a", "title": "Caf\xe9"}',
    "csv": b"a,Caf\xe9",
    "wxr": b"<item><wp:post_type>post</wp:post_type><wp:post_id>a</wp:post_id><title>Caf\xe9</title></item>",
}
HEADER = {
    "jsonl": b"",
    "json": b"",
    "csv": b"id,title\n",
    "wxr": b'<rss xmlns:wp="http://wordpress.org/export/1.2/">\n',
}


@pytest.mark.parametrize("examples", [GOOD, BROKEN, LATIN, HEADER], ids=["good", "broken", "latin", "header"])
def test_every_format_has_its_examples(examples: dict[str, bytes]) -> None:
    assert set(examples) == set(files.FORMATS), "give the tests of all sources an example of each format"


@pytest.fixture(params=GOOD)
def kind(request: pytest.FixtureRequest) -> str:
    parameter: str = request.param
    return parameter


def source(kind: str, *lines: bytes, end: bytes = b"\n", mark: bytes = b"") -> Source:
    """A file of these lines; `mark` stands at its very beginning."""
    content = mark + HEADER[kind].replace(b"\n", end) + end.join(lines) + end
    return open_source(io.BytesIO(content), f"news.{kind}")


def readable(records: list[Record]) -> list[bool]:
    return [not record.unreadable for record in records]


def test_records_come_in_order(kind: str) -> None:
    records = list(source(kind, *[GOOD[kind]] * 3))
    assert [dict(record.fields) for record in records] == [{"id": "a", "title": "Café"}] * 3
    assert readable(records) == [True] * 3


def test_lines_are_those_of_the_file(kind: str) -> None:
    first = 2 if HEADER[kind] else 1
    assert [record.line for record in source(kind, *[GOOD[kind]] * 3)] == [first, first + 1, first + 2]


def test_broken_records_end_nothing(kind: str) -> None:
    records = list(source(kind, GOOD[kind], BROKEN[kind], GOOD[kind]))
    assert readable(records) == [True, False, True]
    assert "is not valid" in records[1].unreadable


def test_other_encodings_are_named(kind: str) -> None:
    records = list(source(kind, LATIN[kind], GOOD[kind]))
    assert readable(records) == [False, True]
    assert "is not UTF-8" in records[0].unreadable


def test_byte_order_mark_is_no_content(kind: str) -> None:
    (record,) = source(kind, GOOD[kind], mark=b"\xef\xbb\xbf")
    assert record.fields["id"] == "a"


def test_lines_of_windows_are_read(kind: str) -> None:
    assert len(list(source(kind, GOOD[kind], GOOD[kind], end=b"\r\n"))) == 2


def test_empty_lines_are_no_records(kind: str) -> None:
    assert len(list(source(kind, GOOD[kind], b"", GOOD[kind]))) == 2


def test_source_is_called_by_its_name(kind: str) -> None:
    assert source(kind).name == f"news.{kind}"


class Endless(io.RawIOBase):
    """A file without end."""

    def __init__(self, head: bytes, line: bytes) -> None:
        self._rest = head
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while len(self._rest) < len(buffer):
            self._rest += self._line * 100
        buffer[:] = self._rest[: len(buffer)]
        self._rest = self._rest[len(buffer) :]
        return len(buffer)


def test_streams_are_read_piece_by_piece(kind: str) -> None:
    stream = io.BufferedReader(Endless(HEADER[kind], GOOD[kind] + b"\n"))
    assert len(list(islice(open_source(stream, f"news.{kind}"), 1_000))) == 1_000


def test_giant_lines_cost_only_themselves(kind: str) -> None:
    giant = GOOD[kind].replace(b"Caf", b"C" * MAX_LINE_BYTES)
    records = list(source(kind, GOOD[kind], giant, GOOD[kind]))
    assert readable(records) == [True, False, True]
