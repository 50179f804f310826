"""The OpenAPI file, and a page that shows it."""

from typing import Any, cast

from apiflask import APIFlask
from flask import Blueprint, Response, current_app, jsonify, render_template

from recommender.web.articles import NDJSON
from recommender.web.problems import PROBLEM_JSON
from recommender.web.schemas import Problem
from recommender.web.site import frame

bp = Blueprint("api", __name__)

RECOMMEND = "/api/v1/recommend"
ARTICLES = "/api/v1/articles"
_SCHEMAS = "#/components/schemas/"
_ID = "The article's id on the site that publishes it. It may hold slashes."

# By "METHOD path", for the page. The answers are those of the sample stories.
EXAMPLES = {
    f"GET {RECOMMEND}": [
        {
            "title": "the best story beside an article, and why",
            "request": "curl 'http://127.0.0.1:8000/api/v1/recommend"
            "?article_id=mali-2024-09-18-jihadists-storm-gendarmerie-school-and-air&n=1&explain=true'",
            "response": "",
        },
        {
            "title": "an article that is not known",
            "request": "curl 'http://127.0.0.1:8000/api/v1/recommend?article_id=yesterdays-draft'",
            "response": "",
        },
    ],
    f"PUT {ARTICLES}/{{article_id}}": [
        {
            "title": "publish a story",
            "request": "curl -X PUT 'http://127.0.0.1:8000/api/v1/articles/gao-market-reopens' "
            "-H 'Authorization: Bearer KEY' \\\n  -H 'Content-Type: application/json' \\\n"
            """  -d '{"title": "Market of Gao reopens", "summary": "Traders are back after three weeks."}'""",
            "response": '{"id": "gao-market-reopens", "indexed": true, "outcome": "added"}',
        }
    ],
}


@bp.get("/openapi.json")
def openapi() -> Response:
    """The API as OpenAPI."""
    return jsonify(specification())


@bp.get("/docs")
def docs() -> str:
    """The same for people."""
    return render_template("docs.html", spec=specification(), examples=EXAMPLES, **frame())


def specification() -> dict[str, Any]:
    """The OpenAPI document: what APIFlask finds in the code, with the bodies it cannot see there."""
    return cast(dict[str, Any], cast(APIFlask, current_app).spec)


def completed(spec: dict[str, Any]) -> dict[str, Any]:
    """The document with what APIFlask cannot see in the code: media types of bodies, and the path parameter."""
    paths, schemas = spec["paths"], spec["components"]["schemas"]
    schemas["Problem"] = Problem.model_json_schema(ref_template=f"{_SCHEMAS}{{model}}")
    schemas |= schemas["Problem"].pop("$defs")
    del schemas["HTTPError"]
    for operation in (operation for path in paths.values() for operation in path.values()):
        for status, response in operation["responses"].items():
            if status >= "400":
                response["content"] = {PROBLEM_JSON: {"schema": {"$ref": f"{_SCHEMAS}Problem"}}}
            elif status in ("201", "202"):
                response["content"] = operation["responses"]["200"]["content"]
        for parameter in operation["parameters"]:
            if parameter["in"] == "path":
                parameter["description"] = _ID
    for method in ("get", "post"):
        paths[RECOMMEND][method]["responses"]["200"]["content"]["text/html"] = {"schema": {"type": "string"}}
    paths["/metrics"]["get"]["responses"]["200"]["content"] = {"text/plain": {"schema": {"type": "string"}}}
    paths[ARTICLES]["post"]["requestBody"] = {
        "required": True,
        "description": "One JSON object a line, with `id`.",
        "content": {NDJSON: {"schema": {"type": "string"}, "example": '{"id": "a", "title": "A", "summary": "B"}\n'}},
    }
    return spec
