"""The fast lane: a sidebar that is ready is answered before Flask looks at the request.

Nearly every page view takes it. It costs one look at the store's revision and one at a dictionary, or at the answers
that the last build has prepared. What is not plain goes on to Flask: other methods, other paths, pages of another
origin, and every error.
"""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from recommender.errors import Unavailable
from recommender.release.interleaving import NO_RUN
from recommender.serving.prepared import find_prepared
from recommender.store.base import State
from recommender.web import access_log
from recommender.web.cache import HTML, JSON, Answer, make_answer
from recommender.web.context import Context

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROUTE = "/api/v1/recommend"
PLAIN = "article_id="  # the whole question of the script in its simplest form: what builds prepare answers for


class FastLane:
    """WSGI middleware in front of the application."""

    def __init__(self, app: "WSGIApplication", context: Context) -> None:
        self._app = app
        self._context = context

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answers from the cache, or asks the application."""
        started = time.perf_counter()
        answer = self._ready(environ)
        if answer is None:
            return self._app(environ, start_response)
        environ[access_log.ROUTE] = ROUTE
        self._context.metrics.count_teasers(answer.sources)
        headers = answer.headers_at(time.time())
        if answer.etag in environ.get("HTTP_IF_NONE_MATCH", ""):
            self._context.metrics.count_request(ROUTE, 304, time.perf_counter() - started)
            start_response("304 Not Modified", [header for header in headers if header[0] != "Content-Type"])
            return []
        self._context.metrics.count_request(ROUTE, 200, time.perf_counter() - started)
        start_response("200 OK", [*headers, ("Content-Length", str(len(answer.body)))])
        return [answer.body]

    def _ready(self, environ: dict[str, Any]) -> Answer | None:
        if (
            environ["PATH_INFO"] != ROUTE
            or environ["REQUEST_METHOD"] != "GET"
            or environ.get("SCRIPT_NAME")
            or "HTTP_ORIGIN" in environ  # the answer would depend on who may read it
        ):
            return None
        query, html = environ["QUERY_STRING"], wants_html(environ.get("HTTP_ACCEPT", ""))
        try:
            state = self._context.recommender.state()
            ready = self._context.cache.get((query, html), state)
            return ready if ready is not None or html else self._prepared(query, state)
        except Unavailable:
            return None  # the application says so in a problem

    def _prepared(self, query: str, state: State) -> Answer | None:
        if not query.startswith(PLAIN) or "&" in query or self._context.interleaving.turn(state) != NO_RUN:
            return None
        article_id = unquote_plus(query.removeprefix(PLAIN))
        found = find_prepared(self._context.store, self._context.recommender, article_id, state)
        if found is None:
            return None
        answer = make_answer(found.body, JSON, found.sources, self._context.settings)
        self._context.cache.put((query, False), NO_RUN, found.basis, answer)
        self._context.recorder.note_prepared(found.basis, found.body)
        return answer


def wants_html(accept: str) -> bool:
    """Whether an Accept header prefers the fragment to JSON."""
    if HTML not in accept:
        return False
    return parse_accept_header(accept, MIMEAccept).best_match([JSON, HTML]) == HTML
