"""Page views never wait: whatever strangers and writers do to a running service, sidebars come at once."""

import http.client
import json
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import psycopg
import pytest

from benchmarks.stand import at_once
from recommender.desk.accounts import REFUSAL_SECONDS
from recommender.settings import load_settings
from recommender.web.lanes import ARTICLES, EVENTS
from recommender.web.pause import LATER
from recommender.wiring import make_builder, open_store
from tests.embedder import ToyEmbedder
from tests.web.conftest import MakeClient
from tests.web.served import PATIENCE, Served, eventually, serving
from tests.web.toy import ARCHIVE, KEY

SIDEBAR = "/api/v1/recommend"
PATHS = [f"{SIDEBAR}?article_id={story.id}" for story in ARCHIVE if story.status == "published" and not story.flags]
WRITER = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
TOKEN = rb'name="csrf_token" value="([^"]+)"'
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def archive(toy_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copy(toy_archive, tmp_path_factory.mktemp("served") / "copy.db"))


@pytest.fixture(scope="module")
def served(archive: Path) -> Iterator[Served]:
    """One web worker, so that what one request takes is taken from all others."""
    with serving(archive, workers=1, api_keys=KEY) as running:
        assert eventually(lambda: running.status(PATHS[0]) == 200)
        yield running


def connected(served: Served, timeout: float = PATIENCE) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", urlsplit(served.url).port or 0, timeout=timeout)


