"""Finding out, in the browser: what stood beside an article, where one is shown, who is shown at all."""

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from flask.testing import FlaskClient

from recommender.curation.rules import Condition, Rule
from recommender.curation.signals import APART, EXCLUDE, PIN, REJECT
from recommender.desk.decisions import Sent, Wish
from recommender.serving.answers import Query
from recommender.serving.document import make_document
from recommender.serving.recorder import shown
from recommender.sources.publishing import Publishing
from recommender.store.base import Store
from recommender.wiring import make_decisions
from tests.web.conftest import MakeClient, context_of
from tests.web.desk.conftest import Desk, store_of
from tests.web.toy import ARCHIVE, KEY

START = datetime(2026, 3, 1, 9, 0, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
BY_ID = {article.id: article for article in ARCHIVE}


@pytest.fixture
def viewer(desk: Desk) -> FlaskClient:
    """A viewer: may read and nothing more."""
    return desk("viewer", "issa")


def note(client: FlaskClient, at: datetime, *article_ids: str, served: bool = False) -> None:
    """Writes the present sidebars of some articles down, as of a time."""
    recommender, ledger = context_of(client.application).recommender, store_of(client).ledger  # type: ignore[arg-type]
    recommendations = [recommender.for_article(article_id, Query()) for article_id in article_ids]
    ledger.append(
        [shown(recommendation, recommender.gazetteer, at, served=served) for recommendation in recommendations]
    )


def decide(store: Store, at: datetime, article_id: str, *wishes: Wish, why: str = "") -> None:
    make_decisions(store, lambda: at).decide(article_id, wishes, Sent("awa", why=why))


def withdraw(store: Store, at: datetime, article_id: str) -> None:
    Publishing(store, "API", lambda: at).withdraw(article_id)


def put(store: Store, at: datetime, article_id: str, **fields: object) -> None:
    article = replace(BY_ID[article_id], **fields)  # type: ignore[arg-type]  # fields of Article
    Publishing(store, "API", lambda: at).put([article])


def as_of(client: FlaskClient, at: datetime | str, article_id: str = "blockade-1") -> str:
    text = at if isinstance(at, str) else at.strftime("%Y-%m-%dT%H:%M:%S")
    return client.get(f"/editor/history/{article_id}", query_string={"as_of": text}).text


def box(page: str) -> str:
    """The sidebar that a page shows as readers saw it."""
    match = re.search(r'<section class="rec-box".*?</section>', page, flags=re.DOTALL)
    return match[0] if match else ""


# -- history -----------------------------------------------------------------------------------------------------------


def test_quiet_article_says_so(viewer: FlaskClient) -> None:
    assert "Nothing has happened yet." in viewer.get("/editor/history/blockade-1").text


def test_history_tells_sidebars_and_decisions(viewer: FlaskClient) -> None:
    note(viewer, START, "blockade-1", served=True)
    decide(store_of(viewer), START + HOUR, "blockade-1", Wish(REJECT, "blockade-3"), why="Out of date")
    note(viewer, START + 2 * HOUR, "blockade-1")
    page = viewer.get("/editor/history/blockade-1").text
    listed = page.partition("The latest first")[2]
    assert re.findall(r"1 Mar 2026, \d\d:\d\d:30 UTC(?=</time></h3>)", listed) == [
        "1 Mar 2026, 11:00:30 UTC",
        "1 Mar 2026, 09:00:30 UTC",
    ]
    assert "awa: teaser rejected" in listed
    assert "Out of date" in listed
    assert re.search(rf"<del><span lang=\"en\">{BY_ID['blockade-3'].title}</span></del>", listed)
    assert listed.count("given to readers") == 1
    assert listed.count("made, but not known to be given to a page") == 1


def test_history_links_lead_to_the_moment(viewer: FlaskClient) -> None:
    moment = START + timedelta(milliseconds=456)
    note(viewer, moment, "blockade-1")
    page = viewer.get("/editor/history/blockade-1").text
    (link,) = re.findall(r'href="(/editor/history/blockade-1\?as_of=[^"]+)"', page)
    assert box(viewer.get(unescape(link)).text)


def test_page_asked_for_becomes_history(viewer: FlaskClient) -> None:
    viewer.application.test_client().get("/api/v1/recommend?article_id=blockade-1")
    context_of(viewer.application).recorder.flush()  # type: ignore[arg-type]  # an APIFlask
    assert "given to readers" in viewer.get("/editor/history/blockade-1").text


def test_article_changed_by_the_api_tells_it(make_client: MakeClient, desk: Desk) -> None:
    client = desk()
    publisher = make_client(api_keys=(KEY,))
    publisher.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {KEY}"
    put(store_of(publisher), START, "gold-1", title="Corrected")
    assert publisher.delete("/api/v1/articles/gold-1").status_code == 204
    page = client.get("/editor/history/gold-1").text
    assert "API: article changed" in page
    assert "API (settings): article withdrawn" in page
    assert "<del>published</del> → <ins>deleted</ins>" in page
    assert "Corrected" not in page


@pytest.mark.parametrize("path", ["history", "shown", "stays"])
def test_article_that_never_was_is_not_found(viewer: FlaskClient, path: str) -> None:
    assert viewer.get(f"/editor/{path}/no-such-article").status_code == 404


@pytest.mark.parametrize("article_id", ["held", "unpublished", "lone"])
@pytest.mark.parametrize("path", ["history", "shown"])
def test_every_status_has_its_pages(viewer: FlaskClient, path: str, article_id: str) -> None:
    page = viewer.get(f"/editor/{path}/{article_id}")
    assert page.status_code == 200
    assert BY_ID[article_id].title in page.text
    assert ("legal hold" in page.text) == (article_id == "held")


# -- as it was ---------------------------------------------------------------------------------------------------------


def test_sidebar_of_a_time_is_what_readers_saw(viewer: FlaskClient) -> None:
    """To the letter: the public fragment of then."""
    recommender = context_of(viewer.application).recommender  # type: ignore[arg-type]  # an APIFlask
    recommendation = recommender.for_article("blockade-1", Query())
    public = viewer.get("/api/v1/recommend?article_id=blockade-1", headers={"Accept": "text/html"}).text
    assert make_document(recommendation, recommender.gazetteer, "en", wording=recommender.wording)["items"]
    note(viewer, START, "blockade-1")
    decide(store_of(viewer), START + HOUR, "blockade-1", Wish(PIN, "gold-1", 1))
    note(viewer, START + HOUR, "blockade-1")

    def plain(html: str) -> str:
        return re.sub(r"rec-heading-\w+", "rec-heading", html)

    assert plain(box(as_of(viewer, START + HOUR / 2))) == plain(public).strip()
    assert BY_ID["gold-1"].title in box(as_of(viewer, START + HOUR))


def test_reasons_for_it_are_reported(viewer: FlaskClient) -> None:
    store = store_of(viewer)
    decisions = make_decisions(store, lambda: START)
    decisions.keep_rule(Rule("Mali by Mali", Condition({"country": ("Mali",)}), "no_fallback"), Sent("awa"))
    decisions.keep_ranking({"min_score": 0.05}, Sent("sira"))
    decide(store, START, "blockade-1", Wish(PIN, "gold-1", 1, until=START + HOUR), why="For the reader")
    note(viewer, START, "blockade-1")
    page = as_of(viewer, START)
    assert 'class="score-parts"' in page
    assert all(text in page for text in ("Pinned to place 1", "For the reader", "Mali by Mali", "sira"))
    assert "toy@1/passages180-mean" in page
    later = as_of(viewer, START + HOUR)
    assert "Pinned to place 1" not in later
    assert "No decision about this article or its teasers." in later


@pytest.mark.parametrize("known", [False, True])
def test_unknown_time_is_admitted(viewer: FlaskClient, known: bool) -> None:
    if known:
        note(viewer, START + HOUR, "blockade-1")
    page = as_of(viewer, START)
    assert "Nothing is known of this time." in page
    assert ("10:00:30 UTC" in page) == known
    assert box(page) == ""


def test_empty_box_is_reported(viewer: FlaskClient) -> None:
    note(viewer, START, "held")
    assert "There was no box beside the article." in as_of(viewer, START, "held")


def test_caches_are_named(make_client: MakeClient, viewer: FlaskClient) -> None:
    note(viewer, START, "blockade-1")
    page = as_of(viewer, START)
    assert "for 0 seconds more, and while the service did not answer for up to 24 hours" in page


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13-01T00:00", "9999-12-31T23:59:59-12:00", "2999-01-01T00:00", "<script>", "\0"]
)
def test_wrong_time_is_refused(viewer: FlaskClient, text: str) -> None:
    response = viewer.get("/editor/history/blockade-1", query_string={"as_of": text})
    assert response.status_code == 422
    assert 'role="alert"' in response.text
    assert "<script>" not in response.text.partition("<main")[2]


