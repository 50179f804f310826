"""What the editors' desk keeps besides signals: people, audit trail, reviews, grades, what was shown. Times are UTC.

Every store here is part of `Store`, and takes part in the transaction that the calling thread is in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from recommender.signals import Signal

# -- people ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Account:
    """Somebody who may sign in. `password` is a hash, None before one is chosen; `failures` are those in a row."""

    name: str
    role: str
    created: datetime
    password: str | None = None
    disabled: bool = False
    failures: int = 0
    locked_until: datetime | None = None
    number: int = 0


class AccountStore(Protocol):
    """Accounts, their sessions and one-time links. Tokens are kept as hashes only."""

    def add(self, account: Account) -> int:
        """Keeps a new account and gives its number. Raises InvalidInput if the name is taken, in whatever case."""
        ...

    def by_name(self, name: str) -> Account | None:
        """The account with a name, in whatever case."""
        ...

    def by_number(self, number: int) -> Account | None:
        """The account with a number."""
        ...

    def everyone(self) -> list[Account]:
        """All accounts by name."""
        ...

    def replace(self, account: Account) -> None:
        """Keeps an account's new role, password, lock and state under its number."""
        ...

    def open_session(self, token: str, account: int, at: datetime, until: datetime) -> None:
        """Keeps a session under the hash of its token, and drops sessions that are over."""
        ...

    def session(self, token: str, at: datetime) -> Account | None:
        """Whose session it is, unless it is over."""
        ...

    def close_session(self, token: str) -> None:
        """Ends one session."""
        ...

    def close_sessions(self, account: int) -> None:
        """Ends all sessions of an account and voids its links."""
        ...

    def add_link(self, token: str, account: int, until: datetime) -> None:
        """Keeps a one-time link under the hash of its token."""
        ...

    def link(self, token: str, at: datetime) -> Account | None:
        """Whose link it is, unless it is over or used."""
        ...

    def use_link(self, token: str, at: datetime) -> Account | None:
        """The same, and from now on the link is used: of two who use it at once one gets nothing."""
        ...

    def secret(self, name: str, new: str) -> str:
        """The secret kept under a name; `new` where there is none yet."""
        ...


# -- the audit trail ---------------------------------------------------------------------------------------------------

# What a publishing system does to an article. These are no decisions of editors.
CHANGE_ARTICLE, WITHDRAW = "article", "withdraw"
# What is done with model versions.
PROMOTE, ROLL_BACK, START_SHADOW, END_SHADOW = "promote", "rollback", "shadow", "shadow-off"
START_TRIAL, END_TRIAL = "interleave", "interleave-off"
PUBLISHING = (CHANGE_ARTICLE, WITHDRAW)


