"""The access log: a line for each request, with nothing in it of who asked for what."""

import logging

import pytest

from tests.web.conftest import MakeClient

LOGGER = "recommender.web.access_log"
SECRET = "nobody-may-read-this"


@pytest.fixture(autouse=True)
def _level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER)


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, int]]:
    """Method, route and status of each line."""
    events = [vars(record)["event"] for record in caplog.records if record.name == LOGGER]
    assert all(0 < event["seconds"] < 60 for event in events)
    return [(event["method"], event["route"], event["status"]) for event in events]


def test_every_request_has_a_line(make_client: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    client = make_client(log_format="json")
    for _ in range(2):  # the second is answered before Flask looks at it
        client.get("/api/v1/recommend?article_id=gold-1")
    client.get("/articles/gold-1")
    client.post("/nowhere")
    assert lines(caplog) == [
        ("GET", "/api/v1/recommend", 200),
        ("GET", "/api/v1/recommend", 200),
        ("GET", "/articles/<path:article_id>", 200),
        ("POST", "unknown", 404),
    ]


def test_text_logs_have_no_access_lines(make_client: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    make_client().get("/healthz")
    assert lines(caplog) == []


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("GET", f"/editor/link/{SECRET}", {}),
        ("GET", f"/editor/articles?q={SECRET}", {}),
        ("GET", f"/api/v1/recommend?article_id={SECRET}", {}),
        ("PUT", f"/api/v1/articles/{SECRET}", {"headers": {"Authorization": f"Bearer {SECRET}"}}),
        ("POST", "/editor/sign-in", {"data": {"name": SECRET, "password": SECRET}}),
        ("GET", "/healthz", {"headers": {"X-Request-ID": f"{SECRET} {SECRET}", "User-Agent": SECRET}}),
    ],
)
def test_line_keeps_secrets(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture, method: str, path: str, options: dict[str, object]
) -> None:
    make_client(log_format="json").open(path, method=method, **options)  # type: ignore[arg-type]  # werkzeug's many
    (record,) = [record for record in caplog.records if record.name == LOGGER]
    assert SECRET not in f"{record.getMessage()}{vars(record)}"
    assert SECRET not in caplog.text
