"""The jobs of editors, each done in a real browser at a service with two workers, and looked at where readers look.

Every decision is checked with the next requests of the public endpoint. Each test has articles of its own.
"""

import re
import subprocess
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from markupsafe import Markup
from playwright.sync_api import Browser, Locator, Page, expect

from recommender.wiring import make_accounts
from tests.browser.served_desk import ARTICLES, PASSWORD, PEOPLE, ServedDesk, Teaser, serving_desk, sign_in, told
from tests.web.served import command, environment, eventually

OpenAs = Callable[..., Page]

BAMAKO = "mali-2024-09-17-jnim-raids-bamako"
CADETS = "mali-2024-09-20-bamako-buries-cadets-toll"  # stands beside the raid, and the raid beside it
GOULAMINA = "mali-2024-12-16-goulamina-lithium-mine-inaugurated"
GANFENG = "mali-2024-12-16-goulamina-lithium-mine-opens"  # of two reports of the opening, the one that drafts are given
OPINION = "niger-2024-03-16-junta-revokes-us-accord"
LOADING = 60_000  # milliseconds: the first draft waits for the model, on a busy machine
OWN_CONTROLS = {"/editor/sign-out", "/editor/language"}  # forms that everybody has


@pytest.fixture(scope="module")
def desk(sample_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedDesk]:
    """A service with two workers and an account for each of PEOPLE."""
    with serving_desk(sample_database, tmp_path_factory.mktemp("editors")) as served:
        yield served


@pytest.fixture(scope="module")
def sessions(desk: ServedDesk, chromium: Browser) -> dict[str, Any]:
    """Cookies of everybody, who have signed in once."""
    states = {}
    for name in PEOPLE:
        context = chromium.new_context(base_url=desk.url)
        page = context.new_page()
        page.goto("/editor/")
        sign_in(page, name)
        page.wait_for_url(f"{desk.url}/editor/")
        states[name] = context.storage_state()
        context.close()
    return states


@pytest.fixture
def open_as(desk: ServedDesk, sessions: dict[str, Any], make_page: Callable[..., Page]) -> OpenAs:
    """Opens an address in the browser of an account, in a window of its own; as a stranger without a name."""

    def opened(name: str | None, address: str, **options: Any) -> Page:
        page = make_page(base_url=desk.url, storage_state=sessions[name] if name else None, **options)
        page.goto(address)
        return page

    return opened


# -- what an editor does with the hands


def article(article_id: str) -> str:
    """The page of an article."""
    return f"/editor/article/{article_id}"


def current(page: Page) -> Locator:
    """The item that keys act on."""
    return page.locator("[data-list] > [aria-current]")


def choose(page: Page, place: int) -> str:
    """Goes to a story by its digit, and gives its title."""
    title = page.locator("[data-list] h3").nth(place - 1).inner_text()
    page.keyboard.press(str(place))
    expect(current(page).locator("h3")).to_have_text(title)
    return title


def press_save(page: Page, does: str) -> None:
    """Saves what a preview shows, by its key."""
    expect(page.get_by_role("heading", name="What it changes")).to_be_visible()
    page.keyboard.press("a")
    told(page, does)


def take_back(page: Page, about: str) -> None:
    """Takes back what stands under “In force about this article”."""
    page.get_by_role("region", name="In force about this article").get_by_role(
        "button", name=f"Take back {about}"
    ).press("Enter")
    press_save(page, "Taken back.")


def titles(teasers: list[Teaser]) -> list[str]:
    """What readers read."""
    return [teaser.title for teaser in teasers]


def ids(teasers: list[Teaser]) -> list[str]:
    """The stories of a sidebar."""
    return [teaser.id for teaser in teasers]


def side(page: Page, heading: str) -> list[str]:
    """The first list under Now or Then, of a preview or of a reach."""
    return [
        column.inner_text()
        for column in page.locator(".before-after > div", has=page.get_by_role("heading", name=heading, exact=True))
        .first.locator("li > :is(ins, del), li:not(:has(ins, del))")
        .all()
    ]


class Promise(NamedTuple):
    """What the page of a reach says of the sidebar that changes most."""

    article: str
    before: list[str]
    after: list[str]


def promised(page: Page) -> Promise:
    """Waits until the reach is worked out."""
    expect(page.get_by_role("heading", name="What would change")).to_be_visible(timeout=LOADING)
    expect(page.get_by_role("heading", name="Those that change most")).to_be_visible()
    address = page.locator("[data-list] h3 a").first.get_attribute("href") or ""
    return Promise(address.removeprefix(article("")), side(page, "Now"), side(page, "Then"))


