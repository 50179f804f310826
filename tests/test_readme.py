"""What the README tells a newcomer to type does what it says."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?:^ {4}.*\n?)+", README, flags=re.MULTILINE)
COMMANDS = [line.strip() for block in BLOCKS for line in block.splitlines() if line.strip()]
ADDRESS = "http://127.0.0.1:8000"


def commands(start: str) -> list[str]:
    """The README's commands that begin so."""
    return [command for command in COMMANDS if command.startswith(start)]


@pytest.fixture(scope="module")
def served(sample_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The service on a copy of the sample, as `make serve` starts it: its address, and the environment it runs in."""
    copy = Path(
        shutil.copy(sample_database.removeprefix("sqlite:///"), tmp_path_factory.mktemp("readme") / "sample.db")
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "RECOMMENDER_DATABASE_URL": f"sqlite:///{copy}",
        "RECOMMENDER_PORT": str(port),
        "RECOMMENDER_WORKERS": "1",
    }
    process = subprocess.Popen([sys.executable, "-m", "recommender", "serve"], env=environment)
    try:
        wait_for(f"http://127.0.0.1:{port}/readyz")
        yield f"http://127.0.0.1:{port}", environment
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(url: str) -> None:
    """Returns when the service answers."""
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=2).close()  # our own server
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the service did not start")


def run(command: list[str], environment: dict[str, str]) -> str:
    """What a command prints; the test fails if the command does."""
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("command", commands("make "))
def test_make_targets_exist(command: str) -> None:
    done = subprocess.run(
        ["make", "--dry-run", *shlex.split(command, comments=True)[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_curl_gives_three_stories(served: tuple[str, dict[str, str]]) -> None:
    (command,) = commands("curl 'http")
    url = shlex.split(command)[1].replace(ADDRESS, served[0])
    with urllib.request.urlopen(url) as response:  # our own server
        answer = json.load(response)
    assert [item["source"] for item in answer["items"]] == ["related"] * 3


def test_related_prints_three_stories(served: tuple[str, dict[str, str]]) -> None:
    (command,) = commands(".venv/bin/recommender related")
    done = subprocess.run(
        [sys.executable, "-m", "recommender", *shlex.split(command)[1:]],
        env=served[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert re.findall(r"^\d\. ", done.stdout, flags=re.MULTILINE) == ["1. ", "2. ", "3. "]


def test_snippet_files_are_served(served: tuple[str, dict[str, str]]) -> None:
    files = re.findall(r"https://related\.example\.org(/static/\S+?)\"", README)
    assert sorted(files) == ["/static/sidebar.css", "/static/sidebar.js"]
    for file in files:
        with urllib.request.urlopen(served[0] + file) as response:  # our own server
            assert response.status == 200


def test_recommender_commands_exist(served: tuple[str, dict[str, str]]) -> None:
    used = {shlex.split(command)[1] for command in commands("recommender ")}
    assert used == {"ingest", "build", "serve", "users"}
    for name in used:
        done = subprocess.run(
            [sys.executable, "-m", "recommender", name, "--help"], env=served[1], capture_output=True, check=False
        )
        assert done.returncode == 0


def test_links_lead_to_files() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
