"""The page of one article as an editor works with it: each decision from its button to what readers get."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from recommender.articles.article import Article
from recommender.curation.rules import Condition, Rule
from recommender.curation.sensitivity import FIXED, Matrix
from recommender.curation.signals import KINDS, Signal
from recommender.desk.decisions import Sent
from recommender.store.audit import AuditEntry, AuditQuery
from recommender.web.desk.forms import ACTIONS
from recommender.web.desk.ui_labels import signal_text
from tests.web.conftest import MakeClient, Publish, context_of
from tests.web.desk.conftest import Desk, post, store_of
from tests.web.desk.forms import form_with, forms, press, send
from tests.web.toy import ARCHIVE, YESTERDAY, story

PATH = "/editor/article/blockade-1"
SAVE = ("step", "save")
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def reader(desk: Desk, make_client: MakeClient) -> FlaskClient:
    """A reader of another application over the same database, as another worker is one."""
    return make_client()


def shown(client: FlaskClient, article_id: str = "blockade-1") -> list[str]:
    """What the public endpoint gives."""
    answer = client.get(f"/api/v1/recommend?article_id={article_id}", headers={"Accept": "application/json"})
    return [item["id"] for item in answer.get_json()["items"]]


def number_of(client: FlaskClient, article_id: str) -> int:
    return store_of(client).articles.numbers([article_id])[article_id]


def part(page: str, number: int) -> str:
    """What a page shows of one story."""
    match = re.search(rf'<li class="candidate" id="story-{number}".*?\n</li>', page, re.DOTALL)
    assert match, f"story {number} is not on the page"
    return match[0]


def story_on(client: FlaskClient, article_id: str, path: str = PATH) -> str:
    return part(client.get(path).text, number_of(client, article_id))


def preview(client: FlaskClient, action: str, article_id: str, path: str = PATH) -> str:
    """Presses a button of a story that shows first what it changes."""
    response = press(client, client.get(path).text, ("preview", action), story=article_id)
    assert response.status_code == 200
    return response.text


def save(client: FlaskClient, page: str, **typed: str) -> TestResponse:
    """Presses Save on a preview."""
    return press(client, page, SAVE, typed=typed)


def reject(client: FlaskClient, article_id: str, path: str = PATH) -> TestResponse:
    return press(client, client.get(path).text, ("action", "reject"), story=article_id)


def undo_of(page: str) -> str:
    """Where the undo of the flash leads."""
    return next(form.action for form in forms(page) if form.action.startswith("/editor/undo/"))


def entries(client: FlaskClient, article_id: str = "blockade-1") -> list[AuditEntry]:
    return store_of(client).audit.entries(AuditQuery(article=number_of(client, article_id)), 50)


# -- what it shows


def test_article_stands_beside_the_box_of_readers(desk: Desk) -> None:
    browser = desk()
    box = browser.get("/api/v1/recommend?article_id=blockade-1", headers={"Accept": "text/html"}).text
    page = browser.get(PATH).text
    assert box in page
    assert "Tankers burn on the road" in page


def test_story_without_address_stands_below_with_the_reason(desk: Desk, publish: Publish) -> None:
    browser = desk()
    publish(replace(ARCHIVE[2], url=None))
    page = browser.get(PATH).text
    assert 'class="rec-link" href="/editor/article/blockade-3"' not in page
    assert "It has no address that a box could link to." in page


def test_candidates_stand_below_with_their_parts(desk: Desk) -> None:
    text = story_on(desk(), "blockade-4")
    assert "Schools close" in text
    assert "Not shown." in text
    assert "Both name:" in text
    assert "Mali" in text
    assert re.search(r"<dt>Words</dt><dd>0\.\d\d</dd>", text)
    assert "<blockquote" in text


def test_first_nine_stories_have_a_key(desk: Desk) -> None:
    keys = re.findall(r'href="#story-\d+" data-key="(\d)"', desk().get(PATH).text)
    assert keys == list("123456789")


def test_unpublished_article_has_no_page(desk: Desk) -> None:
    browser = desk()
    assert browser.get("/editor/article/unpublished").status_code == 404
    assert browser.get("/editor/article/nothing").status_code == 404
    assert post(browser, "/editor/article/nothing", action="approve", digest="x", seen=0).status_code == 404


def test_held_article_has_no_box(desk: Desk) -> None:
    page = desk().get("/editor/article/held").text
    assert "Legal hold: no box stands beside this article" in page
    assert '<section class="rec-box"' not in page


def test_others_at_work_are_shown(desk: Desk) -> None:
    ben, awa = desk(name="ben"), desk(name="awa")
    assert "looking at this too" not in ben.get(PATH).text
    assert "ben is looking at this too." in awa.get(PATH).text


def test_titles_and_reasons_are_escaped(desk: Desk, publish: Publish) -> None:
    browser = desk()
    fields = {
        "title": f"Fuel convoys blockade Bamako {HOSTILE}",
        "edition": HOSTILE,
        "tags": (HOSTILE,),
        "author": HOSTILE,
    }
    for name in ("x/" + HOSTILE, "y/" + HOSTILE):
        publish(replace(ARCHIVE[0], id=name, url=None, summary=HOSTILE, body=HOSTILE, **fields))  # type: ignore[arg-type]
    path = "/editor/article/x%2F" + HOSTILE.replace("<", "%3C").replace(">", "%3E").replace('"', "%22").replace(
        "/", "%2F"
    )
    page = press(browser, browser.get(path).text, ("preview", "exclude"), story="blockade-3").text
    save(browser, page, reason=HOSTILE)
    for address in (
        path,
        path.replace("article", "search") + "?q=fuel",
        path.replace("article", "search") + "?q=" + HOSTILE,
    ):
        text = browser.get(address).text
        assert "&lt;script&gt;alert(1)" in text
        assert "<script>alert" not in text


# -- approving and rejecting


def test_sidebar_is_approved_at_once(desk: Desk) -> None:
    browser = desk()
    response = press(browser, browser.get(PATH).text, ("action", "approve"))
    assert response.location == PATH
    page = browser.get(PATH).text
    assert "approved" in page
    assert ("action", "approve") not in [button for form in forms(page) for button in form.buttons]


def test_rejected_teaser_is_gone_until_it_is_undone(desk: Desk, reader: FlaskClient) -> None:
    browser = desk()
    before = shown(reader)
    response = reject(browser, before[1])
    assert response.location == f"{PATH}#story-{number_of(browser, before[1])}"
    assert before[1] not in shown(reader)
    page = browser.get(PATH).text
    assert "Rejected" in part(page, number_of(browser, before[1]))
    assert post(browser, undo_of(page)).status_code == 303
    assert shown(reader) == before


def test_reason_of_a_rejection_is_kept(desk: Desk) -> None:
    browser = desk()
    save(browser, preview(browser, "reject", "blockade-3"), reason="too old\r\n by now")
    assert entries(browser)[0].why == "too old by now"
    assert "Reason: too old by now" in story_on(browser, "blockade-3")


def test_approval_of_a_changed_sidebar_is_reported(desk: Desk) -> None:
    browser = desk()
    page = browser.get(PATH).text
    reject(browser, "blockade-3")
    response = press(browser, page, ("action", "approve"))
    assert response.status_code == 409
    assert "Another editor was faster" in response.text
    after = browser.get(PATH).text
    assert "not approved yet" in after


# -- pins, boosts and the rest, each seen before it is saved


def test_preview_changes_nothing(desk: Desk, reader: FlaskClient) -> None:
    browser = desk()
    before = shown(reader)
    for action in ("pin", "boost", "bury", "exclude", "apart", "reject"):
        assert "What it changes" in preview(browser, action, "blockade-3")
    assert shown(reader) == before
    assert entries(browser) == []


def test_pinned_story_stands_in_its_place(desk: Desk, reader: FlaskClient) -> None:
    browser = desk()
    page = preview(browser, "pin", "gold-1")
    assert "<ins>Niger takes over" in page
    response = save(browser, page, slot="2", reason="the same convoy")
    assert response.status_code == 303
    assert shown(reader)[1] == "gold-1"
    (signal,) = store_of(browser).signals.about(number_of(browser, "gold-1"))
    assert signal.until is not None
    assert timedelta(days=6, hours=23) < signal.until - signal.since <= timedelta(days=7)
    assert "Pinned to place 2" in story_on(browser, "gold-1")


def test_empty_days_hold_until_taken_back(desk: Desk) -> None:
    browser = desk()
    save(browser, preview(browser, "pin", "gold-1"), days="")
    (signal,) = store_of(browser).signals.about(number_of(browser, "gold-1"))
    assert signal.until is None


def test_pin_is_offered_where_the_story_stands(desk: Desk) -> None:
    browser = desk()
    inside = shown(browser)
    page = preview(browser, "pin", inside[2])
    assert ("slot", "3") in form_with(page, SAVE).fields
    save(browser, page)
    assert ("slot", "1") in form_with(preview(browser, "pin", "gold-1"), SAVE).fields


def test_pin_that_is_kept_out_says_why(desk: Desk, publish: Publish) -> None:
    browser = desk()
    publish(story("ad", "Fuel for Bamako, a word of our sponsor", "Convoys.", "2025-10-02", flags=("sponsored",)))
    page = preview(browser, "pin", "ad")
    assert "The pin to place 1 is kept out." in page
    assert "“sponsored” may not stand beside “any article”" in page
    assert "This sidebar stays as it is." in page


def test_effect_is_shown_again_for_other_values(desk: Desk) -> None:
    browser = desk()
    page = preview(browser, "pin", "gold-1")
    again = press(browser, page, ("step", "preview"), typed={"slot": "3", "reason": "why not"})
    assert again.status_code == 200
    assert {("slot", "3"), ("reason", "why not")} <= set(form_with(again.text, SAVE).fields)
    assert again.text.index("<ins>Niger takes over") > again.text.index("Algiers watches")


def test_boost_brings_a_story_in(desk: Desk, reader: FlaskClient) -> None:
    browser = desk()
    out = "blockade-4"
    assert out not in shown(reader)
    page = preview(browser, "boost", out)
    save(browser, page, factor="10", scope="everywhere")
    assert "Boosted ×10, everywhere" in story_on(browser, out)  # noqa: RUF001  # a real sign


def test_buried_story_leaves(desk: Desk, reader: FlaskClient) -> None:
    browser = desk()
    save(browser, preview(browser, "bury", "blockade-3"), factor="0")
    assert "blockade-3" not in shown(reader)
    assert "blockade-3" in shown(reader, "blockade-2") + shown(reader, "blockade-4")


def test_excluded_story_leaves_every_sidebar(desk: Desk, reader: FlaskClient) -> None:
    browser = desk()
    context_of(browser.application).reviewing.note("blockade-1")
    page = preview(browser, "exclude", "blockade-3")
    assert "The story stands in 1 sidebar at the moment." in page
    save(browser, page)
    assert not [
        article.id
        for article in ARCHIVE
        if article.status == "published" and not article.flags and "blockade-3" in shown(reader, article.id)
    ]


def test_never_together_holds_both_ways(desk: Desk, reader: FlaskClient) -> None:
    browser = desk()
    page = preview(browser, "apart", "blockade-3")
    assert page.count('class="before-after"') == 2
    save(browser, page)
    assert "blockade-3" not in shown(reader)
    assert "blockade-1" not in shown(reader, "blockade-3")


def test_box_is_turned_off_and_on(desk: Desk, reader: FlaskClient) -> None:
    browser = desk()
    before = shown(reader)
    page = press(browser, browser.get(PATH).text, ("preview", "off")).text
    assert "No box." in page
    save(browser, page, reason="a memorial")
    assert shown(reader) == []
    off = browser.get(PATH).text
    assert "The box is off" in off
    assert "a memorial" in off
    back = press(browser, off.split("</section>")[0], ("", ""), action="end").text
    assert save(browser, back).status_code == 303
    assert shown(reader) == before


def test_order_is_kept_as_pins(desk: Desk, reader: FlaskClient) -> None:
    browser = desk()
    before = shown(reader)
    form = form_with(browser.get(PATH).text, ("", ""), action="reorder")
    assert [value for name, value in form.fields if name == "order"] == before
    form.fields = [(name, value) for name, value in form.fields if name != "order"]
    form.fields += [("order", story) for story in reversed(before)]
    page = send(browser, form, ("", "")).text
    assert shown(reader) == before
    save(browser, page)
    assert shown(reader) == before[::-1]
    post(browser, undo_of(browser.get(PATH).text))
    assert shown(reader) == before


def test_signal_is_taken_back(desk: Desk, reader: FlaskClient) -> None:
    browser = desk()
    before = shown(reader)
    reject(browser, "blockade-3")
    page = press(browser, story_on(browser, "blockade-3"), ("", ""), action="end").text
    assert "<ins>Army escorts fuel convoys" in page
    save(browser, page, reason="after all")
    assert shown(reader) == before
    assert (entries(browser)[0].action, entries(browser)[0].why) == ("end", "after all")


def test_taking_back_what_is_gone_is_reported(desk: Desk) -> None:
    """A signal that holds everywhere, ended from another article's page in the meantime."""
    browser = desk()
    save(browser, preview(browser, "exclude", "blockade-3"))
    page = press(browser, story_on(browser, "blockade-3"), ("", ""), action="end").text
    other = "/editor/article/blockade-2"
    save(browser, press(browser, story_on(browser, "blockade-3", other), ("", ""), action="end").text)
    assert save(browser, page).status_code == 303
    assert "That is not in force any more." in browser.get(PATH).text


