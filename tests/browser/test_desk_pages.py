"""Script and style sheet of the desk, in a real browser, on pages made of its parts."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, Route, expect

from recommender.web import languages
from recommender.web.headers import PAGE_POLICY
from tests.web.look import page as rendered

STATIC = Path(languages.__file__).parent / "static"
SITE = "http://127.0.0.1:9"  # no program listens there: every answer is given by `Opener`
LIST = """
<h1>Queue</h1>
<form><label>Search <input type="search" name="q" data-key="/"></label></form>
<ol class="list" role="list" data-list>
{% for name in ["one", "two", "three"] %}
<li id="{{ name }}"><h2>{{ name }}</h2>
  <form method="post" action="/editor/approve"><input type="hidden" name="seconds" value="0">
    {{ button("Approve", key="a", name="id", value=name) }}</form>
  <label><input type="radio" name="grade-{{ name }}" value="4" data-key="4" data-advance> Four</label>
  <details><summary data-key="m">More</summary><p>Further actions</p></details></li>
{% endfor %}
</ol>
<form method="post" action="/editor/all">{{ button("Approve all", key="x") }}</form>
"""
PAGED = """
<h1>Queue</h1>
<ol class="list" role="list" data-list>
{% for name in ["one", "two", "three"] %}
<li id="{{ name }}"><label><input type="radio" name="grade-{{ name }}" value="4" data-key="4" data-advance> Four</label>
  <button type="button" data-key="n" data-advance>Next</button></li>
{% endfor %}
</ol>
<nav aria-label="Pages"><a href="/editor/?page=2" rel="next">Less urgent</a></nav>
"""
ORDER = """
<h1>Order</h1>
<form method="post" action="/editor/order"><ol class="list order" role="list" data-reorder>
{% for name in ["one", "two", "three"] %}
<li><span data-handle>=</span> <span data-place>{{ loop.index }}</span> <span>{{ name }}</span>
  <input type="hidden" name="order" value="{{ name }}">
  <button type="button" data-move="-1">Up {{ name }}</button>
  <button type="button" data-move="1">Down {{ name }}</button></li>
{% endfor %}
</ol><p class="unsaved">Not saved yet.</p>{{ button("Save", "primary") }}</form>
"""
EVERYTHING = """
{{ subnav([("a", "/editor/a", "Rules"), ("b", "/editor/b", "Ranking")], "a", "Subjects") }}
<header class="page-head"><h1>Everything</h1><p class="lede">All parts of the desk's pages.</p>
  <div class="actions">{{ go("New", "/editor/new", "primary", "n") }}</div></header>
<form class="form bar" role="search">{{ pick("Edition", "edition", [("", "all")]) }}
  {{ field("Title", "q", type="search") }}{{ button("Filter") }}</form>
<form method="post" class="form">{{ problems(["Too late.", "Too long."]) }}
  {{ field("Name", "name", hint="As it is shown.", problem="It is taken.", required=true) }}{{ area("Text", "text") }}
  {{ tick("On", "on", on=true) }}
  {{ radios("Kind", "kind", [("a", "Pin", "to a slot"), ("b", "Bury")], "a") }}{{ why() }}
  <div class="actions">{{ button("Save", "primary", "s") }}{{ button("End", "danger") }}{{ button("Off", "small") }}
    {{ button("Back", "plain") }}</div></form>
