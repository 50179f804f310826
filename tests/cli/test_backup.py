"""`backup`, `restore` and `check`."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from recommender.settings import load_settings
from recommender.store.audit import AuditEntry
from recommender.wiring import opened_store
from tests.cli.conftest import Run
from tests.damage import overwrite_page, pages_of_tables
from tests.factories import NOW


@pytest.fixture
def made(run: Run, archive: Path, tmp_path: Path) -> Path:
    """A backup of the archive."""
    assert run("backup", tmp_path / "b.tar").exit_code == 0
    return tmp_path / "b.tar"


def test_backup_says_what_it_holds_and_that_it_is_secret(run: Run, archive: Path, tmp_path: Path) -> None:
    said = run("backup", tmp_path / "b.tar").stdout
    assert "rows of 27 tables" in said
    assert "Keep it private: it holds hashes of passwords and sessions, and secrets of second factors." in said


def test_backup_comes_back(run: Run, archive: Path, made: Path) -> None:
    before = run("status").stdout
    archive.unlink()
    result = run("restore", made)
    assert (result.exit_code, run("status").stdout) == (0, before)
    assert "Audit trail: 0 entries, each follows from the one before." in result.stdout


def test_restore_says_where_the_trail_is_broken(run: Run, archive: Path, tmp_path: Path) -> None:
    """The backup may be all that is left: it is restored, and what is wrong is told."""
    with opened_store(load_settings()) as store:
        for subject in ("a1", "a2"):
            store.audit.append(AuditEntry(NOW, "Ama", "pin", subject))
    with closing(sqlite3.connect(archive)) as file:
        file.executescript("DROP TRIGGER audit_stays; DELETE FROM audit WHERE number = 1")
    run("backup", tmp_path / "b.tar")
    archive.unlink()
    result = run("restore", tmp_path / "b.tar")
    assert "Audit trail: BROKEN at entry 2 (2026-06-01T12:00:00+00:00, Ama, pin, a2)" in result.stdout
    assert run("check").exit_code == 1


def test_data_is_not_replaced_unasked(run: Run, archive: Path, made: Path) -> None:
    result = run("restore", made)
    assert result.exit_code == 2
    assert "--replace puts the backup in its place" in result.stderr


@pytest.mark.parametrize(("typed", "code"), [("replace\n", 0), ("yes\n", 2), ("", 1)])
def test_replacing_is_typed(run: Run, archive: Path, made: Path, typed: str, code: int) -> None:
    result = run("restore", made, "--replace", given=typed)
    assert result.exit_code == code
    assert "holds data" in result.stderr


def test_yes_does_not_ask(run: Run, archive: Path, made: Path) -> None:
    result = run("restore", made, "--replace", "--yes")
    assert result.exit_code == 0
    assert "remove it when all is well" in result.stdout


def test_file_that_is_no_backup_is_refused(run: Run, archive: Path) -> None:
    result = run("restore", archive)
    assert result.exit_code == 2
    assert "is not a backup" in result.stderr


def test_whole_database_passes_the_check(run: Run, archive: Path) -> None:
    assert run("check").stdout == "Whole.\n"


def test_damage_fails_the_check(run: Run, gathered: Path) -> None:
    overwrite_page(gathered, pages_of_tables(gathered)["neighbour"])
    result = run("check")
    assert result.exit_code == 1
    assert "table neighbour: database disk image is malformed" in result.stdout
    assert result.stderr.endswith("problems.\n")


def test_missing_database_is_not_made_by_a_check(run: Run, empty: Path) -> None:
    result = run("check")
    assert result.exit_code == 3
    assert not empty.exists()