@pytest.mark.parametrize("kind", KINDS)
def test_each_signal_has_words(desk: Desk, kind: str) -> None:
    browser = desk()
    with browser.application.test_request_context("/editor/"):
        words = signal_text(Signal(kind, 1, 2, "awa", YESTERDAY, slot=1, factor=0.5))
    assert words != kind


# -- adding by search


@pytest.mark.parametrize("query", ["uranium arlit", "gold-1", "https://example.org/sahel/gold-1", "URÁNIUM gold"])
def test_story_is_found_and_pinned(desk: Desk, reader: FlaskClient, query: str) -> None:
    browser = desk()
    page = browser.get("/editor/search/blockade-1", query_string={"q": query}).text
    assert "Its score is below the threshold." in part(page, number_of(browser, "gold-1"))
    response = press(browser, page, ("preview", "pin"), story="gold-1")
    save(browser, response.text, slot="1")
    assert shown(reader)[0] == "gold-1"


def test_search_without_result_says_so(desk: Desk) -> None:
    assert "No published story has these words" in desk().get("/editor/search/blockade-1?q=nosuchword").text


def test_search_is_for_published_articles(desk: Desk) -> None:
    assert desk().get("/editor/search/unpublished?q=fuel").status_code == 404


# -- what keeps stories out, in words


