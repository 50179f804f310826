"""The queue as an editor works with it: what it shows, and one press of a button for each decision."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from recommender.articles.article import Article
from recommender.store.audit import AuditQuery
from recommender.web.desk import queue
from recommender.wiring import utc_now
from tests.web.conftest import MakeClient
from tests.web.desk.conftest import Desk, post, store_of
from tests.web.desk.forms import forms, press
from tests.web.toy import YESTERDAY, story

QUEUE = "/editor/"
APPROVE = ("action", "approve")
HOSTILE = '"><script>alert(1)</script>'


def order(page: str) -> list[int]:
    """The articles of the page by number."""
    return [int(number) for number in re.findall(r'<li id="line-(\d+)"', page)]


def number_of(client: FlaskClient, article_id: str) -> int:
    return store_of(client).articles.numbers([article_id])[article_id]


def line(client: FlaskClient, article_id: str, path: str = QUEUE) -> str:
    """The part of the queue that shows one article."""
    page = client.get(path).text
    match = re.search(rf'<li id="line-{number_of(client, article_id)}".*?</form>', page, re.DOTALL)
    assert match, f"{article_id} is not in the queue"
    return match[0]


def shown(client: FlaskClient, article_id: str) -> list[str]:
    """What the public endpoint gives."""
    answer = client.get(f"/api/v1/recommend?article_id={article_id}", headers={"Accept": "application/json"})
    return [item["id"] for item in answer.get_json()["items"]]


def undo_of(page: str) -> str:
    """Where the only form that undoes leads."""
    (action,) = [form.action for form in forms(page) if form.action.startswith("/editor/undo/")]
    return action


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five lines a page."""
    monkeypatch.setattr(queue, "PAGE", 5)


# -- what it shows


def test_queue_shows_why_and_what(desk: Desk) -> None:
    text = line(desk(), "recent-new")
    assert "Wrestlers crown a champion" in text
    assert {"new", "not related", "unsure"} <= set(re.findall(r'class="tag[^"]*">([^<]+)<', text))
    assert "10 reads" in text
    assert "not related: most read in the edition" in text


def test_line_shows_the_sidebar_of_readers(desk: Desk) -> None:
    browser = desk()
    assert re.findall(r'name="reject" value="([^"]+)"', line(browser, "blockade-1")) == shown(browser, "blockade-1")


def test_flags_are_shown(desk: Desk) -> None:
    browser = desk()
    store_of(browser).articles.upsert([story("trial", "A trial", "In court.", "2025-01-01", flags=("live_trial",))])
    assert "live trial" in line(browser, "trial")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("edition=Maghreb", {"blockade-maghreb"}),
        ("since=2025-10-20&until=2025-10-25", {"blockade-4", "blockade-maghreb"}),
        ("state=approved", set()),
        ("edition=Nowhere", set()),
    ],
)
def test_queue_can_be_filtered(desk: Desk, query: str, expected: set[str]) -> None:
    browser = desk()
    page = browser.get(f"{QUEUE}?{query}").text
    assert set(order(page)) == {number_of(browser, article_id) for article_id in expected}


@pytest.mark.parametrize(
    "query", ["since=yesterday", "until=9999-12-31", "state=perhaps", "page=0", "page=x", "page=٣"]
)
def test_wrong_filter_is_reported(desk: Desk, query: str) -> None:
    response = desk().get(f"{QUEUE}?{query}")
    assert response.status_code == 422
    assert 'role="alert"' in response.text


def test_filter_is_kept_by_links(desk: Desk) -> None:
    assert (
        "/editor/article/blockade-maghreb?edition=Maghreb&amp;state=all"
        in desk().get(f"{QUEUE}?edition=Maghreb&state=all").text
    )


@pytest.mark.usefixtures("small_pages")
def test_pages_are_linked(desk: Desk) -> None:
    browser = desk()
    first, second, last = (browser.get(f"{QUEUE}?page={page}").text for page in (1, 2, 3))
    assert 'rel="next"' in first
    assert 'rel="prev"' not in first
    assert "/editor/?page=3" in second
    assert 'rel="next"' not in last
    assert len({*order(first), *order(second), *order(last)}) == 13