@dataclass(frozen=True)
class Entry:
    """One line of the audit trail: who did what to what, when, what it was before and after, and why.

    `article` is the number of the article it is about, `subject` what people call what was changed, `seconds` how long
    it was looked at before.
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
    """The audit trail. Entries are added; the database itself refuses to change or remove one."""

    def append(self, entry: Entry, key: str | None = None) -> int:
        """Adds an entry and gives its number. `key` names the request it comes from; None where it has no name.

        Raises ValueError if an entry with this key is there: ask `by_key` first, in the same transaction.
        """
        ...

    def by_key(self, key: str) -> Entry | None:
        """The entry that a request has left, for one that is sent twice."""
        ...

    def get(self, number: int) -> Entry | None:
        """One entry."""
        ...

    def entries(self, query: AuditQuery, limit: int) -> list[Entry]:
        """Entries, the latest first."""
        ...

    def latest(self, article: int) -> int:
        """The number of the latest entry about an article that is none of PUBLISHING; 0 if there is none."""
        ...

    def effort(self, since: datetime) -> list[tuple[str, int, int]]:
        """By person from a time on: name, how many decisions about articles, and seconds spent on them."""
        ...


# -- signals and reviews -----------------------------------------------------------------------------------------------


class SignalStore(Protocol):
    """Signals and policies, those of the past included."""

    def add(self, signals: Sequence[Signal]) -> list[int]:
        """Keeps new ones and gives their numbers. Counts as a change for every reader."""
        ...

    def end(self, numbers: Sequence[int], at: datetime, by: str) -> None:
        """Takes back those that are not ended yet. Counts as a change for every reader."""
        ...

    def get(self, numbers: Sequence[int]) -> dict[int, Signal]:
        """Signals by number."""
        ...

    def changed_since(self, revision: int) -> list[Signal]:
        """Those kept or ended after `revision`; -1 gives all that are not ended."""
        ...

    def touched_since(self, revision: int) -> dict[int, int]:
        """By article the revision of the last change of any of its signals, for those changed after `revision`."""
        ...

    def policy_revision(self) -> int:
        """The revision of the last change of any policy; -1 before the first."""
        ...

    def about(self, article: int) -> list[Signal]:
        """Every signal of an article, as source or as target, ended ones included; the latest first."""
        ...

    def at(self, moment: datetime, kinds: Sequence[str]) -> list[Signal]:
        """Those of some kinds that were in force at a time, the latest first."""
        ...

    def of(self, kinds: Sequence[str], limit: int) -> list[Signal]:
        """Those of some kinds, ended ones and those to come included; the latest first."""
        ...


@dataclass(frozen=True)
class Review:
    """Somebody has approved a sidebar: which one, by the digest of what it showed."""

    article: int
    by: str
    at: datetime
    digest: str


class ReviewStore(Protocol):
    """Which sidebars have been approved, and who is looking at which article."""

    def put(self, review: Review) -> None:
        """Keeps a review in the place of an earlier one."""
        ...

    def remove(self, article: int) -> None:
        """Forgets the review of an article."""
        ...

    def get(self, article: int) -> Review | None:
        """The review of an article."""
        ...

    def all(self) -> list[Review]:
        """Every review."""
        ...

    def look(self, article: int, by: str, at: datetime, since: datetime) -> list[str]:
        """Notes that somebody looks at an article now; gives who else has since a time, by name."""
        ...

    def looking(self, articles: Sequence[int], since: datetime) -> dict[int, list[str]]:
        """Who has looked at which of some articles since a time, by name."""
        ...


# -- what was shown ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """A sidebar as it stood beside an article from `at` on, until the next one of the same source.

    `items` are article numbers in their order; `digest` names what readers see, `document` is the JSON of the answer
    with the reasons for it; `doubt` in [0, 1] says how much it needs eyes; `fallbacks` how many teasers are not
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
    """What the queue must know of the sidebar that an article has now."""

    source: int
    digest: str
    doubt: float
    fallbacks: int
    teasers: int


class LedgerStore(Protocol):
    """What was shown beside which article, and when."""

    def append(self, rows: Iterable[Shown]) -> int:
        """Adds those that differ from the sidebar before them, and says how many.

        One that equals the current sidebar of its source only makes it served, if it is.
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

    def outlooks(self, after: int = 0) -> list[Outlook]:
        """The current sidebar of every article, in brief; only those that were added after a line of the ledger."""
        ...

    def last(self) -> int:
        """The number of the last line, 0 before the first: while it stays, so do the current sidebars."""
        ...

    def prune(self, before: datetime) -> int:
        """Removes sidebars that were over before a time, and says how many."""
        ...


# -- grading -----------------------------------------------------------------------------------------------------------

UNACCEPTABLE, INAPPROPRIATE, SATISFACTORY = 0, 1, 2
VERDICTS = {UNACCEPTABLE: "unacceptable", INAPPROPRIATE: "inappropriate", SATISFACTORY: "satisfactory"}
GRADES = (4, 3, 2, 1, 0, -1)


@dataclass(frozen=True)
class PanelSidebar:
    """One article of a panel, its sidebar when the panel was made, and further stories to be graded; all by number."""

    source: int
    shown: tuple[int, ...]
    pool: tuple[int, ...]


@dataclass(frozen=True)
class Panel:
    """Sampled articles whose sidebars are graded; `model` and `generation` made them.

    `release` is the model version, NAME/VERSION; None where the panel is older than versions.
    """

    name: str
    by: str
    created: datetime
    model: str
    generation: int
    sidebars: tuple[PanelSidebar, ...]
    release: str | None = None
    number: int = 0


@dataclass(frozen=True)
class Grade:
    """What a grader thinks of a pair, on the scale of GRADES; with `target` None of the sidebar, one of VERDICTS."""

    panel: int
    source: int
    target: int | None
    value: int
    grader: str
    at: datetime


class GradingStore(Protocol):
    """Panels and grades."""

    def add_panel(self, panel: Panel) -> int:
        """Keeps a new panel and gives its number. Raises InvalidInput if the name is taken."""
        ...

    def panels(self) -> list[Panel]:
        """All panels, the latest first."""
        ...

    def panel(self, number: int) -> Panel | None:
        """One panel."""
        ...

    def put_grades(self, grades: Sequence[Grade]) -> None:
        """Keeps grades. Earlier ones of the same grader for the same pair stay on record and count no more."""
        ...

    def grades(self, panel: int | None = None) -> list[Grade]:
        """The grades that count, of one panel or of all."""
        ...