def test_rule_is_named_to_editors(desk: Desk) -> None:
    browser = desk()
    rule = Rule("Nothing on schools", Condition({}), "forbid", Condition({"country": ("Senegal",)}))
    context_of(browser.application).decisions.keep_rule(rule, Sent("awa"))
    assert "Kept out by the rule “Nothing on schools”." in story_on(browser, "blockade-4")


def test_rule_that_turns_the_box_off_is_named(desk: Desk) -> None:
    browser = desk()
    rule = Rule("No boxes on Mali", Condition({"country": ("Mali",)}), "no_box")
    context_of(browser.application).decisions.keep_rule(rule, Sent("awa"))
    assert "The box is off by the rule “No boxes on Mali”." in browser.get(PATH).text


def test_other_obstacles_are_named(desk: Desk) -> None:
    browser = desk()
    save(browser, preview(browser, "pin", "gold-1"), slot="7")
    assert "It is pinned to a place that this sidebar does not have." in story_on(browser, "gold-1")
    assert "It is under legal hold." in story_on(browser, "held")
    assert "Its score is below the threshold." in story_on(browser, "lone")


# -- wrong values


@pytest.mark.parametrize(
    ("action", "typed", "message"),
    [
        ("pin", {"slot": "0"}, "Use a place from 1 to 10."),
        ("pin", {"slot": "eleven"}, "Use a place from 1 to 10."),
        ("pin", {"days": "0"}, "Use 1 to 3,650 days."),
        ("pin", {"days": "-1"}, "Use 1 to 3,650 days."),
        ("boost", {"factor": "11"}, "Use a number from 1 to 10."),
        ("boost", {"factor": "nan"}, "Use a number from 1 to 10."),
        ("bury", {"factor": "0,95"}, "Use a number from 0 to 0.9."),
        ("reject", {"reason": "x" * 1001}, "Use up to 1,000 characters."),
    ],
)
def test_wrong_value_is_named_and_kept(desk: Desk, action: str, typed: dict[str, str], message: str) -> None:
    browser = desk()
    response = save(browser, preview(browser, action, "blockade-3"), **typed)
    assert response.status_code == 422
    assert message in response.text
    assert SAVE not in [button for form in forms(response.text) for button in form.buttons]
    assert set(typed.items()) <= set(form_with(response.text, ("step", "preview")).fields)
    assert entries(browser) == []


