"""The access log: one event for each request, with the route in place of the path.

An address of the desk may hold a token or name what is not public, and a query may hold what somebody searched for: no
line has a path, a query, an address of a reader or the name of an account.
"""

import logging
import re
import secrets
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from recommender.logs import request_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROUTE = "recommender.route"  # where in the WSGI environment the view's rule stands once it is known
UNKNOWN = "unknown"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

_log = logging.getLogger(__name__)


class AccessLog:
    """WSGI middleware around the application."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answers as the application does, and writes a line when the answer is ready to be sent."""
        started = time.perf_counter()
        status = 500  # what the server answers where the application raises

        def start(line: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            nonlocal status
            status = int(line.partition(" ")[0])
            return start_response(line, headers, *error)

        token = request_id.set(_id_of(environ))
        try:
            return self._app(environ, start)
        finally:
            event = {
                "method": environ["REQUEST_METHOD"],
                "route": environ.get(ROUTE, UNKNOWN),
                "status": status,
                "seconds": round(time.perf_counter() - started, 6),
            }
            _log.info("request", extra={"event": event})
            request_id.reset(token)


def _id_of(environ: "WSGIEnvironment") -> str:
    """The id that the proxy has given, where it is one; else a new one."""
    given = environ.get("HTTP_X_REQUEST_ID", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
