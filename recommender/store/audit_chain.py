"""The chain of the audit trail: each entry holds a hash of itself and of the hash before, so that none can be changed,
taken out or put in without every later hash becoming another.

The form that is hashed never changes: entries are kept for good, and none is hashed anew.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

START = "0" * 64  # the hash before the first entry
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Of an entry, in the order in which they are hashed.
COLUMNS = (
    "number",
    "at",
    "by",
    "action",
    "subject",
    "article",
    "before",
    "after",
    "why",
    "seconds",
    "request",
)


@dataclass(frozen=True)
class Link:
    """One entry as the chain sees it: its columns as they are stored (`at` in milliseconds), and its hash."""

    values: Mapping[str, Any]
    hash: str

    @property
    def when(self) -> str:
        """Its time in ISO 8601, UTC; as it is stored where that is the time of no day."""
        try:
            return (_EPOCH + timedelta(milliseconds=self.values["at"])).isoformat(timespec="seconds")
        except OverflowError:  # the entry may have been changed to anything
            return f"{self.values['at']} ms"


@dataclass(frozen=True)
class Trail:
    """What was found: how many entries, the hash of the last one (START for none), and the first that does not follow.

    `broken` is an entry whose hash is not that of itself and of the hash before it: it, or one just before it, is no
    longer what was written. `known` says whether the hash that was asked for is one of
    the trail's; a trail that was cut off lacks it. None where none was asked for.
    """

    entries: int
    head: str
    broken: Link | None = None
    known: bool | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing speaks against it."""
        return self.broken is None and self.known is not False


def chained(previous: str, values: Mapping[str, Any]) -> str:
    """The hash of an entry, as 64 hexadecimal digits: SHA-256 of a JSON list of the hash before and the columns.

    The list is written in ASCII without spaces, keys of objects in order, as `json.dumps` writes what it has read.
    """
    listed = json.loads(json.dumps([previous, *(values[name] for name in COLUMNS)]))
    text = json.dumps(listed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def followed(links: Iterable[Link], previous: str = START, noted: str | None = None) -> Trail:
    """Follows entries in their order, from the hash before the first of them on; all are counted, also after a break.

    `noted` is a hash that was noted elsewhere, and START is one that every trail has.
    """
    entries, known = 0, noted == START
    broken: Link | None = None
    for link in links:
        entries += 1
        if broken is None and chained(previous, link.values) != link.hash:
            broken = link
        previous = link.hash
        known = known or link.hash == noted
    return Trail(entries, previous, broken, None if noted is None else known)
