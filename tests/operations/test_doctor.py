"""The doctor: each thing that is wrong is named with what to do, and nothing is changed or hidden by it."""

import json
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from pydantic import SecretStr

from recommender.errors import StoreUnavailable
from recommender.operations import files, network
from recommender.operations.doctor import Machine, diagnose, guarded, has_fault
from recommender.operations.findings import FAULT, OK, WARNING, Finding, ok
from recommender.release.cards import BUILT_IN
from recommender.settings import Settings, load_settings
from recommender.store.keys import ApiKey
from recommender.wiring import opened_store, utc_now
from tests.damage import HARMS, overwrite_page, pages_of_tables
from tests.web.served import free_port


@pytest.fixture
def site(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a database and models, which is the current one, and a settings file that names them.

    The version that this software brings is the live one.
    """
    folder = Path(shutil.copytree(whole, tmp_path / "site"))
    (folder / "models" / "live").write_text(f"{BUILT_IN}\n")
    monkeypatch.chdir(folder)
    configure(folder)
    return folder


def configure(folder: Path, **values: object) -> None:
    given = {
        "database_url": f"sqlite:///{folder}/test.db",
        "models": str(folder / "models"),
        "port": free_port(),
    } | values
    file = folder / "recommender.toml"
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in given.items()))
    file.chmod(0o600)


def findings(check: str = "", **environment: str) -> list[Finding]:
    found = list(diagnose(Machine(environment, None)))
    assert all("\n" not in one.text + one.advice for one in found)
    assert all(bool(one.advice) == (one.level != OK) for one in found)
    return [one for one in found if one.check == check or not check]


def test_every_check_has_a_line(site: Path) -> None:
    assert [one.check for one in findings()] == [
        *("settings", "secrets", "database", "integrity", "generation", "keys", "disk", "permissions", "models"),
        *("clock", "port", "address", "proxy"),
    ]


def test_installation_that_works_has_no_fault(site: Path) -> None:
    assert [one for one in findings() if one.level == FAULT] == []


def test_nothing_is_changed(site: Path) -> None:
    (site / "test.db").unlink()
    before = sorted(site.rglob("*"))
    findings()
    assert sorted(site.rglob("*")) == before


def test_settings_that_cannot_be_used_are_the_only_finding(site: Path) -> None:
    configure(site, prot=9000)
    (found,) = findings()
    assert (found.level, "did you mean port?" in found.text) == (FAULT, True)


@pytest.mark.parametrize("name", HARMS)
def test_damaged_database_is_a_fault(site: Path, name: str) -> None:
    HARMS[name](site / "test.db")
    found = findings()
    assert has_fault(found)
    assert FAULT in [one.level for one in found if one.check in ("database", "integrity")]
    assert "port" in [one.check for one in found]  # what does not need the database is looked at all the same


def test_damaged_page_is_a_fault(site: Path) -> None:
    overwrite_page(site / "test.db", pages_of_tables(site / "test.db")["audit"])
    (found, *_) = findings("integrity")
    assert (found.level, "restore" in found.advice) == (FAULT, True)


def test_new_site_is_told_where_to_begin(site: Path) -> None:
    (site / "test.db").unlink()
    (found,) = findings("database")
    assert (found.level, "recommender ingest" in found.advice) == (WARNING, True)


def test_build_of_another_version_is_a_warning(site: Path) -> None:
    (found,) = findings("generation")
    assert (found.level, f"{BUILT_IN}, which `live` names" in found.advice) == (WARNING, True)


def test_damaged_live_version_is_a_fault(site: Path) -> None:
    (site / "models" / "live").write_text("good/1\n")
    (site / "models" / "good" / "1" / "weights.bin").write_text("not on the card")
    (found,) = findings("models")
    assert (found.level, "weights.bin is not on the card" in found.text) == (FAULT, True)


@pytest.mark.parametrize(("mode", "level"), [(0o600, OK), (0o640, WARNING), (0o644, WARNING)])
def test_database_that_others_can_read_is_a_warning(site: Path, mode: int, level: str) -> None:
    (site / "test.db").chmod(mode)
    assert [one.level for one in findings("permissions")] == [level]


@pytest.mark.parametrize(("mode", "level"), [(0o600, OK), (0o644, WARNING), (0o622, FAULT)])
def test_settings_file_is_as_private_as_its_keys(site: Path, mode: int, level: str) -> None:
    configure(site, api_keys=["a-key-of-the-tests-only"])
    (site / "recommender.toml").chmod(mode)
    assert [one.level for one in findings("secrets")] == [level]


def test_key_that_can_be_guessed_is_a_warning(site: Path) -> None:
    configure(site, api_keys=["aaaaaaaaaaaaaaaaaaaa"])
    (found,) = findings("secrets")
    assert (found.level, "aaaa" in found.text) == (WARNING, False)


def with_key(site: Path, **fields: object) -> None:
    """Keeps a key that was made yesterday and used then, and ends in a year, but for what is given."""
    day = timedelta(days=1)
    key = ApiKey("abcdefabcdef", "wire", "hash", ("articles",), utc_now() - day, utc_now() + 365 * day, None, utc_now())
    with opened_store(load_settings()) as store:
        store.keys.add(replace(key, **fields))  # type: ignore[arg-type]  # as named


def test_key_that_is_looked_after_is_fine(site: Path) -> None:
    with_key(site)
    assert [(one.level, one.text) for one in findings("keys")] == [(OK, "named API keys: 1")]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"until": None}, "the API key wire (abcdefabcdef) has no end"),
        ({"created": utc_now() - timedelta(days=400)}, "the API key wire (abcdefabcdef) is 400 days old"),
        ({"until": utc_now() + timedelta(days=3)}, "the API key wire (abcdefabcdef) ends on"),
        ({"used": utc_now() - timedelta(days=200)}, "the API key wire (abcdefabcdef) was not used for 200 days"),
    ],
)
def test_key_to_be_looked_at_is_named(site: Path, fields: dict[str, object], said: str) -> None:
    with_key(site, **fields)
    (found,) = findings("keys")
    assert (found.level, found.text.startswith(said)) == (WARNING, True)


def test_ended_key_needs_no_look(site: Path) -> None:
    with_key(site, until=None, ended=utc_now())
    assert [one.level for one in findings("keys")] == [OK]


def test_what_a_restore_has_kept_is_named(site: Path) -> None:
    (site / "test.db.replaced-20261130T000000Z").touch()
    (found,) = findings("permissions")
    assert "test.db.replaced-20261130T000000Z is left from a restore" in found.text


def test_file_of_the_future_is_a_warning(site: Path) -> None:
    later = (utc_now() + timedelta(hours=2)).timestamp()
    os.utime(site / "models" / "live", (later, later))
    assert [one.text for one in findings("clock")] == [f"{site}/models/live was written in the future"]


def test_full_disk_is_a_fault(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FULL_BYTES", 1 << 62)
    assert [one.level for one in findings("disk")] == [FAULT]


class Other(BaseHTTPRequestHandler):
    """A program that is not the service."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"hello": "world"}')

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def other_program() -> Iterator[int]:
    """The port of a web server that is not ours."""
    with HTTPServer(("127.0.0.1", 0), Other) as server:
        Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


def test_port_of_another_program_is_a_fault(site: Path, other_program: int) -> None:
    configure(site, port=other_program)
    (found,) = findings("port")
    assert (found.level, found.text) == (FAULT, f"another program answers on 127.0.0.1:{other_program}")


def test_port_that_says_nothing_is_a_fault(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "PATIENCE_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        configure(site, port=silent.getsockname()[1])
        assert [one.level for one in findings("port")] == [FAULT]


def test_address_for_others_needs_tls(site: Path) -> None:
    configure(site, host="0.0.0.0")
    assert [one.level for one in findings("address")] == [WARNING]
    configure(site, host="0.0.0.0", public_url="https://related.example", proxies=["192.0.2.7"])
    assert [one.level for one in findings("address")] == [OK]


def test_proxy_on_another_machine_is_named(site: Path) -> None:
    """Else all who sign in come from one address, and share its limits."""
    configure(site, host="0.0.0.0", public_url="https://related.example")
    (found,) = findings("address")
    assert (found.level, "proxies" in found.text) == (WARNING, True)
    configure(site, host="0.0.0.0", public_url="https://related.example", proxies=["192.0.2.7"])
    assert [one.level for one in findings("address")] == [OK]


@pytest.mark.parametrize(("fetches", "level"), [({}, OK), ({"models_from": "https://models.example"}, WARNING)])
def test_proxy_that_is_away_matters_where_something_is_fetched(site: Path, fetches: dict[str, str], level: str) -> None:
    configure(site, **fetches)
    (found,) = findings("proxy", HTTPS_PROXY=f"http://user:pass@127.0.0.1:{free_port()}")
    assert (found.level, "pass" in found.text) == (level, False)


@pytest.mark.parametrize(
    "error", [ValueError("two\nlines"), KeyError("x"), StoreUnavailable("away"), OSError(5, "I/O")]
)
def test_check_that_fails_is_a_fault_with_its_reason(error: Exception) -> None:
    def check(_: Settings) -> Iterator[Finding]:
        yield ok("some", "first")
        raise error

    first, failed = guarded("some", check, Settings(database_url=SecretStr("sqlite:///none.db")))
    assert first.level == OK
    assert (failed.check, failed.level) == ("some", FAULT)
    assert "\n" not in failed.text


@pytest.mark.parametrize(("size", "words"), [(0, "0 bytes"), (2048, "2.0 KiB"), (5 << 40, "5,120.0 GiB")])
def test_sizes_are_in_words(size: int, words: str) -> None:
    assert files.in_words(size) == words
