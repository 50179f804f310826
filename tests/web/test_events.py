"""Readers' pages during a trial of two models: which answers they get, for how long, and which clicks are taken."""

import json
import time
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from recommender.build.model_version import ModelVersion
from recommender.desk.decisions import Decisions, Sent
from recommender.release.interleaving import MAX_CLICKS, InterleavingControl
from recommender.store.base import Store
from recommender.wiring import utc_now
from tests.embedder import BlindEmbedder
from tests.factories import make_builder
from tests.newsroom import DENSE
from tests.web.conftest import MakeClient, context_of

SIDEBAR = "/api/v1/recommend?article_id=blockade-1"
EVENTS = "/api/v1/events"
BLIND = "blind/1"


@pytest.fixture
def shadowed(other_worker: Store) -> Store:
    """The archive with a model in the shadow that finds nothing."""
    blind = make_builder(other_worker, BlindEmbedder(), model_version=ModelVersion(BLIND, DENSE))
    other_worker.generations.put_shadow(blind.build_beside())
    return other_worker


@pytest.fixture
def trial(shadowed: Store) -> Store:
    """That model shares the sidebars. The test begins where the hour does not end soon."""
    remaining = 3600 - time.time() % 3600
    if remaining < 20:
        time.sleep(remaining)
    InterleavingControl(shadowed, utc_now).start(BLIND, "awa")
    return shadowed


def shown(client: FlaskClient, path: str = SIDEBAR, **headers: str) -> dict[str, object]:
    answer: dict[str, object] = client.get(path, headers=headers).get_json()
    return answer


def ids(answer: dict[str, object]) -> list[str]:
    return [item["id"] for item in answer["items"]]  # type: ignore[attr-defined]  # a list of teasers


def flush(client: FlaskClient) -> None:
    context_of(client.application).interleaving.flush()  # type: ignore[arg-type]  # an APIFlask


def test_trial_changes_the_next_answer_and_its_end_too(make_client: MakeClient, shadowed: Store) -> None:
    client, trials = make_client(), InterleavingControl(shadowed, utc_now)
    before = shown(client)
    assert "trial" not in before
    trials.start(BLIND, "awa")
    during = shown(client)
    assert during["trial"] is True  # its teasers may be the same: coins fall as they like
    assert during["request_id"] != before["request_id"]
    trials.end("awa")
    assert shown(client) == before


def test_workers_agree(make_client: MakeClient, trial: Store) -> None:
    answers = [shown(make_client()) for _ in range(2)]
    assert answers[0] == answers[1]
    assert "trial" in answers[0]


def test_ways_to_ask_agree(make_client: MakeClient, trial: Store) -> None:
    client = make_client()
    plain = shown(client)
    assert shown(client) == plain  # from the cache
    assert shown(client, f"{SIDEBAR}&n=3", Origin="https://news.example") == plain
    assert shown(client, "/api/v1/recommend?url=https://example.org/sahel/blockade-1") == plain


@pytest.mark.parametrize("more", ["&n=2", "&fallback=none", "&explain=true", "&lang=any"])
def test_other_questions_get_the_live_model(make_client: MakeClient, trial: Store, more: str) -> None:
    assert "trial" not in shown(make_client(), SIDEBAR + more)


def test_fragment_is_the_live_models(make_client: MakeClient, trial: Store) -> None:
    """No script would report its clicks."""
    client = make_client()
    fragment = client.get(SIDEBAR, headers={"Accept": "text/html"}).text
    InterleavingControl(trial, utc_now).end("awa")
    assert all(f'data-id="{article_id}"' in fragment for article_id in ids(shown(client)))