@pytest.mark.parametrize("text", ["2026-03-01T10:00:30+01:00", "2026-03-01T09:00:30Z", "2026-03-01 09:00:30"])
def test_time_may_name_its_zone(viewer: FlaskClient, text: str) -> None:
    note(viewer, START, "blockade-1")
    assert box(as_of(viewer, text))


def test_plus_that_arrives_as_a_space_is_understood(viewer: FlaskClient) -> None:
    note(viewer, START, "blockade-1")
    assert box(viewer.get("/editor/history/blockade-1?as_of=2026-03-01T10:00:30+01:00").text)


# -- where it is shown -------------------------------------------------------------------------------------------------


def test_places_are_listed(viewer: FlaskClient) -> None:
    note(viewer, START, "blockade-1")
    page = viewer.get("/editor/shown/blockade-3").text
    now = page.partition('id="now"')[2]
    assert BY_ID["blockade-1"].title in now
    assert "1 Mar 2026, 09:00:30 UTC" in now
    assert "Corrections and removals" not in page


def test_article_shown_nowhere_says_so(viewer: FlaskClient) -> None:
    assert "It stands in no sidebar." in viewer.get("/editor/shown/blockade-3").text


def test_removal_says_how_fast_each_sidebar_followed(viewer: FlaskClient) -> None:
    """Which sidebars had it, and when it was gone: by its id, as its title is forgotten."""
    note(viewer, START, "blockade-1", "blockade-2")
    withdraw(store_of(viewer), START + HOUR, "blockade-3")
    note(viewer, START + HOUR + timedelta(seconds=2), "blockade-1")
    page = viewer.get("/editor/shown/blockade-3").text
    assert "withdrawn" in page
    assert "It has left 1 sidebar since. 1 sidebar is still to be made anew." in re.sub(r"\s+", " ", page)
    assert "2 seconds" in page.partition('id="before"')[2]
    assert BY_ID["blockade-3"].title not in page
    assert "/editor/article/blockade-3" not in page


