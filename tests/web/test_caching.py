"""What caches may keep, and that no kept answer outlives a change."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from recommender.settings import load_settings
from recommender.store.base import Store
from recommender.wiring import make_builder
from tests.embedder import ToyEmbedder
from tests.web.conftest import MakeClient
from tests.web.toy import ARCHIVE

SIDEBAR = "/api/v1/recommend?article_id=blockade-1"


def shown(client: FlaskClient, path: str = SIDEBAR) -> list[str]:
    return [item["id"] for item in client.get(path).get_json()["items"]]


def plain(response: TestResponse) -> list[tuple[str, str]]:
    """Headers in an order, without the clock's."""
    return sorted(header for header in response.headers if header[0] != "Date")


def test_known_tag_gets_no_body(client: FlaskClient) -> None:
    tag = client.get(SIDEBAR).headers["ETag"]
    again = client.get(SIDEBAR, headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)


def test_weakened_tag_is_understood(client: FlaskClient) -> None:
    # A proxy that compresses answers weakens their tags.
    tag = client.get(SIDEBAR).headers["ETag"]
    assert client.get(SIDEBAR, headers={"If-None-Match": f"W/{tag}"}).status_code == 304


@pytest.mark.parametrize("origins", [(), ("https://news.example",), ("https://a.example", "https://b.example"), ("*",)])
@pytest.mark.parametrize("headers", [{}, {"Origin": "https://news.example"}, {"Accept": "text/html"}])
def test_kept_answer_equals_the_first(
    make_client: MakeClient, origins: tuple[str, ...], headers: dict[str, str]
) -> None:
    client = make_client(cors_origins=origins)
    first, cached = client.get(SIDEBAR, headers=headers), client.get(SIDEBAR, headers=headers)
    assert (cached.status_code, cached.data) == (200, first.data)
    assert plain(cached) == plain(first)
    assert ("Origin" in cached.vary) == bool(origins)  # or a shared cache would hand one origin's answer to another


def test_kept_answer_stays_with_its_origin(make_client: MakeClient) -> None:
    client = make_client(cors_origins=("https://news.example",))
    client.get(SIDEBAR, headers={"Origin": "https://news.example"})
    cached = client.get(SIDEBAR, headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in cached.headers


def test_kept_answer_has_a_head(make_client: MakeClient) -> None:
    client = make_client()
    got, head = client.get(SIDEBAR), client.head(SIDEBAR)
    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", got.headers["ETag"])


def test_kept_answer_is_for_reading_only(make_client: MakeClient) -> None:
    client = make_client()
    client.get(SIDEBAR)
    assert client.delete(SIDEBAR).status_code == 405
    assert client.post(SIDEBAR).status_code == 415


def test_other_tag_gets_the_body(client: FlaskClient) -> None:
    assert client.get(SIDEBAR, headers={"If-None-Match": '"old"'}).status_code == 200


def test_caches_ask_every_time_by_default(client: FlaskClient) -> None:
    assert client.get(SIDEBAR).headers["Cache-Control"] == "public, max-age=0, stale-if-error=86400"


def test_setting_allows_caches_to_keep(make_client: MakeClient) -> None:
    assert "max-age=120" in make_client(cache_seconds=120).get(SIDEBAR).headers["Cache-Control"]


def test_answer_varies_by_accept(client: FlaskClient) -> None:
    assert "Accept" in client.get(SIDEBAR).vary
    assert client.get(SIDEBAR).headers["ETag"] != client.get(SIDEBAR, headers={"Accept": "text/html"}).headers["ETag"]


def test_types_do_not_share_an_answer(client: FlaskClient) -> None:
    client.get(SIDEBAR)
    assert client.get(SIDEBAR, headers={"Accept": "text/html"}).mimetype == "text/html"
    assert client.get(SIDEBAR).mimetype == "application/json"


def test_errors_are_not_kept(client: FlaskClient) -> None:
    response = client.get("/api/v1/recommend?article_id=no-such-story")
    assert "ETag" not in response.headers
    assert "max-age" not in response.headers.get("Cache-Control", "")


def test_withdrawal_elsewhere_shows_at_once(make_client: MakeClient, other_worker: Store) -> None:
    client = make_client()
    assert "blockade-3" in shown(client)
    other_worker.articles.withdraw("blockade-3")
    assert "blockade-3" not in shown(client)


def test_new_title_elsewhere_shows_at_once(make_client: MakeClient, other_worker: Store) -> None:
    client = make_client()
    tag = client.get(SIDEBAR).headers["ETag"]
    other_worker.articles.upsert([replace(ARCHIVE[2], title="A new headline")])
    response = client.get(SIDEBAR, headers={"If-None-Match": tag})
    assert "A new headline" in [item["title"] for item in response.get_json()["items"]]


def test_new_build_elsewhere_shows_at_once(make_client: MakeClient, other_worker: Store) -> None:
    client = make_client()
    assert shown(client)[0] == "blockade-3"
    words = f"{ARCHIVE[0].title} {ARCHIVE[0].summary} {ARCHIVE[0].body}".split()
    again = " ".join(reversed(words))  # the same words, and no copy of the text
    nearest = replace(
        ARCHIVE[0],
        id="nearest",
        url="https://example.org/nearest",
        title="Bamako",
        summary="",
        body=again,
        posted_on=ARCHIVE[5].posted_on,
    )
    other_worker.articles.upsert([nearest])
    make_builder(other_worker, load_settings(), ToyEmbedder()).update()
    assert shown(client)[0] == "nearest"


def test_reader_count_elsewhere_shows_at_once(make_client: MakeClient, other_worker: Store) -> None:
    client = make_client()
    client.get(SIDEBAR)
    other_worker.articles.upsert([replace(ARCHIVE[2], read_count=987_654)])
    assert 987_654 in [item["read_count"] for item in client.get(SIDEBAR).get_json()["items"]]


def test_legal_hold_elsewhere_shows_at_once(make_client: MakeClient, other_worker: Store) -> None:
    client = make_client()
    assert "blockade-3" in shown(client)
    other_worker.articles.upsert([replace(ARCHIVE[2], flags=("legal_hold",))])
    assert "blockade-3" not in shown(client)