# -- getting in


def test_right_name_and_password_open_the_desk(desk: ServedDesk, open_as: OpenAs) -> None:
    """An editor follows a link to an article, signs in, and is where the link led."""
    page = open_as(None, article(BAMAKO))
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    sign_in(page, "first")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Jihadists storm gendarmerie school and air base in Bamako"
    )
    page.get_by_role("button", name="Sign out").click()
    told(page, "You are signed out.")
    page.goto(article(BAMAKO))
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_wrong_password_is_reported(open_as: OpenAs) -> None:
    """The page says that it failed, but not whether there is such a name, and keeps what was typed."""
    page = open_as(None, "/editor/")
    messages = []
    for name in ("second", "nobody here"):
        sign_in(page, name, "not the password")
        expect(page.get_by_label("Name")).to_have_value(name)
        messages.append(page.get_by_role("alert").inner_text())
    assert messages[0].startswith("Signing in failed. Check the name and the password.")
    assert messages[0] == messages[1]
    sign_in(page, "second")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sidebars to look at")


def test_newcomer_gets_in_by_link_and_is_kept_out_by_nobody(desk: ServedDesk, open_as: OpenAs) -> None:
    """The administrator adds an account, its holder chooses a password; what fails elsewhere, in both workers, stays
    there, and is told.
    """
    chief = open_as("chief", "/editor/people")
    chief.get_by_role("textbox", name="Name").fill("newcomer")
    chief.get_by_role("button", name="Add, and make a link").click()
    link = chief.get_by_label("Copy it and hand it over").input_value()
    assert link.startswith(f"{desk.url}/editor/link/")

    newcomer = open_as(None, link)
    newcomer.get_by_label("New password").fill(PASSWORD)
    newcomer.get_by_label("The same again").fill(PASSWORD)
    newcomer.keyboard.press("Enter")
    expect(newcomer.get_by_role("heading", level=1)).to_have_text("Sidebars to look at")
    expect(open_as(None, link).locator("main")).to_contain_text("This link has been used")
    newcomer.get_by_role("button", name="Sign out").click()

    thief = open_as(None, "/editor/sign-in")
    for _ in range(5):
        told_before = thief.get_by_role("alert").count()
        sign_in(thief, "newcomer", f"not the password {told_before}")
        expect(thief.get_by_role("alert")).to_be_visible()
    sign_in(thief, "newcomer")
    expect(thief.get_by_role("alert")).to_contain_text("After five failures in a row wait for 15 minutes")

    sign_in(newcomer, "newcomer")
    expect(newcomer.get_by_role("heading", level=1)).to_have_text("Sidebars to look at")
    told(newcomer, "5 attempts to sign in with your name have failed")


def test_second_factor_is_set_up_and_asked_for(desk: ServedDesk, open_as: OpenAs) -> None:
    """The account's page leads there; recovery codes are shown once; axe finds nothing on the page for the code."""
    with desk.store() as store:
        make_accounts(store).add("careful", "viewer", "test", PASSWORD)
    page = open_as(None, "/editor/")
    sign_in(page, "careful")
    page.get_by_role("link", name="your account").click()
    page.get_by_role("link", name="Set up a second factor").click()
    expect(page.get_by_role("img")).to_be_visible()
    key = page.get_by_role("textbox", name="Key")
    page.get_by_label("Type the code").fill(pyotp.TOTP(key.input_value()).now())
    page.get_by_role("button", name="Put it in force").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    codes = page.locator("main li code").all_inner_texts()
    assert len(codes) == 10
    page.get_by_role("link", name="I have kept them").click()
    expect(page.locator("main")).to_contain_text("10 recovery codes are left.")

    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "careful")
    expect(page.get_by_label("Code")).to_be_focused()
    assert Axe().run(page).response["violations"] == []
    page.get_by_label("Code").fill(codes[0])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sidebars to look at")


# -- one sidebar


def test_rejected_teaser_is_gone_until_undone(desk: ServedDesk, open_as: OpenAs) -> None:
    """The second teaser does not belong: 2, r. It was a mistake: u."""
    subject = "burkina-2023-10-14-rosatom-nuclear-memorandum"
    before = desk.sidebar(subject)
    page = open_as("first", article(subject))
    title = choose(page, 2)
    assert title == before[1].title
    page.keyboard.press("r")
    told(page, f"Rejected. {title}")
    after = desk.sidebar(subject)
    assert before[1] not in after
    assert [after[0], after[1]] == [before[0], before[2]]
    expect(page.get_by_label("The sidebar as readers see it").locator(".rec-link")).to_have_text(titles(after))
    page.keyboard.press("u")
    told(page, "Undone: teaser rejected.")
    assert desk.sidebar(subject) == before


