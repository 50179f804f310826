"""Where a worker listens, and how the processes that need it learn the address."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from recommender.errors import Unavailable

VARIABLE = "_RECOMMENDER_WORKER"
MAX_SOCKET_PATH = 103  # bytes: 107 on Linux, fewer on other systems


@dataclass(frozen=True)
class Address:
    """Where a worker listens: a socket that only this user can open, and a key on top."""

    socket: str
    key: bytes

    @classmethod
    def new(cls, folder: Path) -> "Address":
        """An address inside a private folder. Raises Unavailable where its path is too long for a socket."""
        socket = folder / "socket"
        if len(os.fsencode(socket)) > MAX_SOCKET_PATH:
            raise Unavailable(
                f"The folder for temporary files has too long a path for a socket: {folder}. "
                "Set TMPDIR to a shorter one, such as /tmp."
            )
        return cls(str(socket), secrets.token_bytes(32))

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