<h2>Stories</h2>
<ol class="list" role="list" data-list>{% for number in [1, 2] %}<li><h3>Story {{ number }}</h3>
  <p class="facts"><span>Sahel</span> {{ day(at) }} <span>{{ tag("new", "new") }} {{ tag("weak", "warn") }}
    {{ tag("held", "bad") }} {{ tag("approved", "good") }} {{ tag("read") }}</span></p>
  {{ score([("dense", "meaning", 0.21), ("lexical", "words", 0.1), ("themes", "themes", 0.05), ("names", "names", 0.1),
    ("topics", "topics", 0.02), ("tags", "tags", 0.01), ("places", "places", 0.06), ("nearness", "time", 0.04),
    ("boost", "boost", -0.05)], 0.54) }}
  {{ scale("Grade", "grade-" ~ number, [(4, "4", "Must", "origin"), (0, "0", "None", "little")], 4) }}</li>
{% endfor %}</ol>
<h2>Table</h2>
<div class="scroll" role="region" tabindex="0" aria-label="Matrix"><table class="table matrix"><caption>Matrix</caption>
  <thead><tr><th scope="col">Beside</th>{% for column in range(9) %}<th scope="col">flag {{ column }}</th>
  {% endfor %}</tr></thead>
  <tbody>{% for row in range(8) %}<tr><th scope="row">row {{ row }}</th>{% for column in range(9) %}
    <td><label><span class="unseen">{{ column }} beside {{ row }}</span><input type="checkbox"></label></td>
  {% endfor %}</tr>{% endfor %}</tbody></table></div>
{{ pager("/1", "/2") }}
<dl class="pairs"><div><dt>Last change</dt><dd>{{ moment(at) }}</dd></div></dl>
<div class="before-after"><div><h3>Before</h3><ol><li><del>Out</del></li></ol></div>
  <div><h3>After</h3><ol><li><ins>In</ins></li></ol></div></div>
{{ nothing("Nothing needs eyes.", "All is reviewed.") }}{{ waiting("/editor/job", "Counting") }}
"""


class Opener:
    """Shows a page of the desk without a server, and keeps what its forms send. In the page, `sends` counts them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.sent: list[tuple[str, dict[str, list[str]]]] = []
        self.job: dict[str, object] | None = None
        self.html = ""
        page.route("**/*", self._answer)
        page.add_init_script("window.sends = 0; addEventListener('submit', (e) => (sends += !e.defaultPrevented))")

    def __call__(self, content: str, anchor: str = "", **values: object) -> Page:
        self.html = rendered(content, **values)  # type: ignore[arg-type]  # values are those of `page`
        self.page.goto(f"{SITE}/editor/{anchor}")
        return self.page

    def _answer(self, route: Route, request: Request) -> None:
        path = request.url.removeprefix(SITE).partition("?")[0]
        if path.startswith("/static/"):
            kind = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}[path.rpartition(".")[2]]
            route.fulfill(body=(STATIC / path.removeprefix("/static/")).read_text("utf-8"), content_type=kind)
        elif path == "/editor/job":
            route.fulfill(status=503) if self.job is None else route.fulfill(json=self.job)
        elif request.method == "POST":
            self.sent.append((path, parse_qs(request.post_data or "")))
            route.fulfill(status=204)  # the page stays, as while an answer is on its way
        else:
            headers = {"Content-Security-Policy": PAGE_POLICY, "Content-Type": "text/html; charset=utf-8"}
            route.fulfill(body=self.html, headers=headers)


@pytest.fixture
def opened(page: Page) -> Opener:
    """Opens pages of the desk."""
    return Opener(page)


def current(page: Page) -> str | None:
    """The id of the current item."""
    return page.locator("[data-list] > [aria-current]").get_attribute("id")


def press(page: Page, key: str) -> None:
    """Presses a key that sends a form, and waits until it is sent."""
    with page.expect_response(lambda response: response.request.method == "POST"):
        page.keyboard.press(key)


# -- keys


def test_first_item_is_current(opened: Opener) -> None:
    page = opened(LIST)
    assert current(page) == "one"
    expect(page.locator("body")).to_be_focused()  # screen readers start at the top


def test_named_item_is_current(opened: Opener) -> None:
    page = opened(LIST, "#two")
    assert current(page) == "two"
    expect(page.locator("#two")).to_be_focused()


def test_j_and_k_walk_the_list(opened: Opener) -> None:
    page = opened(LIST)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("#three")).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator("#two")).to_be_focused()


def test_focus_makes_an_item_current(opened: Opener) -> None:
    page = opened(LIST)
    page.locator("#three summary").focus()
    assert current(page) == "three"


def test_key_acts_on_current_item(opened: Opener) -> None:
    page = opened(LIST)
    page.keyboard.press("j")
    press(page, "a")
    assert [(path, fields["id"]) for path, fields in opened.sent] == [("/editor/approve", ["two"])]


def test_key_outside_lists_acts_too(opened: Opener) -> None:
    press(opened(LIST), "x")
    assert [path for path, _fields in opened.sent] == ["/editor/all"]


def test_key_opens_details(opened: Opener) -> None:
    page = opened(LIST)
    page.keyboard.press("m")
    expect(page.locator("#one details p")).to_be_visible()


def test_key_of_a_field_focuses_it(opened: Opener) -> None:
    page = opened(LIST)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("searchbox")).to_have_value("")


def test_typing_is_no_command(opened: Opener) -> None:
    page = opened(LIST)
    page.get_by_role("searchbox").press_sequentially("ajx")
    assert page.evaluate("sends") == 0
    assert current(page) == "one"