def test_story_is_pinned_to_a_place_by_keyboard(desk: ServedDesk, open_as: OpenAs) -> None:
    """A story that stands below goes to place 2, without a mouse, and leaves when the pin is taken back."""
    subject = "chad-2024-08-16-adre-crossing-reopens-for-aid"
    before = desk.sidebar(subject)
    page = open_as("first", article(subject))
    title = choose(page, 5)
    assert title not in titles(before)
    page.keyboard.press("p")
    expect(page.get_by_label("Place")).to_be_focused()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    told(page, f"Pinned. {title}")
    assert titles(desk.sidebar(subject))[:2] == [before[0].title, title]
    take_back(page, "Pinned to place 2")
    assert desk.sidebar(subject) == before


@pytest.mark.parametrize(
    ("way", "subject"),
    [("keys", "burkina-2023-02-24-sankara-reburied-entente"), ("drag", "niger-2019-12-12-inates-camp-overrun")],
)
def test_order_is_kept_as_seen(desk: ServedDesk, open_as: OpenAs, way: str, subject: str) -> None:
    """The last teaser comes first: by keys, and by the mouse."""
    before = desk.sidebar(subject)
    page = open_as("first", article(subject))
    if way == "keys":
        page.get_by_role("button", name=f"Move up {before[2].title}").focus()
        page.keyboard.press("Alt+ArrowUp")
        page.keyboard.press("Alt+ArrowUp")
    else:
        handles = page.locator("[data-handle]")
        handles.nth(2).drag_to(handles.nth(0), target_position={"x": 2, "y": 1})
    expect(page.get_by_text("Not saved yet.", exact=True)).to_be_visible()
    assert desk.sidebar(subject) == before
    page.keyboard.press("h")
    press_save(page, "The order is kept.")
    assert desk.sidebar(subject) == [before[2], before[0], before[1]]
    page.keyboard.press("u")
    told(page, "Undone:")
    assert desk.sidebar(subject) == before


def test_boost_shows_before_and_after_and_waits_for_save(desk: ServedDesk, open_as: OpenAs) -> None:
    """The fourth story is worth more; the page shows what that does, and nothing is changed until it is saved."""
    subject = "mali-2025-02-17-artisanal-gold-mine-collapse"
    before = desk.sidebar(subject)
    page = open_as("first", article(subject))
    title = choose(page, 4)
    page.keyboard.press("b")
    page.get_by_label("Factor").fill("10")
    page.get_by_role("button", name="Show what it changes").click()
    expect(page.locator("ins")).to_have_text([title])
    assert side(page, "Now") == titles(before)
    then = side(page, "Then")
    assert title in then
    page.keyboard.press("q")
    expect(page.get_by_role("heading", name="In the sidebar")).to_be_visible()
    assert desk.sidebar(subject) == before
    page.keyboard.press("b")
    page.get_by_label("Factor").fill("10")
    page.get_by_role("button", name="Show what it changes").click()
    expect(page.locator("ins")).to_have_text([title])
    press_save(page, f"Boosted. {title}")
    assert titles(desk.sidebar(subject)) == then
    take_back(page, "Boosted ×10")  # noqa: RUF001  # a real sign
    assert desk.sidebar(subject) == before


def test_excluded_story_stands_nowhere(desk: ServedDesk, open_as: OpenAs) -> None:
    """A story that stands beside several articles must be seen nowhere any more."""
    subject = "mali-2022-07-05-ecowas-lifts-embargo-on-mali"
    story = desk.sidebar(subject)[0]
    shown = desk.beside(story.id)
    assert len(shown) > 1
    page = open_as("first", article(subject))
    choose(page, 1)
    page.keyboard.press("x")
    press_save(page, f"Excluded everywhere. {story.title}")
    assert desk.beside(story.id) == []
    assert story not in desk.sidebar(subject)
    page.keyboard.press("u")
    told(page, "Undone: excluded everywhere.")
    assert desk.beside(story.id) == shown


