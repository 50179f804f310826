"""The demonstration site, and what must never stand on any of its pages."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from recommender.serving.wording import day
from recommender.store.base import Store
from recommender.web.demo import PAGE, slugify
from tests.web.conftest import MakeClient
from tests.web.toy import ARCHIVE, YESTERDAY, story

HOSTILE = '<script>alert(1)</script> "Gao"'


def test_front_page_shows_newest_first(client: FlaskClient) -> None:
    page = client.get("/").text
    assert page.index("Wrestlers crown") < page.index("Rains arrive") < page.index("Ore from the nationalised")


def test_edition_page_shows_its_stories(client: FlaskClient) -> None:
    page = client.get("/editions/maghreb").text
    assert "Algiers watches" in page
    assert "Wrestlers crown" not in page


@pytest.mark.parametrize(
    "path", ["/editions/nowhere", "/editions/sahel/2", "/editions/sahel/0", "/articles/nothing", "/stories/nothing"]
)
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
    assert box.count('class="rec-reason"') == 3


@pytest.mark.parametrize("article_id", ["gold-1", "gold-3"])
def test_article_page_leads_to_its_story(client: FlaskClient, article_id: str) -> None:
    page = client.get(f"/articles/{article_id}").text
    assert re.search(r'<a href="/stories/gold-1">\s*All 3 reports of this story\s*</a>', page)


def test_french_article_leads_to_its_story(make_client: MakeClient, other_worker: Store) -> None:
    other_worker.articles.upsert([replace(article, language="fr") for article in ARCHIVE if article.id == "gold-3"])
    assert "Les 3 articles de ce dossier" in make_client().get("/articles/gold-3").text


@pytest.mark.parametrize("article_id", ["lone", "held"])
def test_article_alone_leads_to_no_story(client: FlaskClient, article_id: str) -> None:
    assert "/stories/" not in client.get(f"/articles/{article_id}").text


def test_story_page_lists_reports_in_order(client: FlaskClient) -> None:
    page = client.get("/stories/gold-2").text
    assert re.findall(r'<h2 class="headline"><a href="/articles/([^"]+)">', page) == ["gold-1", "gold-2", "gold-3"]
    assert re.findall(r'<p class="when"><time datetime="[^"]+">([^<]+)</time>', page) == [
        "20 June 2025",
        "15 July 2025",
        "1 November 2025",
    ]


def test_story_page_says_its_span(client: FlaskClient) -> None:
    page = client.get("/stories/gold-2").text
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))
    assert "All 3 reports of this story, from 20 June 2025 to 1 November 2025" in text


def test_story_of_one_has_a_page(client: FlaskClient) -> None:
    page = client.get("/stories/lone").text
    assert "One report" in page
    assert page.count('class="headline"') == 1


def test_story_page_keeps_each_language(make_client: MakeClient, other_worker: Store) -> None:
    other_worker.articles.upsert([replace(article, language="fr") for article in ARCHIVE if article.id == "gold-3"])
    page = make_client().get("/stories/gold-1").text
    assert re.findall(r'<li lang="(..)">', page) == ["en", "en", "fr"]
    assert "1er novembre 2025" in page


def test_missed_story_gets_a_page(client: FlaskClient) -> None:
    response = client.get("/stories/held", headers={"Accept": "text/html"})
    assert (response.status_code, response.mimetype) == (404, "text/html")
    assert "Page not found" in response.text


def test_hostile_title_stays_text(make_client: MakeClient, other_worker: Store) -> None:
    other_worker.articles.upsert([story("hostile", HOSTILE, "Text", YESTERDAY + timedelta(hours=1))])
    client = make_client()
    for path in ("/", "/articles/hostile", "/articles/lone", "/stories/hostile"):
        page = client.get(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_id_may_hold_slashes(make_client: MakeClient, other_worker: Store) -> None:
    other_worker.articles.upsert([story("2026/01//a?b", "A story with a path for a name", "Text", YESTERDAY)])
    client = make_client()
    assert client.get("/articles/2026/01//a%3Fb").status_code == 200
    assert 'href="/articles/2026/01//a%3Fb"' in client.get("/stories/2026/01//a%3Fb").text
    assert client.get("/api/v1/recommend", query_string={"article_id": "2026/01//a?b"}).status_code == 200


@pytest.mark.parametrize("lang", ["same", "any"])
@pytest.mark.parametrize("fallback", ["ladder", "latest", "none"])
@pytest.mark.parametrize("source", ["blockade-1", "lone"])
def test_held_story_is_in_no_answer(client: FlaskClient, source: str, fallback: str, lang: str) -> None:
    path = f"/api/v1/recommend?article_id={source}&fallback={fallback}&lang={lang}&n=50&min_score=0"
    assert "held" not in [item["id"] for item in client.get(path).get_json()["items"]]
    assert "Court hears" not in client.get(path, headers={"Accept": "text/html"}).text


@pytest.mark.parametrize("path", ["/", "/editions/sahel", "/articles/blockade-1", "/stories/blockade-1"])
def test_held_story_is_on_no_page(client: FlaskClient, path: str) -> None:
    assert "Court hears" not in client.get(path).text


def test_held_story_gets_no_sidebar(client: FlaskClient) -> None:
    for accept in ("application/json", "text/html"):
        answer = client.get("/api/v1/recommend?article_id=held&fallback=ladder", headers={"Accept": accept})
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert "rec-link" not in client.get("/articles/held").text


def test_unpublished_story_is_nowhere(client: FlaskClient) -> None:
    assert client.get("/articles/unpublished").status_code == 404
    assert client.get("/stories/unpublished").status_code == 404
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