@pytest.mark.usefixtures("small_pages")
def test_page_beyond_the_last_leads_to_it(desk: Desk) -> None:
    assert desk().get(f"{QUEUE}?page=9").location == "/editor/?page=3"


def test_empty_queue_says_so(desk: Desk) -> None:
    page = desk().get(f"{QUEUE}?state=approved").text
    assert "Nothing to look at" in page
    assert "Show the whole queue" in page


def test_titles_are_escaped(desk: Desk) -> None:
    browser = desk()
    hostile = Article(id=f"x/{HOSTILE}", title=HOSTILE, summary=HOSTILE, edition=HOSTILE, posted_on=YESTERDAY)
    store_of(browser).articles.upsert([hostile])
    page = browser.get(QUEUE).text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert browser.get("/editor/?edition=" + HOSTILE).text.count("<script>alert") == 0


def test_others_at_work_are_shown(desk: Desk) -> None:
    ben, awa = desk(name="ben"), desk(name="awa")
    for browser in (awa, ben):
        browser.get("/editor/article/lone")
    assert "Open at the moment: ben" in line(awa, "lone")
    assert "Open at the moment" not in line(awa, "blockade-1")


def test_those_who_looked_long_ago_are_not(desk: Desk) -> None:
    browser = desk()
    store = store_of(browser)
    long_ago = utc_now() - queue.PRESENT - timedelta(seconds=5)
    store.reviews.look(number_of(browser, "lone"), "ben", long_ago, long_ago)
    assert "Open at the moment" not in line(browser, "lone")


# -- deciding


def test_approving_takes_one_press(desk: Desk) -> None:
    browser = desk()
    page = browser.get(QUEUE).text
    first, second = order(page)[:2]
    response = press(browser, line(browser, "recent-new"), APPROVE)
    assert (response.status_code, response.location) == (303, f"/editor/#line-{second}")
    assert first not in order(browser.get(QUEUE).text)
    assert "Approved by awa" in browser.get(f"{QUEUE}?state=approved").text


def test_rejecting_is_public_at_once_and_can_be_undone(desk: Desk, make_client: MakeClient) -> None:
    """Another application over the same database, as another worker is one."""
    browser, reader = desk(), make_client()
    before, number = shown(reader, "blockade-1"), number_of(browser, "blockade-1")
    response = press(browser, line(browser, "blockade-1"), ("reject", before[1]))
    assert response.location == f"/editor/?at={number}#line-{number}"
    after = shown(reader, "blockade-1")
    assert before[1] not in after
    assert after[0] == before[0]
    page = browser.get(QUEUE).text
    assert "Rejected." in page
    undone = post(browser, undo_of(page))
    assert undone.location == f"/editor/?at={number}#line-{number}"
    assert shown(reader, "blockade-1") == before


@pytest.mark.usefixtures("small_pages")
def test_article_that_has_moved_is_shown_alone(desk: Desk) -> None:
    """A rejection may make it less urgent. The next key is meant for it, and must not approve another article."""
    browser = desk()
    first, second = (order(browser.get(f"{QUEUE}?page={page}").text) for page in (1, 2))
    moved = store_of(browser).articles.get([second[0]])[second[0]].id
    assert browser.get(f"{QUEUE}?edition=Sahel&at={second[0]}").location == f"/editor/article/{moved}?edition=Sahel"
    for at in (first[0], 999_999, "x"):
        assert order(browser.get(f"{QUEUE}?at={at}").text) == first


def test_approval_can_be_undone(desk: Desk) -> None:
    browser = desk()
    press(browser, line(browser, "lone"), APPROVE)
    post(browser, undo_of(browser.get(QUEUE).text))
    assert "Approved by" not in line(browser, "lone")