def test_answers_differ_in_the_next_hour(
    make_client: MakeClient, trial: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client()
    first = shown(client)
    recommender = context_of(client.application).recommender  # type: ignore[arg-type]  # an APIFlask
    later = recommender.now() + timedelta(hours=1)
    monkeypatch.setattr(recommender, "_clock", lambda: later)
    assert shown(client)["request_id"] != first["request_id"]


def test_no_cache_keeps_an_answer_beyond_its_hour(make_client: MakeClient, trial: Store) -> None:
    client = make_client(cache_seconds=3600)
    for _ in range(2):  # made, and out of the cache
        remaining = 3600 - time.time() % 3600
        control = client.get(SIDEBAR).cache_control
        assert control.public
        assert remaining - 10 <= (control.max_age or 0) <= remaining
    assert client.get(f"{SIDEBAR}&n=2").cache_control.max_age == 3600


def test_tag_works_within_the_hour(make_client: MakeClient, trial: Store) -> None:
    client = make_client()
    first = client.get(SIDEBAR)
    again = client.get(SIDEBAR, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_approval_shows_the_live_model_again(make_client: MakeClient, trial: Store) -> None:
    Decisions(trial, utc_now).approve("blockade-1", "digest", "digest", Sent("awa"))
    assert "trial" not in shown(make_client())


def test_what_is_shown_stands_in_the_ledger(make_client: MakeClient, trial: Store) -> None:
    client = make_client()
    answer = shown(client)
    context_of(client.application).recorder.flush()  # type: ignore[arg-type]  # an APIFlask
    number = trial.articles.numbers(["blockade-1"])["blockade-1"]
    numbers = trial.articles.numbers(ids(answer))
    assert trial.ledger.history(number, 1)[0].items == tuple(numbers[article_id] for article_id in ids(answer))


# -- clicks ------------------------------------------------------------------------------------------------------------


def click(client: FlaskClient, answer: dict[str, object], article_id: str) -> int:
    """Reports a click as a browser's beacon does."""
    body = json.dumps({"request_id": answer["request_id"], "article_id": article_id})
    response = client.post(EVENTS, data=body, content_type="text/plain;charset=UTF-8")
    assert response.status_code != 204 or response.data == b""
    return response.status_code


def test_click_is_counted(make_client: MakeClient, trial: Store) -> None:
    client, other = make_client(), make_client()
    answer = shown(client)
    flush(client)
    assert click(other, answer, ids(answer)[0]) == 204  # any worker takes it
    flush(other)
    (count,) = trial.interleaving.counts(trials_number(trial))
    assert count.live + count.challenger + count.nobody == 1


def trials_number(store: Store) -> int:
    latest = store.interleaving.latest()
    assert latest is not None
    return latest.number


def test_click_on_what_was_not_shown_is_refused(make_client: MakeClient, trial: Store) -> None:
    client = make_client()
    answer = shown(client)
    flush(client)
    assert click(client, answer, "blockade-1") == 422
    assert click(client, answer, "no-such-article") == 422


def test_click_without_a_trial_is_not_found(make_client: MakeClient) -> None:
    client = make_client()
    answer = shown(client)
    assert click(client, answer, ids(answer)[0]) == 404


def test_flood_is_told_so(make_client: MakeClient, trial: Store) -> None:
    client = make_client()
    answer = shown(client)
    flush(client)
    first = trial.articles.numbers(ids(answer))[ids(answer)[0]]
    trial.interleaving.count({(str(answer["request_id"]), first): MAX_CLICKS}, MAX_CLICKS)
    response = client.post(EVENTS, json={"request_id": answer["request_id"], "article_id": ids(answer)[0]})
    assert (response.status_code, response.headers["Retry-After"]) == (429, "3600")
    assert click(client, answer, ids(answer)[1]) == 204


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b"[]", 422),
        (b'{"request_id": "e62b2373d98d586d"}', 422),
        (b'{"request_id": "E62", "article_id": "a"}', 422),
        (b'{"request_id": "e62b2373d98d586d", "article_id": ""}', 422),
        (b'{"request_id": "e62b2373d98d586d", "article_id": "a", "reader": "b"}', 422),
        (b'{"request_id": "e62b2373d98d586d", "article_id": "a\\u0000"}', 404),
        (b'{"request_id": "e62b2373d98d586d", "article_id": "%s"}' % (b"a" * 5_000), 413),
    ],
)
def test_hostile_input_gets_a_clear_answer(client: FlaskClient, body: bytes, status: int) -> None:
    response = client.post(EVENTS, data=body, content_type="text/plain")
    assert (response.status_code, response.content_type) == (status, "application/problem+json")


def test_click_keeps_nothing_of_the_reader(make_client: MakeClient, trial: Store, database: Path) -> None:
    client = make_client()
    answer = shown(client)
    flush(client)
    headers = {"User-Agent": "reader-agent", "X-Forwarded-For": "203.0.113.7", "Cookie": "who=reader-cookie"}
    client.post(EVENTS, json={"request_id": answer["request_id"], "article_id": ids(answer)[0]}, headers=headers)
    flush(client)
    stored = b"".join(file.read_bytes() for file in database.parent.glob("copy.db*"))
    assert str(answer["request_id"]).encode() in stored
    assert not any(word in stored for word in (b"reader-agent", b"203.0.113.7", b"reader-cookie"))