def test_letters_in_a_number_are_commands(opened: Opener) -> None:
    """The page of a pin begins in the field of its place, and its key to save holds there too."""
    page = opened('<h1>Pin</h1>{{ field("Place", "slot", "1", "number", autofocus=true) }}' + LIST)
    expect(page.get_by_label("Place")).to_be_focused()
    page.keyboard.press("2")
    assert page.evaluate("sends") == 0
    press(page, "a")
    assert opened.sent[0][1]["id"] == ["one"]


@pytest.mark.parametrize("modifier", ["Control", "Alt", "Meta"])
def test_combinations_are_left_to_the_browser(opened: Opener, modifier: str) -> None:
    page = opened(LIST)
    page.keyboard.press(f"{modifier}+x")
    assert page.evaluate("sends") == 0


def test_grade_goes_on_to_next_item(opened: Opener) -> None:
    page = opened(LIST)
    page.keyboard.press("4")
    expect(page.locator("#one input[type=radio]")).to_be_checked()
    assert current(page) == "two"


def test_grade_of_the_last_item_stays_on_the_page(opened: Opener) -> None:
    """Other grades of the form are not sent yet."""
    page = opened(PAGED, "#three")
    page.keyboard.press("4")
    expect(page.locator("#three input[type=radio]")).to_be_checked()
    assert current(page) == "three"
    assert page.url == f"{SITE}/editor/#three"


def test_next_goes_on_to_next_item(opened: Opener) -> None:
    page = opened(PAGED)
    page.keyboard.press("n")
    assert current(page) == "two"
    page.locator("#two").get_by_role("button", name="Next").click()
    assert current(page) == "three"


def test_next_after_the_last_item_turns_the_page(opened: Opener) -> None:
    page = opened(PAGED, "#three")
    page.keyboard.press("n")
    page.wait_for_url(f"{SITE}/editor/?page=2")
    assert current(page) == "one"


def test_digits_work_on_french_keyboards(opened: Opener) -> None:
    """There the key of 4 types an apostrophe unless Shift is held."""
    page = opened(LIST)
    page.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: \"'\", code: 'Digit4', bubbles: true}))"
    )
    expect(page.locator("#one input[type=radio]")).to_be_checked()


def test_question_mark_lists_the_keys(opened: Opener) -> None:
    page = opened(LIST)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys on this page")
    rows = dialog.locator("dl > div:visible")
    expect(rows).to_have_text(
        [
            re.compile(r"^j k\s*Next, previous$"),
            re.compile(r"^\?\s*Keys$"),
            re.compile(r"^/\s*Search$"),
            re.compile(r"^a\s*Approve$"),
            re.compile(r"^4\s*Four$"),
            re.compile(r"^m\s*More$"),
            re.compile(r"^x\s*Approve all$"),
        ]
    )
    page.keyboard.press("x")
    assert page.evaluate("sends") == 0
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_single_keys_can_be_turned_off(opened: Opener) -> None:
    """WCAG 2.1.4: people who dictate must be able to."""
    page = opened(LIST)
    page.keyboard.press("?")
    page.get_by_label("Single keys work on this computer").uncheck()
    page.reload()
    page.keyboard.press("x")
    assert page.evaluate("sends") == 0
    page.keyboard.press("?")
    expect(page.get_by_label("Single keys work on this computer")).not_to_be_checked()


# -- sending


def test_form_is_sent_once(opened: Opener) -> None:
    page = opened(LIST)
    press(page, "a")
    page.keyboard.press("j")
    page.keyboard.press("a")
    page.keyboard.press("x")
    expect(page.locator("#one button")).to_be_disabled()
    assert page.evaluate("sends") == 1
    assert opened.sent[0][1]["id"] == ["one"]


def test_form_can_be_sent_again_where_no_answer_comes(opened: Opener) -> None:
    opened.page.clock.install()
    page = opened(LIST)
    press(page, "a")
    page.clock.run_for(10_100)
    press(page, "a")
    assert len(opened.sent) == 2


def test_seconds_looked_at_are_sent(opened: Opener) -> None:
    opened.page.clock.install()
    page = opened(LIST)
    page.clock.run_for(12_000)
    press(page, "a")
    assert opened.sent[0][1]["seconds"] == ["12"]


def test_flash_is_put_in_again_for_screen_readers(opened: Opener) -> None:
    page = opened(LIST, flashes=(("Saved.", "message"),))
    expect(page.get_by_role("status")).to_have_text("Saved.")


