"""The promise of whole copies: every table as lines of JSON, the same on every database, and back again."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

INTEGER, REAL, TEXT, BOOLEAN, BYTES, DOCUMENT = "integer", "real", "text", "boolean", "bytes", "json"
_TYPES: Mapping[str, tuple[type, ...]] = {
    INTEGER: (int,),
    REAL: (float, int),
    TEXT: (str,),
    BOOLEAN: (bool,),
    BYTES: (str,),
    DOCUMENT: (str,),
}


@dataclass(frozen=True)
class TableShape:
    """A table: its columns in order with the kind of each, and the highest number it has ever given to a row.

    A number is never given twice, so the next row after a restore has a higher one; 0 where none was given.
    """

    name: str
    columns: Mapping[str, str]
    last_number: int


@dataclass(frozen=True)
class TableSummary:
    """What a table holds: its shape, how many rows, and the SHA-256 of their lines in the order of the primary key."""

    shape: TableShape
    rows: int
    sha256: str


class Snapshot(Protocol):
    """Everything that is kept, as of one moment. Derived tables (full-text search) are left out."""

    @property
    def schema(self) -> str:
        """The revision of the schema."""
        ...

    def tables(self) -> list[TableShape]:
        """Every table, each after those that it refers to."""
        ...

    def lines(self, name: str) -> Iterator[bytes]:
        """The rows of a table in the order of its primary key (text by its bytes), each a line for `from_line`."""
        ...


class Load(Protocol):
    """Empty tables of some schema, to be filled."""

    def tables(self) -> list[TableShape]:
        """Every table, each after those that it refers to."""
        ...

    def insert(self, shape: TableShape, rows: Sequence[Sequence[Any]]) -> None:
        """Adds rows, with values in the order of the columns."""
        ...

    def give_numbers_after(self, shapes: Sequence[TableShape]) -> None:
        """The next row of each table has a higher number than any before it."""
        ...

    def lines(self, name: str) -> Iterator[bytes]:
        """As `Snapshot.lines`."""
        ...


class Dump(Protocol):
    """A database whose whole content can be read and replaced."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """What is kept now, while others go on writing. Raises StoreUnavailable for tables of a newer release."""
        ...

    def replacing(self, schema: str) -> AbstractContextManager[Load]:
        """One transaction that drops all tables and makes those of a schema; at its end they become this release's.

        Nothing has changed where it ends with an error.
        """
        ...

    def knows(self, schema: str) -> bool:
        """Whether this release knows a revision of the schema."""
        ...

    def is_empty(self) -> bool:
        """Whether nothing has been kept yet. Raises StoreUnavailable where that cannot be told."""
        ...

    def others(self) -> int:
        """How many other processes are connected; a file does not know."""
        ...


def to_line(values: Sequence[Any]) -> bytes:
    """A row as a line of JSON; bytes as base64."""
    plain = [base64.b64encode(value).decode() if isinstance(value, bytes | memoryview) else value for value in values]
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def from_line(line: bytes, kinds: Sequence[str]) -> list[Any]:
    """The values of a line. Raises ValueError for one that is not a row of such columns."""
    values = json.loads(line)
    if not isinstance(values, list) or len(values) != len(kinds):
        raise ValueError(f"not a row of {len(kinds)} columns")
    return [_value(value, kind) for value, kind in zip(values, kinds, strict=True)]


def _value(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != BOOLEAN):
        raise ValueError(f"{value!r:.40} is not of the kind {kind}")
    return _bytes(str(value)) if kind == BYTES else value


def _bytes(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError(f"{value!r:.40} is not base64") from error
