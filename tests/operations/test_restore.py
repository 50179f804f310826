"""Restoring: whole or not at all, never over what holds data without being told, never under a running service."""

import contextlib
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from recommender.errors import InvalidInput, Unavailable
from recommender.operations import archive
from recommender.operations.folders import UNFINISHED
from recommender.operations.restore import Restored, restore
from recommender.settings import Settings
from recommender.store.base import Store
from recommender.wiring import open_store, opened_dump
from tests.damage import HARMS
from tests.factories import make_article
from tests.operations.conftest import manifest_of, quiet, settings_for
from tests.web.served import environment

DATABASE = "test.db"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An empty folder for a database and models."""
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


@pytest.fixture
def other(site: Path) -> Path:
    """A site with data of its own."""
    with closing(open_store(f"sqlite:///{site}/{DATABASE}")) as store:
        store.articles.upsert([make_article("theirs")])
    (site / "models").mkdir()
    (site / "models" / "live").write_text("theirs/1\n")
    return site


def yes(_: list[str]) -> bool:
    return True


def no(_: list[str]) -> bool:
    return False


def restored(site: Path, path: Path, confirm: Callable[[list[str]], bool] = no) -> Restored:
    return restore(settings_for(site), path, confirm, quiet)


def summary(url: str) -> dict[str, int]:
    """How many rows each table has."""
    with opened_dump(url) as dump, dump.snapshot() as snapshot:
        return {shape.name: len(list(snapshot.lines(shape.name))) for shape in snapshot.tables()}


def files(folder: Path) -> dict[str, bytes]:
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def holds(site: Path, made: Path) -> bool:
    """Whether a site is what the backup holds: every row and every file."""
    rows = {table.shape.name: table.rows for table in manifest_of(made).tables}
    return (
        summary(f"sqlite:///{site}/{DATABASE}") == rows
        and files(site / "models").keys() == manifest_of(made).models().keys()
    )


def test_empty_site_gets_all(site: Path, made: Path) -> None:
    restored(site, made)
    assert holds(site, made)
    assert sorted(one.name for one in site.iterdir()) == ["models", DATABASE]


def test_restored_database_is_its_owners_alone(site: Path, made: Path) -> None:
    restored(site, made)
    assert (site / DATABASE).stat().st_mode & 0o777 == 0o600


def test_restored_models_are_the_same_to_the_byte(site: Path, made: Path, whole: Path) -> None:
    restored(site, made)
    expected = files(whole / "models")
    expected.pop(".lock")
    assert files(site / "models") == expected


def test_database_that_was_only_started_counts_as_empty(site: Path, made: Path) -> None:
    open_store(f"sqlite:///{site}/{DATABASE}").close()
    restored(site, made)
    assert holds(site, made)


def test_database_with_data_is_not_touched(other: Path, made: Path) -> None:
    before = files(other)
    with pytest.raises(InvalidInput, match=r"holds data; the models' folder .* holds other files\. --replace"):
        restored(other, made)
    assert files(other) == before


def test_replaced_site_is_kept_beside(other: Path, made: Path) -> None:
    found = restored(other, made, yes)
    assert holds(other, made)
    models, database = sorted(found.kept)
    assert (models / "live").read_text() == "theirs/1\n"
    with closing(open_store(f"sqlite:///{database}")) as store:
        assert store.articles.by_id("theirs") is not None


def test_same_models_stay_in_place(site: Path, made: Path) -> None:
    restored(site, made)
    (site / DATABASE).unlink()
    assert restored(site, made).kept == []


@pytest.mark.parametrize("name", ["header", "truncated", "text_file"])
def test_damaged_database_is_replaced_and_kept(other: Path, made: Path, name: str) -> None:
    shutil.rmtree(other / "models")
    HARMS[name](other / DATABASE)
    damaged = (other / DATABASE).read_bytes()
    found = restored(other, made, yes)
    assert holds(other, made)
    assert [one.read_bytes() for one in found.kept] == [damaged]


def test_damaged_database_is_not_replaced_unasked(other: Path, made: Path) -> None:
    HARMS["header"](other / DATABASE)
    with pytest.raises(InvalidInput, match="cannot be read"):
        restored(other, made)


def test_log_of_the_old_file_is_not_read_into_the_new(other: Path, made: Path) -> None:
    """As a service that was killed leaves it: rows that are in the write-ahead log alone."""
    program = (
        f"import sqlite3, os; c = sqlite3.connect({str(other / DATABASE)!r}); c.execute('PRAGMA journal_mode=WAL')\n"
    )
    program += "c.execute('UPDATE state SET revision = 77'); c.commit(); os._exit(0)"
    subprocess.run([sys.executable, "-c", program], check=True)
    assert (other / f"{DATABASE}-wal").stat().st_size > 0
    found = restored(other, made, yes)
    assert holds(other, made)
    with closing(open_store(f"sqlite:///{sorted(found.kept)[1]}")) as store:
        assert store.state().revision == 77


@contextlib.contextmanager
def using(file: Path) -> Iterator[None]:
    """Another process that has a database open."""
    program = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM state').fetchall()\n"
    program += "print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield
        process.communicate("")


def test_database_in_use_is_not_replaced(other: Path, made: Path) -> None:
    """The service would write on into the file from before."""
    with using(other / DATABASE), pytest.raises(Unavailable, match=r"is in use\. Stop the service"):
        restored(other, made, yes)
    assert (other / "models" / "live").read_text() == "theirs/1\n"


def test_damaged_backup_changes_nothing(other: Path, made: Path, tmp_path: Path) -> None:
    before = files(other)
    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(made.read_bytes()[: made.stat().st_size // 3])
    with pytest.raises(InvalidInput, match="damaged"):
        restored(other, damaged, yes)
    assert files(other) == before


def with_manifest(made: Path, path: Path, change: Callable[[dict[str, object]], None]) -> Path:
    """A backup with another manifest, digests and all."""
    with tarfile.open(made) as tar, path.open("wb") as stream:
        writer = archive.ArchiveWriter(stream)
        for member in tar:
            data = tar.extractfile(member)
            assert data is not None
            if member.name == archive.MANIFEST:
                manifest = json.loads(data.read())
                change(manifest)
                text = json.dumps(manifest).encode()
                writer._add(archive.MANIFEST, text)
                writer._add(archive.MANIFEST_DIGEST, hashlib.sha256(text).hexdigest().encode())
            elif member.name != archive.MANIFEST_DIGEST:
                writer._add(member.name, data.read())
        writer._tar.close()
    return path


@pytest.mark.parametrize("newer_by", [{"schema": "9999"}, {"format": 2}], ids=str)
def test_backup_of_a_newer_release_is_refused(
    site: Path, made: Path, tmp_path: Path, newer_by: dict[str, object]
) -> None:
    newer = with_manifest(made, tmp_path / "newer.tar", lambda manifest: manifest.update(newer_by))
    with pytest.raises(InvalidInput, match=r"upgrade this one|a newer release wrote it"):
        restored(site, newer)
    assert list(site.iterdir()) == []


def test_rows_that_are_not_those_of_the_manifest_are_refused(site: Path, made: Path, tmp_path: Path) -> None:
    def change(manifest: dict[str, object]) -> None:
        manifest["tables"]["article"]["rows"] += 1  # type: ignore[index]

    other = with_manifest(made, tmp_path / "other.tar", change)
    with pytest.raises(Unavailable, match=r"article has become another.*Nothing was restored"):
        restored(site, other)
    assert list(site.iterdir()) == []


HALTING = """
import sys, time
from pathlib import Path
from pydantic import SecretStr
from recommender.operations import restore
from recommender.settings import Settings
folder, place = Path(sys.argv[1]), sys.argv[3]
settings = Settings(database_url=SecretStr(f"sqlite:///{folder}/test.db"), models=folder / "models")
def halt(*_):
    print("halted", flush=True)
    time.sleep(600)
