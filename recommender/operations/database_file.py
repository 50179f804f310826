"""A SQLite file that takes the place of another: never half, and never under a process that still writes to it."""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from recommender.errors import Unavailable
from recommender.operations.folders import give_to_owner_of, put_in_place, sync

# Every connection in WAL mode holds a lock on these bytes for as long as it is open; https://www.sqlite.org/fileformat
# leaves the page that they lie on empty ("the lock-byte page").
_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510
_BESIDE = ("-wal", "-shm", "-journal")


@contextmanager
def unused(file: Path) -> Iterator[None]:
    """Keeps SQLite out of a file for the block; it may be damaged. Raises Unavailable where a process has it open."""
    if not file.is_file():
        yield
        return
    with file.open("r+b") as stream:
        try:
            fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
        except OSError as error:
            raise Unavailable(f"{file} is in use. Stop the service and running builds first.") from error
        yield


def fold_log(file: Path) -> None:
    """Brings what lies in the write-ahead log into the file; leaves both as they are where that cannot be done."""
    if file.is_file():
        try:
            with closing(sqlite3.connect(file, timeout=0)) as connection:
                connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error:
            return  # it is damaged, and kept aside as it is


def take_place(new: Path, file: Path, now: datetime) -> Path | None:
    """Puts a complete file in the place of another, which is kept beside it under a name with the time.

    Gives that name; None where there was none. A process that is killed meanwhile leaves the one or the other.
    """
    with unused(file):
        pass  # before the log is folded: that would wait for a service that runs
    fold_log(file)
    kept = None
    with unused(file):
        give_to_owner_of(file if file.exists() else file.parent, new)
        if file.exists():
            new.chmod(file.stat().st_mode & 0o777)
            kept = file.with_name(f"{file.name}.replaced-{now:%Y%m%dT%H%M%SZ}")
            kept.hardlink_to(file)
        # A log of another file must not be read into this one.
        for name in _BESIDE:
            beside = file.with_name(file.name + name)
            if beside.exists():
                beside.rename(beside.with_name((kept or file).name + name + ("" if kept else ".left")))
        sync(file.parent)
        put_in_place(new, file)
    return kept