def test_two_stories_never_stand_together(desk: ServedDesk, open_as: OpenAs) -> None:
    """Each stands beside the other; after it neither does, and the preview shows both sidebars."""
    first, second = "niger-2024-12-05-orano-loses-control-somair", "niger-2025-06-21-somair-nationalised"
    before = desk.sidebar(first), desk.sidebar(second)
    assert second in ids(before[0])
    assert first in ids(before[1])
    page = open_as("first", article(first))
    choose(page, ids(before[0]).index(second) + 1)
    page.keyboard.press("t")
    expect(page.get_by_role("heading", level=3)).to_have_text([ARTICLES[first]["title"], ARTICLES[second]["title"]])
    press_save(page, "They will not stand together.")
    assert second not in ids(desk.sidebar(first))
    assert first not in ids(desk.sidebar(second))
    page.keyboard.press("u")
    told(page, "Undone: kept apart.")
    assert (desk.sidebar(first), desk.sidebar(second)) == before


def test_box_is_turned_off_and_on(desk: ServedDesk, open_as: OpenAs) -> None:
    """Beside this article shall stand nothing."""
    subject = "niger-2024-04-22-drug-routes-sahel-unodc"
    before = desk.sidebar(subject)
    page = open_as("first", article(subject))
    page.get_by_role("button", name="Turn the box off").click()
    press_save(page, "The box is off.")
    assert desk.sidebar(subject) == []
    expect(page.get_by_label("The sidebar as readers see it")).to_contain_text("The box is off; by first")
    take_back(page, "The box is off")
    assert desk.sidebar(subject) == before


@pytest.mark.parametrize(
    "words",
    [
        ARTICLES[GOULAMINA]["title"],
        " ".join(ARTICLES[GOULAMINA]["body"].split()[40:52]),
        ARTICLES[GOULAMINA]["url"],
    ],
    ids=["title", "text", "address"],
)
def test_story_is_found_and_added(desk: ServedDesk, open_as: OpenAs, words: str) -> None:
    """A story that the service would not have thought of is found by what one knows of it, and stands first."""
    subject = "niger-2021-03-24-tillia-hamlets-137-killed"
    before = desk.sidebar(subject)
    page = open_as("first", article(subject))
    page.keyboard.press("s")
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Add a story")
    page.wait_for_load_state("domcontentloaded")
    for _ in range(found_before(page, ARTICLES[GOULAMINA]["title"])):
        page.keyboard.press("j")
    expect(current(page).locator("h3")).to_have_text(ARTICLES[GOULAMINA]["title"])
    page.keyboard.press("p")
    expect(page.get_by_label("Place")).to_have_value("1")
    press_save_by_enter(page, f"Pinned. {ARTICLES[GOULAMINA]['title']}")
    assert ids(desk.sidebar(subject)) == [GOULAMINA, *ids(before)[:2]]
    page.keyboard.press("u")
    told(page, "Undone: pinned.")
    assert desk.sidebar(subject) == before


def found_before(page: Page, title: str) -> int:
    """How many stories stand above one."""
    return page.locator("[data-list] h3").all_inner_texts().index(title)


def press_save_by_enter(page: Page, does: str) -> None:
    """Saves what a preview shows, from the field in which one types."""
    page.keyboard.press("Enter")
    told(page, does)


# -- two people


def test_second_editor_is_told_what_the_first_did(desk: ServedDesk, open_as: OpenAs) -> None:
    """Both have the page open. Who comes second learns of it, and what the first has decided stays."""
    subject = "mali-2025-11-05-kidnap-economy-sahel"
    before = desk.sidebar(subject)
    first, second = open_as("first", article(subject)), open_as("second", article(subject))
    choose(first, 1)
    first.keyboard.press("r")
    told(first, f"Rejected. {before[0].title}")
    after = desk.sidebar(subject)
    choose(second, 2)
    second.keyboard.press("r")
    expect(second.get_by_role("heading", level=1)).to_have_text("Another editor was faster")
    expect(second.locator("main")).to_contain_text("Since then: teaser rejected, by first")
    expect(second.locator(".rec-link")).to_have_text(titles(after))
    assert [(entry.by, entry.action) for entry in desk.entries() if entry.subject == subject] == [("first", "reject")]
    assert desk.sidebar(subject) == after
    second.wait_for_load_state("domcontentloaded")
    second.keyboard.press("q")
    expect(second.get_by_role("heading", name="In the sidebar")).to_be_visible()
    assert desk.sidebar(subject) == after
    first.keyboard.press("u")
    told(first, "Undone: teaser rejected.")
    assert desk.sidebar(subject) == before


