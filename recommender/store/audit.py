"""The promise of the audit trail. Times are UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from recommender.store.audit_chain import Trail

# What a publishing system does to an article. These are not decisions of editors.
CHANGE_ARTICLE, WITHDRAW = "article", "withdraw"
# What is done with model versions.
PROMOTE, ROLL_BACK, START_SHADOW, END_SHADOW = "promote", "rollback", "shadow", "shadow-off"
START_TRIAL, END_TRIAL = "interleave", "interleave-off"
PUBLISHING = (CHANGE_ARTICLE, WITHDRAW)


@dataclass(frozen=True)
class AuditEntry:
    """One line of the audit trail: who did what to what, when, what it was before and after, and why.

    `article` is the number of the article it is about, `subject` what people call what was changed, `seconds` how long
    the editor looked at it before.
    """

    at: datetime
    by: str
    action: str
    subject: str = ""
    article: int | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    why: str = ""
    seconds: int = 0
    number: int = 0


@dataclass(frozen=True)
class AuditQuery:
    """Which entries: of an article, a person, an action; from `since` on; numbered below `before`."""

    article: int | None = None
    by: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


class AuditStore(Protocol):
    """The audit trail. Entries are added; the database itself refuses to change, remove or replace one.

    Each entry holds a hash of itself and of the hash before (`audit_chain`).
    """

    def append(self, entry: AuditEntry, key: str | None = None) -> int:
        """Adds an entry and gives its number. `key` names the request it comes from; None where it has no name.

        Raises ValueError if an entry with this key is there: ask `by_key` first, in the same transaction.
        """
        ...

    def by_key(self, key: str) -> AuditEntry | None:
        """The entry that a request has made, for a request that is sent twice."""
        ...

    def get(self, number: int) -> AuditEntry | None:
        """One entry."""
        ...

    def entries(self, query: AuditQuery, limit: int) -> list[AuditEntry]:
        """Entries, the latest first; those of `until` and later are left out."""
        ...

    def latest(self, article: int) -> int:
        """The number of the latest entry about an article that is none of PUBLISHING; 0 if there is none."""
        ...

    def effort(self, since: datetime) -> list[tuple[str, int, int]]:
        """By person from a time on: name, how many decisions about articles, and seconds spent on them; most first."""
        ...

    def trail(self, noted: str | None = None) -> Trail:
        """Follows the chain from the first entry to the last; `noted` is a hash that it should have."""
        ...
