"""The demonstration site, and what must never stand on any of its pages."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from recommender.interfaces import Store
from recommender.web.site import PAGE, day, slugify
from tests.web.conftest import MakeClient
from tests.web.toy import YESTERDAY, story

HOSTILE = '<script>alert(1)</script> "Gao"'


def test_front_page_shows_newest_first(client: FlaskClient) -> None:
    page = client.get("/").text
    assert page.index("Wrestlers crown") < page.index("Rains arrive") < page.index("Ore from the nationalised")


def test_edition_page_shows_its_stories(client: FlaskClient) -> None:
    page = client.get("/editions/maghreb").text
    assert "Algiers watches" in page
    assert "Wrestlers crown" not in page


@pytest.mark.parametrize("path", ["/editions/nowhere", "/editions/sahel/2", "/editions/sahel/0", "/articles/nothing"])
def test_pages_that_are_not_there(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_further_pages_hold_the_rest(make_client: MakeClient, other_worker: Store) -> None:
    numbers = range(PAGE + 1)
    other_worker.articles.upsert(
        [
            story(f"s{n}", f"Story number {n:02}", "Text", YESTERDAY - timedelta(days=n), edition="Extra")
            for n in numbers
        ]
    )
    client = make_client()
    assert "Story number 24" not in client.get("/editions/extra").text
    assert "Story number 24" in client.get("/editions/extra/2").text


def test_article_page_carries_its_sidebar(client: FlaskClient) -> None:
    page = client.get("/articles/blockade-1").text
    assert 'data-article-id="blockade-1"' in page
    box = page[page.index("<noscript>") :]
    assert 'href="/articles/blockade-3"' in box
    assert box.count('class="rec-link"') == 3


def test_hostile_title_stays_text(make_client: MakeClient, other_worker: Store) -> None:
    other_worker.articles.upsert([story("hostile", HOSTILE, "Text", YESTERDAY + timedelta(hours=1))])
    client = make_client()
    for path in ("/", "/articles/hostile", "/articles/lone"):
        page = client.get(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_id_may_hold_slashes(make_client: MakeClient, other_worker: Store) -> None:
    other_worker.articles.upsert([story("2026/01//a?b", "A story with a path for a name", "Text", YESTERDAY)])
    client = make_client()
    assert client.get("/articles/2026/01//a%3Fb").status_code == 200
    assert client.get("/api/v1/recommend", query_string={"article_id": "2026/01//a?b"}).status_code == 200


@pytest.mark.parametrize("lang", ["same", "any"])
@pytest.mark.parametrize("fallback", ["ladder", "latest", "none"])
@pytest.mark.parametrize("source", ["blockade-1", "lone", "held"])
def test_held_story_is_in_no_answer(client: FlaskClient, source: str, fallback: str, lang: str) -> None:
    path = f"/api/v1/recommend?article_id={source}&fallback={fallback}&lang={lang}&n=50&min_score=0"
    assert "held" not in [item["id"] for item in client.get(path).get_json()["items"]]
    assert "Court hears" not in client.get(path, headers={"Accept": "text/html"}).text


@pytest.mark.parametrize("path", ["/", "/editions/sahel", "/articles/blockade-1"])
def test_held_story_is_on_no_page(client: FlaskClient, path: str) -> None:
    assert "Court hears" not in client.get(path).text


def test_held_story_gets_no_sidebar(client: FlaskClient) -> None:
    answer = client.get("/api/v1/recommend?article_id=held&fallback=ladder")
    assert answer.get_json()["items"] == []
    assert client.get("/api/v1/recommend?article_id=held", headers={"Accept": "text/html"}).text == ""
    assert "rec-link" not in client.get("/articles/held").text


def test_unpublished_story_is_nowhere(client: FlaskClient) -> None:
    assert client.get("/articles/unpublished").status_code == 404
    answer = client.get("/api/v1/recommend?article_id=blockade-1&n=50&min_score=0&lang=any")
    assert "unpublished" not in [item["id"] for item in answer.get_json()["items"]]


def test_dates_are_written_in_the_language() -> None:
    assert day("2024-09-17T08:30:00Z") == "17 September 2024"
    assert day("2024-08-01T00:00:00Z", "fr") == "1er août 2024"
    assert day(None) == ""


@pytest.mark.parametrize(
    ("name", "slug"),
    [("West Africa", "west-africa"), ("Côte d'Ivoire", "cote-d-ivoire"), ("", "other"), ("مالي", "other")],
)
def test_edition_names_become_addresses(name: str, slug: str) -> None:
    assert slugify(name) == slug
