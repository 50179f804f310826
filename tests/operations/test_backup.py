"""A backup: one private file with everything, which was restored once before it has its name."""

import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from recommender.errors import InvalidInput, StoreUnavailable, Unavailable
from recommender.operations.backup import back_up
from recommender.operations.folders import UNFINISHED, working_folder
from recommender.store.sql.schema import newest
from recommender.store.sql.tables import metadata
from recommender.wiring import open_store
from tests.damage import overwrite_page, pages_of_tables
from tests.factories import make_article
from tests.operations.conftest import manifest_of, quiet, settings_for
from tests.web.served import environment, eventually


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy of the database and the models."""
    return Path(shutil.copytree(whole, tmp_path / "site"))


def test_backup_names_all_that_it_holds(made: Path, whole: Path) -> None:
    manifest = manifest_of(made)
    assert (manifest.schema, manifest.database) == (newest(), "sqlite")
    assert {table.shape.name for table in manifest.tables} == metadata.tables.keys()
    files = {path.relative_to(whole / "models").as_posix() for path in (whole / "models").rglob("*") if path.is_file()}
    assert manifest.models().keys() == files - {".lock"}


def test_backup_is_its_owners_alone(made: Path) -> None:
    assert made.stat().st_mode & 0o777 == 0o600


def test_backup_leaves_nothing_else(made: Path) -> None:
    assert list(made.parent.iterdir()) == [made]


def test_unchanged_database_has_the_same_digests(made: Path, folder: Path, tmp_path: Path) -> None:
    back_up(settings_for(folder), tmp_path / "again.tar", quiet)
    assert manifest_of(tmp_path / "again.tar").tables == manifest_of(made).tables


def test_name_that_is_taken_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("another's")
    with pytest.raises(InvalidInput, match="not written over"):
        back_up(settings_for(folder), tmp_path / "taken", quiet)
    assert (tmp_path / "taken").read_text() == "another's"


def test_missing_database_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="There is no database"):
        back_up(settings_for(tmp_path), tmp_path / "b.tar", quiet)
    assert list(tmp_path.iterdir()) == []


def test_damaged_database_gives_no_backup(folder: Path, tmp_path: Path) -> None:
    """A copy of the bytes would have carried the damage on."""
    overwrite_page(folder / "test.db", pages_of_tables(folder / "test.db")["signal"])
    with pytest.raises(StoreUnavailable, match="malformed"):
        back_up(settings_for(folder), tmp_path / "b.tar", quiet)
    assert not (tmp_path / "b.tar").exists()


def test_link_among_the_models_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "models" / "good" / "1" / "weights").symlink_to("/etc/hostname")
    with pytest.raises(InvalidInput, match="is a link"):
        back_up(settings_for(folder), tmp_path / "b.tar", quiet)
    assert list(tmp_path.glob("*b.tar*")) == []


def test_backup_may_not_lie_among_the_models(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="models' folder"):
        back_up(settings_for(folder), folder / "models" / "b.tar", quiet)


def test_backup_is_of_one_moment_while_others_write(folder: Path, tmp_path: Path) -> None:
    """Its self-check would fail if rows of two moments met."""
    stop = threading.Event()
    store = open_store(f"sqlite:///{folder}/test.db")

    def write() -> None:
        number = 0
        while not stop.is_set():
            store.articles.upsert([make_article(f"while-{number}")])
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        back_up(settings_for(folder), tmp_path / "b.tar", quiet)
    finally:
        stop.set()
        writer.join()
        store.close()
    assert manifest_of(tmp_path / "b.tar").rows > 0


def test_two_of_one_name_do_not_mix(folder: Path, tmp_path: Path) -> None:
    with working_folder(tmp_path / "b.tar"), pytest.raises(Unavailable, match="Another process is writing"):
        back_up(settings_for(folder), tmp_path / "b.tar", quiet)


HALTING = """
import sys, time
from pathlib import Path
from pydantic import SecretStr
from recommender.operations.backup import back_up
from recommender.settings import Settings
folder = Path(sys.argv[1])
settings = Settings(database_url=SecretStr(f"sqlite:///{folder}/test.db"), models=folder / "models")
def tell(line):
    if line.startswith(sys.argv[3]):
        print("halted", flush=True)
        time.sleep(600)
back_up(settings, Path(sys.argv[2]), tell)
"""


@pytest.mark.parametrize("place", ["article", "verifying"])
def test_killed_backup_leaves_no_file_and_the_next_clears_up(folder: Path, tmp_path: Path, place: str) -> None:
    path = tmp_path / "b.tar"
    program = [sys.executable, "-c", HALTING, str(folder), str(path), place]
    with subprocess.Popen(program, stdout=subprocess.PIPE, env=environment(), text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "halted\n"
        process.send_signal(signal.SIGKILL)
    assert eventually(lambda: process.poll() is not None)
    assert not path.exists()
    assert len(list(tmp_path.glob(f".*{UNFINISHED}"))) == 1
    back_up(settings_for(folder), tmp_path / "next.tar", quiet)
    assert list(tmp_path.glob(f".*{UNFINISHED}")) == []