def test_comma_is_a_point(desk: Desk) -> None:
    browser = desk()
    save(browser, preview(browser, "boost", "blockade-2"), factor="2,5")
    assert "Boosted ×2.5" in story_on(browser, "blockade-2")  # noqa: RUF001


def test_article_cannot_stand_beside_itself(desk: Desk) -> None:
    browser = desk()
    response = post(browser, PATH, action="pin", step="save", story="blockade-1", slot="1", seen=0)
    assert response.status_code == 422
    assert "This is the article itself." in response.text


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"action": "delete"},
        {"action": "reject"},
        {"action": "approve"},
        {"action": "end"},
        {"action": "end", "number": "x"},
        {"action": "reject", "story": "blockade-3", "seen": ""},
        {"action": "reject", "story": "blockade-3", "seen": "-1"},
        {"action": "reorder", "order": ["blockade-3"]},
        {"action": "reorder", "order": ["blockade-3", "blockade-3"]},
        {"action": "pin", "story": "x" * 5_000},
    ],
)
def test_incomplete_form_is_refused(desk: Desk, fields: dict[str, object]) -> None:
    response = post(desk(), PATH, **{"seen": 0, **fields})
    assert response.status_code == 400
    assert "The form was not complete." in response.text


@pytest.mark.parametrize("action", ACTIONS)
def test_nothing_is_saved_without_a_request_key(desk: Desk, action: str) -> None:
    browser = desk()
    fields = {
        "story": "blockade-3",
        "slot": 1,
        "factor": 0.9,
        "number": 1,
        "order": ["gold-1", "gold-2"],
        "digest": "x",
    }
    response = post(browser, PATH, action=action, step="save", seen=0, request="", **fields)
    assert response.status_code == 400
    assert entries(browser) == []


