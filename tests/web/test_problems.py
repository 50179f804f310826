"""Every error is an RFC 9457 problem that says what is wrong and what to do."""

from io import BytesIO

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from recommender.store.base import Store
from recommender.web.lanes import lane_of
from tests.web.conftest import MakeClient
from tests.web.toy import KEY

SIDEBAR = "/api/v1/recommend"
STORY = "/api/v1/articles/new"
BEARER = {"Authorization": f"Bearer {KEY}"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def writer(make_client: MakeClient) -> FlaskClient:
    """A client of an application with a key; every request carries it."""
    client = make_client(api_keys=(KEY,))
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {KEY}"
    return client


def problem(response: TestResponse, status: int) -> dict[str, object]:
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    body: dict[str, object] = response.get_json()
    assert body["status"] == status
    assert body["type"] == "about:blank"
    assert body["title"]
    assert body["detail"]
    return body


def test_unknown_article_comes_with_a_hint(client: FlaskClient) -> None:
    body = problem(client.get(f"{SIDEBAR}?article_id=no-such-story"), 404)
    assert "no-such-story" in str(body["detail"])
    assert "fallback=latest" in str(body["detail"])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("article_id=lone&n=0", "n"),
        ("article_id=lone&n=51", "n"),
        ("article_id=lone&n=three", "n"),
        ("article_id=lone&min_score=2", "min_score"),
        ("article_id=lone&min_score=nan", "min_score"),
        ("article_id=lone&diversity=-1", "diversity"),
        ("article_id=lone&since=yesterday", "since"),
        ("article_id=lone&until=2024-13-01", "until"),
        ("article_id=lone&fallback=newest", "fallback"),
        ("article_id=lone&explain=perhaps", "explain"),
        (f"article_id={'x' * 201}", "article_id"),
    ],
)
def test_wrong_parameter_is_named(client: FlaskClient, query: str, field: str) -> None:
    body = problem(client.get(f"{SIDEBAR}?{query}"), 422)
    assert [entry["field"] for entry in body["errors"]] == [field]  # type: ignore[attr-defined]


@pytest.mark.parametrize("field", ["n", "min_score", "diversity"])
def test_booleans_are_no_numbers(client: FlaskClient, field: str) -> None:
    body = problem(client.post(SIDEBAR, json={"title": "A", field: True}), 422)
    assert [entry["field"] for entry in body["errors"]] == [field]  # type: ignore[attr-defined]


@pytest.mark.parametrize("query", ["", "article_id=lone&url=https://example.org/sahel/lone", "article_id="])
def test_one_source_is_required(client: FlaskClient, query: str) -> None:
    problem(client.get(f"{SIDEBAR}?{query}"), 422)


def test_wrong_date_says_the_form(client: FlaskClient) -> None:
    body = problem(client.get(f"{SIDEBAR}?article_id=lone&since=17/09/2024"), 422)
    assert "2024-09-17" in str(body["detail"])


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/recommend", "/no-page"])
def test_unknown_path_is_a_problem(client: FlaskClient, path: str) -> None:
    problem(client.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("DELETE", SIDEBAR, "GET"), ("POST", STORY, "PUT"), ("TRACE", STORY, "DELETE"), ("POST", "/healthz", "GET")],
)
def test_wrong_method_names_the_right(client: FlaskClient, method: str, path: str, allowed: str) -> None:
    response = client.open(path, method=method)
    problem(response, 405)
    assert allowed in response.headers["Allow"]


@pytest.mark.parametrize(("method", "path"), [("POST", SIDEBAR), ("PUT", STORY)])
@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b""])
def test_broken_json_is_refused(writer: FlaskClient, method: str, path: str, body: bytes) -> None:
    problem(writer.open(path, method=method, data=body, headers=JSON), 400)


@pytest.mark.parametrize(("method", "path"), [("POST", SIDEBAR), ("PUT", STORY)])
def test_undeclared_json_is_refused(writer: FlaskClient, method: str, path: str) -> None:
    problem(writer.open(path, method=method, data='{"title": "A", "body": "B"}'), 415)


@pytest.mark.parametrize(("method", "path"), [("POST", SIDEBAR), ("PUT", STORY)])
@pytest.mark.parametrize("body", ["[]", "3", '"text"', "null"])
def test_other_json_is_refused(writer: FlaskClient, method: str, path: str, body: str) -> None:
    problem(writer.open(path, method=method, data=body, headers=JSON), 422)


