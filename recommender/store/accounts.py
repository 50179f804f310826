"""The promise of accounts, sessions and one-time links. Times are UTC."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class SecondFactor:
    """What codes are worked out from, since when, and the time step of the last one that was used."""

    secret: str = field(repr=False)
    since: datetime
    step: int


@dataclass(frozen=True)
class Account:
    """An account that may sign in. `password` is a hash, None before one is chosen.

    Failed attempts to sign in up to `told` have been told to its holder.
    """

    name: str
    role: str
    created: datetime
    password: str | None = None
    disabled: bool = False
    number: int = 0
    second_factor: SecondFactor | None = None
    told: datetime | None = None


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
        """Keeps all of an account but its name and when it was made. Raises NotFound if there is none of its number."""
        ...

    def open_session(self, token: str, account: int, at: datetime, until: datetime, *, pending: bool = False) -> None:
        """Keeps a session under the hash of its token, and drops sessions that are over.

        One that is `pending` waits for the second factor.
        """
        ...

    def session(self, token: str, at: datetime) -> Account | None:
        """Whose session it is, unless it is over or pending."""
        ...

    def pending_session(self, token: str, at: datetime) -> Account | None:
        """Whose pending session it is, unless it is over."""
        ...

    def close_session(self, token: str) -> None:
        """Ends one session."""
        ...

    def close_sessions(self, account: int) -> None:
        """Ends all sessions of an account and voids its links."""
        ...

    def put_recovery_codes(self, account: int, codes: list[str]) -> None:
        """Keeps the hashes of new recovery codes, in the place of all that there were."""
        ...

    def use_recovery_code(self, account: int, code: str, at: datetime) -> bool:
        """Whether the hash is that of a code that was not used; it is used from now on."""
        ...

    def recovery_codes(self, account: int) -> int:
        """How many have not been used."""
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