def test_each_sees_that_the_other_looks(open_as: OpenAs) -> None:
    """Two people with the same article open see each other, also in the queue."""
    subject = "ethiopia-2025-09-10-gerd-dam-inaugurated"
    first = open_as("first", article(subject))
    second = open_as("second", article(subject))
    expect(second.locator(".looking")).to_have_text("first is looking at this too.")
    first.reload()
    expect(first.locator(".looking")).to_have_text("second is looking at this too.")
    first.goto("/editor/?edition=Africa")
    line = first.locator("[data-list] > *", has_text=ARTICLES[subject]["title"]).filter(
        has=first.get_by_role("heading", level=2, name=ARTICLES[subject]["title"])
    )
    expect(line.locator(".looking")).to_have_text("Open at the moment: second")


def test_queue_is_worked_by_keys(desk: ServedDesk, open_as: OpenAs) -> None:
    """? lists the keys; n goes on; 1 to 3 reject; a approves and goes on; u takes back."""
    page = open_as("first", "/editor/?edition=Maghreb")
    lines = page.locator("[data-list] h2").all_inner_texts()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys on this page")
    for name in ("Approve", "Next article", "Reject"):
        expect(keys).to_contain_text(name.removesuffix(" article"))
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(current(page).locator("h2")).to_have_text(lines[1])
    subject = (current(page).locator("h2 a").get_attribute("href") or "").partition("?")[0].removeprefix(article(""))
    before = desk.sidebar(subject)
    for place in (1, 2, 3):
        page.keyboard.press(str(place))
        told(page, f"Rejected. {before[place - 1].title}")
        assert before[place - 1] not in desk.sidebar(subject)
        page.keyboard.press("u")
        told(page, "Undone: teaser rejected.")
        assert desk.sidebar(subject) == before
    page.keyboard.press("a")
    told(page, f"Approved. {lines[1]}")
    expect(current(page).locator("h2")).to_have_text(lines[2])
    assert page.locator("[data-list] h2").all_inner_texts() == [lines[0], *lines[2:]]
    page.keyboard.press("u")
    told(page, "Undone: sidebar approved.")
    assert page.locator("[data-list] h2").all_inner_texts() == lines
    expect(current(page).locator("h2")).to_have_text(lines[1])


# -- sensitive content, rules, threshold


def test_story_under_legal_hold_is_seen_nowhere(desk: ServedDesk, open_as: OpenAs) -> None:
    """The publishing system puts an article under hold: readers see nothing of it, editors read why."""
    before, shown = desk.sidebar(CADETS), desk.beside(CADETS)
    assert BAMAKO in shown
    desk.flag(CADETS, "legal_hold")
    assert desk.sidebar(CADETS) == []
    assert desk.beside(CADETS) == []
    page = open_as("first", article(CADETS))
    expect(page.get_by_label("The sidebar as readers see it")).to_have_text(
        "Legal hold: no box stands beside this article, and it stands beside no other."
    )
    page.goto(article(BAMAKO))
    line = page.locator("[data-list] > *").filter(has=page.get_by_role("heading", name=ARTICLES[CADETS]["title"]))
    expect(line.locator(".obstacle")).to_have_text("Not shown. It is under legal hold.")
    desk.flag(CADETS)
    assert desk.sidebar(CADETS) == before
    assert desk.beside(CADETS) == shown


@pytest.fixture
def opinion(desk: ServedDesk) -> Iterator[Teaser]:
    """An opinion piece stands beside an opinion piece, OPINION; this is the story."""
    story = desk.sidebar(OPINION)[1]
    desk.flag(OPINION, "opinion")
    desk.flag(story.id, "opinion")
    assert story in desk.sidebar(OPINION)
    yield story
    desk.flag(story.id)
    desk.flag(OPINION)