def test_unknown_story_is_not_found(desk: Desk) -> None:
    assert post(desk(), PATH, action="reject", story="nothing", seen=0).status_code == 404


def test_address_to_go_on_to_is_our_own(desk: Desk) -> None:
    browser = desk()
    response = post(browser, PATH, action="reject", story="blockade-3", seen=0, next="//evil.example/editor/")
    assert response.location == "/editor/"


# -- two at once


def test_second_editor_is_named_and_may_go_on(desk: Desk, reader: FlaskClient) -> None:
    awa, ben = desk(name="awa"), desk(name="ben")
    page = ben.get(PATH).text
    save(awa, preview(awa, "pin", "gold-1"), slot="1", reason="the convoy")
    response = press(ben, page, ("action", "reject"), story="gold-1")
    assert response.status_code == 409
    assert "pinned, by awa" in response.text
    assert "the convoy" in response.text
    assert "Niger takes over" in response.text
    assert shown(reader)[0] == "gold-1"
    again = press(ben, response.text, ("", ""), action="reject", story="gold-1")
    assert again.status_code == 303
    assert "gold-1" not in shown(reader)
    assert [entry.by for entry in entries(ben)] == ["ben", "awa"]


def test_conflict_keeps_what_was_typed(desk: Desk, reader: FlaskClient) -> None:
    awa, ben = desk(name="awa"), desk(name="ben")
    page = preview(ben, "pin", "gold-1")
    reject(awa, "blockade-3")
    response = save(ben, page, slot="3", days="2", reason="mine")
    assert response.status_code == 409
    form = form_with(response.text, ("", ""), action="pin")
    assert {("slot", "3"), ("days", "2"), ("reason", "mine")} <= set(form.fields)
    send(ben, form, ("", ""))
    assert shown(reader)[2] == "gold-1"


