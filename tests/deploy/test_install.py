"""The steps of the image and of Debian, run in a folder of their own."""

import json
import os
import shutil
import stat
import subprocess
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from tests.web.served import eventually, serving

ROOT = Path(__file__).parents[2]
SETUP = ROOT / "deploy" / "debian" / "setup.sh"
GIVEN = {"DOMAIN": "related.example.org", "SITE": "https://www.example.org", "WRITERS": "192.0.2.10"}


def set_up(root: Path, *steps: str, given: Mapping[str, str] = GIVEN) -> subprocess.CompletedProcess[str]:
    """Runs steps of Debian's script below a folder."""
    environment = {name: value for name, value in os.environ.items() if name not in GIVEN}
    return subprocess.run(
        ["sh", SETUP, *steps],
        env=environment | {"ROOT": str(root)} | given,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def _openssl(unavailable: Callable[[str, str], NoReturn]) -> None:
    for program, package in (("openssl", "openssl"), ("envsubst", "gettext-base")):
        if shutil.which(program) is None:
            unavailable(program, f"{program} is not on PATH; Debian's package {package} has it")


def test_steps_without_a_name_are_listed(tmp_path: Path) -> None:
    done = set_up(tmp_path)
    assert done.returncode == 2
    assert "packages user program settings database units proxy certificate start" in done.stdout


def test_unknown_step_is_refused(tmp_path: Path) -> None:
    done = set_up(tmp_path, "unit")
    assert (done.returncode, done.stderr[:24]) == (2, "setup: unit is not a ste")


@pytest.mark.parametrize("missing", ["DOMAIN", "WRITERS"])
def test_missing_value_is_named(tmp_path: Path, missing: str) -> None:
    done = set_up(tmp_path, "proxy", given={name: value for name, value in GIVEN.items() if name != missing})
    assert done.returncode == 2
    assert done.stderr.startswith(f"setup: {missing} is missing")
    assert list(tmp_path.iterdir()) == []


def test_units_come_into_their_folder(tmp_path: Path) -> None:
    assert set_up(tmp_path, "units").returncode == 0
    written = {file.name for file in (tmp_path / "etc/systemd/system").iterdir()}
    assert written == {file.name for file in (ROOT / "deploy/systemd").iterdir()}


@pytest.mark.usefixtures("_openssl")
def test_proxy_is_filled_in(tmp_path: Path) -> None:
    done = set_up(tmp_path, "proxy")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "etc/nginx/conf.d/recommender.conf").read_text()
    assert "${" not in text
    assert "server_name related.example.org;" in text
    assert "192.0.2.10 1;" in text
    assert "$binary_remote_addr" in text  # nginx's own names stay
    assert stat.S_IMODE((tmp_path / "etc/recommender/tls/privkey.pem").stat().st_mode) == 0o640


@pytest.mark.usefixtures("_openssl")
def test_steps_keep_what_is_there(tmp_path: Path) -> None:
    tls = tmp_path / "etc/recommender/tls"
    assert set_up(tmp_path, "proxy").returncode == 0
    before = (tls / "fullchain.pem").read_bytes()
    assert set_up(tmp_path, "proxy").returncode == 0
    assert (tls / "fullchain.pem").read_bytes() == before


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("_openssl")
def test_installation_serves(tmp_path: Path) -> None:
    """What the image's build runs, and Debian's steps around it: a program that embeds, serves, and cannot install."""
    done = set_up(tmp_path, "program", "settings", "units", "proxy")
    assert done.returncode == 0, done.stdout + done.stderr
    programs = tmp_path / "opt/recommender/current/bin"
    settings = tomllib.loads((tmp_path / "etc/recommender/recommender.toml").read_text())
    assert settings["public_url"] == "https://related.example.org"
    assert len(settings["api_keys"][0]) == 43
    assert stat.S_IMODE((tmp_path / "etc/recommender/recommender.toml").stat().st_mode) == 0o640
    listed = subprocess.run([programs / "python", "-c", VERSIONS], capture_output=True, text=True, check=True).stdout
    lock = (ROOT / "constraints.txt").read_text().splitlines()
    others = [line for line in listed.splitlines() if not line.startswith("recommender==")]
    assert len(others) > 50
    assert [line for line in others if line.partition("+")[0] not in lock] == []
    assert "pip" not in {line.partition("==")[0] for line in others}
    assert "pytest" not in {line.partition("==")[0] for line in others}

    home = tmp_path / "home"
    home.mkdir()
    database = home / "archive.db"
    (home / "archive.jsonl").write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    installed = ("env", "-u", "PYTHONPATH", str(programs / "recommender"))  # not the checkout's
    for arguments in (["ingest", "archive.jsonl"], ["build"]):
        subprocess.run(
            [*installed, *arguments],
            cwd=home,
            env=os.environ | {"RECOMMENDER_DATABASE_URL": f"sqlite:///{database}"},
            check=True,
        )
    with serving(database, program=(*installed, "serve")) as served:
        assert served.status("/api/v1/recommend?article_id=a") == 200
        assert eventually(lambda: drafted(served.url) == 200)  # the first draft loads the model


def drafted(url: str) -> int:
    """The status of a draft, for which the model is needed."""
    draft = json.dumps({"title": "Millet prices fall in Mopti", "language": "en"}).encode()
    request = urllib.request.Request(f"{url}/api/v1/recommend", draft, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # our own server
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


RECORDS = [
    {"id": name, "title": title, "body": f"{title}.", "url": f"https://example.org/{name}", "posted_on": "2026-01-01"}
    for name, title in (("a", "Millet harvest fails in Mopti"), ("b", "Millet prices rise"), ("c", "Rain over Bamako"))
]
VERSIONS = """
import re
from importlib.metadata import distributions
for one in distributions():
    print(re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower() + "==" + one.version)
"""
