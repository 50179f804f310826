"""The promise of API keys. Times are UTC."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class ApiKey:
    """A key of a program: its public id, its name, the SHA-256 of the whole key, and what it may do.

    It holds before `until`, None for ever, unless it has `ended`. `used` is when it was last used, to the hour.
    """

    id: str
    name: str
    digest: str
    scopes: tuple[str, ...]
    created: datetime
    until: datetime | None = None
    ended: datetime | None = None
    used: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it opens anything at a time."""
        return self.ended is None and (self.until is None or now < self.until)


class KeyStore(Protocol):
    """API keys. Only hashes are kept."""

    def add(self, key: ApiKey) -> None:
        """Keeps a new key. Raises ValueError where its id is taken."""
        ...

    def get(self, key_id: str) -> ApiKey | None:
        """The key with an id, whether it holds or not."""
        ...

    def listing(self) -> list[ApiKey]:
        """All keys, by name, of one name the oldest first."""
        ...

    def limit(self, key_id: str, until: datetime) -> None:
        """Lets a key hold until a time, and no longer."""
        ...

    def end(self, key_id: str, at: datetime) -> None:
        """Ends a key."""
        ...

    def note_use(self, key_id: str, at: datetime) -> None:
        """Writes down when a key was last used."""
        ...
