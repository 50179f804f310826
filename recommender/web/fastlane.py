"""The fast lane: a sidebar that is ready is answered before Flask looks at the request.

Nearly every page view takes it. It costs one look at the store's revision and one at a dictionary; what is not plain
goes on to Flask: other methods, other paths, pages of another origin, and every error.
"""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from recommender.errors import Unavailable
from recommender.service import Recommender
from recommender.web.cache import Answer, SidebarCache
from recommender.web.metrics import Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROUTE = "/api/v1/recommend"
JSON = "application/json"
HTML = "text/html"


class FastLane:
    """WSGI middleware in front of the application."""

    def __init__(self, app: "WSGIApplication", recommender: Recommender, cache: SidebarCache, metrics: Metrics) -> None:
        self._app = app
        self._recommender = recommender
        self._cache = cache
        self._metrics = metrics

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answers from the cache, or asks the application."""
        started = time.perf_counter()
        answer = self._ready(environ)
        if answer is None:
            return self._app(environ, start_response)
        self._metrics.count_teasers(answer.sources)
        if answer.etag in environ.get("HTTP_IF_NONE_MATCH", ""):
            self._metrics.count_request(ROUTE, 304, time.perf_counter() - started)
            start_response("304 Not Modified", [header for header in answer.headers if header[0] != "Content-Type"])
            return []
        self._metrics.count_request(ROUTE, 200, time.perf_counter() - started)
        start_response("200 OK", [*answer.headers, ("Content-Length", str(len(answer.body)))])
        return [answer.body]

    def _ready(self, environ: dict[str, Any]) -> Answer | None:
        if (
            environ["PATH_INFO"] != ROUTE
            or environ["REQUEST_METHOD"] != "GET"
            or environ.get("SCRIPT_NAME")
            or "HTTP_ORIGIN" in environ  # the answer would depend on who may read it
        ):
            return None
        try:
            state = self._recommender.state()
        except Unavailable:
            return None  # the application says so in a problem
        return self._cache.get((environ["QUERY_STRING"], wants_html(environ.get("HTTP_ACCEPT", ""))), state)


def wants_html(accept: str) -> bool:
    """Whether an Accept header prefers the fragment to JSON."""
    if HTML not in accept:
        return False
    return parse_accept_header(accept, MIMEAccept).best_match([JSON, HTML]) == HTML
