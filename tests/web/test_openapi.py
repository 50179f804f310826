"""The OpenAPI file and its page: valid, complete, and with examples that are true."""

import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from schemathesis import openapi

from recommender.web.api.problems import PROBLEM_JSON
from recommender.web.api.schemas import (
    ArticleList,
    ArticleRecord,
    DraftSidebar,
    Imported,
    Problem,
    ReadsKept,
    Sidebar,
    Stored,
    Story,
)
from recommender.web.openapi import EXAMPLES

Operation = dict[str, Any]
UNDOCUMENTED = ("/openapi.json", "/docs", "/static/", "/articles/", "/editions/", "/stories/", "/editor")


@pytest.fixture(scope="module")
def document(client: FlaskClient) -> dict[str, Any]:
    """The OpenAPI file as it is served."""
    spec: dict[str, Any] = client.get("/openapi.json").get_json()
    return spec


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[str, Operation]:
    """Every operation by "METHOD path"."""
    paths = document["paths"].items()
    return {f"{method.upper()} {path}": operation for path, methods in paths for method, operation in methods.items()}


def test_document_is_valid_openapi(document: dict[str, Any]) -> None:
    openapi.from_dict(document).validate()


def test_every_api_route_is_documented(client: FlaskClient, operations: dict[str, Operation]) -> None:
    routes = {
        f"{method} {rule.rule.replace('<path:', '{').replace('>', '}')}"
        for rule in client.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule != "/" and not rule.rule.startswith(UNDOCUMENTED)
    }
    assert set(operations) == routes


def test_every_operation_says_what_it_does(operations: dict[str, Operation]) -> None:
    assert [name for name, operation in operations.items() if not operation.get("summary")] == []


def test_every_parameter_is_explained(operations: dict[str, Operation]) -> None:
    parameters = [
        (name, parameter["name"], parameter.get("description") or parameter["schema"].get("description"))
        for name, operation in operations.items()
        for parameter in operation["parameters"]
    ]
    assert len(parameters) > 10
    assert [parameter for parameter in parameters if not parameter[2]] == []


def test_every_error_is_a_problem(operations: dict[str, Operation]) -> None:
    contents = [
        response["content"]
        for operation in operations.values()
        for status, response in operation["responses"].items()
        if status >= "400"
    ]
    assert len(contents) > 20
    problem = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert [content for content in contents if content != problem] == []


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert {"Problem", "FieldError", "Sidebar"} <= named
    assert named <= document["components"]["schemas"].keys()


def test_writing_asks_for_a_key(operations: dict[str, Operation]) -> None:
    gated = {name for name, operation in operations.items() if operation.get("security") == [{"ApiKey": ["articles"]}]}
    assert gated == {
        "PUT /api/v1/articles/{article_id}",
        "PATCH /api/v1/articles/{article_id}",
        "POST /api/v1/reads",
        "DELETE /api/v1/articles/{article_id}",
        "POST /api/v1/articles",
    }


@pytest.mark.parametrize(
    ("operation", "status", "types"),
    [
        ("GET /api/v1/recommend", "200", ["application/json", "text/html"]),
        ("POST /api/v1/recommend", "200", ["application/json", "text/html"]),
        ("GET /api/v1/stories/{article_id}", "200", ["application/json"]),
        ("GET /metrics", "200", ["text/plain"]),
        ("PUT /api/v1/articles/{article_id}", "201", ["application/json"]),
    ],
)
def test_answers_name_their_types(
    operations: dict[str, Operation], operation: str, status: str, types: list[str]
) -> None:
    assert list(operations[operation]["responses"][status]["content"]) == types


@pytest.mark.parametrize(
    ("operation", "media_type", "required"),
    [
        ("POST /api/v1/recommend", "application/json", True),
        ("PUT /api/v1/articles/{article_id}", "application/json", True),
        ("POST /api/v1/articles", "application/x-ndjson", False),  # without a line nothing is published
    ],
)
def test_bodies_are_described(
    operations: dict[str, Operation], operation: str, media_type: str, required: bool
) -> None:
    body = operations[operation]["requestBody"]
    assert (body["required"], list(body["content"])) == (required, [media_type])


def test_page_shows_every_operation(client: FlaskClient, operations: dict[str, Operation]) -> None:
    page = client.get("/docs").text
    assert [operation["summary"] for operation in operations.values() if operation["summary"] not in page] == []


def test_page_lists_each_operation_once_the_most_wanted_first(
    client: FlaskClient, operations: dict[str, Operation]
) -> None:
    page = re.sub(r"<wbr>", "", client.get("/docs").text)
    listed = re.findall(r'<h3><span class="method method-\w+">(\w+)</span> <span class="path">([^<]+)</span>', page)
    names = [f"{method} {path}" for method, path in listed]
    assert sorted(names) == sorted(operations)
    assert names[0] == "GET /api/v1/recommend"
    articles = [name for name in names if name.partition(" ")[2].startswith("/api/v1/articles")]
    assert articles[0] == "PUT /api/v1/articles/{article_id}"
    assert re.findall(r'<p class="manual-tag">(\w+)</p>', page) == ["Sidebars", "Articles", "Operations"]


def test_every_operation_of_the_api_has_an_example(operations: dict[str, Operation]) -> None:
    assert EXAMPLES.keys() == {name for name in operations if "/api/" in name}


def test_page_shows_the_examples(client: FlaskClient, operations: dict[str, Operation]) -> None:
    page = client.get("/docs").text
    for name, examples in EXAMPLES.items():
        assert name in operations
        for example in examples:
            assert f"Example: {example['title']}" in page


@pytest.mark.parametrize(
    ("name", "place", "model"),
    [
        ("GET /api/v1/recommend", 0, Sidebar),
        ("GET /api/v1/recommend", 1, Problem),
        ("PUT /api/v1/articles/{article_id}", 0, Stored),
        ("PATCH /api/v1/articles/{article_id}", 0, Stored),
        ("GET /api/v1/articles", 0, ArticleList),
        ("GET /api/v1/articles/{article_id}", 0, ArticleRecord),
        ("POST /api/v1/reads", 0, ReadsKept),
        ("POST /api/v1/recommend", 0, DraftSidebar),
        ("GET /api/v1/stories/{article_id}", 0, Story),
        ("POST /api/v1/articles", 0, Imported),
    ],
)
def test_examples_have_the_documented_form(name: str, place: int, model: type[Sidebar | Problem | Stored]) -> None:
    example = json.loads(EXAMPLES[name][place]["response"])
    assert set(model.model_validate(example).model_dump()) >= set(example)


def test_example_of_a_problem_is_real(client: FlaskClient) -> None:
    example = EXAMPLES["GET /api/v1/recommend"][1]
    path = example["request"].split("127.0.0.1:8000")[1].rstrip("'")
    assert client.get(path).get_json() == json.loads(example["response"])