if place == "filling":
    restore.fill = halt
elif place == "switching":
    restore.take_place = halt
restore.restore(settings, Path(sys.argv[2]), lambda _: True, lambda line: halt() if line.startswith(place) else None)
"""


@pytest.mark.parametrize("place", ["filling", "restored", "switching"])
def test_killed_restore_leaves_the_database_as_it_was(other: Path, made: Path, place: str) -> None:
    before = (other / DATABASE).read_bytes()
    program = [sys.executable, "-c", HALTING, str(other), str(made), place]
    with subprocess.Popen(program, stdout=subprocess.PIPE, env=environment(), text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "halted\n"
        process.send_signal(signal.SIGKILL)
    assert (other / DATABASE).read_bytes() == before
    restored(other, made, yes)
    assert holds(other, made)
    assert list(other.glob(f".*{UNFINISHED}")) == []


def test_failed_switch_of_the_database_gives_the_models_back(other: Path, made: Path) -> None:
    """Somebody starts the service in the moment before the switch."""
    with contextlib.ExitStack() as started:

        def start(line: str) -> None:
            if line.startswith("restored"):
                started.enter_context(using(other / DATABASE))

        with pytest.raises(Unavailable, match="is in use"):
            restore(settings_for(other), made, yes, start)
    assert (other / "models" / "live").read_text() == "theirs/1\n"
    assert summary(f"sqlite:///{other}/{DATABASE}")["article"] == 1


@pytest.fixture
def postgresql(own_postgresql_database: str, tmp_path: Path) -> Settings:
    """Settings that name a PostgreSQL database with tables and nothing in them."""
    return Settings(database_url=SecretStr(own_postgresql_database), models=tmp_path / "models")


def open_postgresql(settings: Settings) -> Store:
    return open_store(settings.database_url.get_secret_value())


def test_backup_of_a_file_restores_into_postgresql(postgresql: Settings, made: Path) -> None:
    restore(postgresql, made, no, quiet)
    rows = {table.shape.name: table.rows for table in manifest_of(made).tables}
    assert summary(postgresql.database_url.get_secret_value()) == rows
    assert files(postgresql.models).keys() == manifest_of(made).models().keys()


def test_postgresql_in_use_is_not_replaced(postgresql: Settings, made: Path) -> None:
    with closing(open_postgresql(postgresql)) as store:
        store.state()
        with pytest.raises(Unavailable, match="1 other connections"):
            restore(postgresql, made, yes, quiet)
    assert not postgresql.models.exists()


def test_killed_restore_leaves_postgresql_as_it_was(postgresql: Settings, made: Path) -> None:
    with closing(open_postgresql(postgresql)) as store:
        store.articles.upsert([make_article("theirs")])
    url = postgresql.database_url.get_secret_value()
    before = summary(url)

    def killed(line: str) -> None:
        if line.startswith("restored"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(postgresql, made, yes, killed)
    assert summary(url) == before
    assert not postgresql.models.exists()
    restore(postgresql, made, yes, quiet)
    assert summary(url) != before
