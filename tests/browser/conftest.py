"""A real Chromium, and a page whose own errors fail the test."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

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
