"""GET /api/v1/stories/…: the running story of an article, and what it must never show."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from recommender.store.base import Store
from recommender.web.api.schemas import Card
from tests.web.conftest import MakeClient, Publish, context_of
from tests.web.toy import ARCHIVE, YESTERDAY, story

URL = "/api/v1/stories/"
GOLD = ["gold-1", "gold-2", "gold-3"]
BY_ID = {article.id: article for article in ARCHIVE}


def ids(client: FlaskClient, article_id: str) -> list[str]:
    response = client.get(URL + quote(article_id))
    assert response.status_code == 200, response.text
    return [article["id"] for article in response.get_json()["articles"]]


def test_story_is_in_the_order_of_time(client: FlaskClient) -> None:
    body = client.get(f"{URL}gold-1").get_json()
    assert [article["posted_on"][:10] for article in body["articles"]] == ["2025-06-20", "2025-07-15", "2025-11-01"]


def test_story_is_named_after_its_first_article(client: FlaskClient) -> None:
    body = client.get(f"{URL}gold-3").get_json()
    assert (body["id"], body["title"]) == ("gold-1", "Niger takes over the uranium and gold mine of Arlit")
    assert set(body) == {"id", "title", "articles"}


@pytest.mark.parametrize("article_id", GOLD)
def test_each_of_its_articles_finds_it(client: FlaskClient, article_id: str) -> None:
    assert ids(client, article_id) == GOLD


def test_story_lists_whole_cards(client: FlaskClient) -> None:
    (card,) = client.get(f"{URL}lone").get_json()["articles"]
    assert card == {
        "id": "lone",
        "url": "https://example.org/sahel/lone",
        "title": "Chess festival opens in Ouagadougou",
        "summary": "Grandmasters gather.",
        "posted_on": "2025-05-05T00:00:00Z",
        "read_count": 0,
        "edition": "Sahel",
        "language": "en",
        "image_url": None,
    }
    assert card.keys() == Card.model_fields.keys()


def test_article_alone_is_a_story_of_one(client: FlaskClient) -> None:
    assert ids(client, "lone") == ["lone"]


def test_no_story_is_in_two(client: FlaskClient) -> None:
    stories = [ids(client, article.id) for article in ARCHIVE if article.id not in ("held", "unpublished")]
    for members in stories:
        assert [other for other in stories if set(members) & set(other)] == [members] * len(members)


@pytest.mark.parametrize("article_id", ["held", "unpublished", "no-such-story"])
def test_what_may_not_be_shown_is_unknown(client: FlaskClient, article_id: str) -> None:
    response = client.get(URL + article_id)
    assert (response.status_code, response.mimetype) == (404, "application/problem+json")
    assert response.get_json()["title"] == "Unknown article"


@pytest.mark.parametrize("article_id", ["blockade-1", "gold-1", "lone"])
def test_no_story_shows_a_held_article(client: FlaskClient, article_id: str) -> None:
    assert "held" not in ids(client, article_id)


def test_legal_hold_elsewhere_shows_at_once(make_client: MakeClient, other_worker: Store) -> None:
    client = make_client()
    assert "gold-2" in ids(client, "gold-1")
    other_worker.articles.upsert([replace(BY_ID["gold-2"], flags=("legal_hold",))])
    assert ids(client, "gold-1") == ["gold-1", "gold-3"]
    assert client.get(f"{URL}gold-2").status_code == 404


def test_withdrawn_first_article_leaves_the_rest(make_client: MakeClient, other_worker: Store) -> None:
    client = make_client()
    other_worker.articles.withdraw("gold-1")
    assert ids(client, "gold-2") == ["gold-2", "gold-3"]
    assert client.get(f"{URL}gold-3").get_json()["id"] == "gold-2"


def test_article_of_the_future_is_not_shown_yet(make_client: MakeClient, publish: Publish) -> None:
    tomorrow = replace(BY_ID["gold-2"], id="tomorrow", url=None, posted_on=YESTERDAY + timedelta(days=2))
    publish(tomorrow, replace(BY_ID["gold-2"], id="copy", url=None))
    assert sorted(ids(make_client(), "gold-1")) == sorted(["copy", *GOLD])


def test_article_of_the_future_has_no_story_yet(make_client: MakeClient, publish: Publish) -> None:
    publish(story("tomorrow", "Sealed verdict", "Zebras.", YESTERDAY + timedelta(days=2)))
    response = make_client().get(f"{URL}tomorrow")
    assert response.status_code == 404
    assert "Sealed" not in response.text


def test_unbuilt_archive_has_stories_of_one(make_client: MakeClient, database: Path) -> None:
    database.unlink()
    client = make_client()
    context_of(client.application).store.articles.upsert(ARCHIVE)  # type: ignore[arg-type]  # it is an APIFlask
    assert ids(client, "gold-1") == ["gold-1"]


@pytest.mark.parametrize(
    "article_id",
    ["2026/01//a?b", "a b&c=d#e", "100%25", "été — l'or", "'; DROP TABLE article; --", "<script>", "..", "ид/名"],
)
def test_id_may_hold_odd_characters(make_client: MakeClient, publish: Publish, article_id: str) -> None:
    publish(replace(BY_ID["gold-2"], id=article_id, url=None))
    client = make_client()
    address = quote(article_id, safe="/").replace("..", "%2E%2E")
    body = client.get(URL + address).get_json()
    assert article_id in [article["id"] for article in body["articles"]]


@pytest.mark.parametrize(
    "address", ["%00", "a%0Ab", "%FF%FE", "%ED%A0%80", "../../etc/passwd", "x" * 5000, "gold-1/", "GOLD-1", "%20gold-1"]
)
def test_odd_unknown_ids_are_unknown(client: FlaskClient, address: str) -> None:
    response = client.get(URL + address)
    assert (response.status_code, response.mimetype) == (404, "application/problem+json")
