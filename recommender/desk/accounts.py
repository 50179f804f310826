"""Who may sign in: accounts with roles, passwords, sessions and one-time links. Every change leaves an audit entry."""

import hashlib
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from recommender.desk.permissions import ADMINISTRATOR, ROLES
from recommender.errors import InvalidInput, NotFound, SignInRefused
from recommender.store.accounts import Account
from recommender.store.audit import AuditEntry
from recommender.store.base import Store

MIN_PASSWORD, MAX_PASSWORD, MAX_NAME = 12, 200, 60
FAILURES = 5
LOCK = timedelta(minutes=15)
SESSION = timedelta(hours=12)
LINK = timedelta(hours=24)
REFUSAL_SECONDS = 0.5  # longer than a refusal takes, so that its time does not say whether there is such an account

ACTIVE, NO_PASSWORD, LOCKED, DISABLED = STATES = ("active", "no password", "locked", "disabled")

ADD, ROLE, DISABLE, ENABLE = "add account", "change role", "disable account", "enable account"
MAKE_LINK, CHOOSE = "make sign-in link", "choose password"
SIGN_IN, END_SESSIONS, LOCK_ACCOUNT = "sign in", "end sessions", "lock account"
ACTIONS = (ADD, ROLE, DISABLE, ENABLE, MAKE_LINK, CHOOSE, SIGN_IN, END_SESSIONS, LOCK_ACCOUNT)
_MARKS = " .-_'\N{RIGHT SINGLE QUOTATION MARK}@"  # what a name may hold besides letters and digits
SIGN_IN_FORM = "(sign-in form)"  # who locks an account; no account can have such a name

REFUSED = (
    "Signing in failed. Check the name and the password. After five failures in a row an account is locked for "
    "15 minutes; an administrator can make a one-time link."
)
LINK_REFUSED = "This link has been used, or is too old. Ask an administrator for a new one."
OLD_IS_WRONG = "The old password is not right."
TOO_SHORT = "The password is too short. Choose 12 characters or more; several words are easy to remember."
TOO_LONG = "The password is too long. Choose 200 characters or fewer."
NO_TEXT = "The password holds characters that are not text. Choose others."
WRONG_NAME = "A name has 1 to 60 letters, digits, spaces, and . - _ ' @ among them."
TAKEN = "There is an account with this name already. Choose another name."
WRONG_ROLE = "There is no such role."
LAST_ADMINISTRATOR = "This is the last administrator who can sign in. Make another one first."
MESSAGES = (
    REFUSED,
    LINK_REFUSED,
    OLD_IS_WRONG,
    TOO_SHORT,
    TOO_LONG,
    NO_TEXT,
    WRONG_NAME,
    TAKEN,
    WRONG_ROLE,
    LAST_ADMINISTRATOR,
)


class Passwords(Protocol):
    """A slow hash. Both functions take the same time."""

    def hash(self, password: str) -> str:
        """What is kept of a password."""
        ...

    def matches(self, hashed: str, password: str) -> bool:
        """Whether it is the password."""
        ...


