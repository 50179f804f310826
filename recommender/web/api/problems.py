"""One body for every error: RFC 9457 problem details."""

import json
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from apiflask import APIFlask, HTTPError
from flask import Response, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from recommender.errors import (
    ArticleNotFound,
    Conflict,
    Forbidden,
    InvalidArticle,
    InvalidInput,
    NotFound,
    RecommenderError,
    StoreUnavailable,
    Unavailable,
    UnknownKey,
)
from recommender.web.context import context
from recommender.worker.client import WorkerBusy

PROBLEM_JSON = "application/problem+json"
RETRY_SECONDS = "5"
NO_DATABASE = "The database does not answer; the log of the service says why."
MAX_ERRORS = 20  # in one answer
MAX_TEXT = 300  # characters of a name or a value in it
STALE_FORM = (
    "The page was older than your session, or did not come from this service; nothing was changed. Go back, load the "
    "page again, and repeat the last step."
)

# The first that fits.
_TITLES: tuple[tuple[type[RecommenderError], int, str], ...] = (
    (NotFound, 404, "Not found"),
    (Forbidden, 403, "Not allowed"),
    (Conflict, 409, "Another editor was faster"),
    (InvalidInput, 422, "Unprocessable request"),
)

_log = logging.getLogger(__name__)


def problem(status: int, title: str, detail: str, *, headers: dict[str, str] | None = None, **members: Any) -> Response:
    """A response with a problem as its body; `members` are further members, such as `errors`."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}
    return Response(json.dumps(body, ensure_ascii=False), status, headers, content_type=PROBLEM_JSON)


def needs_json(view: Callable[..., Any]) -> Callable[..., Any]:
    """Refuses a body that is not declared as JSON: APIFlask reads it whatever it says it is."""

    @wraps(view)
    def checked(*arguments: Any, **keywords: Any) -> Any:
        if not request.is_json:
            return problem(415, "Unsupported media type", "Send JSON, with the header Content-Type: application/json.")
        return view(*arguments, **keywords)

    return checked


Handler = Callable[[Any], Response]
Page = Callable[[int, str, str], str | None]


def register_problems(app: APIFlask, page: Page) -> None:
    """Every error leaves as a problem; what is unexpected is logged, and its cause is not shown.

    People outside the API get `page(status, title, detail)` instead, where it gives one.
    """

    def shown(handler: Handler) -> Handler:
        def handled(error: Any) -> Response:
            response = handler(error)
            body = response.get_json()
            page_text = page(response.status_code, body["title"], body["detail"]) if for_people() else None
            if page_text is not None:
                response.set_data(page_text)
                response.mimetype = "text/html"
            return response

        return handled

    app.error_processor(shown(_of_http))
    app.register_error_handler(RecommenderError, shown(_of_ours))
    app.register_error_handler(WorkerBusy, shown(_of_busy))
    app.register_error_handler(CSRFError, shown(_of_csrf))
    app.register_error_handler(Exception, shown(_of_unexpected))


def for_people() -> bool:
    """Whether the request comes from a browser that wants to show a page."""
    return not request.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")


def _of_http(error: HTTPError) -> Response:
    """Werkzeug's errors and refused parameters, which APIFlask hands over in one form."""
    fields = [
        {"field": field.replace("_schema", "request"), "problem": "; ".join(map(_plain, messages))}
        for place in (error.detail.values() if isinstance(error.detail, dict) else ())
        for field, messages in (place.items() if isinstance(place, dict) else ())
    ]
    if fields:
        shown, more = _first(fields)
        named = "; ".join(f"{entry['field']}: {entry['problem']}" for entry in shown)
        return problem(error.status_code, "Unprocessable request", named + more, errors=shown)
    headers = {name: str(value) for name, value in dict(error.headers or {}).items() if name.lower() != "content-type"}
    return problem(error.status_code, str(error.message), str(error.message), headers=headers)


def _first(fields: list[dict[str, str]]) -> tuple[list[dict[str, str]], str]:
    """The first MAX_ERRORS, in which a name or a value of any length is cut, and how many more there are."""
    more = len(fields) - MAX_ERRORS
    shown = [{name: _cut(text) for name, text in field.items()} for field in fields[:MAX_ERRORS]]
    return shown, f"; and {more:,} more" if more > 0 else ""


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]} …"


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")  # pydantic's, before what our own checks say


def _of_ours(error: RecommenderError) -> Response:
    if isinstance(error, InvalidArticle):
        fields = [
            {"field": item.field, "value": item.value, "problem": item.problem, "advice": item.advice}
            for item in error.problems
        ]
        shown, more = _first(fields)
        detail = "; ".join(map(str, error.problems[:MAX_ERRORS])) + more
        return problem(422, "The article is not valid", detail, errors=shown)
    if isinstance(error, ArticleNotFound):
        hint = "Publish it with PUT /api/v1/articles/{id}, or ask with fallback=latest for a filled box."
        return problem(404, "Unknown article", f"{error} {hint}")
    if isinstance(error, UnknownKey):
        return problem(401, "An API key is required", str(error), headers={"WWW-Authenticate": "Bearer"})
    if isinstance(error, Unavailable):
        return unavailable(error)
    for kind, status, title in _TITLES:
        if isinstance(error, kind):
            return problem(status, title, str(error))
    return _of_unexpected(error)


def unavailable(error: Unavailable, **members: Any) -> Response:
    """503 with when to come back; `members` as for `problem`."""
    _log.warning("unavailable: %s", error)
    if isinstance(error, StoreUnavailable):
        context().metrics.count_database_unavailable()
    # What the database's driver says may name its host or file, which is for the log and not for strangers.
    detail = NO_DATABASE if isinstance(error, StoreUnavailable) else str(error)
    return problem(503, "Temporarily unavailable", detail, headers={"Retry-After": RETRY_SECONDS}, **members)


def _of_csrf(_error: CSRFError) -> Response:
    return problem(400, "Please send it again", STALE_FORM)


def _of_busy(_error: WorkerBusy) -> Response:
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