def test_hold_and_its_end_are_reported(viewer: FlaskClient) -> None:
    store = store_of(viewer)
    put(store, START, "gold-1", flags=("legal_hold",))
    put(store, START + HOUR, "gold-1", flags=())
    page = viewer.get("/editor/shown/gold-1").text
    assert "put under legal hold" in page
    assert "released" in page


def test_correction_is_followed(viewer: FlaskClient) -> None:
    note(viewer, START, "blockade-1", "blockade-2")
    put(store_of(viewer), START + HOUR, "blockade-3", title="Corrected headline")
    note(viewer, START + 3 * HOUR, "blockade-1")
    now = viewer.get("/editor/shown/blockade-3").text.partition('id="now"')[2]
    assert "corrected after 2 hours" in now
    assert "older text" in now


def test_file_lists_every_place(viewer: FlaskClient) -> None:
    note(viewer, START, "blockade-1")
    decide(store_of(viewer), START, "blockade-1", Wish(REJECT, "blockade-3"))
    note(viewer, START + HOUR, "blockade-1")
    note(viewer, START + HOUR, "blockade-2")
    response = viewer.get("/editor/stays/blockade-3")
    assert response.mimetype == "text/csv"
    assert response.headers["Content-Disposition"].startswith("attachment; filename=shown.csv; ")
    header, *rows = csv.reader(io.StringIO(response.get_data().decode("utf-8-sig")))
    assert header == ["article", "title", "place", "since", "until", "seconds"]
    ended = next(row for row in rows if row[0] == "blockade-1")
    assert ended[3:] == ["2026-03-01T09:00:30+00:00", "2026-03-01T10:00:30+00:00", "3600"]
    assert next(row for row in rows if row[0] == "blockade-2")[4] == ""