@dataclass(frozen=True)
class Accounts:
    """Signs people in and keeps their accounts. `by` is who makes a change, as the audit trail names them.

    `pause` waits for some seconds. Every method that takes the name of an account raises NotFound if there is none.
    """

    store: Store
    passwords: Passwords
    clock: Callable[[], datetime]
    pause: Callable[[float], None]

    # -- signing in

    def sign_in(self, name: str, password: str) -> str:
        """The token of a new session. Raises SignInRefused, always with the same words and after the same time."""
        started = self.clock()
        account = self._verified(self._known(name), password)
        if account is None:
            spent = (self.clock() - started).total_seconds()
            self.pause(max(0.0, REFUSAL_SECONDS - spent))
            raise SignInRefused(REFUSED)
        return self._open(account, SIGN_IN)

    def who(self, token: str) -> Account | None:
        """Whose session it is, unless it is over."""
        account = self.store.accounts.session(hash_token(token), self.clock())
        return None if account is None or account.disabled else account

    def sign_out(self, token: str) -> None:
        """Ends a session."""
        self.store.accounts.close_session(hash_token(token))

    def link_holder(self, token: str) -> Account:
        """Whom a one-time link is for. Raises SignInRefused if it is used or over."""
        account = self.store.accounts.link(hash_token(token), self.clock())
        if account is None or account.disabled:
            raise SignInRefused(LINK_REFUSED)
        return account

    def use_link(self, token: str, password: str) -> str:
        """Gives the link's holder a password, and the token of a new session. Raises SignInRefused, InvalidInput."""
        hashed = self.passwords.hash(_new_password(password))
        with self.store.writing():
            account = self.store.accounts.use_link(hash_token(token), self.clock())
            if account is None or account.disabled:
                raise SignInRefused(LINK_REFUSED)
            return self._renewed(account, hashed)

    def change_password(self, account: Account, old: str, new: str) -> str:
        """Gives an account another password and ends its sessions; gives the token of a new one.

        Raises SignInRefused if the old password is wrong, and counts that as a failure to sign in; InvalidInput if the
        new one cannot be used.
        """
        _new_password(new)
        if self._verified(self.store.accounts.by_number(account.number), old) is None:
            raise SignInRefused(OLD_IS_WRONG)
        hashed = self.passwords.hash(_new_password(new))
        with self.store.writing():
            return self._renewed(account, hashed)

    # -- keeping accounts

    def everyone(self) -> list[Account]:
        """All accounts by name."""
        return self.store.accounts.everyone()

    def add(self, name: str, role: str, by: str, password: str | None = None) -> Account:
        """A new account; without a password its holder needs a link. Raises InvalidInput."""
        if role not in ROLES:
            raise InvalidInput(WRONG_ROLE)
        hashed = None if password is None else self.passwords.hash(_new_password(password))
        account = Account(_new_name(name), role, self.clock(), hashed)
        with self.store.writing():
            if self.store.accounts.by_name(account.name) is not None:
                raise InvalidInput(TAKEN)
            account = replace(account, number=self.store.accounts.add(account))
            self._note(by, ADD, account, None, {"role": role})
        return account

    def make_link(self, name: str, by: str) -> str:
        """The token of a one-time link, with which the holder chooses a password and is signed in."""
        token = secrets.token_urlsafe(32)
        with self.store.writing():
            account = self._existing(name)
            until = self.clock() + LINK
            self.store.accounts.add_link(hash_token(token), account.number, until)
            self._note(by, MAKE_LINK, account, None, {"until": until.isoformat(timespec="seconds")})
        return token

    def set_role(self, name: str, role: str, by: str) -> None:
        """Gives an account another role and ends its sessions. Raises InvalidInput."""
        if role not in ROLES:
            raise InvalidInput(WRONG_ROLE)
        with self.store.writing():
            account = self._existing(name)
            if account.role == role:
                return
            self._spare_the_last(account)
            self._change(replace(account, role=role))
            self._note(by, ROLE, account, {"role": account.role}, {"role": role})

    def disable(self, name: str, by: str) -> None:
        """Keeps the holder out, from the next request on. Raises InvalidInput for the last administrator."""
        with self.store.writing():
            account = self._existing(name)
            if account.disabled:
                return
            self._spare_the_last(account)
            changed = replace(account, disabled=True)
            self._change(changed)
            self._note(by, DISABLE, account, self._state(account), self._state(changed))

    def enable(self, name: str, by: str) -> None:
        """Lets the holder in again, and lifts a lock."""
        with self.store.writing():
            account = self._existing(name)
            changed = replace(account, disabled=False, failures=0, locked_until=None)
            if self._state(account) == self._state(changed):
                return
            self.store.accounts.replace(changed)
            self._note(by, ENABLE, account, self._state(account), self._state(changed))

    def end_sessions(self, name: str, by: str) -> None:
        """Signs the holder out everywhere, and voids their links."""
        with self.store.writing():
            account = self._existing(name)
            self.store.accounts.close_sessions(account.number)
            self._note(by, END_SESSIONS, account)

    def secret(self, name: str) -> str:
        """A secret that all processes on one database share; it is made at the first call ever."""
        return self.store.accounts.secret(name, secrets.token_urlsafe(48))

    # -- inside

    def _verified(self, account: Account | None, password: str) -> Account | None:
        """The account as it is now, if the password is right and it may sign in; counts failures."""
        if account is None or account.password is None:
            self.passwords.hash(_normal(password))  # takes the time that comparing would take
            return None
        right = self.passwords.matches(account.password, _normal(password))
        with self.store.writing():
            now = self.clock()
            # Read again: of many attempts at once, those after the fifth find the lock here, the right one too.
            current = self.store.accounts.by_number(account.number)
            if current is None or current.password != account.password or current.disabled or _is_locked(current, now):
                return None
            if not right:
                self._count_failure(current, now)
                return None
            if current.failures or current.locked_until:
                self.store.accounts.replace(replace(current, failures=0, locked_until=None))
            return current

    def _count_failure(self, account: Account, now: datetime) -> None:
        failures = account.failures + 1
        if failures < FAILURES:
            self.store.accounts.replace(replace(account, failures=failures, locked_until=None))
            return
        until = now + LOCK
        self.store.accounts.replace(replace(account, failures=0, locked_until=until))
        self._note(SIGN_IN_FORM, LOCK_ACCOUNT, account, None, {"until": until.isoformat(timespec="seconds")})

    def _renewed(self, account: Account, hashed: str) -> str:
        """The token of the only session of an account that has another password now."""
        current = self.store.accounts.by_number(account.number)
        if current is None or current.disabled:
            raise SignInRefused(REFUSED)
        self._change(replace(current, password=hashed, failures=0, locked_until=None))
        return self._open(current, CHOOSE)

    def _open(self, account: Account, action: str) -> str:
        token, now = secrets.token_urlsafe(32), self.clock()
        with self.store.writing():
            self.store.accounts.open_session(hash_token(token), account.number, now, now + SESSION)
            self._note(account.name, action, account)
        return token

    def _known(self, name: str) -> Account | None:
        plain = _plain_name(name)
        return self.store.accounts.by_name(plain) if _is_name(plain) else None

    def _existing(self, name: str) -> Account:
        account = self._known(name)
        if account is None:
            raise NotFound(f"There is no account {name!r}.")
        return account

    def _change(self, account: Account) -> None:
        """Keeps an account whose holder must sign in anew."""
        self.store.accounts.replace(account)
        self.store.accounts.close_sessions(account.number)

    def _state(self, account: Account) -> dict[str, Any]:
        return {"state": state_of(account, self.clock())}

    def _spare_the_last(self, account: Account) -> None:
        able = [other.number for other in self.store.accounts.everyone() if _administrates(other)]
        if able == [account.number]:
            raise InvalidInput(LAST_ADMINISTRATOR)

    def _note(
        self,
        by: str,
        action: str,
        account: Account,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        self.store.audit.append(AuditEntry(self.clock(), by, action, account.name, before=before, after=after))


def hash_token(token: str) -> str:
    """What the store keeps of a session's or a link's token."""
    # It holds 256 random bits: a fast hash keeps it as well as a slow one.
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def state_of(account: Account, now: datetime) -> str:
    """Whether the account's holder can sign in at a time: one of STATES."""
    if account.disabled:
        return DISABLED
    if _is_locked(account, now):
        return LOCKED
    return NO_PASSWORD if account.password is None else ACTIVE


def _is_locked(account: Account, now: datetime) -> bool:
    return account.locked_until is not None and now < account.locked_until


def _administrates(account: Account) -> bool:
    return account.role == ADMINISTRATOR and not account.disabled and account.password is not None


def _normal(password: str) -> str:
    """One spelling of each accented letter, whatever the keyboard makes."""
    return unicodedata.normalize("NFC", password)


def _new_password(password: str) -> str:
    normal = _normal(password)
    if len(normal) < MIN_PASSWORD:
        raise InvalidInput(TOO_SHORT)
    if len(normal) > MAX_PASSWORD:
        raise InvalidInput(TOO_LONG)
    if any(unicodedata.category(character) in ("Cs", "Cc") for character in normal):
        raise InvalidInput(NO_TEXT)
    return normal


def _plain_name(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split())


def _is_name(name: str) -> bool:
    return 0 < len(name) <= MAX_NAME and all(
        character.isalnum() or character in _MARKS or unicodedata.category(character).startswith("M")
        for character in name
    )


def _new_name(name: str) -> str:
    plain = _plain_name(name)
    if not _is_name(plain):
        raise InvalidInput(WRONG_NAME)
    return plain