def asked(
    served: Served, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    with closing(connected(served)) as connection:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def seconds_of_page_views(served: Served, seconds: float = 4.0) -> list[float]:
    """How long each of some page views takes that follow each other; every one must be answered."""
    times, end = [], time.monotonic() + seconds
    with closing(connected(served)) as connection:
        while time.monotonic() < end or len(times) < 100:
            began = time.perf_counter()
            connection.request("GET", PATHS[len(times) % len(PATHS)])
            response = connection.getresponse()
            assert (response.status, bool(response.read())) == (200, True)
            times.append(time.perf_counter() - began)
    return times


def assert_page_views_go_on(served: Served) -> None:
    times = sorted(seconds_of_page_views(served))
    assert statistics.median(times) < 0.05
    assert times[len(times) * 99 // 100] < 1.0


def sign_in_form(served: Served) -> tuple[dict[str, str], bytes]:
    """The headers and the body with which a stranger guesses a password."""
    _, headers, page = asked(served, "GET", "/editor/sign-in")
    token = re.search(TOKEN, page)
    assert token is not None
    form = {"csrf_token": token[1].decode(), "name": "Awa", "password": "a guess of a stranger"}
    cookie = str(headers["Set-Cookie"]).partition(";")[0]
    return {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}, urlencode(form).encode()


# -- while others do what they like ------------------------------------------------------------------------------------


def test_page_views_go_on_beside_sign_ins(served: Served) -> None:
    headers, body = sign_in_form(served)
    statuses = set()

    def guess() -> None:
        statuses.add(asked(served, "POST", "/editor/sign-in", body, headers)[0])

    with at_once(20, guess):
        time.sleep(0.5)
        assert_page_views_go_on(served)
    assert statuses <= {401, 503}
    assert 401 in statuses


def test_refusal_is_held_back(served: Served) -> None:
    headers, body = sign_in_form(served)
    began = time.monotonic()
    assert asked(served, "POST", "/editor/sign-in", body, headers)[0] == 401
    assert time.monotonic() - began >= REFUSAL_SECONDS


def test_refusal_waits_outside_the_view(make_client: MakeClient) -> None:
    """The server holds the answer back, and the thread is free meanwhile."""
    client, pauses = make_client(), list[float]()
    token = re.search(TOKEN, client.get("/editor/sign-in").data)
    assert token is not None
    form = {"csrf_token": token[1].decode(), "name": "Awa", "password": "a guess of a stranger"}
    began = time.monotonic()
    client.post("/editor/sign-in", data=form, environ_overrides={LATER: pauses.append})
    assert time.monotonic() - began + pauses[0] >= REFUSAL_SECONDS


@contextmanager
def slow_bodies(served: Served, count: int) -> Iterator[list[socket.socket]]:
    """Connections that have said that a body comes, and send nothing of it."""
    form, of_json = "application/x-www-form-urlencoded", "application/json"
    targets = [
        ("POST /api/v1/recommend", of_json),
        ("POST /editor/sign-in", form),
        ("POST /api/v1/events", of_json),
        ("PUT /api/v1/articles/slow", of_json),
    ]
    with ExitStack() as stack:
        sockets = []
        for number in range(count):
            address = ("127.0.0.1", urlsplit(served.url).port)
            one = stack.enter_context(socket.create_connection(address, timeout=PATIENCE))  # type: ignore[arg-type]
            line, kind = targets[number % 4]
            head = f"{line} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: 1000\r\n\r\n{{"
            one.sendall(head.encode())
            sockets.append(one)
        yield sockets


def test_page_views_go_on_beside_slow_bodies(served: Served) -> None:
    with slow_bodies(served, 40):
        assert_page_views_go_on(served)
        assert served.status("/") == 200
        assert served.status("/healthz") == 200


def test_slow_body_is_given_up(served: Served) -> None:
    port = urlsplit(served.url).port or 0
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as slow:
        slow.sendall(b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        began = time.monotonic()
        answer = b"".join(iter(lambda: slow.recv(65_536), b""))  # to the end: the connection is closed
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in answer
    assert EVENTS.body_seconds - 1 < time.monotonic() - began < EVENTS.body_seconds + 10


def test_page_views_go_on_beside_waiting_writers(served: Served, archive: Path) -> None:
    body = json.dumps({"title": "A", "body": "B", "url": "https://example.org/a"}).encode()
    with ThreadPoolExecutor(10) as threads:
        with closing(sqlite3.connect(archive, isolation_level=None)) as locked:
            locked.execute("BEGIN IMMEDIATE")
            put = [
                threads.submit(asked, served, "PUT", f"/api/v1/articles/new-{number}", body, WRITER)
                for number in range(10)
            ]
            time.sleep(0.5)
            assert_page_views_go_on(served)
            assert served.status("/") == 200
            assert not any(one.done() for one in put)
            locked.execute("ROLLBACK")
        assert {one.result()[0] for one in put} <= {201, 202}


def test_page_views_go_on_beside_writers_of_postgresql(own_postgresql_database: str, tmp_path: Path) -> None:
    """There the revision is looked at by a thread, and writers wait for a row."""
    store = open_store(own_postgresql_database)
    store.articles.upsert(ARCHIVE)
    make_builder(store, load_settings(), ToyEmbedder()).build()
    store.close()
    body = json.dumps({"title": "A", "body": "B", "url": "https://example.org/a"}).encode()
    plain = own_postgresql_database.replace("+psycopg", "")
    with (
        serving(tmp_path / "none.db", workers=1, api_keys=KEY, database_url=own_postgresql_database) as running,
        ThreadPoolExecutor(10) as threads,
    ):
        with psycopg.connect(plain) as locked:
            locked.execute("SELECT * FROM state FOR UPDATE")
            put = [
                threads.submit(asked, running, "PUT", f"/api/v1/articles/new-{number}", body, WRITER)
                for number in range(10)
            ]
            time.sleep(0.5)
            assert_page_views_go_on(running)
            assert not any(one.done() for one in put)
        assert {one.result()[0] for one in put} <= {201, 202}


def many_keys(size: int) -> bytes:
    """A body of about so many bytes, of nothing but keys that no field has."""
    return b'{"title": "A"' + b"".join(b',"k%07d":1' % number for number in range(size // 13)) + b"}"


@pytest.mark.parametrize(
    ("method", "path", "size", "status"),
    [
        ("POST", SIDEBAR, 58 * MIB, 413),
        ("PUT", "/api/v1/articles/large", 58 * MIB, 413),
        ("PUT", "/api/v1/articles/large", 15 * MIB, 400),
        ("POST", SIDEBAR, 3 * MIB, 400),
    ],
)
def test_many_keys_take_no_memory(served: Served, method: str, path: str, size: int, status: int) -> None:
    body, before = many_keys(size), memory(served)
    try:
        answer = asked(served, method, path, body, WRITER)
    except (BrokenPipeError, ConnectionResetError):
        assert status == 413  # it is answered, and closed, while the body is still being sent
    else:
        assert answer[0] == status
        assert answer[1]["Content-Type"] == "application/problem+json"
        assert len(answer[2]) < 2_000
    assert memory(served) - before < 150 * MIB
    assert_page_views_go_on(served)


def memory(served: Served) -> int:
    """The most that the web worker has had at once, in bytes."""
    status = Path(f"/proc/{served.workers()[0].pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]


# -- one request -------------------------------------------------------------------------------------------------------


def test_declared_length_is_refused_before_a_byte_is_read(served: Served) -> None:
    port = urlsplit(served.url).port or 0
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as large:
        large.sendall(b"PUT /api/v1/articles/a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
        answer = b"".join(iter(lambda: large.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


def test_body_in_chunks_is_limited(served: Served) -> None:
    chunks = (b"x" * 1_000 for _ in range(EVENTS.body_bytes // 1_000 + 1))
    with closing(connected(served)) as connection:
        connection.request("POST", "/api/v1/events", chunks, encode_chunked=True)
        assert connection.getresponse().status == 413


def test_body_in_chunks_is_read(served: Served) -> None:
    text = json.dumps({"title": "A", "body": "B" * 2 * MIB}).encode()  # more than is kept in memory
    with closing(connected(served)) as connection:
        parts = (text[start : start + 65_536] for start in range(0, len(text), 65_536))
        connection.request("PUT", "/api/v1/articles/chunks", parts, WRITER, encode_chunked=True)
        response = connection.getresponse()
        assert (response.status, b"at most 1000000 characters" in response.read()) == (422, True)


def test_half_a_body_is_not_taken_for_a_whole(served: Served) -> None:
    text = json.dumps({"title": "Half", "body": "B", "url": "https://example.org/half"}).encode()
    head = f"PUT /api/v1/articles/half HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(text) + 10}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", urlsplit(served.url).port or 0)) as half:
        half.sendall(head.encode() + text)
    time.sleep(1)
    assert served.status(f"{SIDEBAR}?article_id=half") == 404


def test_full_lane_says_when_to_come_back(served: Served, archive: Path) -> None:
    """Deleting waits for the lock, like every write; those that fit neither thread nor queue are answered at once."""
    room = ARTICLES.threads + ARTICLES.waiting
    with ThreadPoolExecutor(room + 5) as threads, closing(sqlite3.connect(archive, isolation_level=None)) as locked:
        locked.execute("BEGIN IMMEDIATE")
        deleted = [
            threads.submit(asked, served, "DELETE", f"/api/v1/articles/unknown-{number}", b"", WRITER)
            for number in range(room + 5)
        ]
        assert eventually(lambda: sum(one.done() for one in deleted) == 5)
        locked.execute("ROLLBACK")
        refused = [one.result() for one in deleted if one.result()[0] != 404]
    assert [(status, headers["Retry-After"]) for status, headers, _ in refused] == [(503, "5")] * 5
    assert served.counted('recommender_requests_total{route="lane articles",status="503"}') == 5.0


@pytest.mark.parametrize("path", [PATHS[0], "/", "/editor/sign-in", "/static/sidebar.js", "/nowhere", "/metrics"])
def test_every_answer_is_guarded(served: Served, path: str) -> None:
    assert asked(served, "GET", path)[1]["X-Content-Type-Options"] == "nosniff"


def test_second_view_is_answered_from_memory(served: Served) -> None:
    first, again = asked(served, "GET", PATHS[0]), asked(served, "GET", PATHS[0])
    assert (first[0], first[2], first[1]["ETag"]) == (again[0], again[2], again[1]["ETag"])
    tag = {"If-None-Match": str(first[1]["ETag"])}
    assert asked(served, "GET", PATHS[0], headers=tag)[::2] == (304, b"")


def test_head_has_no_body(served: Served) -> None:
    status, headers, body = asked(served, "HEAD", PATHS[0])
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 0


def test_names_of_headers_have_no_double(served: Served) -> None:
    """X-Name and X_Name are one in WSGI: what a proxy takes away by the first must not come in by the second."""
    headers = {"Origin": "https://elsewhere.example"}  # such a view goes through WSGI
    tag = str(asked(served, "GET", PATHS[0], headers=headers)[1]["ETag"])
    assert asked(served, "GET", PATHS[0], headers=headers | {"If-None-Match": tag})[0] == 304
    assert asked(served, "GET", PATHS[0], headers=headers | {"If_None_Match": tag})[0] == 200


# -- the end -----------------------------------------------------------------------------------------------------------


def test_accepted_requests_are_answered_at_the_end(real_archive: Path, tmp_path: Path) -> None:
    """A PUT that waits for the database, and a draft whose model is being loaded."""
    database = Path(shutil.copy(real_archive, tmp_path / "copy.db"))
    article = {"title": "Convoys reach Bamako", "body": "Tankers arrive in Bamako.", "url": "https://example.org/new"}
    draft = {"title": "Convoys reach Bamako", "body": "Tankers arrive in Bamako."}
    with serving(database, workers=1, api_keys=KEY) as running, ThreadPoolExecutor(2) as threads:
        with closing(sqlite3.connect(database, isolation_level=None)) as locked:
            locked.execute("BEGIN IMMEDIATE")
            put = threads.submit(asked, running, "PUT", "/api/v1/articles/new", json.dumps(article).encode(), WRITER)
            post = threads.submit(asked, running, "POST", SIDEBAR, json.dumps(draft).encode(), WRITER)
            time.sleep(1)
            running.process.send_signal(signal.SIGTERM)
            assert eventually(lambda: running.status("/healthz") == 0)  # new ones find the door closed
            locked.execute("ROLLBACK")
        assert put.result()[0] in (201, 202)
        assert post.result()[0] == 200
        assert running.process.wait(PATIENCE) == 0
    with closing(sqlite3.connect(database)) as stored:
        assert stored.execute("SELECT count(*) FROM article WHERE id = 'new'").fetchone() == (1,)
