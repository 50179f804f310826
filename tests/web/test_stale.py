"""While the database is away a worker goes on with the sidebars that it has, marked stale, for a time."""

import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from recommender.store.base import Store
from recommender.web.api.problems import NO_DATABASE
from recommender.web.cache import STALE
from tests.web.conftest import MakeClient
from tests.web.served import eventually, serving

SIDEBAR = "/api/v1/recommend?article_id=blockade-1"
ORIGIN = "https://news.example"


@contextmanager
def away(database: Path) -> Iterator[None]:
    """While the block runs the table of the state has another name: no connection can read it."""
    rename(database, "state", "hidden")
    yield
    rename(database, "hidden", "state")


def rename(database: Path, old: str, new: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"ALTER TABLE {old} RENAME TO {new}")


def first(response: TestResponse) -> str:
    """The id of the first teaser."""
    return str(response.get_json()["items"][0]["id"])


@pytest.fixture
def reader(make_client: MakeClient) -> FlaskClient:
    return make_client(cors_origins=(ORIGIN,))


def test_last_good_sidebar_is_given_and_says_so(reader: FlaskClient, database: Path) -> None:
    good = reader.get(SIDEBAR)
    with away(database):
        stale = reader.get(SIDEBAR)
    assert (stale.status_code, stale.data) == (200, good.data)
    assert 0 <= int(stale.headers[STALE]) < 60
    assert stale.headers["Cache-Control"] == "no-store"
    assert STALE not in good.headers


def test_no_cache_is_confirmed_in_what_it_has(reader: FlaskClient, database: Path) -> None:
    tag = reader.get(SIDEBAR).headers["ETag"]
    with away(database):
        stale = reader.get(SIDEBAR, headers={"If-None-Match": tag})
    assert (stale.status_code, "ETag" in stale.headers) == (200, False)


@pytest.mark.parametrize("headers", [{"Origin": ORIGIN}, {"Accept": "text/html"}])
def test_every_way_of_asking_has_its_own(reader: FlaskClient, database: Path, headers: dict[str, str]) -> None:
    good = reader.get(SIDEBAR, headers=headers)
    with away(database):
        stale = reader.get(SIDEBAR, headers=headers)
    assert (stale.status_code, stale.data, stale.mimetype) == (200, good.data, good.mimetype)
    assert stale.headers.get("Access-Control-Allow-Origin") == headers.get("Origin")


def test_what_was_not_asked_for_before_is_unavailable(reader: FlaskClient, database: Path) -> None:
    reader.get(SIDEBAR)
    with away(database):
        other = reader.get(f"{SIDEBAR}&n=2")
    assert (other.status_code, other.headers["Retry-After"]) == (503, "5")
    assert other.get_json()["detail"] == NO_DATABASE


def test_it_can_be_turned_off(make_client: MakeClient, database: Path) -> None:
    client = make_client(stale_seconds=0)
    client.get(SIDEBAR)
    with away(database):
        assert client.get(SIDEBAR).status_code == 503
        assert client.get("/readyz").get_json()["stale_seconds_left"] == 0


def test_database_that_is_back_is_asked_at_once(reader: FlaskClient, database: Path) -> None:
    reader.get(SIDEBAR)
    with away(database):
        reader.get(SIDEBAR)
    assert "ETag" in reader.get(SIDEBAR).headers


def test_withdrawn_story_does_not_come_back(reader: FlaskClient, database: Path, other_worker: Store) -> None:
    """Another page view has shown this worker that something was withdrawn."""
    other_worker.articles.withdraw(first(reader.get(SIDEBAR)))
    reader.get("/api/v1/recommend?article_id=gold-1")
    with away(database):
        assert reader.get(SIDEBAR).status_code == 503


def test_unready_service_says_how_long_it_goes_on(reader: FlaskClient, database: Path) -> None:
    reader.get(SIDEBAR)
    with away(database):
        answer = reader.get("/readyz")
    assert answer.status_code == 503
    assert 500 < answer.get_json()["stale_seconds_left"] <= 600


def test_stale_sidebars_are_counted(reader: FlaskClient, database: Path) -> None:
    reader.get(SIDEBAR)
    with away(database):
        reader.get(SIDEBAR)
        page = reader.get("/metrics").text
    assert "recommender_stale_answers_total 1.0" in page
    assert "recommender_database_unavailable_total 1.0" in page


def test_event_loop_gives_them_too(database: Path) -> None:
    with serving(database) as served:
        assert eventually(lambda: served.status(SIDEBAR) == 200)
        with away(database), urllib.request.urlopen(served.url + SIDEBAR, timeout=10) as stale:
            assert int(stale.headers[STALE]) < 60
        with urllib.request.urlopen(served.url + SIDEBAR, timeout=10) as fresh:
            assert STALE not in fresh.headers