def test_file_holds_no_formula(viewer: FlaskClient) -> None:
    put(store_of(viewer), START, "blockade-1", title="=HYPERLINK(1)")
    note(viewer, START, "blockade-1")
    assert "'=HYPERLINK(1)" in viewer.get("/editor/stays/blockade-3").text


# -- what is shown at all ----------------------------------------------------------------------------------------------


def test_exposure_says_how_much_is_shown(viewer: FlaskClient) -> None:
    note(viewer, START, "blockade-1")
    page = viewer.get("/editor/exposure").text
    assert re.search(r"Shown somewhere</dt><dd>\d+\.\d% \(3\)", page)
    assert BY_ID["lone"].title in page.partition('id="orphans"')[2]
    assert "Mali" in page.partition('id="countries"')[2]
    assert BY_ID["held"].title not in page
    assert BY_ID["unpublished"].title not in page


def test_empty_ledger_says_when_it_fills(viewer: FlaskClient) -> None:
    assert "No sidebar has been written down yet." in viewer.get("/editor/exposure").text


def test_orphans_of_an_edition_can_be_chosen(viewer: FlaskClient) -> None:
    orphans = viewer.get("/editor/exposure?edition=Maghreb").text.partition('id="orphans"')[2]
    orphans = orphans.partition("</section>")[0]
    assert re.findall(r"/editor/shown/([\w-]+)", orphans) == ["blockade-maghreb"]
    assert "Every article stands in some sidebar." in viewer.get("/editor/exposure?edition=x").text


@pytest.mark.parametrize("text", ["unpublished", "https://example.org/sahel/gold-1/?utm_source=x", "gone"])
def test_article_is_found_by_id_or_address(viewer: FlaskClient, text: str) -> None:
    if text == "gone":
        store_of(viewer).articles.upsert([replace(BY_ID["lone"], id="gone")])
        store_of(viewer).articles.withdraw("gone")
    response = viewer.get("/editor/exposure", query_string={"q": text})
    assert response.status_code == 303
    target = text if "/" not in text else "gold-1"
    assert response.headers["Location"] == f"/editor/shown/{target}"


def test_article_is_found_by_its_words(viewer: FlaskClient) -> None:
    hits = viewer.get("/editor/exposure?q=chess festival").text.partition('id="hits"')[2].partition("</section>")[0]
    assert BY_ID["lone"].title in hits
    assert "No article fits." in viewer.get("/editor/exposure?q=nothing-like-it").text


# -- everything that is shown is hostile -------------------------------------------------------------------------------


def test_texts_are_escaped(viewer: FlaskClient) -> None:
    store, markup = store_of(viewer), "<script>alert(1)</script>"
    store.articles.upsert([replace(BY_ID[name], title=f"{markup} {name}") for name in ("blockade-1", "blockade-3")])
    note(viewer, START, "blockade-1")
    decide(store, START, "blockade-1", Wish(APART, "gold-1"), Wish(EXCLUDE, "gold-2"), why=markup)
    for path in (
        "history/blockade-1",
        "history/blockade-1?as_of=2026-03-01T09:00:30",
        "shown/blockade-3",
        "exposure?q=blockade",
        f"exposure?q={markup}&edition={markup}",
    ):
        page = viewer.get(f"/editor/{path}").text
        assert "<script>alert" not in page
        assert "blockade" in page


@pytest.mark.parametrize("article_id", ["a b/c?d#e", "é%2F", 'x"y', "..", "csv/a"])
def test_strange_ids_have_pages(viewer: FlaskClient, article_id: str) -> None:
    store_of(viewer).articles.upsert([replace(BY_ID["lone"], id=article_id)])
    response = viewer.get("/editor/exposure", query_string={"q": article_id})
    for path in (response.headers["Location"], response.headers["Location"].replace("shown", "stays")):
        assert viewer.get(path).status_code == 200


def test_strangers_see_none_of_it(stranger: FlaskClient) -> None:
    for path in ("history/blockade-1", "shown/blockade-1", "stays/blockade-1", "exposure", "draft"):
        response = stranger.get(f"/editor/{path}")
        assert (response.status_code, response.headers["Location"][:15]) == (303, "/editor/sign-in")
