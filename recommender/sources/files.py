"""Files of each format as streams of records; a broken line of JSONL or CSV does not spoil the others."""

import csv
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from io import BufferedReader, RawIOBase, TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import IO

from recommender.errors import InvalidInput
from recommender.sources.base import MAX_LINE_BYTES, Record, Source
from recommender.sources.bounded_json import OversizedJson, loads
from recommender.sources.feeds import FeedFile
from recommender.sources.field_map import FIELDS, FieldMap
from recommender.sources.json_documents import is_document, records
from recommender.sources.markdown import MarkdownFolder
from recommender.sources.wordpress import WordPressExport

_SKIP_BYTES = 1024 * 1024
_NAME_ENCODING = "save the file as UTF-8, or name its encoding with --encoding, such as cp1252"
_HEAD_BYTES = 64 * 1024
_DELIMITERS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*')  # Excel's own, above the header
_WHOLE_FLOAT = re.compile(r"(\d{1,15})\.0")  # what a data frame with gaps makes of a whole number


def open_source(
    stream: IO[bytes],
    name: str,
    file_format: str | None = None,
    field_map: FieldMap = FieldMap(),  # noqa: B008  # frozen
) -> Source:
    """The source for an open file. Without `file_format` the ending of its name decides.

    `field_map` tells which columns of a table are needed. Raises InvalidInput for an ending that says nothing.
    """
    ending = (file_format or Path(name).suffix.removeprefix(".")).lower()
    wanted = _OTHER_ENDINGS.get(ending, ending)
    if wanted == "xml":
        head = stream.read(_HEAD_BYTES)
        stream = BufferedReader(_HeadFirst(head, stream))
        wanted = "wxr" if _WORDPRESS in head else "feed"
    if wanted == "csv":
        return CsvFile(stream, name, field_map)
    make = FORMATS.get(wanted) or DOCUMENTS.get(wanted)
    if make is None:
        options = " or ".join(f"--format {known}" for known in FORMAT_NAMES)
        raise InvalidInput(f"The format of {name!r} is not clear from its name; give {options}.")
    return make(stream, name)


def is_address(name: str) -> bool:
    """Whether the name of an input is an address to fetch."""
    return name.lower().startswith(("http://", "https://"))


def open_folder(folder: Path) -> Source:
    """The source for a folder of Markdown files."""
    return FOLDERS["markdown"](folder)


class JsonLines:
    """One JSON object a line, in UTF-8."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self.name = name
        self._stream = stream

    def __iter__(self) -> Iterator[Record]:
        """Every non-empty line in order."""
        for number, line in enumerate(self._lines(), start=1):
            if line is None:
                yield Record(number, {}, f"is longer than {MAX_LINE_BYTES:,} bytes; write one article a line")
            elif line.strip():
                yield _parsed(number, line)

    def _lines(self) -> Iterator[bytes | None]:
        while line := self._stream.readline(MAX_LINE_BYTES + 1):
            if len(line) <= MAX_LINE_BYTES:
                yield line
                continue
            while line and not line.endswith(b"\n"):
                line = self._stream.readline(_SKIP_BYTES)
            yield None


def _parsed(number: int, line: bytes) -> Record:
    try:
        value = loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        return Record(number, {}, f"is not UTF-8 at byte {error.start}; {_NAME_ENCODING}", "is not UTF-8")
    except OversizedJson as error:
        return Record(number, {}, f"{error}; write one flat JSON object a line")
    except ValueError as error:
        reason = f"is not valid JSON ({error}); write one JSON object a line"
        return Record(number, {}, reason, "is not valid JSON")
    if not isinstance(value, dict):
        return Record(number, {}, f"is a JSON {type(value).__name__}, not an object; write one article a line")
    return Record(number, value)


class JsonFile:
    """JSON of any shape: one object a line, or arrays of objects, also several, or inside an object of their own."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self.name = name
        self._stream = stream

    def __iter__(self) -> Iterator[Record]:
        """Every object in order."""
        head = self._stream.read(_HEAD_BYTES)
        whole = BufferedReader(_HeadFirst(head, self._stream))
        if is_document(head.decode("utf-8", "replace")):
            yield from records(whole)
        else:
            yield from JsonLines(whole, self.name)


