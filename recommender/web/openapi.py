"""The OpenAPI file, and a page that shows it."""

from typing import Any, cast

from apiflask import APIFlask
from flask import Blueprint, Response, current_app, jsonify, render_template

from recommender.articles.article import MAX_ID
from recommender.web.api.articles import NDJSON
from recommender.web.api.problems import PROBLEM_JSON
from recommender.web.api.schemas import Problem
from recommender.web.demo import frame

bp = Blueprint("api", __name__)

RECOMMEND = "/api/v1/recommend"
ARTICLES = "/api/v1/articles"
READS = "/api/v1/reads"
STORIES = "/api/v1/stories/{article_id}"
EVENTS = "/api/v1/events"
# The most wanted first, of the paths and of their methods.
_ORDER = (RECOMMEND, STORIES, EVENTS, f"{ARTICLES}/{{article_id}}", ARTICLES, READS, "/readyz", "/healthz", "/metrics")
_METHODS = ("put", "patch", "delete", "get", "post")
MERGE_PATCH = "application/merge-patch+json"
_SCHEMAS = "#/components/schemas/"
_ID = "The article's id on the site that publishes it. It may hold slashes."
_ID_SCHEMA = {"type": "string", "minLength": 1, "maxLength": MAX_ID, "pattern": r"^[^\x00-\x1f\x7f-\x9f]+$"}

# What an example's answer is for the sample stories. By "METHOD path", for the page.
_SIDEBAR = """\
{
  "article": {
    "id": "mali-2024-09-17-jnim-raids-bamako",
    "url": "https://example.org/sahel/mali-2024-09-17-jnim-raids-bamako",
    "title": "Jihadists storm gendarmerie school and air base in Bamako",
    "language": "en"
  },
  "language": "en",
  "heading": "More on the Sahel",
  "heading_language": "en",
  "fallback_heading": null,
  "items": [
    {
      "id": "mali-2025-09-17-year-after-faladie-siege-economy",
      "url": "https://example.org/sahel/mali-2025-09-17-year-after-faladie-siege-economy",
      "title": "A year after Faladié, Bamako faces jihadist pressure of another sort",
      "summary": "Twelve months after gunmen entered the capital's air base, guards are more numerous …",
      "posted_on": "2025-09-17T00:00:00Z",
      "read_count": 1356,
      "edition": "Sahel",
      "language": "en",
      "image_url": null,
      "score": 0.9998,
      "source": "related",
      "role": "latest",
      "in_language": null,
      "reason": "Also about JNIM and Faladie",
      "date_text": "17 September 2025",
      "reads_text": "1,356 reads",
      "parts": {
        "dense": 0.1866, "lexical": 0.1252, "themes": 0.1173, "names": 0.1719,
        "topics": 0.1547, "tags": 0.1078, "places": 0.105, "nearness": 0.0313
      },
      "shared": {
        "countries": ["Mali"],
        "tags": ["jnim", "bamako", "faladié"],
        "names": ["Faladie", "JNIM", "foreign bases and troop withdrawals", "Bamako", "jihadist groups"]
      },
      "sentences": {
        "source": "Jihadists storm gendarmerie school and air base in Bamako",
        "teaser": "Protection of the gendarmerie school and of the airport zone at Sénou has been …"
      }
    }
  ],
  "model": "all-MiniLM-L6-v2@53aa51172d14/passages180-mean",
  "generation": 1,
  "request_id": "e62b2373d98d586d"
}"""
_UNKNOWN = """\
{
  "type": "about:blank",
  "title": "Unknown article",
  "status": 404,
  "detail": "There is no published article 'yesterdays-draft'. Publish it with PUT /api/v1/articles/{id}, or ask with \
fallback=latest for a filled box."
}"""
_CARD = """\
  "id": "gao-market-reopens", "url": null, "title": "Market of Gao reopens",
  "summary": "Traders are back after three weeks.", "posted_on": null, "read_count": null, "edition": "",
  "language": "en", "image_url": null"""
