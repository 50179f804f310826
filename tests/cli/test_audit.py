"""`audit verify`: whether the trail is what was written, for people and for programs."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from recommender.settings import load_settings
from recommender.store.audit import AuditEntry
from recommender.store.audit_chain import START
from recommender.store.base import Store
from recommender.wiring import opened_store
from tests.cli.conftest import Run
from tests.factories import NOW


@pytest.fixture
def store(empty: Path) -> Iterator[Store]:
    """The database that the command works on, with three entries."""
    with opened_store(load_settings()) as opened:
        for subject in ("a1", "a2", "a3"):
            opened.audit.append(AuditEntry(NOW, "Ama", "pin", subject))
        yield opened


@pytest.fixture
def harmed(store: Store, empty: Path) -> None:
    """Somebody with the file in hand has changed the second entry."""
    with closing(sqlite3.connect(load_settings().database_url.get_secret_value().removeprefix("sqlite:///"))) as file:
        file.executescript("DROP TRIGGER audit_keeps; UPDATE audit SET by = 'Ben' WHERE number = 2")


def test_whole_trail_says_its_head(run: Run, store: Store) -> None:
    result = run("audit", "verify")
    head = store.audit.trail().head
    assert (result.exit_code, result.stdout) == (
        0,
        f"Audit trail: 3 entries, each follows from the one before. Head: {head}\n",
    )
    assert run("audit", "verify", "--head", head.upper()).exit_code == 0


def test_broken_trail_names_the_entry(run: Run, harmed: None) -> None:
    result = run("audit", "verify")
    assert result.exit_code == 1
    assert "BROKEN at entry 2 (2026-06-01T12:00:00+00:00, Ben, pin, a2)" in result.stdout


def test_program_gets_the_same(run: Run, store: Store, harmed: None) -> None:
    result = run("audit", "verify", "--json", "--head", "f" * 64)
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "whole": False,
        "entries": 3,
        "head": store.audit.trail().head,
        "broken": {"number": 2, "at": "2026-06-01T12:00:00+00:00", "by": "Ben", "action": "pin", "subject": "a2"},
        "known": False,
    }


def test_cut_off_tail_is_seen(run: Run, store: Store) -> None:
    result = run("audit", "verify", "--head", "f" * 64)
    assert result.exit_code == 1
    assert "No entry has the hash that was noted" in result.stdout


def test_empty_trail_is_whole(run: Run, empty: Path) -> None:
    with opened_store(load_settings()):
        pass
    assert run("audit", "verify", "--head", START).exit_code == 0


@pytest.mark.parametrize("head", ["", "x", "f" * 63, "g" * 64])
def test_other_text_is_no_head(run: Run, store: Store, head: str) -> None:
    result = run("audit", "verify", "--head", head)
    assert result.exit_code == 2
    assert "64 digits" in result.stderr


def test_missing_database_is_not_made(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOMMENDER_DATABASE_URL", f"sqlite:///{tmp_path}/none.db")
    assert run("audit", "verify").exit_code == 3
    assert not (tmp_path / "none.db").exists()
