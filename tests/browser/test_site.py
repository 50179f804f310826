"""The site in a real browser: the box filled by the script, without scripts, without the API, and on foreign pages."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Literal
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import psutil
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.embedder import ToyEmbedder
from tests.web.served import ROOT, Served, serving
from tests.web.toy import build_archive

GOLD = [
    "Niger takes over the uranium and gold mine of Arlit",
    "Foreign mining company sues the junta over the gold mine",
    "Ore from the nationalised mine leaves for the coast",
]
BOX = "[data-recommender]"
LINKS = f"{BOX} .rec-link"
API = "**/api/v1/recommend*"
STYLE = "**/sidebar.css"
README = (ROOT / "README.md").read_text(encoding="utf-8")
RECOMMENDED = "".join(re.findall(r"^ +(<(?:link|aside|script) .*)$", README, flags=re.MULTILINE))
OWN = '<script defer src="data:text/javascript,performance.mark(%22own%22)"></script>'
GOES_ON = """
    performance.getEntriesByName("first-contentful-paint").length && performance.getEntriesByName("own").length
    && performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd > 0
"""


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
def served(elsewhere: Elsewhere, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A running service with a small archive."""
    database = tmp_path_factory.mktemp("browser") / "archive.db"
    build_archive(database, embedder=ToyEmbedder())
    with serving(database, cors_origins=elsewhere.url("localhost"), sidebar_heading="More on the Sahel") as served:
        yield served


@pytest.fixture(scope="module")
def site(served: Served) -> str:
    """Its address."""
    return served.url


@contextmanager
def hanging(served: Served) -> Iterator[None]:
    """All processes of the service stand still: connections are taken, and nobody answers."""
    everyone = [psutil.Process(served.process.pid), *served.everyone()]
    for process in everyone:
        process.suspend()
    try:
        yield
    finally:
        for process in everyone:
            process.resume()


@pytest.fixture(scope="module")
def teasers(site: str) -> list[dict[str, str]]:
    """What the service answers for the article that most tests look at."""
    with urlopen(f"{site}/api/v1/recommend?article_id=blockade-1") as response:  # our own server
        found: list[dict[str, str]] = json.load(response)["items"]
    assert len(found) == 3
    return found


@pytest.fixture(scope="module")
def three(teasers: list[dict[str, str]]) -> list[str]:
    """Their titles."""
    return [teaser["title"] for teaser in teasers]


def embedding_page(site: str, attributes: str) -> str:
    """A page of another site with the snippet."""
    return (
        f"<!doctype html><title>Foreign</title><h1>A foreign page</h1><div data-recommender {attributes}></div>"
        f'<script src="{site}/static/sidebar.js" async></script>'
    )


def recommended(site: str) -> str:
    """The README's lines."""
    lines = RECOMMENDED.replace("https://related.example.org", site).replace("your-article-id", "blockade-1")
    assert lines.count(site) == RECOMMENDED.count("://") > 0
    return lines


def styled(page: Page) -> bool:
    """Whether the box has the style of the service."""
    return bool(
        page.locator(f"{BOX} .rec-list").first.evaluate("list => getComputedStyle(list).listStyleType") == "none"
    )


def test_script_fills_the_box(page: Page, site: str, three: list[str]) -> None:
    page.goto(f"{site}/articles/blockade-1")
    expect(page.locator(LINKS)).to_have_text(three)
    expect(page.get_by_role("heading", name="More on the Sahel")).to_be_visible()


def test_reason_stands_under_each_teaser(page: Page, site: str, teasers: list[dict[str, str]]) -> None:
    page.goto(f"{site}/articles/blockade-1")
    expect(page.locator(f"{BOX} .rec-item > :last-child")).to_have_text([teaser["reason"] for teaser in teasers])
    expect(page.locator(f"{BOX} .rec-reason")).to_have_count(3)


def test_each_link_leads_to_an_article(page: Page, site: str, three: list[str]) -> None:
    for place, title in enumerate(three):
        page.goto(f"{site}/articles/blockade-1")
        page.locator(LINKS).nth(place).click()
        expect(page.locator("h1")).to_have_text(title)
        assert page.url.startswith(f"{site}/articles/")


def test_box_works_without_scripts(chromium: Browser, site: str, three: list[str]) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/articles/blockade-1")
    expect(page.locator("noscript .rec-link")).to_have_text(three)
    expect(page.locator("noscript .rec-box")).to_be_visible()
    expect(page.locator(LINKS)).to_have_count(0)
    page.locator("noscript .rec-link").first.click()
    expect(page.locator("h1")).to_have_text(three[0])
    context.close()