@pytest.mark.parametrize(("method", "path"), [("POST", SIDEBAR), ("PUT", STORY), ("POST", "/api/v1/articles")])
def test_body_beyond_the_limit_is_refused(writer: FlaskClient, method: str, path: str) -> None:
    body = BytesIO(b'{"title": "' + b"x" * lane_of(method, path).body_bytes + b'"}')
    problem(writer.open(path, method=method, input_stream=body, headers=JSON), 413)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", SIDEBAR), ("POST", "/api/v1/events"), ("PUT", STORY)],
    ids=["draft", "event", "article"],
)
@pytest.mark.parametrize("body", ['{"a":' * 50_000, "[" * 2_000, "[" * 500 + "]" * 500], ids=["deep", "open", "closed"])
def test_deep_json_is_refused(writer: FlaskClient, method: str, path: str, body: str) -> None:
    if path == "/api/v1/events":
        body = body[:4_000]
    assert "nested" in str(problem(writer.open(path, method=method, data=body, headers=JSON), 400)["detail"])


@pytest.mark.parametrize(("method", "path"), [("POST", SIDEBAR), ("PUT", STORY)])
def test_json_of_many_keys_is_refused(writer: FlaskClient, method: str, path: str) -> None:
    body = "{" + ",".join(f'"k{number}":1' for number in range(200_000)) + "}"
    answer = writer.open(path, method=method, data=body, headers=JSON)
    assert "keys and values" in str(problem(answer, 400)["detail"])


def test_answer_names_the_first_errors(writer: FlaskClient) -> None:
    """However much is wrong, and however long the names are."""
    wrong = {f"k{number}-{'x' * 1_000}": 1 for number in range(1_500)}
    answer = writer.post(SIDEBAR, json={"title": "A"} | wrong)
    body = problem(answer, 422)
    assert len(body["errors"]) == 20  # type: ignore[arg-type]
    assert str(body["detail"]).endswith("; and 1,480 more")
    assert len(answer.data) < 30_000


def test_deep_line_is_refused_alone(writer: FlaskClient) -> None:
    lines = "[" * 50_000 + '\n{"id": "a", "title": "A", "body": "B", "url": "https://example.org/a"}\n'
    answer = writer.post("/api/v1/articles", data=lines, headers={"Content-Type": "application/x-ndjson"})
    assert (answer.json["added"], answer.json["refused"]) == (1, 1)


def test_invalid_article_names_every_field(writer: FlaskClient) -> None:
    body = problem(writer.put(STORY, json={"title": "\u200b", "flags": ["x"]}), 422)
    errors: list[dict[str, str]] = body["errors"]  # type: ignore[assignment]
    assert [entry["field"] for entry in errors] == ["flags", "title"]
    assert errors[0]["value"] == "['x']"
    assert "legal_hold" in errors[0]["advice"]


def test_two_ids_are_refused(writer: FlaskClient) -> None:
    problem(writer.put(STORY, json={"id": "other", "title": "A", "body": "B"}), 422)


def test_refused_article_leaves_nothing(writer: FlaskClient, other_worker: Store) -> None:
    before = other_worker.state()
    writer.put(STORY, json={"title": "A", "body": "B", "flags": "secret"})
    assert other_worker.state() == before


def test_nothing_but_bad_lines_is_refused(writer: FlaskClient) -> None:
    response = writer.post("/api/v1/articles", data=b'{"id": "a"}\nno json\n')
    problems = problem(response, 422)["problems"]
    assert [entry["line"] for entry in problems] == [1, 2]  # type: ignore[attr-defined]


def test_unknown_article_cannot_be_withdrawn(writer: FlaskClient) -> None:
    problem(writer.delete(STORY), 404)


def test_people_get_a_page_instead(client: FlaskClient) -> None:
    response = client.get("/no-page", headers={"Accept": "text/html"})
    assert (response.status_code, response.mimetype) == (404, "text/html")
    assert "Page not found" in response.text


def test_api_answers_browsers_with_problems(client: FlaskClient) -> None:
    problem(client.get(f"{SIDEBAR}?article_id=no-such-story", headers={"Accept": "text/html"}), 404)


def test_unexpected_error_is_not_told(make_client: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    client = make_client()

    def broken() -> str:
        raise ZeroDivisionError("the secret is 42")

    client.application.view_functions["site.front"] = broken

    response = client.get("/")
    assert "42" not in str(problem(response, 500))
    assert "the secret is 42" in caplog.text


@pytest.mark.parametrize(
    ("field", "value"),
    [("until", 0), ("since", 1.5), ("explain", 0), ("explain", "yes"), ("n", "3"), ("diversity", "0.5")],
)
def test_draft_has_the_types_of_json(client: FlaskClient, field: str, value: object) -> None:
    """A query holds nothing but text; in JSON a number is a number, and a date is text."""
    response = client.post("/api/v1/recommend", json={"title": "A", field: value})
    assert response.status_code == 422
    assert [error["field"] for error in response.get_json()["errors"]] == [field]


@pytest.mark.parametrize("name", ["diversity", "min_score"])
def test_limits_of_shares_are_described(client: FlaskClient, name: str) -> None:
    schemas = client.get("/openapi.json").get_json()["components"]["schemas"]
    assert schemas["Draft"]["properties"][name]["anyOf"] == [
        {"type": "number", "minimum": 0, "maximum": 1},
        {"type": "null"},
    ]
