"""Working folders beside what is being written, and files that survive a power cut once they have their name."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recommender.errors import Unavailable

UNFINISHED = ".recommender-unfinished"  # ends the name of a working folder, and of nothing else
PRIVATE = 0o700


@contextmanager
def working_folder(beside: Path) -> Iterator[Path]:
    """An empty folder in the same place as a file or folder, for its owner alone; it goes away at the end.

    Those go first that killed processes have left in this place, whatever they were for. Raises Unavailable where
    another process is at it, or nothing can be written.
    """
    folder = beside.with_name(f".{beside.name}{UNFINISHED}")
    with told(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        for left in folder.parent.glob(f".*{UNFINISHED}"):
            with _held(left) as held:
                if held:
                    shutil.rmtree(left)
        try:
            folder.mkdir(mode=PRIVATE)
        except FileExistsError as error:
            raise Unavailable(f"Another process is writing {beside} now.") from error
    with _held(folder), told(folder):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Whether a folder is held by this process and by no other; the lock ends with the process, however that ends."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
    finally:
        os.close(lock)


def put_in_place(unfinished: Path, target: Path) -> None:
    """Gives a file that is complete its name: after a power cut it is there whole, or the one before is."""
    sync(unfinished)
    unfinished.replace(target)
    sync(target.parent)


def sync(path: Path) -> None:
    """Returns when a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def give_to_owner_of(like: Path, *paths: Path) -> None:
    """Gives files and folders with all that they hold to the owner of another one, where this user may (root)."""
    if os.geteuid() != 0:
        return
    owner = like.stat()
    for path in paths:
        for one in (path, *(path.rglob("*") if path.is_dir() else ())):
            os.chown(one, owner.st_uid, owner.st_gid, follow_symlinks=False)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turns what the file system says into one line: Unavailable."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"{error.filename or path} cannot be written: {error.strerror or error}.") from error