_RECORD = f'{_CARD}, "countries": [], "tags": [], "author": ""'
_DRAFT_SIDEBAR = """\
{
  "article": null, "language": "en", "heading": "More on the Sahel", "heading_language": "en", "fallback_heading": null,
  "items": [], "links": [], "coverage": [],
  "model": "all-MiniLM-L6-v2@53aa51172d14/passages180-mean", "generation": 1, "request_id": "9f0c1a4be2d37865"
}"""
_LINES = (
    '{"id": "gao-market-reopens", "title": "Market of Gao reopens", "summary": "Traders are back."}',
    '{"id": "untitled"}',
)
EXAMPLES = {
    f"GET {RECOMMEND}": [
        {
            "title": "the best story beside an article, and why",
            "request": f"curl 'http://127.0.0.1:8000{RECOMMEND}"
            "?article_id=mali-2024-09-17-jnim-raids-bamako&n=1&explain=true'",
            "response": _SIDEBAR,
        },
        {
            "title": "an article that is not known",
            "request": f"curl 'http://127.0.0.1:8000{RECOMMEND}?article_id=yesterdays-draft'",
            "response": _UNKNOWN,
        },
    ],
    f"PUT {ARTICLES}/{{article_id}}": [
        {
            "title": "publish a story",
            "request": f"curl -X PUT 'http://127.0.0.1:8000{ARTICLES}/gao-market-reopens' \\\n"
            "  -H 'Authorization: Bearer KEY' -H 'Content-Type: application/json' \\\n"
            """  -d '{"title": "Market of Gao reopens", "summary": "Traders are back after three weeks."}'""",
            "response": '{"id": "gao-market-reopens", "indexed": true, "notes": ["language: recognised as en"], '
            '"outcome": "added", "warnings": []}',
        }
    ],
    f"POST {RECOMMEND}": [
        {
            "title": "what a draft would stand beside",
            "request": f"curl 'http://127.0.0.1:8000{RECOMMEND}' -H 'Content-Type: application/json' \\\n"
            """  -d '{"title": "Market of Gao reopens", "body": "Traders are back.", "language": "en", "n": 1}'""",
            "response": _DRAFT_SIDEBAR,
        }
    ],
    f"GET {STORIES}": [
        {
            "title": "an article that stands alone",
            "request": "curl 'http://127.0.0.1:8000/api/v1/stories/gao-market-reopens'",
            "response": '{"id": "gao-market-reopens", "title": "Market of Gao reopens", "articles": [{\n'
            + _CARD
            + "\n}]}",
        }
    ],
    f"POST {EVENTS}": [
        {
            "title": "a click on a teaser of an answer with `trial`",
            "request": f"curl 'http://127.0.0.1:8000{EVENTS}' -H 'Content-Type: application/json' \\\n"
            """  -d '{"request_id": "e62b2373d98d586d", "article_id": "gao-market-reopens"}'""",
        }
    ],
    f"POST {ARTICLES}": [
        {
            "title": "two lines, of which one is no article",
            "request": f"printf '%s\\n' '{_LINES[0]}' '{_LINES[1]}' |\n"
            f"  curl 'http://127.0.0.1:8000{ARTICLES}' --data-binary @- \\\n"
            "  -H 'Authorization: Bearer KEY' -H 'Content-Type: application/x-ndjson'",
            "response": '{"added": 1, "changed": 0, "unchanged": 0, "refused": 1, "problems": [{"line": 2, "reason": '
            '"title: is required, as summary and body are empty as well (got None); give the article a text"}], '
            '"shared": 0, "shared_addresses": [], "indexed": true, "notes": ["language: recognised as en: 1 record, '
            'first body, line 1"]}',
        }
    ],
    f"DELETE {ARTICLES}/{{article_id}}": [
        {
            "title": "withdraw a story",
            "request": f"curl -X DELETE 'http://127.0.0.1:8000{ARTICLES}/gao-market-reopens' \\\n"
            "  -H 'Authorization: Bearer KEY'",
        }
    ],
    f"PATCH {ARTICLES}/{{article_id}}": [
        {
            "title": "give a story its old permalink and take its picture away",
            "request": f"curl -X PATCH 'http://127.0.0.1:8000{ARTICLES}/gao-market-reopens' \\\n"
            "  -H 'Authorization: Bearer KEY' -H 'Content-Type: application/merge-patch+json' \\\n"
            """  -d '{"aliases": ["https://old.example.org/?p=101"], "image_url": null}'""",
            "response": '{"id": "gao-market-reopens", "indexed": true, "notes": [], '
            '"outcome": "changed", "warnings": []}',
        }
    ],
    f"GET {ARTICLES}/{{article_id}}": [
        {
            "title": "one story as a stranger gets it",
            "request": f"curl 'http://127.0.0.1:8000{ARTICLES}/gao-market-reopens'",
            "response": f"{{\n{_RECORD}\n}}",
        }
    ],
    f"GET {ARTICLES}": [
        {
            "title": "what has changed since a day, the first of its pages",
            "request": f"curl -H 'Authorization: Bearer KEY' \\\n"
            f"  'http://127.0.0.1:8000{ARTICLES}?updated_since=2026-11-01&limit=1'",
            "response": '{"items": [{\n' + _RECORD + ',\n  "aliases": ["https://old.example.org/?p=101"], '
            '"status": "published", "flags": [],\n  "updated_on": "2026-11-02T06:00:00Z"\n}], "next": "301"}',
        }
    ],
    f"POST {READS}": [
        {
            "title": "counts of two stories",
            "request": f"curl 'http://127.0.0.1:8000{READS}' \\\n"
            "  -H 'Authorization: Bearer KEY' -H 'Content-Type: application/json' \\\n"
            """  -d '{"reads": {"gao-market-reopens": 1204, "not-there": 3}}'""",
            "response": '{"changed": 1, "unchanged": 0, "unknown": 1, "unknown_ids": ["not-there"]}',
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
    spec["paths"] = {
        path: dict(sorted(spec["paths"][path].items(), key=lambda method: _METHODS.index(method[0])))
        for path in sorted(spec["paths"], key=_ORDER.index)
    }
    # Two blueprints may have one tag, and APIFlask names it for each.
    spec["tags"] = list({tag["name"]: tag for tag in spec["tags"]}.values())
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
                parameter |= {"description": _ID, "schema": _ID_SCHEMA}
        if "requestBody" in operation:
            operation["requestBody"]["required"] = True
    for method in ("get", "post"):
        paths[RECOMMEND][method]["responses"]["200"]["content"]["text/html"] = {"schema": {"type": "string"}}
    patch = paths[f"{ARTICLES}/{{article_id}}"]["patch"]["requestBody"]["content"]
    patch[MERGE_PATCH] = patch["application/json"]
    paths["/metrics"]["get"]["responses"]["200"]["content"] = {"text/plain": {"schema": {"type": "string"}}}
    paths[ARTICLES]["post"]["requestBody"] = {
        "required": False,  # a body without a line publishes nothing, which is all right
        "description": "One JSON object a line, with `id`.",
        "content": {NDJSON: {"schema": {"type": "string"}, "example": '{"id": "a", "title": "A", "summary": "B"}\n'}},
    }
    return spec
