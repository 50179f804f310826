"""What the API, the desk and the metrics show of a reader's verdicts; its lines are text and never markup."""

import json
from html import escape
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from recommender.store.verdicts import Failure
from recommender.wiring import make_builder, open_store
from tests.embedder import ToyEmbedder
from tests.factories import NOW
from tests.web.conftest import MakeClient, context_of
from tests.web.desk.conftest import enter
from tests.web.toy import settings_for

HOSTILE = '"><script>alert(1)</script> {{ 7*7 }}'
PATH = "/api/v1/recommend?article_id=blockade-1&n=1"


@pytest.fixture
def client(database: Path, tmp_path: Path, make_client: MakeClient) -> FlaskClient:
    """An application over an archive in which a reader has read one pair."""
    file = tmp_path / "boxes.jsonl"
    box = {"query": "blockade-1", "candidates": ["blockade-2"], "grades": [4], "reasons": [HOSTILE]}
    file.write_text(json.dumps(box) + "\n")
    store = open_store(f"sqlite:///{database}")
    make_builder(store, settings_for(database, reranker=f"recorded:{file}"), ToyEmbedder()).build()
    store.close()
    return make_client()


def test_explain_has_the_part_the_grade_and_the_reason(client: FlaskClient) -> None:
    [item] = client.get(f"{PATH}&explain=true").get_json()["items"]
    assert item["id"] == "blockade-2"
    assert item["reader"] == {"grade": 4.0, "reason": HOSTILE}
    assert item["parts"]["reader"] > 0.5
    assert round(sum(item["parts"].values()), 4) == item["score"]


def test_readers_of_the_site_see_nothing_of_it(client: FlaskClient) -> None:
    [item] = client.get(PATH).get_json()["items"]
    assert "reader" not in item
    assert "script" not in client.get(PATH, headers={"Accept": "text/html"}).text


def test_desk_shows_the_reason_as_text(client: FlaskClient) -> None:
    enter(client, "editor", "awa")
    page = client.get("/editor/article/blockade-1").text
    assert "Reader: 4 of 4." in page
    assert escape(HOSTILE, quote=True).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page
    assert HOSTILE not in page
    assert "part-reader" in page


def test_metrics_say_what_is_read_and_when_the_reader_failed(client: FlaskClient) -> None:
    store = context_of(client.application).store  # type: ignore[arg-type]  # an APIFlask
    assert "recommender_reader_boxes 1.0" in client.get("/metrics").text
    store.verdicts.note_failure(store.generations.reranker(store.state().generation or 0) or "", Failure(NOW, "away"))
    assert "recommender_reader_failed_timestamp_seconds 1.7803152e+09" in client.get("/metrics").text