def test_same_form_twice_counts_once(desk: Desk) -> None:
    browser = desk()
    page = preview(browser, "pin", "gold-1")
    answers = [save(browser, page) for _ in range(2)]
    assert [response.status_code for response in answers] == [303, 303]
    assert answers[0].location == answers[1].location
    assert len(entries(browser)) == 1


def test_same_form_with_other_values_is_another_decision(desk: Desk) -> None:
    browser = desk()
    page = preview(browser, "pin", "gold-1")
    save(browser, page, slot="1")
    assert save(browser, page, slot="2").status_code == 409


def test_time_spent_is_written_down(desk: Desk) -> None:
    browser = desk()
    form = form_with(browser.get(PATH).text, ("action", "approve"))
    send(browser, form, ("action", "approve"), {"seconds": "42"})
    assert entries(browser)[0].seconds == 42


@pytest.mark.parametrize("seconds", ["-5", "x", "9" * 40, ""])
def test_strange_time_spent_is_none(desk: Desk, seconds: str) -> None:
    browser = desk()
    form = form_with(browser.get(PATH).text, ("action", "approve"))
    assert send(browser, form, ("action", "approve"), {"seconds": seconds}).status_code == 303
    assert entries(browser)[0].seconds == 0


# -- undo


def test_every_decision_of_the_page_can_be_undone(desk: Desk, reader: FlaskClient) -> None:
    browser = desk()
    before = shown(reader)
    reject(browser, before[0])
    page = browser.get(PATH).text.partition("Latest decisions")[2]
    assert "teaser rejected" in page
    post(browser, undo_of(page))
    assert shown(reader) == before


def test_undo_can_be_undone(desk: Desk, reader: FlaskClient) -> None:
    browser = desk()
    reject(browser, "blockade-3")
    after = shown(reader)
    post(browser, f"/editor/undo/{entries(browser)[0].number}")
    post(browser, f"/editor/undo/{entries(browser)[0].number}")
    assert shown(reader) == after


def test_undo_twice_by_one_form_counts_once(desk: Desk) -> None:
    browser = desk()
    reject(browser, "blockade-3")
    path = f"/editor/undo/{entries(browser)[0].number}"
    assert [post(browser, path, request="k").status_code for _ in range(2)] == [303, 303]
    assert len(entries(browser)) == 2


def test_undo_of_what_has_changed_since_is_reported(desk: Desk, reader: FlaskClient) -> None:
    awa, ben = desk(name="awa"), desk(name="ben")
    save(awa, preview(awa, "pin", "gold-1"), slot="1")
    path = undo_of(awa.get(PATH).text)
    save(ben, preview(ben, "pin", "gold-2"), slot="1")
    response = post(awa, path)
    assert response.status_code == 409
    assert "pinned, by ben" in response.text
    assert shown(reader)[0] == "gold-2"


