"""One request, within limits: what the tests of the endpoint cannot see from there."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest

from recommender.errors import Unavailable
from recommender.reranking.post import Unreached, post


@pytest.fixture
def certificate(tmp_path: Path, unavailable: Callable[[str, str], NoReturn]) -> Callable[[str], Path]:
    """Makes a certificate for a name that no authority has signed, with its key in the same file."""
    if shutil.which("openssl") is None:
        unavailable("openssl", "the program openssl is not installed")
    key, signed = tmp_path / "key.pem", tmp_path / "signed.pem"

    def make(name: str) -> Path:
        options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=reader".split()
        names = ["-addext", f"subjectAltName={name}"]
        subprocess.run(["openssl", *options, *names, "-keyout", key, "-out", signed], check=True, capture_output=True)
        key.write_bytes(key.read_bytes() + signed.read_bytes())
        return key

    return make


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def answering(listener: socket.socket, answer: Callable[[socket.socket], None]) -> threading.Thread:
    """Answers one connection by a function."""

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                answer(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_certificate_of_nobody_is_refused(
    certificate: Callable[[str], Path], listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is taken from who is told to trust it, and from no one else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own = certificate("IP:127.0.0.1")
    context.load_cert_chain(own)
    heard: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            heard.append(secure.recv(65_536))
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    url = f"https://127.0.0.1:{listener.getsockname()[1]}/v1/chat/completions"
    thread = answering(listener, answer)
    with pytest.raises(Unreached, match="certificate verify failed"):
        post(url, b"{}", {"Authorization": "Bearer secret"}, 5)
    thread.join()
    assert heard == []

    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    thread = answering(listener, answer)
    assert post(url, b"{}", {}, 5).body == b"{}"
    thread.join()


def test_name_of_another_host_is_refused(
    certificate: Callable[[str], Path], listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    others = certificate("IP:192.0.2.1")
    context.load_cert_chain(others)
    monkeypatch.setenv("SSL_CERT_FILE", str(others))
    thread = answering(listener, lambda connection: context.wrap_socket(connection, server_side=True).close())
    with pytest.raises(Unreached, match=r"not valid for '127\.0\.0\.1'"):
        post(f"https://127.0.0.1:{listener.getsockname()[1]}/v1", b"{}", {}, 5)
    thread.join()


def test_headers_that_drip_end_with_the_time(listener: socket.socket) -> None:
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not over.wait(0.02):
            connection.sendall(b"X: y\r\n")

    thread = answering(listener, answer)
    with pytest.raises(Unavailable, match=r"no whole answer within 0\.3 seconds|broke off"):
        post(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", b"{}", {}, 0.3)
    over.set()
    thread.join()


def test_silence_ends_with_the_time(listener: socket.socket) -> None:
    over = threading.Event()
    thread = answering(listener, lambda _: over.wait(10) and None)
    with pytest.raises(Unavailable, match=r"no whole answer within 0\.2 seconds"):
        post(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", b"{}", {}, 0.2)
    over.set()
    thread.join()


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"])
def test_what_is_not_http_is_no_answer(listener: socket.socket, answer: bytes) -> None:
    def send(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(answer)

    thread = answering(listener, send)
    with suppress(Unavailable):  # a length that is not one counts as none: then what comes is the whole
        assert post(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", b"{}", {}, 5).body == b""
    thread.join()


def test_proxy_of_the_environment_is_not_asked(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    thread = answering(
        listener,
        lambda connection: (connection.recv(65_536), connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nhere"))[1],
    )
    assert post(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", b"{}", {}, 5).body == b"here"
    thread.join()