def test_last_line_leads_to_the_first_again(desk: Desk) -> None:
    browser = desk()
    response = press(browser, line(browser, "blockade-maghreb", f"{QUEUE}?edition=Maghreb"), APPROVE)
    assert response.location == "/editor/?edition=Maghreb"
    assert "Nothing to look at" in browser.get(response.location).text


@pytest.mark.usefixtures("small_pages")
def test_below_the_last_line_the_next_page_comes_up(desk: Desk) -> None:
    browser = desk()
    first, second = (order(browser.get(f"{QUEUE}?page={page}").text) for page in (1, 2))
    store = store_of(browser)
    last = store.articles.get([first[-1]])[first[-1]].id
    response = press(browser, line(browser, last), APPROVE)
    assert response.location == f"/editor/#line-{second[0]}"
    assert order(browser.get(QUEUE).text) == [*first[:-1], second[0]]


@pytest.mark.usefixtures("small_pages")
def test_where_nothing_leaves_the_next_page_follows(desk: Desk) -> None:
    browser = desk()
    first, second = (order(browser.get(f"{QUEUE}?state=all&page={page}").text) for page in (1, 2))
    last = store_of(browser).articles.get([first[-1]])[first[-1]].id
    response = press(browser, line(browser, last, f"{QUEUE}?state=all"), APPROVE)
    assert response.location == f"/editor/?state=all&page=2#line-{second[0]}"


def test_same_form_twice_counts_once(desk: Desk) -> None:
    browser = desk()
    text = line(browser, "blockade-1")
    rejected = shown(browser, "blockade-1")[0]
    answers = [press(browser, text, ("reject", rejected)) for _ in range(2)]
    assert [response.status_code for response in answers] == [303, 303]
    assert len(store_of(browser).audit.entries(AuditQuery(article=number_of(browser, "blockade-1")), 10)) == 1


def test_other_button_of_the_same_form_is_another_decision(desk: Desk) -> None:
    """An editor goes back in the browser and rejects another teaser: that is not taken for the first one again."""
    browser = desk()
    text = line(browser, "blockade-1")
    first, second = shown(browser, "blockade-1")[:2]
    assert press(browser, text, ("reject", first)).status_code == 303
    assert press(browser, text, ("reject", second)).status_code == 409


def test_second_editor_is_reported(desk: Desk) -> None:
    awa, ben = desk(name="awa"), desk(name="ben")
    text = line(ben, "blockade-1")
    press(awa, line(awa, "blockade-1"), ("reject", "blockade-3"))
    response = press(ben, text, ("reject", "blockade-2"))
    assert response.status_code == 409
    assert "teaser rejected, by awa" in response.text
    assert "blockade-2" in shown(ben, "blockade-1")


def test_changed_sidebar_is_not_approved_unseen(desk: Desk) -> None:
    browser = desk()
    text = line(browser, "blockade-1")
    store_of(browser).articles.withdraw(shown(browser, "blockade-1")[0])
    response = press(browser, text, APPROVE)
    assert response.status_code == 409
    assert "The sidebar has changed" in response.text
    assert store_of(browser).reviews.all() == []
    again = press(browser, response.text, ("", ""), action="approve")
    assert again.status_code == 303
    assert "Approved by awa" in browser.get(f"{QUEUE}?state=approved").text


def test_progress_and_minutes_are_shown(desk: Desk) -> None:
    browser = desk()
    press(browser, line(browser, "lone"), APPROVE, typed={"seconds": "90"})
    press(browser, line(browser, "recent-new"), APPROVE, typed={"seconds": "120"})
    page = browser.get(QUEUE).text
    assert "11 left, 2 approved." in page
    assert re.search(r"awa 2 decisions, 4 min\.", page)


# -- who


def test_viewers_see_and_decide_nothing(desk: Desk) -> None:
    browser = desk("viewer", "vera")
    text = line(browser, "blockade-1")
    assert "csrf_token" not in text
    assert '<button type="submit"' not in text
    response = post(browser, "/editor/article/blockade-1", action="reject", story="blockade-3", seen=0)
    assert response.status_code == 403
    assert "blockade-3" in shown(browser, "blockade-1")
