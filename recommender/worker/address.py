"""Where a worker listens, and how the processes that need it learn the address."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "_RECOMMENDER_WORKER"


@dataclass(frozen=True)
class Address:
    """Where a worker listens: a socket that only this user can open, and a key on top."""

    socket: str
    key: bytes

    @classmethod
    def new(cls, folder: Path) -> "Address":
        """An address inside a private folder."""
        return cls(str(folder / "socket"), secrets.token_bytes(32))

    @classmethod
    def from_environment(cls) -> "Address | None":
        """The worker that `recommender serve` has started."""
        value = os.environ.get(VARIABLE)
        if value is None:
            return None
        key, _, socket = value.partition(":")
        return cls(socket, bytes.fromhex(key))

    def to_environment(self) -> None:
        """Hands it to the processes started from here on."""
        os.environ[VARIABLE] = f"{self.key.hex()}:{self.socket}"
