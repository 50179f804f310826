"""A request of the server's interface as WSGI's, and the response back."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pytest

from recommender.web.rsgi import Reply, environ_of, run_wsgi


class Headers:
    """Headers as the server gives them: names in lower case, more than one of a name."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self._pairs = pairs

    def items(self) -> Iterable[tuple[str, str]]:
        return self._pairs


@dataclass
class Scope:
    """A request without its body."""

    method: str = "GET"
    path: str = "/"
    query_string: str = ""
    http_version: str = "1.1"
    scheme: str = "http"
    server: str = "127.0.0.1:8000"
    client: str = "127.0.0.1:50000"
    authority: str | None = None
    headers: Any = field(default_factory=Headers)


def environ(body: bytes = b"", **values: Any) -> dict[str, Any]:
    return environ_of(Scope(**values), BytesIO(body))


def test_paths_are_bytes_in_latin_1() -> None:
    assert environ(path="/articles/Faladié")["PATH_INFO"].encode("latin-1").decode() == "/articles/Faladié"


def test_addresses_are_taken_apart() -> None:
    given = environ(server="[::1]:8000", client="[fe80::1]:50000")
    assert [given[name] for name in ("SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR", "REMOTE_PORT")] == [
        "::1",
        "8000",
        "fe80::1",
        "50000",
    ]


def test_headers_are_variables() -> None:
    headers = Headers(
        ("host", "example.org"), ("content-type", "text/plain"), ("content-length", "3"), ("accept-language", "fr")
    )
    given = environ(b"abc", headers=headers)
    assert [given[name] for name in ("HTTP_HOST", "CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_ACCEPT_LANGUAGE")] == [
        "example.org",
        "text/plain",
        "3",
        "fr",
    ]


def test_headers_of_one_name_are_joined() -> None:
    given = environ(headers=Headers(("accept", "a"), ("cookie", "x=1"), ("accept", "b"), ("cookie", "y=2")))
    assert (given["HTTP_ACCEPT"], given["HTTP_COOKIE"]) == ("a,b", "x=1; y=2")


def test_length_of_chunks_is_known() -> None:
    given = environ(b"abcde", headers=Headers(("transfer-encoding", "chunked")))
    assert (given["CONTENT_LENGTH"], given["wsgi.input"].read()) == ("5", b"abcde")
    assert "HTTP_TRANSFER_ENCODING" not in given


def test_response_is_taken_whole() -> None:
    closed: list[bool] = []

    class Parts(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def app(_environ: Any, start_response: Any) -> Iterable[bytes]:
        write = start_response("201 Created", [("X-Name", "value")])
        write(b"one ")
        return Parts([b"two ", b"three"])

    assert run_wsgi(app, environ()) == Reply(201, [("X-Name", "value")], b"one two three")
    assert closed == [True]


def test_response_is_closed_after_a_fault() -> None:
    closed: list[bool] = []

    class Parts:
        def __iter__(self) -> Iterable[bytes]:
            raise RuntimeError("half way")

        def close(self) -> None:
            closed.append(True)

    with pytest.raises(RuntimeError, match="half way"):
        run_wsgi(lambda _environ, _start: Parts(), environ())  # type: ignore[arg-type,return-value]
    assert closed == [True]
