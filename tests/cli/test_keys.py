"""`keys`: keys of programs from the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from recommender.settings import load_settings
from recommender.store.base import Store
from recommender.wiring import make_keys, opened_store
from tests.cli.conftest import Run


@pytest.fixture
def store(empty: Path) -> Iterator[Store]:
    """The database that the command works on."""
    with opened_store(load_settings()) as opened:
        yield opened


def test_key_is_printed_once_and_alone(run: Run, store: Store) -> None:
    result = run("keys", "add", "cms", "--scope", "articles", "--scope", "drafts")
    (key,) = result.stdout.splitlines()
    assert make_keys(store, load_settings()).program(key, "drafts").name == "cms"
    listed = run("keys", "list").output
    assert "cms" in listed
    assert key.split("_")[1] in listed
    assert key.split("_")[2] not in listed


def test_list_says_what_a_key_is(run: Run, store: Store) -> None:
    run("keys", "add", "cms", "--scope", "articles")
    run("keys", "add", "wire", "--scope", "drafts", "--scope", "events", "--expires", "2999-12-31")
    run("keys", "end", "cms")
    cms, wire = run("keys", "list").stdout.splitlines()
    assert "articles" in cms
    assert "ended " in cms
    assert "drafts,events" in wire
    assert "until 2999-12-31" in wire
    assert "never used" in wire


def test_rotation_prints_the_new_key(run: Run, store: Store) -> None:
    old = run("keys", "add", "cms", "--scope", "articles").stdout.strip()
    new = run("keys", "rotate", "cms", "--keep", "0").stdout.strip()
    assert old != new
    assert make_keys(store, load_settings()).program(new, "articles").name == "cms"
    assert run("keys", "end", "cms").stdout == "cms: 1 key has ended.\n"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("add", "cms"), "--scope"),
        (("add", "cms", "--scope", "all"), "'drafts', 'articles', 'events'"),
        (("add", "CMS", "--scope", "events"), "name for a key"),
        (("add", "cms", "--scope", "events", "--expires", "2020-01-01"), "future"),
        (("end", "cms"), "no key 'cms'"),
        (("rotate", "cms"), "no key 'cms'"),
    ],
)
def test_wrong_use_changes_nothing(run: Run, store: Store, arguments: tuple[str, ...], hint: str) -> None:
    result = run("keys", *arguments)
    assert result.exit_code == 2
    assert hint in result.stderr
    assert store.keys.listing() == []


def test_keys_of_the_settings_are_counted(run: Run, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "There is no key yet" in run("keys", "list").stderr
    monkeypatch.setenv("RECOMMENDER_API_KEYS", "a-very-secret-key-1")
    result = run("keys", "list")
    assert "api_keys has 1 more" in result.stderr
    assert "a-very-secret-key-1" not in result.output
