"""Where a worker listens, and how the processes that need it learn the address."""

import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from recommender.temporary import TemporaryFolder

VARIABLE = "_RECOMMENDER_WORKER"
MAX_SOCKET_PATH = 103  # bytes: 107 on Linux, fewer on other systems
_LONGEST_NAME = 44  # bytes: what `private_folder` and `Address.new` append
_SHORT = "/tmp"  # noqa: S108  # the folder made in it is this user's alone


def private_folder(purpose: str) -> TemporaryFolder:
    """A folder for temporary files that only this user can open, whose path is short enough for a socket in it.

    It lies in TMPDIR, or in /tmp where TMPDIR has a longer path.
    """
    place = tempfile.gettempdir()
    return TemporaryFolder(purpose, place if len(os.fsencode(place)) + _LONGEST_NAME <= MAX_SOCKET_PATH else _SHORT)


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
