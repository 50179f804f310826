"""Ways in which a SQLite file comes to harm, for tests of what is said then."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

PAGE = 4096
HEADER = 1  # the first page: the file's header, and the tables' list

Harm = Callable[[Path], None]


def overwrite_page(file: Path, number: int) -> None:
    """Puts noise in the place of a page, counted from 1; the same each time."""
    with file.open("r+b") as stream:
        stream.seek((number - 1) * PAGE)
        stream.write(random.Random(number).randbytes(PAGE))


def header(file: Path) -> None:
    """What no longer begins as a database."""
    overwrite_page(file, HEADER)


def truncated(file: Path) -> None:
    """The first half, as a copy leaves it that was interrupted."""
    with file.open("r+b") as stream:
        stream.truncate(file.stat().st_size // 2 // PAGE * PAGE)


def text_file(file: Path) -> None:
    """Another file under this name."""
    file.write_text("This is a list of things to do.\n" * 200)


def folder(file: Path) -> None:
    """A folder under this name."""
    file.unlink()
    file.mkdir()


HARMS: dict[str, Harm] = {one.__name__: one for one in (header, truncated, text_file, folder)}


def pages_of_tables(file: Path) -> dict[str, int]:
    """The page that each table begins on."""
    with closing(sqlite3.connect(file)) as connection:
        return dict(connection.execute("SELECT name, rootpage FROM sqlite_master WHERE type = 'table' AND rootpage"))


def damaged_copy(file: Path, target: Path, harm: Harm) -> Path:
    """A copy of a database that has come to harm."""
    shutil.copy(file, target)
    harm(target)
    return target
