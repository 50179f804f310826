"""Who may sign in: accounts with roles, passwords, second factors, sessions and one-time links.

Every change leaves an audit entry.
"""

import hashlib
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from recommender.desk.attempts import KEPT, NOWHERE, Attempts, Caller
from recommender.desk.permissions import ADMINISTRATOR, ROLES
from recommender.desk.second_factor import SecondFactors
from recommender.errors import InvalidInput, NotFound, SignInRefused
from recommender.store.accounts import Account
from recommender.store.audit import AuditEntry
from recommender.store.base import Store
from recommender.store.failures import CODE, PASSWORD, FailuresFrom

MIN_PASSWORD, MAX_PASSWORD, MAX_NAME = 12, 200, 60
SESSION = timedelta(hours=12)
PENDING = timedelta(minutes=10)  # for the second factor
LINK = timedelta(hours=24)
REFUSAL_SECONDS = 0.5  # longer than a refusal takes, so that its time does not say whether there is such an account

ACTIVE, NO_PASSWORD, DISABLED = STATES = ("active", "no password", "disabled")

ADD, ROLE, DISABLE, ENABLE = "add account", "change role", "disable account", "enable account"
MAKE_LINK, CHOOSE = "make sign-in link", "choose password"
SIGN_IN, END_SESSIONS, SLOW_DOWN = "sign in", "end sessions", "slow unknown browsers down"
SET_UP, RENEW_CODES = "set up second factor", "make recovery codes"
TURN_OFF, RESET = "turn second factor off", "reset second factor"
LOCK_ACCOUNT = "lock account"  # in entries of releases that locked accounts
ACTIONS = (
    ADD,
    ROLE,
    DISABLE,
    ENABLE,
    MAKE_LINK,
    CHOOSE,
    SIGN_IN,
    END_SESSIONS,
    SLOW_DOWN,
    SET_UP,
    RENEW_CODES,
    TURN_OFF,
    RESET,
    LOCK_ACCOUNT,
)
_MARKS = " .-_'\N{RIGHT SINGLE QUOTATION MARK}@"  # what a name may hold besides letters and digits
SIGN_IN_FORM = "(sign-in form)"  # who slows browsers down; no account can have such a name

