"""The site in a real browser: the box filled by the script, without scripts, without the API, and on foreign pages."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.embedder import ToyEmbedder
from tests.web.served import serving
from tests.web.toy import build_archive

THREE = [
    "Army escorts fuel convoys through the jihadist blockade",
    "Algiers watches the fuel blockade of Bamako with alarm",
    "Schools close as the fuel blockade of Bamako bites",
]
BOX = "[data-recommender]"
LINKS = f"{BOX} .rec-link"
API = "**/api/v1/recommend*"


class Elsewhere(ThreadingHTTPServer):
    """A site of somebody else. Under the name localhost it may read the API, under 127.0.0.1 it may not."""

    page = ""

    def url(self, host: str) -> str:
        return f"http://{host}:{self.server_port}"


class Pages(BaseHTTPRequestHandler):
    """Answers with the page that the test has set."""

    server: Elsewhere

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.server.page.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        pass


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
def site(elsewhere: Elsewhere, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running service with a small archive."""
    database = tmp_path_factory.mktemp("browser") / "archive.db"
    build_archive(database, embedder=ToyEmbedder())
    with serving(database, cors_origins=elsewhere.url("localhost"), sidebar_heading="More on the Sahel") as served:
        yield served.url


def embedding_page(site: str, attributes: str) -> str:
    """A page of another site with the snippet."""
    return (
        f"<!doctype html><title>Foreign</title><h1>A foreign page</h1><div data-recommender {attributes}></div>"
        f'<script src="{site}/static/sidebar.js" defer></script>'
    )


def test_script_fills_the_box(page: Page, site: str) -> None:
    page.goto(f"{site}/articles/blockade-1")
    expect(page.locator(LINKS)).to_have_text(THREE)
    expect(page.get_by_role("heading", name="More on the Sahel")).to_be_visible()


def test_each_link_leads_to_an_article(page: Page, site: str) -> None:
    for place, title in enumerate(THREE):
        page.goto(f"{site}/articles/blockade-1")
        page.locator(LINKS).nth(place).click()
        expect(page.locator("h1")).to_have_text(title)
        assert page.url.startswith(f"{site}/articles/")