def test_matrix_shows_its_reach_before_it_holds(desk: ServedDesk, open_as: OpenAs, opinion: Teaser) -> None:
    """No opinion beside opinion: what that changes is shown, applied, explained to editors, and undone."""
    before = desk.sidebar(OPINION)
    page = open_as("scientist", "/editor/sensitive")
    page.get_by_label("No “opinion” beside “opinion”").check()
    page.get_by_label("Reason").fill("opinions must not prop each other up")
    page.get_by_role("button", name="Show what it changes").click()
    promise = promised(page)
    assert promise.article in (OPINION, opinion.id)
    assert titles(desk.sidebar(promise.article)) == promise.before
    assert desk.sidebar(OPINION) == before
    page.keyboard.press("a")
    told(page, "This is in force from now on.")
    assert titles(desk.sidebar(promise.article)) == promise.after
    assert opinion not in desk.sidebar(OPINION)
    editor = open_as("first", article(OPINION))
    line = editor.locator("[data-list] > *").filter(has=editor.get_by_role("heading", name=opinion.title))
    expect(line.locator(".obstacle")).to_have_text(
        "Not shown. Sensitive content: “opinion” may not stand beside “opinion”."
    )
    page.keyboard.press("u")
    told(page, "Undone: sensitive matrix changed.")
    assert desk.sidebar(OPINION) == before


def test_rule_shows_its_reach_before_it_holds(desk: ServedDesk, open_as: OpenAs, opinion: Teaser) -> None:
    """Opinion pieces get no opinion pieces: tried, applied, and switched off again."""
    before = desk.sidebar(OPINION)
    page = open_as("first", "/editor/rules")
    page.keyboard.press("n")
    page.get_by_label("Description").fill("Opinion pieces get no opinion pieces")
    page.get_by_role("group", name="Beside which articles").get_by_label("opinion").check()
    page.get_by_label("None of these stories").check()
    page.get_by_role("group", name="Which stories").get_by_label("opinion").check()
    page.get_by_role("button", name="Show what it changes").click()
    promise = promised(page)
    expect(page.locator("main")).to_contain_text("Beside articles flagged opinion: no stories flagged opinion.")
    assert titles(desk.sidebar(promise.article)) == promise.before
    assert desk.sidebar(OPINION) == before
    page.keyboard.press("a")
    told(page, "The rule is in force from now on.")
    assert titles(desk.sidebar(promise.article)) == promise.after
    assert opinion not in desk.sidebar(OPINION)
    page.keyboard.press("o")
    promise = promised(page)
    page.keyboard.press("a")
    told(page, "The rule is saved, and is off.")
    assert titles(desk.sidebar(promise.article)) == promise.after
    assert desk.sidebar(OPINION) == before


def test_threshold_shows_its_reach_before_it_holds(desk: ServedDesk, open_as: OpenAs) -> None:
    """Only what is surely related: readers get exactly what the reach has promised, and after undo what they had."""
    page = open_as("scientist", "/editor/ranking")
    page.get_by_label("Threshold").fill("0.9")
    page.get_by_role("button", name="Show what it changes").click()
    promise = promised(page)
    assert promise.before != promise.after
    assert titles(desk.sidebar(promise.article)) == promise.before
    page.keyboard.press("a")
    told(page, "This is in force from now on.")
    expect(page.locator("main")).to_contain_text("The threshold is 0.9 at the moment.")
    assert titles(desk.sidebar(promise.article)) == promise.after
    page.keyboard.press("u")
    told(page, "Undone: ranking changed.")
    assert titles(desk.sidebar(promise.article)) == promise.before


# -- grading


def draw_panel(page: Page, name: str, size: int) -> None:
    """Draws a panel with two stories besides each sidebar."""
    page.goto("/editor/grading/new")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Articles").fill(str(size))
    page.get_by_label("Further stories").fill("2")
    page.get_by_role("button", name="Draw the panel").click()
    told(page, f"The panel {name} has")


def test_panel_is_graded_by_keyboard_and_exported(desk: ServedDesk, open_as: OpenAs) -> None:
    """Two articles are graded without a mouse; the command line writes the grades as judgments."""
    page = open_as("scientist", "/editor/grading")
    draw_panel(page, "Spring", 2)
    page.keyboard.press("g")
    grades: list[int] = []
    for place in (1, 2):
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Spring, article {place} of 2")
        page.wait_for_load_state("domcontentloaded")
        for number in range(page.locator("[id^=story-]").count()):
            grades.append((number + place) % 5)
            page.keyboard.press(str(grades[-1]))
        expect(current(page)).to_contain_text("The sidebar as a whole")
        page.keyboard.press("o")
        page.keyboard.press("2")
        expect(page.get_by_role("radio", name="Satisfactory")).to_be_checked()
        page.keyboard.press("s")
    told(page, "You have graded everything in this panel.")
    result = subprocess.run(
        command("qrels", "export", "--panel", "Spring"),
        env=environment(database_url=f"sqlite:///{desk.database}"),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split() for line in result.stdout.splitlines()]
    assert len({line[0] for line in lines}) == 2
    assert all(line[0] in ARTICLES and line[2] in ARTICLES for line in lines)
    assert sorted(int(line[3]) for line in lines) == sorted(grades)
    page.keyboard.press("r")
    expect(page.locator("main")).to_contain_text("Satisfactory")


