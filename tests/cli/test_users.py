"""`users`: accounts from the command line."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from recommender.settings import load_settings
from recommender.store.accounts import SecondFactor
from recommender.store.audit import AuditQuery
from recommender.store.base import Store
from recommender.wiring import make_accounts, opened_store
from tests.cli.conftest import Run
from tests.factories import NOW

PASSWORD = "millet and rain"
TWICE = f"{PASSWORD}\n{PASSWORD}\n"


@pytest.fixture
def store(empty: Path) -> Iterator[Store]:
    """The database that the command works on."""
    with opened_store(load_settings()) as opened:
        yield opened


def test_added_account_can_sign_in(run: Run, store: Store) -> None:
    result = run("users", "add", "Awa", "--role", "editor", given=TWICE)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "Awa is editor.")
    assert make_accounts(store).sign_in("awa", PASSWORD)


def test_password_is_not_shown(run: Run, store: Store) -> None:
    assert PASSWORD not in run("users", "add", "Awa", "--role", "editor", given=TWICE).output


def test_two_passwords_must_agree(run: Run, store: Store) -> None:
    result = run("users", "add", "Awa", "--role", "editor", given=f"{PASSWORD}\nanother password\n")
    assert result.exit_code == 1
    assert store.accounts.everyone() == []


@pytest.mark.parametrize(
    ("arguments", "given", "hint"),
    [
        (("Awa", "--role", "editor"), "short\nshort\n", "12 characters"),
        (("Awa", "--role", "owner"), TWICE, "'viewer', 'editor', 'data-scientist', 'administrator'"),
        (("Awa",), TWICE, "--role"),
        (("<b>", "--role", "editor"), TWICE, "A name has"),
    ],
)
def test_wrong_use_adds_no_account(run: Run, store: Store, arguments: tuple[str, ...], given: str, hint: str) -> None:
    result = run("users", "add", *arguments, given=given)
    assert result.exit_code == 2
    assert hint in result.stderr
    assert store.accounts.everyone() == []


def test_name_is_taken_once(run: Run, store: Store) -> None:
    run("users", "add", "Awa", "--role", "editor", "--link")
    result = run("users", "add", "awa", "--role", "viewer", "--link")
    assert result.exit_code == 2
    assert "already" in result.stderr


def link_of(run: Run, *options: str) -> str:
    """The link that a new account is given."""
    return run("users", "add", "Awa", "--role", "editor", "--link", *options).stdout.splitlines()[-1]


def test_link_signs_in(run: Run, store: Store) -> None:
    base, _, token = link_of(run).rpartition("/")
    assert base == "http://127.0.0.1:8000/editor/link"
    assert make_accounts(store).use_link(token, PASSWORD)


@pytest.mark.parametrize(
    ("options", "start"),
    [((), "https://related.example/editor/"), (("--url", "https://desk.example/"), "https://desk.example/editor/")],
)
def test_link_says_where_the_service_is(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], start: str
) -> None:
    monkeypatch.setenv("RECOMMENDER_PUBLIC_URL", "https://related.example")
    assert link_of(run, *options).startswith(start)


@pytest.mark.parametrize("url", ["related.example", "https://related.example/desk", "ftp://related.example"])
def test_unusable_address_stops_the_start(run: Run, store: Store, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("RECOMMENDER_PUBLIC_URL", url)
    result = run("users", "list")
    assert result.exit_code == 2
    assert "public_url" in result.stderr


def test_new_link_for_a_known_account(run: Run, store: Store) -> None:
    run("users", "add", "Awa", "--role", "editor", given=TWICE)
    token = run("users", "link", "awa").stdout.strip().rpartition("/")[2]
    assert make_accounts(store).link_holder(token).name == "Awa"


def test_list_shows_role_and_state(run: Run, store: Store) -> None:
    run("users", "add", "Awa", "--role", "editor", given=TWICE)
    run("users", "add", "Boubacar", "--role", "data-scientist", "--link")
    run("users", "disable", "Awa")
    lines = [line.rsplit(maxsplit=1)[0].split(maxsplit=2) for line in run("users", "list").stdout.splitlines()]
    assert lines == [["Awa", "editor", "disabled"], ["Boubacar", "data-scientist", "no password"]]


def test_empty_list_says_what_to_do(run: Run, store: Store) -> None:
    result = run("users", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "users add" in result.stderr


def test_role_and_state_are_changed(run: Run, store: Store) -> None:
    run("users", "add", "Awa", "--role", "editor", given=TWICE)
    assert run("users", "role", "Awa", "viewer").stdout == "Awa is viewer.\n"
    assert run("users", "disable", "Awa").stdout == "Awa is disabled.\n"
    assert run("users", "enable", "Awa").stdout == "Awa is enabled.\n"
    account = store.accounts.by_name("Awa")
    assert account
    assert (account.role, account.disabled) == ("viewer", False)


def test_lost_second_factor_is_taken_away(run: Run, store: Store) -> None:
    run("users", "add", "Awa", "--role", "editor", given=TWICE)
    account = store.accounts.by_name("Awa")
    assert account
    store.accounts.replace(replace(account, second_factor=SecondFactor("A" * 32, NOW, 0)))
    assert run("users", "reset-second-factor", "awa").stdout == "awa has no second factor.\n"
    assert store.accounts.by_name("Awa") == account


def test_sign_out_ends_sessions(run: Run, store: Store) -> None:
    run("users", "add", "Awa", "--role", "editor", given=TWICE)
    token = make_accounts(store).sign_in("Awa", PASSWORD)
    assert run("users", "sign-out", "Awa").exit_code == 0
    assert make_accounts(store).who(token) is None


@pytest.mark.parametrize(
    "arguments",
    [("link",), ("disable",), ("enable",), ("sign-out",), ("reset-second-factor",), ("role", "viewer")],
    ids=lambda given: given[0],
)
def test_unknown_account_is_an_error(run: Run, store: Store, arguments: tuple[str, ...]) -> None:
    result = run("users", arguments[0], "nobody", *arguments[1:])
    assert result.exit_code == 2
    assert "no account 'nobody'" in result.stderr


@pytest.mark.parametrize("arguments", [("disable", "Awa"), ("role", "Awa", "viewer")], ids=lambda given: given[0])
def test_last_administrator_stays(run: Run, store: Store, arguments: tuple[str, ...]) -> None:
    run("users", "add", "Awa", "--role", "administrator", given=TWICE)
    result = run("users", *arguments)
    assert result.exit_code == 2
    assert "last administrator" in result.stderr


def test_changes_are_on_record(run: Run, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "operator")
    run("users", "add", "Awa", "--role", "editor", "--link")
    run("users", "disable", "Awa")
    entries = [(entry.by, entry.action) for entry in store.audit.entries(AuditQuery(), 10)]
    by = "command line (operator)"
    assert entries == [(by, "disable account"), (by, "make sign-in link"), (by, "add account")]


def test_help_names_every_job(run: Run) -> None:
    shown = run("users", "--help").stdout
    assert all(f"  {job} " in shown for job in ("add", "list", "role", "link", "disable", "enable", "sign-out"))
