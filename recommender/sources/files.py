"""JSONL and CSV files as streams of records; a broken line does not spoil the others."""

import csv
import sys
from collections.abc import Callable, Iterator, Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import IO

from recommender.errors import InvalidInput
from recommender.sources.base import MAX_LINE_BYTES, Record, Source
from recommender.sources.bounded_json import OversizedJson, loads

_SKIP_BYTES = 1024 * 1024


def open_source(stream: IO[bytes], name: str, file_format: str | None = None) -> Source:
    """The source for an open file. Without `file_format` the ending of its name decides.

    Raises InvalidInput for an ending that says nothing.
    """
    ending = (file_format or Path(name).suffix.removeprefix(".")).lower()
    wanted = _OTHER_ENDINGS.get(ending, ending)
    if wanted not in FORMATS:
        options = " or ".join(f"--format {known}" for known in FORMATS)
        raise InvalidInput(f"The format of {name!r} is not clear from its name; give {options}.")
    return FORMATS[wanted](stream, name)


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
        return Record(number, {}, f"is not UTF-8 at byte {error.start}; save the file as UTF-8")
    except OversizedJson as error:
        return Record(number, {}, f"{error}; write one flat JSON object a line")
    except ValueError as error:
        return Record(number, {}, f"is not valid JSON ({error}); write one JSON object a line")
    if not isinstance(value, dict):
        return Record(number, {}, f"is a JSON {type(value).__name__}, not an object; write one article a line")
    return Record(number, value)


class CsvFile:
    """Comma-separated values with a header line, in UTF-8; labels in one cell are separated by `;`."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self.name = name
        self._stream = stream

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
        rows = csv.DictReader(text, strict=True)
        try:
            header = rows.fieldnames or []
        except csv.Error as error:
            raise InvalidInput(f"{self.name}: the header line cannot be read ({error}).") from error
        if missing := [column for column in ("id", "title") if column not in header]:
            raise InvalidInput(
                f"{self.name}: the first line must name the columns; {' and '.join(missing)} not found in "
                f"{', '.join(map(repr, header)) or 'an empty line'}."
            )
        while True:
            try:
                row = next(rows)
            except StopIteration:
                text.detach()
                return
            except csv.Error as error:
                yield Record(rows.line_num, {}, f"is not valid CSV ({error}); quote fields that hold quotes or lines")
                continue
            yield self._record(rows.line_num, row)

    def _record(self, line: int, row: dict[str, str | None]) -> Record:
        if None in row:
            return Record(line, {}, "has more fields than the header; quote fields that hold commas")
        for column, value in row.items():
            if value and any("\udc80" <= character <= "\udcff" for character in value):
                return Record(line, {}, f"{column} is not UTF-8; save the file as UTF-8")
        return Record(line, row)


# What `--format` takes, which is the usual ending of such a file, and the source that reads it.
FORMATS: Mapping[str, Callable[[IO[bytes], str], Source]] = {"jsonl": JsonLines, "csv": CsvFile}
_OTHER_ENDINGS = {"ndjson": "jsonl", "json": "jsonl"}


def standard_input() -> IO[bytes]:
    """The bytes piped into the command."""
    return sys.stdin.buffer
