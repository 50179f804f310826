"""RSGI, granian's own interface, and WSGI, the application's: a request of one as that of the other."""

import sys
from collections.abc import AsyncIterator, Callable
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

Headers = list[tuple[str, str]]


class Reply(NamedTuple):
    """A whole response."""

    status: int
    headers: Headers
    body: bytes


class Scope(Protocol):
    """A request without its body, as RSGI has it."""

    method: str
    path: str
    query_string: str
    http_version: str
    scheme: str
    server: str
    client: str
    authority: str | None
    headers: Any


class Exchange(Protocol):
    """Reads the body of a request, and takes the response."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None: ...


def run_wsgi(app: "WSGIApplication", environ: "WSGIEnvironment") -> Reply:
    """The whole response of a WSGI application."""
    begun: list[tuple[int, Headers]] = []
    written: list[bytes] = []

    def start_response(status: str, headers: Headers, _error: object = None) -> Callable[[bytes], object]:
        begun[:] = [(int(status.split(" ", 1)[0]), list(headers))]
        return written.append

    parts = app(environ, start_response)
    try:
        body = b"".join([*written, *parts])
    finally:
        if hasattr(parts, "close"):
            parts.close()
    status, headers = begun[0]
    return Reply(status, headers, body)


def environ_of(scope: Scope, body: IO[bytes]) -> "WSGIEnvironment":
    """The request as PEP 3333 has it; the body is at its beginning."""
    client, _, client_port = scope.client.rpartition(":")
    server, _, server_port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": server.strip("[]"),
        "SERVER_PORT": server_port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": client.strip("[]"),
        "REMOTE_PORT": client_port,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope.authority is not None:
        environ["HTTP_HOST"] = scope.authority
    for name, value in scope.headers.items():
        if "_" in name:
            continue  # a proxy that sets X-Name would not take X_Name away, and both have one name here
        variable = name.upper().replace("-", "_")
        if variable not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            variable = f"HTTP_{variable}"
        if variable in environ and variable != "HTTP_HOST":
            value = f"{environ[variable]}{'; ' if name == 'cookie' else ','}{value}"  # noqa: PLW2901  # one, joined
        environ[variable] = value
    if "HTTP_TRANSFER_ENCODING" in environ:  # it has been read, and its length is known
        del environ["HTTP_TRANSFER_ENCODING"]
        environ["CONTENT_LENGTH"] = str(body.seek(0, 2))
        body.seek(0)
    return environ
