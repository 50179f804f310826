"""The tutorial in docs/start does what it says, step by step, in a folder that holds nothing yet."""

import json
import re
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.served_desk import PASSWORD, sign_in, told
from tests.web.served import command, environment, eventually, free_port, serving

PAGE = (Path(__file__).parents[2] / "docs" / "start" / "tutorial.md").read_text(encoding="utf-8")
TYPED = [line.removeprefix("    ") for line in re.findall(r"^ {4}\S.*$", PAGE, flags=re.MULTILINE)]
PINNED = "Why the Niger falls earlier each year"


def block(language: str) -> str:
    """The one code block in a language."""
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return str(text)


def test_commands_are_those_that_are_tried() -> None:
    """A step that is added to the page is added below, too."""
    assert [line.split()[0] for line in TYPED] == [
        *("make", "curl", ".", "mkdir", "recommender", "recommender", "recommender", "recommender", "recommender"),
        *("curl", "python3"),
    ]


@pytest.mark.timeout(600)  # the model is loaded
def test_steps_lead_to_a_box(tmp_path: Path, page: Page) -> None:
    port, site_port = free_port(), free_port()

    def here(text: str) -> str:
        return text.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("8080", str(site_port))

    def run(line: str, typed: str = "") -> str:
        words = command(*shlex.split(line)[1:])
        done = subprocess.run(
            words, cwd=tmp_path, env=environment(), input=typed, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def titles(line: str) -> list[str]:
        with urllib.request.urlopen(here(shlex.split(line)[1])) as response:  # our own server
            return [item["title"] for item in json.load(response)["items"]]

    (tmp_path / "articles.jsonl").write_text(here(block("jsonl")), "utf-8")
    (tmp_path / "recommender.toml").write_text(here(block("toml")), "utf-8")
    (tmp_path / "ferry-back.html").write_text(here(block("html")), "utf-8")
    ingest, build, related, users, serve = [line for line in TYPED if line.startswith("recommender ")]
    assert run(ingest).startswith("6 added")
    run(build)
    listed = re.findall(r"^\d\. (.*)$", run(related), flags=re.MULTILINE)
    assert len(listed) == 3
    assert listed[0].startswith("Ferry between Gao and Timbuktu stops")
    assert not any("Lake Chad" in title for title in listed)
    run(users, f"{PASSWORD}\n" * 2)

    assert serve == "recommender serve"
    with serving(tmp_path / "var" / "recommender.db", port=port, config=tmp_path / "recommender.toml"):
        ask = [line for line in TYPED if line.startswith("curl ")][1]
        assert titles(ask) == listed
        queue, desk_article, embedded = (here(link) for link in re.findall(r"<(http[^>]*)>", PAGE)[1:])
        page.goto(queue)
        sign_in(page, "me")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sidebars to look at")
        page.goto(desk_article)
        page.get_by_role("button", name=f"Pin {PINNED}").click()
        page.get_by_label("Place").fill("1")
        page.get_by_role("button", name="Show what it changes").click()
        page.get_by_role("button", name="Save").click()
        told(page, f"Pinned. {PINNED}")
        page.get_by_role("button", name="Approve the sidebar").click()
        assert eventually(lambda: titles(ask)[0] == PINNED)
        expect(page.get_by_role("button", name="Undo").first).to_be_visible()

        words = [word.replace("8080", str(site_port)) for word in shlex.split(TYPED[-1])[1:]]
        with subprocess.Popen([sys.executable, *words], cwd=tmp_path, stderr=subprocess.DEVNULL) as site:
            try:
                assert eventually(lambda: answers(embedded))
                page.goto(embedded)
                expect(page.locator(".rec-heading")).to_have_text("More on the river")
                expect(page.locator(".rec-link").first).to_have_text(PINNED)
            finally:
                site.terminate()


def answers(url: str) -> bool:
    """Whether a server is there."""
    try:
        urllib.request.urlopen(url, timeout=2).close()  # our own server
    except OSError:
        return False
    return True