# -- finding out


def test_past_sidebar_is_shown_as_readers_saw_it(desk: ServedDesk, open_as: OpenAs) -> None:
    """A reader complains about a box that has changed since. The history shows that box, word for word."""
    subject = "niger-2024-06-20-pipeline-sabotage-and-benin-trial"
    reader = open_as(None, f"/articles/{subject}")
    box = reader.locator("[data-recommender] .rec-list")
    expect(box.locator(".rec-item")).to_have_count(3)
    seen = box.inner_text()
    page = open_as("first", article(subject))
    choose(page, 1)
    page.keyboard.press("r")
    told(page, "Rejected.")
    after = desk.sidebar(subject)
    page.get_by_role("link", name="History", exact=True).click()
    written = page.get_by_role("heading", name="Sidebar from")

    def both_are_written_down() -> bool:
        page.reload()
        return written.count() == 2

    assert eventually(both_are_written_down)
    expect(page.locator("main")).to_contain_text("first: teaser rejected")
    page.get_by_role("link", name="As readers saw it").nth(1).click()
    expect(page.get_by_role("heading", level=2).first).to_contain_text("The sidebar at")
    assert page.locator(".paper .rec-list").inner_text() == seen
    expect(page.locator("main")).to_contain_text("No decision about this article or its teasers.")
    page.get_by_role("link", name="Back to the whole history").click()
    page.get_by_role("link", name="As readers saw it").nth(0).click()
    expect(page.locator(".paper .rec-link")).to_have_text(titles(after))