# -- reordering


def order(page: Page) -> list[str]:
    """The hidden values in the order in which they are sent."""
    return [box.get_attribute("value") or "" for box in page.locator("[name=order]").all()]


def test_keys_move_an_item(opened: Opener) -> None:
    page = opened(ORDER)
    page.get_by_role("button", name="Up three").focus()
    page.keyboard.press("Alt+ArrowUp")
    assert order(page) == ["one", "three", "two"]
    expect(page.get_by_role("button", name="Up three")).to_be_focused()
    expect(page.get_by_role("status")).to_contain_text("Now in place 2 of 3.")
    expect(page.locator("[data-place]")).to_have_text(["1", "2", "3"])


def test_buttons_move_an_item(opened: Opener) -> None:
    page = opened(ORDER)
    expect(page.get_by_text("Not saved yet.", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Down one").click()
    assert order(page) == ["two", "one", "three"]
    expect(page.get_by_text("Not saved yet.", exact=True)).to_be_visible()


def test_item_stays_at_the_end(opened: Opener) -> None:
    page = opened(ORDER)
    page.get_by_role("button", name="Down three").click()
    assert order(page) == ["one", "two", "three"]


def test_item_is_dragged(opened: Opener) -> None:
    page = opened(ORDER)
    page.locator("[data-handle]").nth(2).drag_to(page.locator("[data-handle]").nth(0), target_position={"x": 2, "y": 1})
    assert order(page) == ["three", "one", "two"]


def test_order_is_sent_as_seen(opened: Opener) -> None:
    page = opened(ORDER)
    page.get_by_role("button", name="Down one").click()
    with page.expect_response("**/editor/order"):
        page.get_by_role("button", name="Save").click()
    assert opened.sent[0][1]["order"] == ["two", "one", "three"]


# -- progress


def test_progress_is_shown_and_leads_on(opened: Opener) -> None:
    opened.page.clock.install()
    opened.job = {"done": 30, "total": 100, "ready": None}
    page = opened('{{ waiting("/editor/job", "Counting") }}')
    expect(page.get_by_role("progressbar", name="Counting")).to_have_attribute("value", "30")
    expect(page.locator("[data-count]")).to_have_text("30 / 100")
    opened.job = {"done": 100, "total": 100, "ready": "/editor/reach?number=7"}
    with page.expect_navigation(url="**/editor/reach?number=7"):
        page.clock.run_for(1_100)


def test_progress_stays_on_the_site(opened: Opener) -> None:
    opened.job = {"done": 1, "total": 1, "ready": "https://evil.example/editor/x"}
    page = opened('{{ waiting("/editor/job", "Counting") }}')
    page.wait_for_url(f"{SITE}/editor/x")


def test_missing_answer_is_reported(opened: Opener) -> None:
    page = opened('{{ waiting("/editor/job", "Counting") }}')
    expect(page.get_by_role("status")).to_contain_text("No answer from the service.")


# -- look


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_parts_are_accessible(
    chromium: Browser, scheme: str, width: int, make_opener: Callable[[Page], Opener]
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]  # one of two words
    page = make_opener(context.new_page())(
        EVERYTHING, at=datetime(2026, 6, 1, tzinfo=UTC), flashes=(("Approved.", "undo /editor/undo/1"),)
    )
    violations = Axe().run(page).response["violations"]
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    small = page.evaluate(
        "[...document.querySelectorAll('.button, .tick, .step, .matrix label')]"
        ".filter((part) => part.getClientRects().length && part.getBoundingClientRect().height < 24).length"
    )
    context.close()
    assert [(fault["impact"], fault["id"]) for fault in violations] == []
    assert (wide, small) == (0, 0)


def test_page_works_without_scripts(chromium: Browser, make_opener: Callable[[Page], Opener]) -> None:
    context = chromium.new_context(java_script_enabled=False)
    opener = make_opener(context.new_page())
    page = opener(LIST)
    with page.expect_response("**/editor/approve"):
        page.get_by_role("button", name="Approve", exact=True).nth(1).click()
    keys = page.locator("kbd").filter(visible=True).count()
    context.close()
    assert [fields["id"] for _path, fields in opener.sent] == [["two"]]
    assert keys == 0


@pytest.fixture
def make_opener() -> Callable[[Page], Opener]:
    """Makes an opener for a page of another context."""
    return Opener
