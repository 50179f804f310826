"""The snippet on pages of other sites: what it fills, whose style it brings, and what it leaves alone."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.browser.elsewhere import API, BOX, LINKS, Elsewhere
from tests.web.served import ROOT, Served

STYLE = "**/sidebar.css"
README = (ROOT / "README.md").read_text(encoding="utf-8")
RECOMMENDED = "".join(re.findall(r"^ +(<(?:link|related-stories|script) .*)$", README, flags=re.MULTILINE))
OWN = '<script defer src="data:text/javascript,performance.mark(%22own%22)"></script>'
GOES_ON = """
    performance.getEntriesByName("first-contentful-paint").length && performance.getEntriesByName("own").length
    && performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd > 0
"""


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
