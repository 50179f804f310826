"""One body for every error: RFC 9457 problem details."""

import json
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from apiflask import APIFlask, HTTPError
from flask import Response, request
from werkzeug.exceptions import HTTPException

from recommender.errors import (
    ArticleNotFound,
    InvalidArticle,
    InvalidInput,
    NotFound,
    RecommenderError,
    Unavailable,
)
from recommender.web.desk import DeskBusy

PROBLEM_JSON = "application/problem+json"
RETRY_SECONDS = "5"

_log = logging.getLogger(__name__)


def problem(status: int, title: str, detail: str, *, headers: dict[str, str] | None = None, **members: Any) -> Response:
    """A response with a problem as its body; `members` are further members, such as `errors`."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}
    return Response(json.dumps(body, ensure_ascii=False), status, headers, content_type=PROBLEM_JSON)


def needs_json(view: Callable[..., Any]) -> Callable[..., Any]:
    """Refuses a body that is not declared as JSON: APIFlask reads it whatever it says it is."""

    @wraps(view)
    def checked(*arguments: Any, **named: Any) -> Any:
        if not request.is_json:
            return problem(415, "Unsupported media type", "Send JSON, with the header Content-Type: application/json.")
        return view(*arguments, **named)

    return checked


def register_problems(app: APIFlask, page: Callable[[str, str], str]) -> None:
    """Every error leaves as a problem; what is unexpected is logged, and not told.

    People who miss a page outside the API get `page(heading, text)` instead.
    """

    def of_http(error: HTTPError) -> Response:
        if error.status_code == 404 and _is_for_people():
            text = "The address may be old, or the story has been withdrawn."
            return Response(page("Page not found", text), 404, mimetype="text/html")
        return _of_http(error)

    app.error_processor(of_http)
    app.register_error_handler(RecommenderError, _of_ours)
    app.register_error_handler(DeskBusy, _of_busy)
    app.register_error_handler(Exception, _of_unexpected)


def _is_for_people() -> bool:
    return not request.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")


def _of_http(error: HTTPError) -> Response:
    """Werkzeug's errors and refused parameters, which APIFlask hands over in one form."""
    fields = [
        {"field": field.replace("_schema", "request"), "problem": "; ".join(map(_plain, messages))}
        for place in (error.detail.values() if isinstance(error.detail, dict) else ())
        for field, messages in (place.items() if isinstance(place, dict) else ())
    ]
    if fields:
        named = "; ".join(f"{entry['field']}: {entry['problem']}" for entry in fields)
        return problem(error.status_code, "Unprocessable request", named, errors=fields)
    headers = {name: str(value) for name, value in dict(error.headers or {}).items() if name.lower() != "content-type"}
    return problem(error.status_code, str(error.message), str(error.message), headers=headers)


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")  # pydantic's, before what our own checks say


def _of_ours(error: RecommenderError) -> Response:
    if isinstance(error, InvalidArticle):
        fields = [
            {"field": item.field, "value": item.value, "problem": item.problem, "advice": item.advice}
            for item in error.problems
        ]
        return problem(422, "The article is not valid", str(error), errors=fields)
    if isinstance(error, ArticleNotFound):
        hint = "Publish it with PUT /api/v1/articles/{id}, or ask with fallback=latest for a filled box."
        return problem(404, "Unknown article", f"{error} {hint}")
    if isinstance(error, NotFound):
        return problem(404, "Not found", str(error))
    if isinstance(error, InvalidInput):
        return problem(422, "Unprocessable request", str(error))
    if isinstance(error, Unavailable):
        _log.warning("unavailable: %s", error)
        return problem(503, "Temporarily unavailable", str(error), headers={"Retry-After": RETRY_SECONDS})
    return _of_unexpected(error)


def _of_busy(_error: DeskBusy) -> Response:
    return problem(
        429,
        "Too many drafts",
        "Other drafts are being read. Try again in some seconds.",
        headers={"Retry-After": RETRY_SECONDS},
    )


def _of_unexpected(error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return problem(error.code or 500, error.name, error.description or error.name)
    _log.exception("unexpected error")
    return problem(500, "Internal error", "The service made a mistake; it has been logged.")