def test_box_works_without_scripts(chromium: Browser, site: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/articles/blockade-1")
    expect(page.locator("noscript .rec-link")).to_have_text(THREE)
    expect(page.locator("noscript .rec-box")).to_be_visible()
    expect(page.locator(LINKS)).to_have_count(0)
    page.locator("noscript .rec-link").first.click()
    expect(page.locator("h1")).to_have_text(THREE[0])
    context.close()


def test_script_and_fragment_look_alike(chromium: Browser, page: Page, site: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(f"{site}/articles/blockade-1")
    page.goto(f"{site}/articles/blockade-1")
    expect(page.locator(f"{BOX} .rec-item")).to_have_count(3)
    for part in (".rec-title", ".rec-summary", ".rec-date", ".rec-reads"):
        expect(page.locator(f"{BOX} {part}")).to_have_text(plain.locator(f"noscript {part}").all_inner_texts())
    context.close()


@pytest.mark.parametrize("answer", ["abort", "error", "nonsense", "nothing"])
def test_failing_service_leaves_no_gap(page: Page, site: str, answer: str) -> None:
    def fail(route: Route) -> None:
        if answer == "abort":
            route.abort()
        elif answer == "error":
            route.fulfill(status=503, body="{}")
        else:
            route.fulfill(body='{"items": []}' if answer == "nothing" else "<html>", content_type="application/json")

    page.route(API, fail)
    page.goto(f"{site}/articles/blockade-1")
    box = page.locator(BOX)
    expect(box).to_have_attribute("data-rec-state", "empty")
    expect(box).to_be_hidden()
    expect(box).to_be_empty()
    expect(page.locator("h1")).to_have_text("Fighters blockade fuel convoys near Bamako")


def test_hostile_answer_stays_text(page: Page, site: str, elsewhere: Elsewhere) -> None:
    items = '[{"id": "a", "title": "<img src=x onerror=alert(1)>", "url": "https://example.org/"},'
    items += ' {"id": "b", "title": "Bad link", "url": "javascript:alert(1)"}]'
    page.route(API, lambda route: route.fulfill(body=f'{{"items": {items}}}', content_type="application/json"))
    elsewhere.page = embedding_page(site, 'data-article-id="blockade-1"')
    page.goto(elsewhere.url("localhost"))
    expect(page.locator(LINKS)).to_have_text(["<img src=x onerror=alert(1)>"])
    expect(page.locator(f"{BOX} img")).to_have_count(0)


def test_editions_lead_to_their_stories(page: Page, site: str) -> None:
    page.goto(site)
    page.get_by_role("navigation", name="Editions").get_by_role("link", name="Maghreb").click()
    expect(page.locator("h1")).to_have_text("Maghreb")
    expect(page.locator(".card h2")).to_have_text([THREE[1]])


def test_skip_link_reaches_the_content(page: Page, site: str) -> None:
    page.goto(f"{site}/articles/blockade-1")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_keyboard_reaches_every_teaser(page: Page, site: str) -> None:
    page.goto(f"{site}/articles/blockade-1")
    expect(page.locator(LINKS)).to_have_count(3)
    page.locator(LINKS).first.focus()
    reached = []
    for _ in THREE:
        reached.append(page.evaluate("document.activeElement.textContent"))
        page.keyboard.press("Tab")
    assert reached == THREE


@pytest.mark.parametrize(
    "path", ["/", "/editions/sahel", "/articles/blockade-1", "/articles/fr-1", "/docs", "/no-page"]
)
def test_small_screen_needs_no_sideways_scrolling(page: Page, site: str, path: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(site + path)
    if path.startswith("/articles/"):
        expect(page.locator(LINKS).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_snippet_works_on_an_allowed_site(page: Page, site: str, elsewhere: Elsewhere) -> None:
    elsewhere.page = embedding_page(site, 'data-article-id="blockade-1" data-n="2" data-heading="Read on"')
    page.goto(elsewhere.url("localhost"))
    expect(page.locator(LINKS)).to_have_text(THREE[:2])
    expect(page.locator("h2")).to_have_text("Read on")
    expect(page.locator(LINKS).first).to_have_attribute("href", "https://example.org/sahel/blockade-3")


def test_snippet_finds_the_canonical_address(page: Page, site: str, elsewhere: Elsewhere) -> None:
    canonical = '<link rel="canonical" href="https://www.example.org/sahel/blockade-1/">'
    elsewhere.page = embedding_page(site, "").replace("<h1>", f"{canonical}<h1>")
    page.goto(elsewhere.url("localhost"))
    expect(page.locator(LINKS)).to_have_text(THREE)


def test_snippet_shows_nothing_on_other_sites(page: Page, site: str, elsewhere: Elsewhere) -> None:
    elsewhere.page = embedding_page(site, 'data-article-id="blockade-1"')
    page.goto(elsewhere.url("127.0.0.1"))
    box = page.locator(BOX)
    expect(box).to_have_attribute("data-rec-state", "empty")
    expect(box).to_be_hidden()
    expect(page.locator("h1")).to_have_text("A foreign page")


def test_snippet_links_by_pattern(page: Page, site: str, elsewhere: Elsewhere) -> None:
    attributes = 'data-article-id="blockade-1" data-n="1" data-link="https://m.example.org/{id}.html"'
    elsewhere.page = embedding_page(site, attributes)
    page.goto(elsewhere.url("localhost"))
    expect(page.locator(LINKS)).to_have_attribute("href", "https://m.example.org/blockade-3.html")


def test_page_hears_what_happened(page: Page, site: str, elsewhere: Elsewhere) -> None:
    listener = '<script>addEventListener("recommender:filled", e => { window.count = e.detail.count; });</script>'
    elsewhere.page = embedding_page(site, 'data-article-id="blockade-1"').replace("<h1>", f"{listener}<h1>")
    page.goto(elsewhere.url("localhost"))
    expect(page.locator(LINKS)).to_have_count(3)
    assert page.evaluate("window.count") == 3
