"""A SQLite file that is damaged or not usable: one error of one line, which says what to do."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from recommender.errors import StoreUnavailable
from recommender.store.base import Store
from recommender.wiring import open_store
from tests.conftest import Unavailable
from tests.damage import HARMS, damaged_copy, overwrite_page, pages_of_tables
from tests.factories import built, make_article


@pytest.fixture
def archive(store: Store, database_url: str) -> Path:
    """A built archive of a few articles, all in the file itself."""
    built(store, [make_article(f"a{number}", body=f"junta coup {number} " * 300) for number in range(12)])
    store.close()
    file = Path(database_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


def probe(file: Path) -> None:
    """Opens a database and asks whether it is well."""
    opened = open_store(f"sqlite:///{file}")
    try:
        opened.probe()
    finally:
        opened.close()


@pytest.mark.parametrize("name", HARMS)
def test_harm_is_one_line_with_advice(archive: Path, tmp_path: Path, name: str) -> None:
    file = damaged_copy(archive, tmp_path / "harmed.db", HARMS[name])
    with pytest.raises(StoreUnavailable, match=r"does not answer: .*\. \S.*\.$") as caught:
        probe(file)
    assert "\n" not in str(caught.value)


def test_every_table_is_probed(archive: Path, tmp_path: Path) -> None:
    advised = {}
    pages = {name: page for name, page in pages_of_tables(archive).items() if "search" not in name}
    for name, page in pages.items():
        file = damaged_copy(archive, tmp_path / f"{name}.db", lambda copy, page=page: overwrite_page(copy, page))
        try:
            probe(file)
        except StoreUnavailable as error:
            advised[name] = "restore" in str(error)
    # SQLite's own table is read where a number is given.
    assert advised == dict.fromkeys(pages.keys() - {"sqlite_sequence"}, True)


def test_whole_database_stands_the_probe(archive: Path) -> None:
    opened = open_store(f"sqlite:///{archive}")
    opened.probe()
    opened.close()


def test_harm_done_while_open_is_noticed(archive: Path) -> None:
    """A kept connection would answer from pages that it read before."""
    opened = open_store(f"sqlite:///{archive}")
    opened.probe()
    overwrite_page(archive, pages_of_tables(archive)["article"])
    with pytest.raises(StoreUnavailable, match="malformed"):
        opened.probe()
    opened.close()


def test_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="folder of the database cannot be made"):
        open_store(f"sqlite:///{tmp_path}/file/inside/new.db")


def test_full_disk_is_one_line(archive: Path) -> None:
    """As SQLite reports it: the database may grow by no page."""
    opened = open_store(f"sqlite:///{archive}")
    with opened.writing() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # type: ignore[attr-defined]  # the SQL store's
    with pytest.raises(StoreUnavailable, match=r"full\. Make room"):
        opened.articles.upsert([make_article(f"b{number}", body="x" * 20_000) for number in range(50)])
    opened.close()


def as_one_without_privileges(*command: str) -> list[str]:
    """The command without root's right to read and write what the mode of a file forbids."""
    forbidden = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={forbidden}", f"--inh-caps={forbidden}", *command]


@pytest.mark.parametrize("mode", [0o000, 0o400])
def test_file_without_permission_is_one_line(archive: Path, unavailable: Unavailable, mode: int) -> None:
    if shutil.which("setpriv") is None:
        unavailable("setpriv", "it is not installed")
    archive.chmod(mode)
    program = "from recommender.wiring import open_store; import sys; open_store(sys.argv[1]).articles.withdraw('a1')"
    url = f"sqlite:///{archive}"
    done = subprocess.run(
        as_one_without_privileges(sys.executable, "-c", program, url), capture_output=True, text=True, check=False
    )
    assert "StoreUnavailable: The database does not answer: " in done.stderr.splitlines()[-1]
    assert "this user" in done.stderr.splitlines()[-1]


def test_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    """It holds hashes of passwords and of sessions."""
    opened = open_store(f"sqlite:///{tmp_path}/new.db")
    opened.articles.upsert([make_article("a")])
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.glob("new.db*")}
    opened.close()
    assert modes == {"new.db": 0o600, "new.db-wal": 0o600, "new.db-shm": 0o600}


def test_existing_file_keeps_its_mode(archive: Path) -> None:
    archive.chmod(0o640)
    opened = open_store(f"sqlite:///{archive}")
    opened.articles.upsert([make_article("b")])
    modes = {file.stat().st_mode & 0o777 for file in archive.parent.glob("test.db*")}
    opened.close()
    assert modes == {0o640}
