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
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.web.served import eventually

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?:^ {4}.*\n?)+", README, flags=re.MULTILINE)
COMMANDS = [line.strip() for block in BLOCKS for line in block.replace("\\\n", "").splitlines() if line.strip()]
SITE = README.partition("## Use it on your site")[2].partition("\n## ")[0]
ADDRESS = "http://127.0.0.1:8000"
SAMPLE = "sqlite:///var/sample.db"
ORIGIN = "https://www.example.org"
TITLES = {
    "your-article-id": "Niger takes over the uranium mine of Arlit",
    "arlit-owner": "Owner of the uranium mine of Arlit sues the government of Niger",
    "arlit-ore": "Uranium ore from the mine of Arlit leaves Niger",
    "chad-lake": "Fishermen return to the islands of Lake Chad",
}


def commands(start: str) -> list[str]:
    """The README's commands that begin so."""
    return [command for command in COMMANDS if command.startswith(start)]


@pytest.fixture(scope="module")
def served(sample_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The service on a copy of the sample, as `make serve` starts it: its address, and the environment it runs in."""
    copy = Path(
        shutil.copy(sample_database.removeprefix("sqlite:///"), tmp_path_factory.mktemp("readme") / "sample.db")
    )
    environment = os.environ | {"RECOMMENDER_DATABASE_URL": f"sqlite:///{copy}", "RECOMMENDER_WORKERS": "1"}
    with serving(environment, ROOT) as url:
        yield url, environment


@contextmanager
def serving(environment: dict[str, str], folder: Path) -> Iterator[str]:
    """The address of a service that was started in a folder by `recommender serve`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(recommender("serve"), env=environment | {"RECOMMENDER_PORT": str(port)}, cwd=folder)
    try:
        wait_for(f"{url}/readyz")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def recommender(*arguments: str) -> list[str]:
    """The command line of `recommender`, without an activated environment."""
    return [sys.executable, "-m", "recommender", *arguments]


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


def article(article_id: str) -> dict[str, str]:
    """One of a small archive, as a site writes it."""
    title, url = TITLES[article_id], f"{ORIGIN}/{article_id}"
    return {"id": article_id, "title": title, "summary": title, "url": url, "posted_on": "2025-06-01"}


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
    done = run_on_the_sample("related", served[1])
    assert re.findall(r"^\d\. ", done.stdout, flags=re.MULTILINE) == ["1. ", "2. ", "3. "]


def test_editors_get_into_the_sample(served: tuple[str, dict[str, str]]) -> None:
    """The desk answers where the README says, and its picture is there."""
    assert "ada" in run_on_the_sample("users", served[1], "millet and rain\n" * 2).stdout
    (address,) = re.findall(r"sign in at (http://127\S+):", README)
    asked = urllib.request.Request(address.replace(ADDRESS, served[0]), headers={"Accept": "text/html"})
    with urllib.request.urlopen(asked) as response:  # our own server
        assert 'type="password"' in response.read().decode()
    assert "](docs/images/desk-article.png)" in README


def run_on_the_sample(name: str, environment: dict[str, str], typed: str = "") -> subprocess.CompletedProcess[str]:
    """What the README's command of this name prints for a database of the sample."""
    for command in commands("RECOMMENDER_DATABASE_URL="):
        variable, _, *arguments = shlex.split(command)
        assert variable == f"RECOMMENDER_DATABASE_URL={SAMPLE}"
        if arguments[0] == name:
            return subprocess.run(
                recommender(*arguments), env=environment, input=typed, capture_output=True, text=True, check=True
            )
    pytest.fail(f"the README does not show `recommender {name}`")


def test_snippet_files_are_served(served: tuple[str, dict[str, str]]) -> None:
    """The script, and the style that lies beside it."""
    (script,) = re.findall(r"https://related\.example\.org(/static/\S+?)\"", README)
    assert script == "/static/1/sidebar.js"
    for file in (script, "/static/1/sidebar.css", "/static/sidebar.js", "/static/sidebar.css"):
        with urllib.request.urlopen(served[0] + file) as response:  # our own server
            assert response.status == 200


def test_snippet_is_that_of_its_page() -> None:
    """Two lines and no more: the box, and a script that nothing waits for."""
    page = (ROOT / "docs" / "how-to" / "embed.md").read_text(encoding="utf-8")
    lines = re.findall(r"^ +(<.*>)$", SITE, flags=re.MULTILINE)
    shown = [re.sub('article-id="[^"]*"', 'article-id="your-article-id"', line) for line in page.splitlines()]
    assert [line.strip() for line in shown if line.startswith("    <")] == lines
    assert [line.partition(" ")[0] for line in lines] == ["<related-stories", "<script"]
    assert lines[1].endswith(" async></script>")


def test_sample_stays_apart_from_the_archive() -> None:
    """Whatever the settings name; another place is given to make itself."""
    names = {"RECOMMENDER_DATABASE_URL": "sqlite:///var/recommender.db", "DATABASE": "sqlite:///var/recommender.db"}
    for given, database in (([], SAMPLE), (["DATABASE=sqlite:///elsewhere.db"], "sqlite:///elsewhere.db")):
        done = subprocess.run(
            ["make", "--dry-run", "--always-make", "serve", *given],
            env=os.environ | names,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        lines = [line for line in done.stdout.splitlines() if "/bin/recommender " in line]
        assert [line.rpartition("/bin/recommender ")[2] for line in lines] == ["ingest --sample", "build", "serve"]
        assert all(line.startswith(f"RECOMMENDER_DATABASE_URL='{database}' ") for line in lines)


@pytest.mark.timeout(600)  # the model is loaded twice
def test_steps_lead_a_site_to_its_sidebars(tmp_path: Path) -> None:
    """All commands of the section, in their order, in a folder that holds nothing yet."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "RECOMMENDER_WORKERS": "1"}

    def run(command: str, typed: str = "") -> str:
        arguments = recommender(*shlex.split(command)[1:])
        done = subprocess.run(
            arguments, cwd=tmp_path, env=environment, input=typed, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    (make_key,) = re.findall(r"python -c '(.*)'", SITE)
    key = subprocess.run([sys.executable, "-c", make_key], capture_output=True, text=True, check=True).stdout.strip()
    settings = "".join(re.findall(r"^ +(\w+ = .*\n)", SITE, flags=re.MULTILINE))
    (tmp_path / "recommender.toml").write_text(settings, "utf-8")
    refused = subprocess.run(recommender("settings"), cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert refused.returncode == 2  # KEY as it stands there
    (tmp_path / "recommender.toml").write_text(settings.replace("KEY", key), "utf-8")

    published, *archive = TITLES
    lines = [json.dumps(article(one)) for one in archive]
    (tmp_path / "archive.jsonl").write_text("\n".join(lines), "utf-8")
    (tmp_path / "article.json").write_text(json.dumps(article(published)), "utf-8")
    ingest, build, serve, users = re.findall(r"^ {7}(recommender .*)$", SITE, flags=re.MULTILINE)
    assert run(ingest).startswith("3 added")
    run(build)
    assert serve == "recommender serve"
    assert run(users, "millet and rain\n" * 2)
    with serving(environment, tmp_path) as url:
        (publish,) = commands("curl -X PUT")
        # 202 while the model is being loaded; then it appears by itself.
        assert publish_with(publish.replace("KEY", key).replace(ADDRESS, url), tmp_path) in (201, 202)
        asked = urllib.request.Request(
            f"{url}/api/v1/recommend?article_id=your-article-id&n=2&fallback=none", headers={"Origin": ORIGIN}
        )
        assert eventually(lambda: addresses_in_box(asked) == {f"{ORIGIN}/arlit-owner", f"{ORIGIN}/arlit-ore"})


def addresses_in_box(asked: urllib.request.Request) -> set[str]:
    """Where the teasers of an answer lead, which the site's pages may read."""
    with urllib.request.urlopen(asked) as response:  # our own server
        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
        return {item["url"] for item in json.load(response)["items"]}


def publish_with(command: str, folder: Path) -> int:
    """The status that a curl command gets."""
    words = shlex.split(command)
    given = [words[place + 1].split(": ") for place, word in enumerate(words) if word == "-H"]
    file = words[words.index("-d") + 1].removeprefix("@")
    request = urllib.request.Request(
        words[-1], (folder / file).read_bytes(), dict(given), method=words[words.index("-X") + 1]
    )
    with urllib.request.urlopen(request, timeout=120) as response:  # our own server
        return int(response.status)


def test_recommender_commands_exist(served: tuple[str, dict[str, str]]) -> None:
    used = {shlex.split(command)[1] for command in commands("recommender ")}
    assert used == {"ingest", "build", "serve", "users"}
    for name in used:
        done = subprocess.run(recommender(name, "--help"), env=served[1], capture_output=True, check=False)
        assert done.returncode == 0


def test_links_lead_to_files() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