def test_undo_of_an_older_approval_is_reported(desk: Desk) -> None:
    awa, ben = desk(name="awa"), desk(name="ben")
    press(awa, awa.get(PATH).text, ("action", "approve"))
    path = undo_of(awa.get(PATH).text)
    digest = store_of(awa).reviews.all()[0].digest
    post(ben, PATH, action="approve", digest=digest, seen=entries(ben)[0].number)
    assert post(awa, path).status_code == 409
    assert [review.by for review in store_of(awa).reviews.all()] == ["ben"]


def test_unknown_decision_is_not_found(desk: Desk) -> None:
    assert post(desk(), "/editor/undo/999").status_code == 404


# -- who


def test_viewers_see_all_and_change_nothing(desk: Desk, reader: FlaskClient) -> None:
    browser = desk("viewer", "vera")
    page = browser.get(PATH).text
    assert "blockade-2" in page
    assert [form.action for form in forms(page) if "/article/" in form.action or "/undo/" in form.action] == []
    for fields in ({"action": "reject", "story": "blockade-3"}, {"preview": "pin", "story": "gold-1"}):
        assert post(browser, PATH, seen=0, **fields).status_code == 403
    assert "blockade-3" in shown(reader)


def test_viewers_undo_nothing(desk: Desk) -> None:
    browser = desk()
    reject(browser, "blockade-3")
    assert post(desk("viewer", "vera"), f"/editor/undo/{entries(browser)[0].number}").status_code == 403


def test_editors_undo_and_end_no_policies(desk: Desk) -> None:
    """The matrix is for those who may tune, by whatever road."""
    browser = desk()
    entry = context_of(browser.application).decisions.keep_matrix(Matrix(FIXED), Sent("boss"))
    assert post(browser, f"/editor/undo/{entry.number}").status_code == 403
    (policy,) = (entry.after or {})["signals"]
    assert post(browser, PATH, action="end", step="save", number=policy["number"], seen=0).status_code == 303
    assert store_of(browser).signals.get([policy["number"]])[policy["number"]].ended is None
    assert post(desk("data-scientist", "sam"), f"/editor/undo/{entry.number}").status_code == 303


def test_signals_of_other_articles_are_left_alone(desk: Desk) -> None:
    browser = desk()
    save(browser, preview(browser, "pin", "gold-1"))
    (signal,) = store_of(browser).signals.about(number_of(browser, "gold-1"))
    post(browser, "/editor/article/lone", action="end", step="save", number=signal.number, seen=0)
    assert store_of(browser).signals.get([signal.number])[signal.number].ended is None


# -- the way through the queue


def test_next_keeps_the_filter(desk: Desk) -> None:
    browser = desk()
    first = browser.get("/editor/next/nothing?edition=Sahel&state=all")
    assert first.location.startswith("/editor/article/")
    assert first.location.endswith("?edition=Sahel&state=all")
    second = browser.get(first.location.replace("/article/", "/next/"))
    assert second.location != first.location


def test_last_one_leads_back_to_the_queue(desk: Desk) -> None:
    response = desk().get("/editor/next/blockade-maghreb?edition=Maghreb")
    assert response.location == "/editor/?edition=Maghreb"


def test_decisions_keep_the_filter(desk: Desk) -> None:
    browser = desk()
    path = f"{PATH}?edition=Sahel"
    assert press(browser, browser.get(path).text, ("action", "approve")).location == path


def test_article_with_a_strange_id_has_its_page(desk: Desk, publish: Publish) -> None:
    browser = desk()
    publish(Article(id="a/search?x=1#y %", title="A strange id", summary="Rain.", posted_on=YESTERDAY))
    address = next(
        address
        for address in re.findall(r'href="(/editor/article/[^"]+)"', browser.get("/editor/").text)
        if "search" in address
    )
    assert "A strange id" in browser.get(address).text
