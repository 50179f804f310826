"""The fast lane: a sidebar that is ready is answered before Flask looks at the request.

Nearly every page view takes it. It costs one look at the store's revision and one at a dictionary, or at the answers
that the last build has prepared. What is not plain goes on to Flask: other methods, other paths, pages of another
origin, and every error.
"""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from recommender.errors import Unavailable
from recommender.release.interleaving import NO_RUN
from recommender.serving.prepared import Prepared, find_at_once, find_prepared
from recommender.store.base import QuickReader, State
from recommender.web import access_log
from recommender.web.cache import HTML, JSON, Answer, Key, StaleAnswer, make_answer
from recommender.web.context import Context
from recommender.web.lanes import SIDEBARS
from recommender.web.rsgi import Reply

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PLAIN = "article_id="  # the whole question of the script in its simplest form: what builds prepare answers for


class FastLane:
    """WSGI middleware in front of the application; the front door takes its steps one by one."""

    def __init__(self, app: "WSGIApplication", context: Context) -> None:
        self.app = app
        self._context = context

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answers from the cache, or asks the application."""
        started = time.perf_counter()
        ready = self._ready(environ)
        if ready is None:
            return self.app(environ, start_response)
        environ[access_log.ROUTE] = SIDEBARS
        status, headers, body = self.reply(ready, environ.get("HTTP_IF_NONE_MATCH", ""), started)
        start_response("200 OK" if status == 200 else "304 Not Modified", headers)
        return [body] if body else []

    def _ready(self, environ: "WSGIEnvironment") -> Answer | None:
        if (
            environ["PATH_INFO"] != SIDEBARS
            or environ["REQUEST_METHOD"] != "GET"
            or environ.get("SCRIPT_NAME")
            or "HTTP_ORIGIN" in environ  # the answer would depend on who may read it
        ):
            return None
        return self.ready((environ["QUERY_STRING"], wants_html(environ.get("HTTP_ACCEPT", ""))))

    def ready(self, key: Key) -> Answer | None:
        """The answer if it is in memory or prepared; may wait for the database."""
        try:
            state = self._context.recommender.state()
            answer = self._context.cache.get(key, state)
            query, html = key
            return answer if answer is not None or html else self._prepared(query, state)
        except Unavailable:
            return None  # the application says so in a problem

    def reply(self, answer: Answer, if_none_match: str, started: float) -> Reply:
        """The response, counted; `started` is by time.perf_counter."""
        self._context.metrics.count_teasers(answer.sources)
        headers = answer.headers_at(time.time())
        if answer.etag in if_none_match:
            self._context.metrics.count_request(SIDEBARS, 304, time.perf_counter() - started)
            return Reply(304, [header for header in headers if header[0] != "Content-Type"], b"")
        self._context.metrics.count_request(SIDEBARS, 200, time.perf_counter() - started)
        headers.append(("Content-Length", str(len(answer.body))))
        return Reply(200, headers, answer.body)

    def stale_reply(self, stale: StaleAnswer, started: float) -> Reply:
        """The response while the database is away, counted; whole, so that no cache takes it for a confirmation."""
        body = stale.answer.body
        self._context.metrics.count_stale(stale.answer.sources)
        self._context.metrics.count_request(SIDEBARS, 200, time.perf_counter() - started)
        return Reply(200, [*stale.headers(), ("Content-Length", str(len(body)))], body)

    def prepared_at_once(self, key: Key, state: State | None, reader: QuickReader) -> Answer | None:
        """The answer if it is prepared, and known without waiting to be right."""
        query, html = key
        if state is None or html or not _is_plain(query) or self._context.interleaving.known_turn(state) != NO_RUN:
            return None
        return self._taken_up(query, state, find_at_once(reader, self._context.recommender, _id_in(query), state))

    def _prepared(self, query: str, state: State) -> Answer | None:
        if not _is_plain(query) or self._context.interleaving.turn(state) != NO_RUN:
            return None
        found = find_prepared(self._context.store, self._context.recommender, _id_in(query), state)
        return self._taken_up(query, state, found)

    def _taken_up(self, query: str, state: State, found: Prepared | None) -> Answer | None:
        if found is None:
            return None
        answer = make_answer(found.body, JSON, found.sources, self._context.settings)
        self._context.cache.put((query, False), NO_RUN, found.basis, answer, state)
        self._context.recorder.note_prepared(found.basis, found.body, found.seen)
        return answer


def _is_plain(query: str) -> bool:
    return query.startswith(PLAIN) and "&" not in query


def _id_in(query: str) -> str:
    return unquote_plus(query[len(PLAIN) :])


def wants_html(accept: str) -> bool:
    """Whether an Accept header prefers the fragment to JSON."""
    if HTML not in accept:
        return False
    return parse_accept_header(accept, MIMEAccept).best_match([JSON, HTML]) == HTML
