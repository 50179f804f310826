"""<related-stories> on pages of other sites: frameworks, phones, two directions of writing, strict policies, clicks."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from recommender.web.snippet import SCRIPT, snippet_file
from tests.browser.conftest import MakePage
from tests.browser.elsewhere import API, Elsewhere
from tests.browser.test_snippet import GOES_ON, OWN, hanging
from tests.web.served import ROOT, Served

BOX = "related-stories"
LINKS = f"{BOX} .rec-link"
PHONE = {"width": 390, "height": 844}
MAX_SHIFT = 0.05
ROOM = "<style>related-stories { display: block; min-height: 36rem }</style>"
SNIPPET = (ROOT / "docs" / "reference" / "snippet.md").read_text(encoding="utf-8")
# Sums up what the browser calls layout shift: what stands in view and moves without the reader's doing.
SHIFTS = """
    window.shift = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => { window.shift += entry.value; }))
        .observe({ type: "layout-shift", buffered: true });
"""
TEXT = "<p>The market of Gao reopened on Monday, and traders came from all over the region to see it.</p>"
ARABIC = "سوق غاو (Gao) يفتح أبوابه: 300 تاجر!"


@pytest.fixture
def foreign(elsewhere: Elsewhere) -> Iterator[Elsewhere]:
    """The foreign site, left as it was found."""
    yield elsewhere
    elsewhere.policy = ""


def document(body: str, head: str = "", language: str = "en") -> str:
    direction = ' dir="rtl"' if language == "ar" else ""
    viewport = '<meta name="viewport" content="width=device-width">'
    return (
        f'<!doctype html><html lang="{language}"{direction}><head>{viewport}<title>Foreign</title>{head}</head>'
        f"<body>{body}</body></html>"
    )


def script(site: str) -> str:
    return f'<script src="{site}/static/1/sidebar.js" async></script>'


def box(article_id: str = "blockade-1", more: str = "") -> str:
    return f'<related-stories article-id="{article_id}" {more}></related-stories>'


def item(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"s{number}",
        "title": f"Headline {number} on the market",
        "url": f"https://example.org/s{number}?a=1",
        "language": "en",
        "source": "related",
        "posted_on": "2024-09-01T08:30:00Z",
    } | fields


def answering(page: Page, *items: dict[str, Any], **fields: Any) -> None:
    """Answers in place of the service, with what no archive of tests holds."""
    body = json.dumps({"items": items, "language": "en", "heading": "Read on", "request_id": "0" * 16} | fields)
    page.route(API, lambda route: route.fulfill(body=body, content_type="application/json"))


def test_element_that_comes_later_and_changes_is_filled(page: Page, site: str, foreign: Elsewhere) -> None:
    """As React, Vue, Next.js and Turbo put it there: made by a script, given another id, emptied, copied."""
    foreign.page = document(f"<main></main>{script(site)}")
    page.goto(foreign.url("localhost"))
    page.wait_for_function("!!customElements.get('related-stories')")
    page.evaluate(
        """() => {
            const box = document.createElement("related-stories");
            box.setAttribute("article-id", "blockade-1");
            document.querySelector("main").append(box);
        }"""
    )
    expect(page.locator(LINKS)).to_have_count(3)
    first = page.locator(LINKS).all_inner_texts()
    page.locator(BOX).evaluate("box => box.setAttribute('article-id', 'gold-1')")
    expect(page.locator(LINKS).first).not_to_have_text(first[0])
    page.locator("main").evaluate("main => { main.innerHTML = '<aside data-recommender></aside>'; }")
    page.locator("aside").evaluate("box => { box.dataset.articleId = 'blockade-1'; }")
    expect(page.locator("aside .rec-link")).to_have_text(first)
    with page.expect_response(API):
        page.evaluate("recommender.fill(document.querySelector('aside'))")
    expect(page.locator("aside .rec-link")).to_have_text(first)


def test_moved_element_is_not_asked_for_again(page: Page, site: str, foreign: Elsewhere) -> None:
    foreign.page = document(f"<main>{box()}</main><footer></footer>{script(site)}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/recommend" in request.url else None)
    page.goto(foreign.url("localhost"))
    expect(page.locator(LINKS)).to_have_count(3)
    page.evaluate("document.querySelector('footer').append(document.querySelector('related-stories'))")
    page.locator(BOX).evaluate("box => box.setAttribute('class', 'other')")
    expect(page.locator(f"footer {LINKS}")).to_have_count(3)
    assert len(asked) == 1


@pytest.mark.parametrize("article_id", ["blockade-1", "held"], ids=["filled", "empty"])
@pytest.mark.parametrize("place", ["in view", "below"])
def test_nothing_jumps_on_a_phone(
    make_page: MakePage, site: str, foreign: Elsewhere, article_id: str, place: str
) -> None:
    """Below the text without room being kept; in view where the page keeps room in its own style."""
    page = make_page(viewport=PHONE, device_scale_factor=2, is_mobile=True, has_touch=True)
    page.add_init_script(SHIFTS)
    around = (TEXT, TEXT * 12) if place == "in view" else (TEXT * 20, TEXT * 3)
    head = ROOM if place == "in view" else ""
    foreign.page = document(f"<h1>Gao</h1>{around[0]}{box(article_id)}{around[1]}{script(site)}", head)
    page.goto(foreign.url("localhost"))
    expect(page.locator(BOX)).to_have_attribute("data-rec-state", "filled" if article_id == "blockade-1" else "empty")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("window.shift") <= MAX_SHIFT


def test_hanging_service_costs_no_time(page: Page, served: Served, foreign: Elsewhere) -> None:
    """Nothing of the service is in the browser yet; what is measured is of the page itself."""
    foreign.page = document(f"<h1>Foreign</h1>{box()}{OWN}", script(served.url))
    with hanging(served):
        page.goto(foreign.url("localhost"), wait_until="commit")
        page.wait_for_function(GOES_ON)
        painted, own, parsed = page.evaluate(
            """() => [
                performance.getEntriesByName("first-contentful-paint")[0].startTime,
                performance.getEntriesByName("own")[0].startTime,
                performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd,
            ]"""
        )
    assert max(painted, own, parsed) < 5_000  # milliseconds on a busy machine; a page that is held up waits for ever
    expect(page.locator(LINKS)).to_have_count(3)


def test_two_directions_in_one_box(page: Page, site: str, foreign: Elsewhere) -> None:
    """An Arabic story in a French box, and the reverse; facts and reason speak the language of the box."""
    facts = {"date_text": "1er septembre 2024", "reads_text": "1 356 lectures", "in_language": "en arabe"}
    arabic = item(1, title=ARABIC, language="ar", reason="Également : Gao", **facts)
    answering(page, arabic, item(2, language="fr"), language="fr", heading="À lire", heading_language="fr")
    foreign.page = document(f"{box()}{script(site)}", language="fr")
    page.goto(foreign.url("localhost"))
    entry = page.locator(f"{BOX} .rec-item").first
    expect(entry).to_have_css("direction", "rtl")
    for part in (".rec-meta", ".rec-reason"):
        expect(entry.locator(part)).to_have_css("direction", "ltr")
        expect(entry.locator(part)).to_have_attribute("lang", "fr")
    expect(entry.locator("bdi")).to_have_text(["en arabe", "1er septembre 2024", "1 356 lectures"])
    for fact in entry.locator("bdi").all():
        expect(fact).to_have_css("unicode-bidi", "isolate")
    expect(page.locator(f"{BOX} h2")).to_have_attribute("lang", "fr")
    expect(page.locator(f"{BOX} .rec-item").nth(1)).to_have_css("direction", "ltr")
    page.unroute(API)
    french = item(1, title="Le marché de Gao rouvre", language="fr", date_text="1 سبتمبر 2024", in_language="الفرنسية")
    answering(page, french, language="ar", heading="المزيد عن الساحل", heading_language="ar")
    foreign.page = document(f"{box()}{script(site)}", language="ar")
    page.goto(foreign.url("localhost"))
    expect(page.locator(f"{BOX} h2")).to_have_css("direction", "rtl")
    expect(page.locator(f"{BOX} .rec-item")).to_have_css("direction", "ltr")
    expect(page.locator(f"{BOX} .rec-meta")).to_have_css("direction", "rtl")


def test_pictures_are_lazy_and_keep_their_room(page: Page, site: str, foreign: Elsewhere) -> None:
    page.route("https://img.example/**", lambda route: route.abort())
    answering(page, item(1, image_url="https://img.example/a.jpg"), item(2, image_url="javascript:alert(1)"))
    foreign.page = document(f"{box(more='show=image,date')}{script(site)}")
    page.goto(foreign.url("localhost"))
    picture = page.locator(f"{BOX} img")
    expect(picture).to_have_count(1)
    expect(picture).to_have_attribute("loading", "lazy")
    assert picture.evaluate("image => [image.width > 0, image.getAttribute('height'), image.alt]") == [True, "270", ""]


@pytest.mark.parametrize(
    ("sources", "headings"),
    [
        (["related", "fallback_any_latest"], ["Related", "Latest from the Sahel"]),
        (["fallback_any_latest"], ["Latest from the Sahel"]),
        (["fallback_any_latest", "pinned"], ["Related"]),
    ],
)
def test_fallbacks_have_a_heading_of_their_own(
    page: Page, site: str, foreign: Elsewhere, sources: list[str], headings: list[str]
) -> None:
    items = [item(number, source=source) for number, source in enumerate(sources)]
    answering(page, *items, heading="Related", fallback_heading="Latest from the Sahel")
    foreign.page = document(f"{box()}{script(site)}")
    page.goto(foreign.url("localhost"))
    expect(page.locator(f"{BOX} h2")).to_have_text(headings)


def test_click_is_told_to_the_page_with_its_campaign(page: Page, site: str, foreign: Elsewhere) -> None:
    listener = "addEventListener('recommender:click', (event) => { window.told = event.detail; });"
    stop = "addEventListener('click', (event) => event.preventDefault());"
    answering(page, item(1), item(2, source="fallback_any_latest"))
    more = 'campaign="utm_source=related&utm_medium=box"'
    foreign.page = document(f"<script>{listener}{stop}</script>{box(more=more)}{script(site)}")
    page.goto(foreign.url("localhost"))
    page.locator(LINKS).nth(1).click()
    address = "https://example.org/s2?a=1&utm_source=related&utm_medium=box"
    assert page.evaluate("window.told") == {
        "id": "s2",
        "place": 2,
        "source": "fallback_any_latest",
        "requestId": "0" * 16,
        "href": address,
    }
    expect(page.locator(LINKS).nth(1)).to_have_attribute("href", address)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_strict_policy_and_integrity_let_the_box_in(
    make_page: MakePage, site: str, foreign: Elsewhere, dark: bool
) -> None:
    """The pinned line of the docs, at 180 pixels; on a dark site the text is the page's own."""
    (line,) = re.findall(r"<script .*integrity=.*", SNIPPET)
    assert snippet_file(SCRIPT).integrity in line
    foreign.policy = f"default-src 'none'; script-src {site}; connect-src {site}; style-src {site}"
    page = make_page(viewport={"width": 180, "height": 800}, color_scheme="dark" if dark else "light")
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "Refused" in message.text else None)
    foreign.page = document(box() + line.replace("https://related.example.org", site))
    foreign.page = foreign.page.replace("<head>", '<head><meta name="color-scheme" content="light dark">')
    page.goto(foreign.url("localhost"))
    expect(page.locator(LINKS)).to_have_count(3)
    expect(page.locator(f"{BOX} .rec-list")).to_have_css("list-style-type", "none")
    assert page.evaluate("document.documentElement.scrollWidth") <= 180
    assert page.locator(LINKS).first.evaluate(
        "link => getComputedStyle(link).color === getComputedStyle(document.body).color"
    )
    assert refused == []