class _HeadFirst(RawIOBase):
    """A stream whose beginning has been read already."""

    def __init__(self, head: bytes, stream: IO[bytes]) -> None:
        self._head = head
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer
        data = self._head[: len(buffer)] or self._stream.read(len(buffer))
        self._head = self._head[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


class CsvFile:
    """A table with a header line, in UTF-8: columns separated by commas, semicolons, tabs or bars.

    Labels in one cell are separated by `;`. `field_map` names the columns of an article's fields.
    """

    def __init__(self, stream: IO[bytes], name: str, field_map: FieldMap = FieldMap()) -> None:  # noqa: B008  # frozen
        self.name = name
        self._stream = stream
        self._field_map = field_map
        self._ids: list[str] = []

    def __iter__(self) -> Iterator[Record]:
        """Every row in order, numbered by the last line it stands on.

        Raises InvalidInput where the header lacks a column `id` or `title`: then no row can be right.
        """
        usual = csv.field_size_limit(MAX_LINE_BYTES)  # of the whole process: other code reads tables as well
        try:
            yield from self._records()
        finally:
            csv.field_size_limit(usual)

    def _records(self) -> Iterator[Record]:
        # Bytes that are not UTF-8 become lone surrogates, so that the row they stand in can be named.
        text = TextIOWrapper(self._stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        first = text.readline()
        separator, above = _SEPARATOR_LINE.fullmatch(first), 0
        if separator:
            first, above = text.readline(), 1
        delimiter = separator[1] if separator else self._delimiter(first)
        rows = csv.DictReader(chain([first], text) if first else text, strict=True, delimiter=delimiter)
        try:
            header = rows.fieldnames or []
        except csv.Error as error:
            raise InvalidInput(f"{self.name}: the header line cannot be read ({error}).") from error
        if missing := [column for column in ("id", "title") if not self._field_map.found_in(column, header)]:
            raise InvalidInput(
                f"{self.name}: the first line must name the columns; {' and '.join(missing)} not found in "
                f"{', '.join(map(repr, header)) or 'an empty line'}. Where they have other names, say which: "
                f"{' '.join(f'--map {column}=COLUMN' for column in missing)}."
            )
        self._ids = self._field_map.columns("id", header)
        while True:
            try:
                row = next(rows)
            except StopIteration:
                text.detach()
                return
            except csv.Error as error:
                reason = f"is not valid CSV ({error}); quote fields that hold quotes or lines"
                yield Record(rows.line_num + above, {}, reason, "is not valid CSV")
                continue
            yield self._record(rows.line_num + above, row)

    def _delimiter(self, header: str) -> str:
        """The separator under which most columns are known, and of those with equally many the first."""

        def known(delimiter: str) -> tuple[int, int]:
            try:
                columns = next(csv.reader([header], delimiter=delimiter), [])
            except csv.Error:
                columns = []
            return sum(bool(self._field_map.columns(field, columns)) for field in FIELDS), len(columns)

        return max(_DELIMITERS, key=known)

    def _record(self, line: int, row: dict[str, str | None]) -> Record:
        if None in row:
            return Record(line, {}, "has more fields than the header; quote fields that hold commas")
        for column, value in row.items():
            if value and any("\udc80" <= character <= "\udcff" for character in value):
                return Record(line, {}, f"{column} is not UTF-8; {_NAME_ENCODING}", "is not UTF-8")
        for column in self._ids:
            if match := _WHOLE_FLOAT.fullmatch(row[column] or ""):
                row[column] = match[1]
        return Record(line, row)


# What `--format` takes, which is the usual ending of such a file, and the source that reads it.
FORMATS: Mapping[str, Callable[[IO[bytes], str], Source]] = {
    "jsonl": JsonLines,
    "json": JsonFile,
    "csv": CsvFile,
    "wxr": WordPressExport,
}
# The same for documents that are read as a whole, in whatever encoding they name.
DOCUMENTS: Mapping[str, Callable[[IO[bytes], str], Source]] = {"feed": FeedFile}
FORMAT_NAMES = (*FORMATS, *DOCUMENTS)
_OTHER_ENDINGS = {"ndjson": "jsonl", "tsv": "csv", "tab": "csv", "rss": "feed", "atom": "feed", "rdf": "feed"}
_WORDPRESS = b"wordpress.org/export"  # the namespace of its own exports, which are XML as feeds are
# The same for folders.
FOLDERS: Mapping[str, Callable[[Path], Source]] = {"markdown": MarkdownFolder}


def standard_input() -> IO[bytes]:
    """The bytes piped into the command."""
    return sys.stdin.buffer