def test_script_and_fragment_look_alike(chromium: Browser, page: Page, site: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(f"{site}/articles/blockade-1")
    page.goto(f"{site}/articles/blockade-1")
    expect(page.locator(f"{BOX} .rec-item")).to_have_count(3)
    for part in (".rec-title", ".rec-summary", ".rec-date", ".rec-reads", ".rec-reason"):
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
    items = '[{"id": "a", "title": "<img src=x onerror=alert(1)>", "url": "https://example.org/",'
    items += ' "reason": "<img src=x onerror=alert(2)>"},'
    items += ' {"id": "b", "title": "Bad link", "url": "javascript:alert(1)"}]'
    page.route(API, lambda route: route.fulfill(body=f'{{"items": {items}}}', content_type="application/json"))
    elsewhere.page = embedding_page(site, 'data-article-id="blockade-1"')
    page.goto(elsewhere.url("localhost"))
    expect(page.locator(LINKS)).to_have_text(["<img src=x onerror=alert(1)>"])
    expect(page.locator(f"{BOX} .rec-reason")).to_have_text(["<img src=x onerror=alert(2)>"])
    expect(page.locator(f"{BOX} img")).to_have_count(0)


@pytest.mark.parametrize("reason", ["null", '""', "7", '["a"]', '{"a": "b"}'])
def test_reason_that_is_no_text_is_left_out(page: Page, site: str, elsewhere: Elsewhere, reason: str) -> None:
    items = f'[{{"id": "a", "title": "Headline", "url": "https://example.org/", "reason": {reason}}}]'
    page.route(API, lambda route: route.fulfill(body=f'{{"items": {items}}}', content_type="application/json"))
    elsewhere.page = embedding_page(site, 'data-article-id="blockade-1"')
    page.goto(elsewhere.url("localhost"))
    expect(page.locator(LINKS)).to_have_text(["Headline"])
    expect(page.locator(f"{BOX} .rec-reason")).to_have_count(0)


def test_snippet_shows_what_it_is_told_to(page: Page, site: str, elsewhere: Elsewhere) -> None:
    elsewhere.page = embedding_page(site, 'data-article-id="blockade-1" data-show="date"')
    page.goto(elsewhere.url("localhost"))
    expect(page.locator(f"{BOX} .rec-date")).to_have_count(3)
    expect(page.locator(f"{BOX} .rec-reason, {BOX} .rec-summary, {BOX} .rec-reads")).to_have_count(0)


def test_hanging_service_holds_up_nothing(page: Page, served: Served, elsewhere: Elsewhere, three: list[str]) -> None:
    """In a browser that has nothing of the service yet. The times are not judged: a held up page waits for ever."""
    elsewhere.page = f"<!doctype html><title>Foreign</title>{recommended(served.url)}<h1>A foreign page</h1>{OWN}"
    with hanging(served):
        page.goto(elsewhere.url("localhost"), wait_until="commit")
        page.wait_for_function(GOES_ON)
        expect(page.locator(BOX)).to_be_hidden()
        expect(page.locator(BOX)).to_be_empty()
    expect(page.locator(LINKS)).to_have_text(three)


def test_recommended_lines_bring_box_and_style(page: Page, site: str, elsewhere: Elsewhere, three: list[str]) -> None:
    elsewhere.page = f"<!doctype html><title>Foreign</title><h1>A foreign page</h1>{recommended(site)}"
    page.goto(elsewhere.url("localhost"))
    expect(page.locator(LINKS)).to_have_text(three)
    expect(page.locator(f"{BOX} .rec-box")).to_be_visible()
    assert styled(page)


def test_page_loaded_before_the_script_gets_its_box(page: Page, site: str, elsewhere: Elsewhere) -> None:
    elsewhere.page = '<!doctype html><title>Foreign</title><div data-recommender data-article-id="blockade-1"></div>'
    page.goto(elsewhere.url("localhost"))
    page.add_script_tag(url=f"{site}/static/sidebar.js")
    expect(page.locator(LINKS)).to_have_count(3)
    assert styled(page)


@pytest.mark.parametrize("link", ["", '<link rel="stylesheet" href="{}/static/sidebar.css">'], ids=["new", "old"])
def test_style_comes_once(page: Page, site: str, elsewhere: Elsewhere, link: str) -> None:
    """For two boxes and two scripts, and where the page links to it already."""
    elsewhere.page = link.format(site) + embedding_page(site, 'data-article-id="blockade-1"') * 2
    page.goto(elsewhere.url("localhost"))
    expect(page.locator(LINKS)).to_have_count(6)
    expect(page.locator('link[rel="stylesheet"]')).to_have_count(1)
    assert styled(page)


def test_style_can_be_declined(page: Page, site: str, elsewhere: Elsewhere) -> None:
    elsewhere.page = embedding_page(site, 'data-article-id="blockade-1" data-style="none"')
    page.goto(elsewhere.url("localhost"))
    expect(page.locator(LINKS)).to_have_count(3)
    expect(page.locator("link")).to_have_count(0)
    assert not styled(page)


def test_own_style_has_the_last_word(page: Page, site: str, elsewhere: Elsewhere) -> None:
    own = "<style>.rec-title { font-size: 41px }</style>"
    elsewhere.page = embedding_page(site, 'data-article-id="blockade-1"').replace("<h1>", f"{own}<h1>")
    page.goto(elsewhere.url("localhost"))
    title = page.locator(f"{BOX} .rec-title").first
    expect(title).to_have_css("font-size", "41px")
    expect(title).to_have_css("margin-top", "0px")


def test_late_style_leaves_no_gap(page: Page, site: str, elsewhere: Elsewhere) -> None:
    """The box is never shown bare for a while, and the page does not wait for the style."""
    page.route(STYLE, lambda _: None)
    attributes = 'data-article-id="blockade-1" data-timeout="700"'
    elsewhere.page = embedding_page(site, attributes) + OWN
    page.goto(elsewhere.url("localhost"), wait_until="commit")
    page.wait_for_function(GOES_ON)
    expect(page.locator(BOX)).to_have_attribute("data-rec-state", "empty")
    expect(page.locator(BOX)).to_be_hidden()


def test_missing_style_leaves_the_pages_own(page: Page, site: str, elsewhere: Elsewhere, three: list[str]) -> None:
    page.route(STYLE, lambda route: route.abort())
    elsewhere.page = embedding_page(site, 'data-article-id="blockade-1"')
    page.goto(elsewhere.url("localhost"))
    expect(page.locator(LINKS)).to_have_text(three)
    assert not styled(page)


@pytest.mark.parametrize("style", ["{}", "'none'"], ids=["allowed", "refused"])
def test_strict_policy_lets_the_box_in(
    page: Page, site: str, elsewhere: Elsewhere, three: list[str], style: str
) -> None:
    """The policy that the pages of the API name is enough; without the style there is still the box."""
    policy = f"default-src 'none'; script-src {site}; connect-src {site}; style-src {style.format(site)}"
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    elsewhere.page = f"<!doctype html>{meta}{recommended(site)}"
    page.goto(elsewhere.url("localhost"))
    expect(page.locator(LINKS)).to_have_text(three)
    assert styled(page) == (style == "{}")


def test_editions_lead_to_their_stories(page: Page, site: str) -> None:
    page.goto(site)
    page.get_by_role("navigation", name="Editions").get_by_role("link", name="Maghreb").click()
    expect(page.locator("h1")).to_have_text("Maghreb")
    expect(page.locator(".card h2")).to_have_text(["Algiers watches the fuel blockade of Bamako with alarm"])


def test_story_is_reached_by_keyboard(page: Page, site: str) -> None:
    page.goto(f"{site}/articles/gold-2")
    link = page.get_by_role("navigation", name="This story").get_by_role("link", name="All 3 reports of this story")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(GOLD[0])
    expect(page.locator(".chronicle h2")).to_have_text(GOLD)
    page.locator(".chronicle a").first.focus()
    reached = []
    for _ in GOLD:
        reached.append(page.evaluate("document.activeElement.textContent"))
        page.keyboard.press("Tab")
    assert reached == GOLD


def test_story_works_without_scripts(chromium: Browser, site: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/articles/gold-3")
    page.get_by_role("link", name="All 3 reports of this story").click()
    expect(page.locator(".chronicle time")).to_have_text(["20 June 2025", "15 July 2025", "1 November 2025"])
    page.locator(".chronicle a").nth(1).click()
    expect(page.locator("h1")).to_have_text(GOLD[1])
    context.close()


def test_story_link_stays_when_the_service_fails(page: Page, site: str) -> None:
    page.route(API, lambda route: route.abort())
    page.goto(f"{site}/articles/gold-1")
    expect(page.locator(BOX)).to_be_hidden()
    expect(page.get_by_role("link", name="All 3 reports of this story")).to_be_visible()


def test_article_alone_has_no_story_link(page: Page, site: str) -> None:
    page.goto(f"{site}/articles/lone")
    expect(page.locator(LINKS)).to_have_count(3)
    expect(page.get_by_role("navigation", name="This story")).to_have_count(0)


@pytest.mark.parametrize("width", [390, 1280])
def test_dates_stand_beside_or_above_their_report(page: Page, site: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{site}/stories/gold-1")
    when, what = page.locator(".when").first.bounding_box(), page.locator(".what").first.bounding_box()
    assert when is not None
    assert what is not None
    beside = when["x"] + when["width"] <= what["x"]
    above = when["y"] + when["height"] <= what["y"]
    assert (beside, above) == ((True, False) if width == 1280 else (False, True))


def test_skip_link_reaches_the_content(page: Page, site: str) -> None:
    page.goto(f"{site}/articles/blockade-1")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_keyboard_reaches_every_teaser(page: Page, site: str, three: list[str]) -> None:
    page.goto(f"{site}/articles/blockade-1")
    expect(page.locator(LINKS)).to_have_count(3)
    page.locator(LINKS).first.focus()
    reached = []
    for _ in three:
        reached.append(page.evaluate("document.activeElement.textContent"))
        page.keyboard.press("Tab")
    assert reached == three


@pytest.mark.parametrize(
    "path", ["/", "/editions/sahel", "/articles/blockade-1", "/articles/fr-1", "/stories/gold-1", "/docs", "/no-page"]
)
def test_small_screen_needs_no_sideways_scrolling(page: Page, site: str, path: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(site + path)
    if path.startswith("/articles/"):
        expect(page.locator(LINKS).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_snippet_works_on_an_allowed_site(page: Page, site: str, elsewhere: Elsewhere, three: list[str]) -> None:
    elsewhere.page = embedding_page(site, 'data-article-id="blockade-1" data-n="2" data-heading="Read on"')
    page.goto(elsewhere.url("localhost"))
    expect(page.locator(LINKS)).to_have_count(2)
    expect(page.locator(LINKS).first).to_have_text(three[0])
    expect(page.locator("h2")).to_have_text("Read on")
    expect(page.locator(LINKS).first).to_have_attribute("href", "https://example.org/sahel/blockade-3")


def test_snippet_finds_the_canonical_address(page: Page, site: str, elsewhere: Elsewhere, three: list[str]) -> None:
    canonical = '<link rel="canonical" href="https://www.example.org/sahel/blockade-1/">'
    elsewhere.page = embedding_page(site, "").replace("<h1>", f"{canonical}<h1>")
    page.goto(elsewhere.url("localhost"))
    expect(page.locator(LINKS)).to_have_text(three)


def test_snippet_sends_the_query_of_its_page(page: Page, site: str, elsewhere: Elsewhere) -> None:
    """Where neither an id nor a canonical address is given: many pages are told apart by nothing else."""
    elsewhere.page = embedding_page(site, "")
    address = f"{elsewhere.url('localhost')}/story.php?id=7"
    with page.expect_request(API) as asked:
        page.goto(f"{address}#top")
    assert parse_qs(urlsplit(asked.value.url).query)["url"] == [address]


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


@pytest.mark.parametrize("button", ["left", "middle"])
def test_clicks_are_reported_during_a_trial(page: Page, site: str, button: Literal["left", "middle"]) -> None:
    """With what names the answer and the story, and with nothing else."""

    def during_a_trial(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json={**response.json(), "request_id": "e62b2373d98d586d", "trial": True})

    page.route(API, during_a_trial)
    page.goto(f"{site}/articles/blockade-1")
    expect(page.locator(LINKS)).to_have_count(3)
    second = page.locator(f"{BOX} .rec-item").nth(1).get_attribute("data-id")
    with page.expect_request(f"{site}/api/v1/events") as sent:
        page.locator(LINKS).nth(1).click(button=button)
    assert sent.value.method == "POST"
    assert json.loads(sent.value.post_data or "") == {"request_id": "e62b2373d98d586d", "article_id": second}


def test_no_clicks_are_reported_without_a_trial(page: Page, site: str, three: list[str]) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site}/articles/blockade-1")
    page.locator(LINKS).first.click()
    expect(page.locator("h1")).to_have_text(three[0])
    page.wait_for_load_state("networkidle")
    assert f"{site}/api/v1/events" not in asked


def test_story_of_another_language_is_marked(page: Page, site: str) -> None:
    page.goto(f"{site}/articles/fr-1")
    expect(page.locator(f"{BOX} .rec-language")).to_have_text(["en anglais", "en anglais"])
    spoken = page.locator(f"{BOX} .rec-item").evaluate_all(
        "items => items.map((item) => [item.lang, item.querySelector('.rec-reason')?.lang])"
    )
    assert spoken == [["fr", ""], ["en", "fr"], ["en", "fr"]]
