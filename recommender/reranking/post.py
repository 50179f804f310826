"""One JSON request to one address, within limits of time and size; the only module of the readers that knows HTTP.

The standard library is asked rather than a client: it follows no redirect, reads no proxy from the environment, tries
nothing twice, and its socket is at hand when the time is over.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from recommender.errors import Unavailable

CONNECT_SECONDS = 5.0
MAX_BYTES = 262_144  # of an answer: a box of fifty candidates with long reasons has a tenth of it


class Unreached(Unavailable):
    """There was no connection, so nothing was sent."""


@dataclass(frozen=True)
class Reply:
    """What came back, whatever its status; `retry_after` is the header of that name."""

    status: int
    body: bytes
    retry_after: str | None


def post(url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Reply:
    """The answer to a POST of JSON, complete within `seconds` from the first byte sent.

    A certificate must be valid and name the host; the system's authorities count. Raises Unreached where there is no
    connection within CONNECT_SECONDS, Unavailable for no whole answer in time, or one longer than MAX_BYTES.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, parts.port, timeout=CONNECT_SECONDS, context=context)
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=CONNECT_SECONDS)
    try:
        connection.connect()
    except (OSError, ValueError) as error:
        connection.close()
        raise Unreached(f"{_place(url)} cannot be reached: {_said(error)}") from error
    overdue = threading.Event()
    # Limits of a socket hold for each read: who sends a byte now and then would keep us for ever.
    watch = threading.Timer(seconds, _hang_up, (connection.sock, overdue))
    watch.daemon = True
    watch.start()
    try:
        connection.sock.settimeout(seconds)
        connection.request("POST", parts.path, body, {**_HEADERS, **headers})
        response = connection.getresponse()
        answer = response.read(MAX_BYTES + 1)
        encoding = response.getheader("Content-Encoding", "identity")
    except (OSError, http.client.HTTPException, ValueError) as error:
        if overdue.is_set() or isinstance(error, TimeoutError):
            raise Unavailable(f"{_place(url)} gave no whole answer within {seconds:g} seconds") from error
        raise Unavailable(f"{_place(url)} broke off: {_said(error)}") from error
    finally:
        watch.cancel()
        connection.close()
    if overdue.is_set():  # the end of a body without a length looks like any other
        raise Unavailable(f"{_place(url)} gave no whole answer within {seconds:g} seconds")
    if len(answer) > MAX_BYTES:
        raise Unavailable(f"{_place(url)} answered with more than {MAX_BYTES:,} bytes")
    if encoding != "identity":
        raise Unavailable(f"{_place(url)} answered in the encoding {encoding[:40]!r}, which was not asked for")
    return Reply(response.status, answer, response.getheader("Retry-After"))


_HEADERS = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}


def _hang_up(connected: socket.socket, overdue: threading.Event) -> None:
    overdue.set()
    with suppress(OSError):  # it is closed already
        connected.shutdown(socket.SHUT_RDWR)


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
