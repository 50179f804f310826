"""A real Chromium, and a page whose own errors fail the test."""

import json
import shutil
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any, NoReturn
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

from tests.browser.elsewhere import Elsewhere, Pages
from tests.embedder import ToyEmbedder
from tests.web.served import Served, serving
from tests.web.toy import build_archive

MakePage = Callable[..., Page]

PATIENCE = 15_000  # milliseconds; machines of CI pause
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",  # as root, Chromium starts in no other way
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A page under test reaches the server under test and nothing else.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


@pytest.fixture(scope="session")
def chromium(unavailable: Callable[[str, str], NoReturn]) -> Iterator[Browser]:
    """One headless browser for the whole run."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        unavailable("chromium", f"none of {', '.join(NAMES)} is on PATH")
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def make_page(chromium: Browser) -> Iterator[MakePage]:
    """Opens pages, each with cookies and storage of its own. Any error that their scripts don't catch fails the test.

    Keywords are those of a browser context.
    """
    contexts: list[BrowserContext] = []
    errors: list[Error] = []

    def make(**options: Any) -> Page:
        context = chromium.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(error))  # noqa: PLW0108  # it can't wrap a built-in
        return page

    yield make
    for context in contexts:
        context.close()
    assert not errors, "\n".join(error.stack or error.message for error in errors)


@pytest.fixture
def page(make_page: MakePage) -> Page:
    """One page."""
    return make_page()


# -- the demonstration site, and a foreign one -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    """A running foreign site."""
    with Elsewhere(("127.0.0.1", 0), Pages) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def served(elsewhere: Elsewhere, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A running service with a small archive."""
    database = tmp_path_factory.mktemp("browser") / "archive.db"
    build_archive(database, embedder=ToyEmbedder())
    settings = {"cors_origins": elsewhere.url("localhost"), "sidebar_heading": "More on the Sahel"}
    with serving(database, demonstration=True, **settings) as served:
        yield served


@pytest.fixture(scope="module")
def site(served: Served) -> str:
    """Its address."""
    return served.url


@pytest.fixture(scope="module")
def teasers(site: str) -> list[dict[str, str]]:
    """What the service answers for the article that most tests look at."""
    with urlopen(f"{site}/api/v1/recommend?article_id=blockade-1") as response:  # our own server
        items: list[dict[str, str]] = json.load(response)["items"]
    assert len(items) == 3
    return items


@pytest.fixture(scope="module")
def three(teasers: list[dict[str, str]]) -> list[str]:
    """Their titles."""
    return [teaser["title"] for teaser in teasers]
