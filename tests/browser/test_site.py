"""The demonstration site in a real browser: the box filled by the script, without scripts, and without the API."""

import json
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.elsewhere import API, BOX, LINKS

GOLD = [
    "Niger takes over the uranium and gold mine of Arlit",
    "Foreign mining company sues the junta over the gold mine",
    "Ore from the nationalised mine leaves for the coast",
]


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
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"{site}/articles/blockade-1")
    page.locator(LINKS).first.click()
    expect(page.locator("h1")).to_have_text(three[0])
    page.wait_for_load_state("networkidle")
    assert f"{site}/api/v1/events" not in requests


def test_story_of_another_language_is_marked(page: Page, site: str) -> None:
    page.goto(f"{site}/articles/fr-1")
    expect(page.locator(f"{BOX} .rec-language")).to_have_text(["en anglais", "en anglais"])
    spoken = page.locator(f"{BOX} .rec-item").evaluate_all(
        "items => items.map((item) => [item.lang, item.querySelector('.rec-reason')?.lang])"
    )
    assert spoken == [["fr", ""], ["en", "fr"], ["en", "fr"]]
