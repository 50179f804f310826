"""Use case: which programs may do what. Every key has a name, scopes, and mostly an end; only its hash is kept."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from recommender.errors import Forbidden, InvalidInput, NotFound, UnknownKey
from recommender.store.audit import AuditEntry
from recommender.store.base import Store
from recommender.store.keys import ApiKey

DRAFTS, ARTICLES, EVENTS = "drafts", "articles", "events"
# What each lets a program do, for people.
SCOPES = {
    DRAFTS: "ask about what is not public yet",
    ARTICLES: "read, publish, change and withdraw articles",
    EVENTS: "report clicks",
}
PREFIX = "rec_"  # with it scanners for secrets find a key in code, and it cannot be taken for another service's
SETTINGS = "settings"  # the name of all keys that stand there
USED_EVERY = timedelta(hours=1)  # a use is written down once in this time
ADD_KEY, END_KEY, ROTATE_KEY = "add key", "end key", "rotate key"  # in the audit trail

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_KEY = re.compile(r"rec_([0-9a-f]{12})_[0-9a-f]{64}")


@dataclass(frozen=True)
class Program:
    """The program that a request comes from, by the name of its key."""

    name: str
    scopes: Sequence[str]

    @property
    def by(self) -> str:
        """The name in the audit trail; no account can have it."""
        return f"API ({self.name})"


class Keys:
    """Makes, lists, ends and checks API keys. Safe to use from several threads."""

    def __init__(self, store: Store, clock: Callable[[], datetime], from_settings: Sequence[str] = ()) -> None:
        """`from_settings` are keys without names, which may do everything."""
        self._store = store
        self._clock = clock
        self._from_settings = [key.encode() for key in from_settings]

    def program(self, key: str, scope: str) -> Program:
        """The program that a key belongs to.

        Raises UnknownKey for one that is wrong, ended or over, and Forbidden for one that lacks the scope. A key that
        is ended is refused by every process from then on.
        """
        program = self._settings_program(key) or self._named_program(key)
        if scope not in program.scopes:
            raise Forbidden(
                f"The key {program.name!r} may not {SCOPES[scope]}: it has the scopes {', '.join(program.scopes)}."
            )
        return program

    def is_known(self, key: str) -> bool:
        """Whether a text looks like a key of this service, or is one of the settings; it need not hold."""
        return key.startswith(PREFIX) or self._settings_program(key) is not None

    def exist(self) -> bool:
        """Whether there is any key that holds."""
        now = self._clock()
        return bool(self._from_settings) or any(key.holds(now) for key in self._store.keys.listing())

    def listing(self) -> list[ApiKey]:
        """All keys, ended ones included, by name."""
        return self._store.keys.listing()

    def add(self, name: str, scopes: Sequence[str], by: str, until: datetime | None = None) -> str:
        """A new key, which is told this once. Raises InvalidInput."""
        now = self._clock()
        if not _NAME.fullmatch(name) or name == SETTINGS:
            raise InvalidInput(
                f"{name!r} is not a name for a key. Take 1 to 40 of a-z, 0-9, dot, - and _, such as cms; {SETTINGS} is "
                "the name of those in the settings."
            )
        if not scopes or not set(scopes) <= SCOPES.keys():
            raise InvalidInput(f"A key needs scopes, of {', '.join(SCOPES)}.")
        if until is not None and until <= now:
            raise InvalidInput("The end of a key lies in the future.")
        with self._store.writing():
            if self._holding(name):
                raise InvalidInput(f"There is a key {name!r} already: rotate it, end it, or choose another name.")
            key = self._kept(name, scopes, until)
            self._note(by, ADD_KEY, name, after={"scopes": list(scopes), **_end(until)})
        return key

    def end(self, name: str, by: str) -> int:
        """Ends all keys of a name at once, and says how many. Raises NotFound where none holds."""
        with self._store.writing():
            holding = self._existing(name)
            for key in holding:
                self._store.keys.end(key.id, self._clock())
            self._note(by, END_KEY, name, before={"keys": [key.id for key in holding]})
        return len(holding)

    def rotate(self, name: str, by: str, keep: timedelta) -> str:
        """A new key of the same name and scopes, told this once; those before hold for `keep` longer at most.

        It holds as long as the latest of them was made for. Raises NotFound where none holds.
        """
        with self._store.writing():
            now, holding = self._clock(), self._existing(name)
            latest = holding[-1]
            until = None if latest.until is None else now + (latest.until - latest.created)
            for key in holding:
                if key.until is None or key.until > now + keep:
                    self._store.keys.limit(key.id, now + keep)
            new = self._kept(name, latest.scopes, until)
            before = {"keys": [key.id for key in holding], **_end(now + keep)}
            self._note(by, ROTATE_KEY, name, before=before, after=_end(until))
        return new

    def _settings_program(self, key: str) -> Program | None:
        token = key.encode("utf-8", "replace")
        # Every key is compared in full, so the time taken says nothing about them.
        fits = sum(hmac.compare_digest(token, kept) for kept in self._from_settings)
        return Program(SETTINGS, tuple(SCOPES)) if fits else None

    def _named_program(self, key: str) -> Program:
        match, now = _KEY.fullmatch(key), self._clock()
        kept = self._store.keys.get(match[1]) if match else None
        if kept is None or not hmac.compare_digest(kept.digest, digest_of(key)) or not kept.holds(now):
            raise UnknownKey
        if kept.used is None or now - kept.used >= USED_EVERY:
            self._store.keys.note_use(kept.id, now)
        return Program(kept.name, kept.scopes)

    def _kept(self, name: str, scopes: Sequence[str], until: datetime | None) -> str:
        key_id = secrets.token_hex(6)
        key = f"{PREFIX}{key_id}_{secrets.token_hex(32)}"
        in_order = tuple(scope for scope in SCOPES if scope in scopes)
        self._store.keys.add(ApiKey(key_id, name, digest_of(key), in_order, self._clock(), until))
        return key

    def _holding(self, name: str) -> list[ApiKey]:
        now = self._clock()
        return [key for key in self._store.keys.listing() if key.name == name and key.holds(now)]

    def _existing(self, name: str) -> list[ApiKey]:
        holding = self._holding(name)
        if not holding:
            raise NotFound(f"There is no key {name!r} that holds.")
        return holding

    def _note(
        self, by: str, action: str, name: str, before: dict[str, Any] | None = None, after: dict[str, Any] | None = None
    ) -> None:
        self._store.audit.append(AuditEntry(self._clock(), by, action, name, before=before, after=after))


def digest_of(key: str) -> str:
    """What is kept of a key."""
    # It holds 256 random bits: a fast hash keeps it as well as a slow one.
    return hashlib.sha256(key.encode()).hexdigest()


def _end(until: datetime | None) -> dict[str, str]:
    return {} if until is None else {"until": until.isoformat(timespec="seconds")}
