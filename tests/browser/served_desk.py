"""The service as a newsroom runs it, for tests in a browser: two workers, the sample's stories, and people."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import psutil
from playwright.sync_api import Page, expect

from recommender.store.audit import AuditEntry, AuditQuery
from recommender.store.base import Store
from recommender.wiring import make_accounts, open_store
from tests.web.served import command, environment, eventually, free_port

PASSWORD = "millet and rain"
PEOPLE = {
    "first": "editor",
    "second": "editor",
    "viewer": "viewer",
    "scientist": "data-scientist",
    "chief": "administrator",
}
KEY = "a-key-for-publishing"
WORKERS = 2
ASKED = 8  # the kernel chooses a worker for each connection: that one of two is never chosen, is once in 128 times
MOST_ENTRIES = 10_000
SAMPLE = files("recommender") / "sample" / "articles.jsonl"
ARTICLES: dict[str, dict[str, Any]] = {
    article["id"]: article for article in map(json.loads, SAMPLE.read_text("utf-8").splitlines())
}


class Teaser(NamedTuple):
    """A story beside an article, as readers get it."""

    id: str
    title: str


@dataclass
class ServedDesk:
    """A service with its database; it may be killed and started again at the same address."""

    database: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    # -- the process

    def start(self) -> None:
        """Starts it in a process group of its own, and waits until it answers."""
        settings = {"database_url": f"sqlite:///{self.database}", "port": self.port, "workers": WORKERS}
        with (self.database.parent / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                command("serve"),
                cwd=self.database.parent,
                env=environment(**settings, api_keys=KEY, demonstration=True),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        assert eventually(self._answers), (self.database.parent / "serve.log").read_text("utf-8")

    def kill(self) -> None:
        """Ends every process of it at once, as a machine does that loses its power."""
        assert self.process is not None
        everyone = psutil.Process(self.process.pid).children(recursive=True)
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        assert not psutil.wait_procs(everyone, timeout=10)[1]

    def stop(self) -> None:
        """Ends it as an operator does."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait()

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/healthz", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return self.process is not None and self.process.poll() is not None

    # -- what is public

    def sidebar(self, article_id: str) -> list[Teaser]:
        """What readers get with the next requests. All of them, from whichever worker, get the same."""
        answers = {tuple(self.teasers(article_id)) for _ in range(ASKED)}
        assert len(answers) == 1
        return list(answers.pop())

    def teasers(self, article_id: str) -> list[Teaser]:
        """What one request gives; nothing beside an article that is not public."""
        try:
            with urlopen(f"{self.url}/api/v1/recommend?article_id={quote(article_id)}", timeout=10) as answer:
                return [Teaser(item["id"], item["title"]) for item in json.load(answer)["items"]]
        except HTTPError as error:
            error.close()
            if error.code != 404:
                raise
            return []

    def beside(self, story: str) -> list[str]:
        """The articles beside which readers see a story."""
        return [article_id for article_id in ARTICLES if story in {teaser.id for teaser in self.teasers(article_id)}]

    # -- what other systems do

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The database, for what has no page."""
        opened = open_store(f"sqlite:///{self.database}")
        try:
            yield opened
        finally:
            opened.close()

    def entries(self, **query: Any) -> list[AuditEntry]:
        """The audit trail, the earliest first."""
        with self.store() as store:
            return store.audit.entries(AuditQuery(**query), MOST_ENTRIES)[::-1]

    def flag(self, article_id: str, *flags: str) -> None:
        """The publishing system gives an article other flags."""
        record = {name: value for name, value in ARTICLES[article_id].items() if name != "id"} | {"flags": list(flags)}
        request = Request(
            f"{self.url}/api/v1/articles/{quote(article_id)}",
            json.dumps(record).encode(),
            {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
            method="PUT",
        )
        with urlopen(request, timeout=60) as answer:
            assert answer.status == 200


@contextmanager
def serving_desk(sample: str, folder: Path) -> Iterator[ServedDesk]:
    """Serves a copy of the sample with an account for each of PEOPLE."""
    database = folder / "desk.db"
    shutil.copy(sample.removeprefix("sqlite:///"), database)
    served = ServedDesk(database)
    with served.store() as store:
        accounts = make_accounts(store)
        for name, role in PEOPLE.items():
            accounts.add(name, role, "test", PASSWORD)
    try:
        served.start()
        yield served
    finally:
        served.stop()


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Signs in on the page that asks for it."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").press("Enter")


def told(page: Page, text: str) -> None:
    """The page says that something was done, and takes keys again."""
    expect(page.locator("#messages .flash")).to_contain_text(text)
    page.wait_for_load_state("domcontentloaded")