def test_one_sees_where_an_article_is_shown(desk: ServedDesk, open_as: OpenAs) -> None:
    """Beside which articles does this story stand? The page names those beside which readers see it."""
    subject = "mali-2025-09-22-aes-leaves-icc"
    story = desk.sidebar(subject)[0]
    expected = [ARTICLES[article_id]["title"] for article_id in desk.beside(story.id)]
    page = open_as("first", "/editor/exposure")
    page.get_by_role("searchbox").fill(ARTICLES[story.id]["url"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Where it is shown: {story.title}")
    rows = page.get_by_role("region", name="Now").get_by_role("row")

    def all_are_written_down() -> bool:
        page.reload()
        named = [row.get_by_role("cell").first.inner_text() for row in rows.all()[1:]]
        return sorted(named) == sorted(expected)

    assert eventually(all_are_written_down)
    row = rows.filter(has=page.get_by_role("link", name=ARTICLES[subject]["title"]))
    expect(row.get_by_role("cell").nth(1)).to_have_text("1")


def test_draft_says_what_to_link(open_as: OpenAs) -> None:
    """A text is pasted before it is published: related stories to link, with the link to copy, and what it links."""
    page = open_as("first", "/editor/draft")
    page.get_by_label("Headline").fill("Lithium from a second mine leaves Mali for China")
    page.get_by_label("Text, plain or HTML").fill(
        "<p>Trucks with lithium concentrate have left the mine of Bougouni in Mali. "
        f'The <a href="{ARTICLES[GANFENG]["url"]}">mine of Goulamina</a>, run by Ganfeng, was the first.</p>'
    )
    page.get_by_role("button", name="Check").click(timeout=LOADING)
    result, again = page.get_by_role("heading", name="Related stories to link"), page.get_by_text("Try again")
    while again.is_visible():
        again.click(timeout=LOADING)
    expect(result).to_be_visible()
    linked = page.get_by_role("heading", name="Linked already", level=3).locator("xpath=following-sibling::ul[1]")
    expect(linked.get_by_role("listitem")).to_have_text([re.compile(re.escape(ARTICLES[GANFENG]["title"]))])
    copied = [field.input_value() for field in page.get_by_label("Link to copy").all()]
    links = {str(Markup('<a href="{url}">{title}</a>').format(**fields)) for fields in ARTICLES.values()}
    assert copied
    assert set(copied) <= links


# -- how the pages are


def test_desk_speaks_french(desk: ServedDesk, open_as: OpenAs) -> None:
    """The choice stands in the foot of every page and is kept."""
    page = open_as("first", "/editor/?edition=Sahel")
    page.get_by_role("button", name="Français", exact=True).click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page).to_have_url(f"{desk.url}/editor/?edition=Sahel")
    page.goto(article(BAMAKO))
    expect(page.get_by_role("heading", name=re.compile("Dans l.encadré"))).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text(ARTICLES[BAMAKO]["title"])
    page.get_by_role("button", name="English", exact=True).click()
    expect(page.get_by_role("heading", name="In the sidebar")).to_be_visible()


@pytest.mark.parametrize(
    "address",
    [
        "/editor/",
        article(BAMAKO),
        f"/editor/search/{BAMAKO}?q=gold",
        "/editor/rules",
        "/editor/sensitive",
        "/editor/ranking",
    ],
)
def test_viewer_has_no_form_that_decides(open_as: OpenAs, address: str) -> None:
    """Who may only read finds nothing to press that would be refused."""
    page = open_as("viewer", address)
    sent = page.locator("form[method=post]").filter(has=page.locator("button:enabled:not([type=button])"))
    assert {form.get_attribute("action") for form in sent.all()} == OWN_CONTROLS
    expect(page.locator("main :is([data-key=a], [data-key=r], [data-key='1'] button)")).to_have_count(0)
    expect(page.get_by_role("navigation", name="Desk").get_by_role("link", name="People")).to_have_count(0)


def at_preview(page: Page) -> None:
    page.goto(article(BAMAKO))
    choose(page, 4)
    page.keyboard.press("b")
    expect(page.get_by_role("heading", name="What it changes")).to_be_visible()


def at_reach(page: Page) -> None:
    page.goto("/editor/ranking")
    page.get_by_label("Threshold").fill("0.5")
    page.get_by_role("button", name="Show what it changes").click()
    promised(page)


def at_grading(page: Page) -> None:
    page.goto("/editor/grading")
    if page.get_by_role("heading", name="Looks").count() == 0:
        draw_panel(page, "Looks", 1)
    page.get_by_role("link", name="Start Looks").click()


def at_problem(page: Page) -> None:
    page.goto("/editor/rules/new")
    page.get_by_label("Description").fill("A rule without an effect")
    page.get_by_role("button", name="Show what it changes").click()
    expect(page.get_by_role("alert")).to_be_visible()


PLACES: dict[str, str | Callable[[Page], None]] = {
    "queue": "/editor/",
    "approved": "/editor/?state=approved&edition=Africa",
    "article": article(BAMAKO),
    "search": f"/editor/search/{BAMAKO}?q=gold",
    "preview": at_preview,
    "draft": "/editor/draft",
    "rules": "/editor/rules",
    "rule": "/editor/rules/new",
    "rule with a problem": at_problem,
    "matrix": "/editor/sensitive",
    "ranking": "/editor/ranking",
    "reach": at_reach,
    "panels": "/editor/grading",
    "panel": "/editor/grading/new",
    "grading": at_grading,
    "report": "/editor/grading/1/report",
    "exposure": "/editor/exposure",
    "history": f"/editor/history/{BAMAKO}",
    "past": f"/editor/history/{BAMAKO}?as_of=2020-01-01T00:00",
    "shown": f"/editor/shown/{CADETS}",
    "audit": "/editor/audit",
    "people": "/editor/people",
    "account": "/editor/account",
    "second factor": "/editor/second-factor",
    "password": "/editor/password",
    "no page": "/editor/nothing",
}


# The further items of a list are made like the first ones, and axe would take seconds for them.
ONCE = {"exclude": [["[data-list] > :nth-child(n+4)"]]}


def go(page: Page, place: str) -> None:
    """Goes to one of PLACES."""
    way = PLACES[place]
    if isinstance(way, str):
        page.goto(way)
    else:
        way(page)


@pytest.mark.parametrize("place", PLACES)
def test_page_is_accessible_and_fits_a_narrow_screen(open_as: OpenAs, place: str) -> None:
    """axe finds nothing serious on a wide screen; one of 360 pixels does not scroll sideways."""
    page = open_as("chief", "about:blank")
    go(page, place)
    violations = Axe().run(page, context=ONCE, options={"resultTypes": ["violations"]}).response["violations"]
    assert [fault["id"] for fault in violations if fault["impact"] in ("serious", "critical")] == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_page_to_sign_in_is_accessible(open_as: OpenAs) -> None:
    """The only page of the desk for strangers, besides links."""
    page = open_as(None, "/editor/sign-in")
    assert Axe().run(page).response["violations"] == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
