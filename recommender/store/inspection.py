"""The promise of looking for faults in what is kept. Nothing is changed by it, the schema included."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from recommender.store.audit_chain import Trail
from recommender.store.keys import ApiKey


@dataclass(frozen=True)
class Flaw:
    """Something in the database that is not as it must be, and what to do about it, each in one line."""

    problem: str
    advice: str

    def __str__(self) -> str:
        return f"{self.problem}. {self.advice}."


@dataclass(frozen=True)
class Schema:
    """The revision of the tables that are there (None: none yet), and what this release makes of it."""

    kept: str | None
    newest: str
    known: bool


@dataclass(frozen=True)
class LiveBuild:
    """What readers get: the live generation, what it was built with, when, and how much has changed since."""

    generation: int
    model_version: str | None
    model: str
    built_on: datetime
    articles: int
    changed: int
    left: int


class Inspection(Protocol):
    """A database as those see it who look for faults."""

    def schema(self) -> Schema:
        """The schema. Raises StoreUnavailable where the database does not answer."""
        ...

    def flaws(self, *, quick: bool = False) -> Iterator[Flaw]:
        """Everything that is not as it must be: tables, then what they say of each other.

        With `quick` no more than what takes a second on a large archive. A part that cannot be read is a flaw too, and
        the next one is looked at.
        """
        ...

    def trail(self, noted: str | None = None) -> Trail:
        """The chain of the audit trail; see `AuditStore.trail`."""
        ...

    def live(self) -> LiveBuild | None:
        """What readers get; None before the first build."""
        ...

    def api_keys(self) -> list[ApiKey]:
        """All API keys, ended ones included."""
        ...

    def clock(self) -> datetime | None:
        """The time by the database's clock; None where the database has none of its own."""
        ...

    def latest(self) -> datetime | None:
        """The latest time that stands in what was kept; None where nothing was."""
        ...

    def size(self) -> int:
        """Bytes on the disk."""
        ...
