"""The promise of the ledger: what was shown beside which article, from when on. Times are UTC."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol


@dataclass(frozen=True)
class Shown:
    """A sidebar as it stood beside an article from `at` on, until the next one of the same source.

    `items` are article numbers in their order; `digest` names what readers see, `document` is the JSON of the answer
    with the reasons for it; `doubt` in [0, 1] says how much it needs review; `fallbacks` how many teasers are not
    related. `served` says whether it has been given to a page, and not only been computed.
    """

    source: int
    at: datetime
    revision: int
    digest: str
    items: tuple[int, ...]
    document: str
    doubt: float = 0.0
    fallbacks: int = 0
    served: bool = False
    number: int = 0


@dataclass(frozen=True)
class Stay:
    """An article stood beside another in a slot (from 1) for a time; `until` is None while it stands there."""

    source: int
    slot: int
    since: datetime
    until: datetime | None


class Outlook(NamedTuple):
    """What the queue needs of the sidebar that an article has now."""

    source: int
    digest: str
    doubt: float
    fallbacks: int
    teasers: int


class LedgerStore(Protocol):
    """What was shown beside which article, and when."""

    def append(self, rows: Iterable[Shown]) -> int:
        """Adds those that differ from the sidebar before them, and returns how many.

        One that equals the sidebar of its time only makes it served, if it is. Rows of several processes may come out
        of order: one that is earlier than the current sidebar becomes history.
        """
        ...

    def as_of(self, source: int, at: datetime) -> Shown | None:
        """The sidebar that stood beside an article at a time."""
        ...

    def history(self, source: int, limit: int) -> list[Shown]:
        """The sidebars of an article, the latest first."""
        ...

    def stays(self, target: int, limit: int) -> list[Stay]:
        """Where an article has been shown: those still standing first, then the latest."""
        ...

    def counts(self, targets: Sequence[int] | None = None) -> dict[int, int]:
        """In how many sidebars articles stand now; those in none are left out."""
        ...

    def sources_showing(self, targets: Sequence[int]) -> set[int]:
        """The articles in whose sidebars one of some articles stands now."""
        ...

    def outlooks(self, after: int = 0) -> list[Outlook]:
        """The current sidebar of every article, in brief; only those that were added after a line of the ledger."""
        ...

    def last(self) -> int:
        """The number of the last line, 0 before the first: while it stays, so do the current sidebars."""
        ...
