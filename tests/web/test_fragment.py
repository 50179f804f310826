"""`Accept: text/html`: the box as HTML that a page may include as it is, whatever a title holds."""

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from recommender.serving.fragment import make_fragment
from recommender.store.base import Store
from tests.embedder import ToyEmbedder
from tests.web.conftest import MakeClient
from tests.web.toy import ARCHIVE, YESTERDAY, build_archive, story

HTML = {"Accept": "text/html"}
LATEST = "/api/v1/recommend?article_id=no-such-story&fallback=latest&n=1"
HOSTILE = '<script>alert(1)</script> & "Gao"'


class Elements(HTMLParser):
    """Every start tag with its attributes, and the text of every link."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[tuple[str | None, str]] = []
        self._href: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "a":
            self._href = dict(attrs).get("href")
            self.links.append((self._href, ""))

    def handle_data(self, data: str) -> None:
        if self.links and self._href is not None:
            self.links[-1] = (self._href, data)
            self._href = None


def test_fragment_holds_the_same_stories(client: FlaskClient) -> None:
    path = "/api/v1/recommend?article_id=blockade-1"
    response = client.get(path, headers=HTML)
    assert response.content_type == "text/html; charset=utf-8"
    items = client.get(path).get_json()["items"]
    assert Elements(response.text).links == [(item["url"], item["title"]) for item in items]


def test_fragment_has_the_configured_heading(make_client: MakeClient) -> None:
    page = make_client(sidebar_heading="Read <next>").get("/api/v1/recommend?article_id=blockade-1", headers=HTML)
    assert ">Read &lt;next&gt;</h2>" in page.text


def test_fragment_says_why_each_story_stands_there(client: FlaskClient) -> None:
    page = client.get("/api/v1/recommend?article_id=gold-2&n=2&fallback=none", headers=HTML).text
    items = client.get("/api/v1/recommend?article_id=gold-2&n=2&fallback=none").get_json()["items"]
    assert re.findall(r'<p class="rec-reason">([^<]+)</p>', page) == [item["reason"] for item in items]


def test_fallbacks_give_no_reason(client: FlaskClient) -> None:
    page = client.get("/api/v1/recommend?article_id=lone", headers=HTML).text
    assert page.count("rec-item") == 3
    assert "rec-reason" not in page


def test_hostile_reason_stays_text(make_client: MakeClient, database: Path) -> None:
    hostile = "<img src=x onerror=alert(3)>"
    database.unlink()
    articles = (replace(article, countries=(hostile,)) for article in ARCHIVE if article.id.startswith("gold"))
    build_archive(database, [*articles, *(article for article in ARCHIVE if article.id == "lone")], ToyEmbedder())
    page = make_client().get("/api/v1/recommend?article_id=gold-2&fallback=none", headers=HTML).text
    assert "&lt;img src=x" in page
    assert "img" not in Elements(page).tags


def test_nothing_to_show_is_nothing(client: FlaskClient) -> None:
    response = client.get("/api/v1/recommend?article_id=lone&fallback=none", headers=HTML)
    assert (response.status_code, response.text) == (200, "")


def test_json_wins_when_both_are_welcome(client: FlaskClient) -> None:
    response = client.get(
        "/api/v1/recommend?article_id=blockade-1", headers={"Accept": "application/json, text/html;q=0.9"}
    )
    assert response.mimetype == "application/json"


def test_hostile_title_stays_text(make_client: MakeClient, other_worker: Store) -> None:
    other_worker.articles.upsert(
        [story("hostile", HOSTILE, "<img src=x onerror=alert(2)>", YESTERDAY + timedelta(hours=1))]
    )
    elements = Elements(make_client().get(LATEST, headers=HTML).text)
    assert elements.links == [("https://example.org/sahel/hostile", HOSTILE)]
    assert {"script", "img"}.isdisjoint(elements.tags)


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,hello", "JaVaScRiPt:alert(1)"])
def test_only_web_addresses_are_linked(make_client: MakeClient, other_worker: Store, address: str) -> None:
    # Input of this kind is refused; the template holds even if the database was filled by other hands.
    other_worker.articles.upsert([story("bad", "Headline", "Text", YESTERDAY + timedelta(hours=1), url=address)])
    client = make_client()
    assert client.get(LATEST).get_json()["items"][0]["id"] == "bad"
    assert client.get(LATEST, headers=HTML).text == ""


def test_box_outside_the_application_is_the_same(client: FlaskClient) -> None:
    """Static files are made by the same template without Flask."""
    fragment = make_fragment()
    for article in ARCHIVE:
        answer = client.get(f"/api/v1/recommend?article_id={article.id}")
        if answer.status_code == 200:
            html = client.get(f"/api/v1/recommend?article_id={article.id}", headers=HTML).text
            assert fragment(answer.get_json()) == html


def test_story_of_another_language_is_marked(client: FlaskClient) -> None:
    """In the language of the article: beside a French one stands "en anglais", and why it stands there, in French."""
    page = client.get("/api/v1/recommend?article_id=fr-1", headers=HTML).text
    assert page.count('<p class="rec-meta" lang="fr" dir="ltr"><bdi class="rec-language">en anglais</bdi>') == 2
    assert page.count('<p class="rec-reason" lang="fr" dir="ltr">') == 2
    assert page.count('<p class="rec-reason">') == 1


def test_fallbacks_have_a_heading_of_their_own(make_client: MakeClient) -> None:
    """Alone, or behind related stories; readers are not told that they are related."""
    client = make_client(sidebar_texts={"en": {"heading": "Related", "fallback_heading": "Latest from the Sahel"}})
    headings = r'<h2 class="rec-heading"[^>]*>([^<]+)</h2>'
    alone = client.get("/api/v1/recommend?article_id=lone", headers=HTML).text
    mixed = client.get("/api/v1/recommend?article_id=gold-1&n=5", headers=HTML).text
    assert re.findall(headings, alone) == ["Latest from the Sahel"]
    assert re.findall(headings, mixed) == ["Related", "Latest from the Sahel"]
    assert mixed.index('data-source="related"') < mixed.index("Latest from") < mixed.index('data-source="fallback')
