"""The promise of accounts, sessions and one-time links. Times are UTC."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Account:
    """An account that may sign in. `password` is a hash, None before one is chosen; `failures` are those in a row."""

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
        """Keeps an account's new role, password, lock and state under its number. Raises NotFound if it has none."""
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
        """The same, and from now on the link is used: of two uses at the same time one gets None."""
        ...

    def secret(self, name: str, new: str) -> str:
        """The secret kept under a name; `new` where there is none yet."""
        ...