REFUSED = (
    "Signing in failed. Check the name and the password. After five failures in a row wait for 15 minutes, or use a "
    "browser in which you have signed in before; an administrator can make a one-time link."
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
WRONG_CODE = (
    "The code is not right, or was used before. Wait for the next one; after five failures in a row wait for 15 "
    "minutes."
)
TOO_LATE = "Signing in took too long. Begin again."
HAS_FACTOR = "There is a second factor already. Turn it off first."
MUST_HAVE_FACTOR = "Your account must have a second factor."
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
    WRONG_CODE,
    TOO_LATE,
    HAS_FACTOR,
    MUST_HAVE_FACTOR,
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
    second_factors: SecondFactors
    attempts: Attempts

    # -- signing in

    def sign_in(self, name: str, password: str, caller: Caller = NOWHERE) -> str:
        """The token of a new session, which is pending where the second factor is still to come.

        Raises SignInRefused, always with the same words and after the same time.
        """
        started = self.clock()
        account = self._verified(self._known(name), password, caller)
        if account is None:
            self._wait(started)
            raise SignInRefused(REFUSED)
        return self._opened(account, SIGN_IN, caller)

    def who(self, token: str) -> Account | None:
        """Whose session it is, unless it is over or waits for a second factor."""
        account = self.store.accounts.session(hash_token(token), self.clock())
        return None if account is None or account.disabled or self.second_factors.lacks(account) else account

    def halfway(self, token: str) -> Account | None:
        """Whose pending session it is: of a password that was right, and a second factor that is still to come."""
        account = self.store.accounts.pending_session(hash_token(token), self.clock())
        return None if account is None or account.disabled else account

    def enter_code(self, token: str, code: str, caller: Caller = NOWHERE) -> str:
        """The token of a session instead of a pending one, for a code of the second factor or a recovery code.

        Raises SignInRefused.
        """
        started = self.clock()
        with self.store.writing():
            account = self.halfway(token)
            if account is None or account.second_factor is None:
                raise SignInRefused(TOO_LATE)
            if self._takes(account, code, caller):
                self.store.accounts.close_session(hash_token(token))
                return self._open(self._current(account), SIGN_IN, caller)
        self._wait(started)
        raise SignInRefused(WRONG_CODE)

    def introduction(self, account: Account) -> str:
        """What makes the browser that has just signed in known for the account."""
        return self.attempts.introduction(account)

    def news(self, account: Account) -> list[FailuresFrom]:
        """Failed attempts that the holder has not been told of, by address; they count as told from now on."""
        with self.store.writing():
            now, current = self.clock(), self._current(account)
            found = self.store.failures.of(account.number, max(current.told or current.created, now - KEPT))
            self.store.accounts.replace(replace(current, told=now))
            return found

    def failures(self, account: Account) -> list[FailuresFrom]:
        """Failed attempts of the last KEPT days, by address, the latest first."""
        return self.store.failures.of(account.number, self.clock() - KEPT)

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
        """Gives the link's holder a password, and the token of a new session, pending as that of `sign_in`.

        Raises SignInRefused, InvalidInput.
        """
        hashed = self.passwords.hash(_new_password(password))
        with self.store.writing():
            account = self.store.accounts.use_link(hash_token(token), self.clock())
            if account is None or account.disabled:
                raise SignInRefused(LINK_REFUSED)
            self.store.failures.forgive(account.number)
            return self._opened(self._with_password(account, hashed), CHOOSE, NOWHERE)

    def change_password(self, account: Account, old: str, new: str, caller: Caller = NOWHERE) -> str:
        """Gives an account another password and ends its sessions; gives the token of a new one.

        Raises SignInRefused if the old password is wrong, and counts that as a failure to sign in; InvalidInput if the
        new one cannot be used.
        """
        _new_password(new)
        if self._verified(self.store.accounts.by_number(account.number), old, caller) is None:
            raise SignInRefused(OLD_IS_WRONG)
        hashed = self.passwords.hash(_new_password(new))
        with self.store.writing():
            return self._open(self._with_password(account, hashed), CHOOSE, caller)

    # -- the second factor

    def set_up_second_factor(self, account: Account, secret: str, code: str) -> tuple[str, list[str]]:
        """Gives an account a second factor, confirmed by a code of it, and ends its sessions.

        Gives the token of a new session, and recovery codes, which no other call gives. Raises InvalidInput.
        """
        with self.store.writing():
            current = self._current(account)
            if current.second_factor is not None:
                raise InvalidInput(HAS_FACTOR)
            factor = self.second_factors.confirmed(secret, code)
            if factor is None:
                raise InvalidInput(WRONG_CODE)
            changed = replace(current, second_factor=factor)
            self._change(changed)
            codes = self.second_factors.new_recovery_codes(changed)
            return self._open(changed, SET_UP, NOWHERE), codes

    def renew_recovery_codes(self, account: Account, code: str, caller: Caller = NOWHERE) -> list[str]:
        """Recovery codes in the place of those before, for a code of the second factor. Raises SignInRefused."""
        with self.store.writing():
            if self._takes(self._current(account), code, caller):
                self._note(account.name, RENEW_CODES, account)
                return self.second_factors.new_recovery_codes(account)
        raise SignInRefused(WRONG_CODE)

    def turn_off_second_factor(self, account: Account, code: str, caller: Caller = NOWHERE) -> None:
        """Takes the second factor away, for a code of it. Raises SignInRefused, InvalidInput where it must stay."""
        if self.second_factors.requires(account):
            raise InvalidInput(MUST_HAVE_FACTOR)
        with self.store.writing():
            if self._takes(self._current(account), code, caller):
                self._without_factor(account)
                self._note(account.name, TURN_OFF, account)
                return
        raise SignInRefused(WRONG_CODE)

    def recovery_codes(self, account: Account) -> int:
        """How many recovery codes are left."""
        return self.store.accounts.recovery_codes(account.number)

    def reset_second_factor(self, name: str, by: str) -> None:
        """Takes the second factor away, for a holder who has lost it, and ends the sessions.

        Where the account must have one, it is set up anew at the next sign-in.
        """
        with self.store.writing():
            account = self._existing(name)
            if account.second_factor is None:
                return
            self._without_factor(account)
            self.store.accounts.close_sessions(account.number)
            self._note(by, RESET, account)

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
        """Lets the holder in again, and forgives the failures that count against unknown browsers."""
        with self.store.writing():
            account = self._existing(name)
            slowed = self.attempts.slowed(account)
            self.store.failures.forgive(account.number)
            if not account.disabled and not slowed:
                return
            changed = replace(account, disabled=False)
            self.store.accounts.replace(changed)
            self._note(by, ENABLE, account, self._state(account), self._state(changed))

    def slowed(self, account: Account) -> bool:
        """Whether so many attempts have failed that unknown browsers are slowed down."""
        return self.attempts.slowed(account)

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

    def _verified(self, account: Account | None, password: str, caller: Caller) -> Account | None:
        """The account as it is now, if the password is right and it may sign in; counts failures."""
        hashed = account.password if account and self.attempts.allows(account, caller) else None
        if hashed is None:
            self.passwords.hash(_normal(password))  # takes the time that comparing would take
            right = False
        else:
            right = self.passwords.matches(hashed, _normal(password))
        with self.store.writing():
            # Read again: of many attempts at once, those after the last that is allowed are refused here, right or not.
            current = None if account is None else self.store.accounts.by_number(account.number)
            if not self.attempts.allows(current, caller):
                return None
            if right and current is not None and current.password == hashed and not current.disabled:
                return current
            self._count_failure(current, caller, PASSWORD)
            return None

    def _takes(self, account: Account, code: str, caller: Caller) -> bool:
        """Whether a code of the second factor is right; counts failures as those of passwords."""
        if not self.attempts.allows(account, caller):
            return False
        if self.second_factors.takes(account, code):
            return True
        self._count_failure(account, caller, CODE)
        return False

    def _count_failure(self, account: Account | None, caller: Caller, kind: str) -> None:
        if self.attempts.failed(account, caller, kind) and account is not None:
            self._note(SIGN_IN_FORM, SLOW_DOWN, account)

    def _wait(self, started: datetime) -> None:
        spent = (self.clock() - started).total_seconds()
        self.pause(max(0.0, REFUSAL_SECONDS - spent))

    def _with_password(self, account: Account, hashed: str) -> Account:
        """The account as it is now with another password, signed out everywhere."""
        current = self._current(account)
        if current.disabled:
            raise SignInRefused(REFUSED)
        changed = replace(current, password=hashed)
        self._change(changed)
        return changed

    def _without_factor(self, account: Account) -> None:
        self.store.accounts.replace(replace(self._current(account), second_factor=None))
        self.store.accounts.put_recovery_codes(account.number, [])

    def _opened(self, account: Account, action: str, caller: Caller) -> str:
        """The token of a new session, which is pending where a second factor is still to come."""
        token, now = secrets.token_urlsafe(32), self.clock()
        with self.store.writing():
            current = self._current(account)  # it may have got a second factor since the password was looked at
            if current.second_factor is None and not self.second_factors.requires(current):
                return self._open(current, action, caller)
            self.store.accounts.open_session(hash_token(token), account.number, now, now + PENDING, pending=True)
            if action != SIGN_IN:  # that one is on record when it is done
                self._note(account.name, action, account)
        return token

    def _open(self, account: Account, action: str, caller: Caller) -> str:
        token, now = secrets.token_urlsafe(32), self.clock()
        with self.store.writing():
            self.attempts.succeeded(account, caller)
            self.store.accounts.open_session(hash_token(token), account.number, now, now + SESSION)
            self._note(account.name, action, account)
        return token

    def _current(self, account: Account) -> Account:
        current = self.store.accounts.by_number(account.number)
        if current is None:
            raise NotFound(f"There is no account {account.name!r}.")
        return current

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
        return {"state": state_of(account)}

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


def state_of(account: Account) -> str:
    """Whether the account's holder can sign in: one of STATES."""
    if account.disabled:
        return DISABLED
    return NO_PASSWORD if account.password is None else ACTIVE


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
