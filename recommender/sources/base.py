"""The promise of a source."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

MAX_LINE_BYTES = 16 * 1024 * 1024  # a longer line is not an article; reading on would take all memory


@dataclass(frozen=True)
class Record:
    """One record of a source: where it stands (for messages), and its fields or why it could not be read.

    `cause` is the same for all records that cannot be read for one reason; if left out, it is `unreadable`. What is not
    meant to be an article, such as a picture in an export, has its kind in `skipped`, such as "of the type attachment".
    """

    line: int
    fields: Mapping[str, Any]
    unreadable: str = ""
    cause: str = ""
    skipped: str = ""


class Source(Protocol):
    """A stream of records that never holds more than a few of them in memory."""

    @property
    def name(self) -> str:
        """What a message calls it, such as the file's name."""
        ...

    def __iter__(self) -> Iterator[Record]:
        """Every record in order; one that cannot be read has `unreadable` set and does not end the stream."""
        ...
