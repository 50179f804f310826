"""Folders for temporary files, for their user alone; what killed processes have left of them goes with the next one."""

import fcntl
import os
import shutil
import tempfile
import weakref
from pathlib import Path
from types import TracebackType

PREFIX = "recommender-"
# A folder of this name is locked for as long as it is used. Those of earlier releases were not, and are left alone.
SUFFIX = ".locked"


class TemporaryFolder:
    """An empty folder, which goes away at the end of the block, with `close`, or with the process.

    It is locked by this process and those that it forks; systemd-tmpfiles leaves such a folder alone as well. Where it
    is made, those of this user that nothing locks go: their processes were killed.

    Parameters
    ----------
    purpose
        Part of its name.
    place
        The folder that it is made in; None for the system's.

    Raises OSError where it cannot be made.
    """

    def __init__(self, purpose: str, place: str | None = None) -> None:
        parent = Path(place or tempfile.gettempdir())
        for left in parent.glob(f"{PREFIX}*{SUFFIX}"):
            if (lock := _locked(left)) is not None:
                _remove(left, lock)
        lock = None
        while lock is None:  # another process may take a new one for a left one before it is locked, and remove it
            self.path = Path(tempfile.mkdtemp(SUFFIX, f"{PREFIX}{purpose}-", parent))
            lock = _locked(self.path)
        self._finalizer = weakref.finalize(self, _remove, self.path, lock)

    def close(self) -> None:
        """Removes it with all that it holds; does nothing the second time."""
        self._finalizer()

    def __enter__(self) -> Path:
        return self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _remove(folder: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def _locked(folder: Path) -> int | None:
    """The lock of a folder, as a file descriptor; None for one that is in use, is gone, or is not this user's.

    In a place that all users share, others make folders and links of any name. Raises OSError where nothing can be
    locked.
    """
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if os.fstat(lock).st_uid == os.geteuid():
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(lock), folder.lstat()):
                return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError:
        os.close(lock)
        raise
    os.close(lock)
    return None
