"""Health, readiness and metrics."""

from pathlib import Path

from flask.testing import FlaskClient

from recommender.store.base import Store
from recommender.web.app import make_app
from tests.web.conftest import MakeClient, close
from tests.web.toy import settings_for


def test_healthy_process_says_ok(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}


def test_ready_service_names_its_build(client: FlaskClient) -> None:
    answer = client.get("/readyz").get_json()
    assert (answer["status"], answer["generation"], answer["model"]) == ("ready", 1, "toy@1/passages180-mean")


def test_unbuilt_service_is_not_ready(tmp_path: Path) -> None:
    app = make_app(settings_for(tmp_path / "empty.db"))
    response = app.test_client().get("/readyz")
    assert response.status_code == 503
    assert "recommender build" in response.get_json()["detail"]
    assert int(response.headers["Retry-After"]) > 0
    close(app)


def test_requests_are_counted_by_route(make_client: MakeClient) -> None:
    client = make_client()
    client.get("/articles/blockade-1")
    client.get("/articles/blockade-2")
    response = client.get("/metrics")
    assert 'recommender_requests_total{route="/articles/<path:article_id>",status="200"} 2.0' in response.text
    assert response.mimetype == "text/plain"


def test_teasers_are_counted_by_source(make_client: MakeClient) -> None:
    client = make_client()
    for _ in range(2):  # the second answer comes from the cache
        client.get("/api/v1/recommend?article_id=gold-1")
    page = client.get("/metrics").text
    assert 'recommender_teasers_total{source="related"} 4.0' in page
    assert 'recommender_teasers_total{source="fallback_edition_read"} 2.0' in page


def test_unknown_paths_share_one_label(make_client: MakeClient) -> None:
    client = make_client()
    for path in ("/a", "/b"):
        client.get(path)
    assert 'recommender_requests_total{route="unknown",status="404"} 2.0' in client.get("/metrics").text


def value(client: FlaskClient, name: str) -> float:
    """A value from /metrics."""
    lines = client.get("/metrics").text.splitlines()
    return next(float(line.removeprefix(f"{name} ")) for line in lines if line.startswith(f"{name} "))


def test_metrics_say_when_the_live_build_began(make_client: MakeClient, other_worker: Store) -> None:
    live = other_worker.generations.live()
    assert live is not None
    client = make_client()
    assert value(client, "recommender_build_timestamp_seconds") == live.built_on.timestamp()
    assert value(client, "recommender_database_up") == 1


def test_metrics_of_an_unbuilt_archive_have_no_build(tmp_path: Path) -> None:
    app = make_app(settings_for(tmp_path / "empty.db"))
    page = app.test_client().get("/metrics").text
    assert "recommender_database_up 1.0" in page
    assert "recommender_build_timestamp_seconds" not in page
    close(app)


def test_metrics_answer_without_a_database(make_client: MakeClient, database: Path) -> None:
    client = make_client()
    database.write_bytes(b"damaged" * 1000)
    for other in database.parent.glob(f"{database.name}-*"):
        other.unlink()
    client.get("/api/v1/recommend?article_id=gold-1")
    assert value(client, "recommender_database_up") == 0


def test_requests_in_flight_are_counted(make_client: MakeClient) -> None:
    client = make_client()
    client.get("/nowhere")
    assert value(client, "recommender_requests_in_flight") == 1  # the one that asks


def test_refused_sizes_are_counted(make_client: MakeClient) -> None:
    client = make_client()
    assert value(client, 'recommender_rejected_total{limit="size"}') == 0
    event = {"request_id": "e62b2373d98d586d", "article_id": "a" * 5_000}
    assert client.post("/api/v1/events", json=event).status_code == 413
    assert value(client, 'recommender_rejected_total{limit="size"}') == 1
