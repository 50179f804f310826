"""The promise of what is kept of failed attempts to sign in, for a month at most. Times are UTC."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

PASSWORD, CODE = "password", "code"


@dataclass(frozen=True)
class Failure:
    """One attempt: on which account (None: there is none of the name), from where, and what was wrong.

    `address` is that of the client, of IPv6 the network; `browser` names one that has signed in before, empty for any
    other. `kind` is CODE where the password was right and the second factor was not.
    """

    at: datetime
    account: int | None
    address: str
    browser: str = ""
    kind: str = PASSWORD


@dataclass(frozen=True)
class Tally:
    """How many failures count against whoever tries next, and when the last one was."""

    count: int
    latest: datetime | None


@dataclass(frozen=True)
class FailuresFrom:
    """The failures of an account from one address: how many, with how many of them the password was right, and when."""

    address: str
    count: int
    codes: int
    first: datetime
    latest: datetime


class FailureStore(Protocol):
    """Failed attempts to sign in."""

    def add(self, failure: Failure) -> None:
        """Keeps one, which counts until it is forgiven."""
        ...

    def tally(
        self, since: datetime, *, account: int | None = None, address: str | None = None, browser: str | None = None
    ) -> Tally:
        """Those that count, from a time on: of an account, an address, a browser (empty: of unknown ones)."""
        ...

    def forgive(self, account: int, *, address: str | None = None, browser: str | None = None) -> None:
        """Failures of an account count no more: all of them, or those of an address or a browser."""
        ...

    def of(self, account: int, since: datetime) -> list[FailuresFrom]:
        """All failures of an account from a time on, forgiven ones too, by address, the latest first."""
        ...

    def drop(self, before: datetime, nameless_before: datetime) -> None:
        """Forgets those of accounts, and those of names without an account, before a time each."""
        ...
