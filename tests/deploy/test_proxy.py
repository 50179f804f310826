"""The proxy's configuration, run against a served instance: what it passes, caches, holds up and refuses."""

import http.client
import json
import re
import secrets
import shutil
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest

from recommender.wiring import make_accounts, open_store
from tests.deploy.conftest import SETTINGS
from tests.deploy.proxied import Proxy, proxying
from tests.web.served import Served, eventually, serving
from tests.web.toy import KEY

SIDEBAR = "/api/v1/recommend?article_id=blockade-1"
WRITE = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}


# -- what is passed ----------------------------------------------------------------------------------------------------


def test_sidebar_comes_over_tls(proxy: Proxy) -> None:
    answer = proxy.ask(SIDEBAR)
    assert answer.status == 200
    assert json.loads(answer.body)["items"]
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Server" not in answer.headers or answer.headers["Server"] == "nginx"


def test_plain_http_leads_to_tls(proxy: Proxy) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.plain_port)
    connection.request("GET", "/editor/", headers={"Host": "localhost"})
    response = connection.getresponse()
    assert (response.status, response.headers["Location"]) == (301, "https://localhost/editor/")
    connection.close()


@pytest.mark.parametrize("path", ["/static/sidebar.js", "/editor/sign-in", "/api/v1/stories/blockade-1"])
def test_public_pages_are_passed(proxy: Proxy, path: str) -> None:
    assert proxy.ask(path).status == 200


@pytest.mark.parametrize("path", ["/", "/metrics", "/readyz", "/healthz", "/docs", "/openapi.json", "/articles/gold-1"])
def test_the_rest_stays_inside(proxy: Proxy, service: Served, path: str) -> None:
    assert service.status(path) == 200
    assert proxy.ask(path).status == 404


def test_articles_are_written_from_the_newsroom_only(proxy: Proxy, service: Served) -> None:
    path, body = "/api/v1/articles/gold-1", b"{}"
    assert proxy.ask(path, "PUT", body, WRITE).status == 422  # it got there
    with proxying(int(service.url.rpartition(":")[2]), writers="192.0.2.10") as strict:
        assert strict.ask(path, "PUT", body, WRITE).status == 404


# -- the cache ---------------------------------------------------------------------------------------------------------


def test_sidebar_is_cached_then_asked_for_again(proxy: Proxy) -> None:
    path = "/api/v1/recommend?article_id=gold-1&n=2"
    first, second = proxy.ask(path), proxy.ask(path)
    assert (first.headers["X-Cache"], second.headers["X-Cache"]) == ("MISS", "HIT")
    assert first.body == second.body
    time.sleep(2.1)
    assert proxy.ask(path).headers["X-Cache"] == "REVALIDATED"


def test_answers_to_a_key_pass_the_cache(proxy: Proxy) -> None:
    """Neither does a program get what strangers got, nor strangers what a program gets."""
    path, key = "/api/v1/recommend?article_id=gold-1&n=4", {"Authorization": f"Bearer {KEY}"}
    asked = [proxy.ask(path, headers=headers).headers["X-Cache"] for headers in (key, None, key, None)]
    assert asked == ["BYPASS", "MISS", "BYPASS", "HIT"]


def test_formats_are_cached_apart(proxy: Proxy) -> None:
    path = "/api/v1/recommend?article_id=gold-1&n=1"
    kinds = [
        proxy.ask(path, headers={"Accept": kind}).headers["Content-Type"] for kind in ("application/json", "text/html")
    ]
    assert [kind.partition(";")[0] for kind in kinds] == ["application/json", "text/html"]


@pytest.fixture
def database_of(archive_file: Path, tmp_path: Path) -> Path:
    """The database of `own`."""
    return Path(shutil.copy(archive_file, tmp_path))


@pytest.fixture
def own(_nginx: None, database_of: Path) -> Iterator[tuple[Proxy, Served]]:
    """A service that the test may stop, and a proxy in front."""
    with serving(database_of, **SETTINGS) as served, proxying(int(served.url.rpartition(":")[2])) as running:
        yield running, served


def test_last_sidebar_stands_in_while_the_service_is_down(own: tuple[Proxy, Served]) -> None:
    proxy, served = own
    before = proxy.ask(SIDEBAR)
    missing = "/api/v1/recommend?article_id=gold-2"
    assert proxy.ask(missing).status == 200
    assert proxy.ask("/api/v1/articles/gold-2", "DELETE", headers=WRITE).status in {200, 202, 204}
    assert eventually(lambda: proxy.ask(missing).status == 404)
    served.process.terminate()
    assert served.process.wait(60) == 0
    time.sleep(2.1)
    stale = proxy.ask(SIDEBAR)
    assert (stale.status, stale.headers["X-Cache"], stale.body) == (200, "STALE", before.body)
    assert proxy.ask("/static/sidebar.js").status == 502  # nobody has asked for it before
    # What was withdrawn doesn't come back, though its sidebar was cached once.
    assert proxy.ask(missing).status in {404, 502}


# -- attacks -----------------------------------------------------------------------------------------------------------


def page_views(proxy: Proxy, seconds: float, source: str = "127.0.0.2") -> list[float]:
    """Seconds that the page views of another reader take, some each second; every one is answered."""
    times, end = [], time.monotonic() + seconds
    place = 0
    while time.monotonic() < end:
        place += 1
        answer = proxy.ask(f"/api/v1/recommend?article_id=blockade-1&n={place % 10 + 1}", source=source)
        assert answer.status == 200
        times.append(answer.seconds)
        time.sleep(0.03)
    return sorted(times)


def go_on(times: list[float]) -> bool:
    """Whether page views are answered all the while; where an attack holds the service up, each takes many seconds.

    How fast they are says a machine that does nothing else: `python -m benchmarks`.
    """
    return statistics.median(times) < 1 and times[-1] < 10


@contextmanager
def slow_bodies(proxy: Proxy, count: int, path: str) -> Iterator[list[http.client.HTTPSConnection]]:
    """Connections that have promised a body and sent the beginning of it."""
    with ExitStack() as stack:
        connections = []
        for _ in range(count):
            connection = proxy.connection()
            stack.callback(connection.close)
            connection.putrequest("POST", path)
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", "10000")
            connection.endheaders(b'{"title": "')
            connections.append(connection)
        yield connections


def test_slow_bodies_hold_no_thread(proxy: Proxy, service: Served) -> None:
    """The service has ten threads; thirty senders who never finish take none of them."""
    with slow_bodies(proxy, 30, "/api/v1/recommend") as connections:
        times = page_views(proxy, 5)
        assert service.counted("recommender_requests_in_flight") == 1  # the one that asks
        assert go_on(times), (statistics.median(times), times[-1])
        time.sleep(8)  # the proxy lets them go after ten seconds of silence
        assert connections[0].sock is not None
        connections[0].sock.settimeout(5)
        assert connections[0].sock.recv(1000)[:12] in {b"", b"HTTP/1.1 408"}


@pytest.mark.parametrize(
    ("path", "method", "size"),
    [
        ("/api/v1/events", "POST", 17_000),
        ("/editor/sign-in", "POST", 17_000),
        ("/api/v1/recommend", "POST", 1_100_000),
        ("/editor/draft", "POST", 4_300_000),
        ("/api/v1/articles", "POST", 68_000_000),
    ],
)
def test_large_bodies_end_at_the_proxy(proxy: Proxy, service: Served, path: str, method: str, size: int) -> None:
    before = service.counted('recommender_rejected_total{limit="size"}')
    connection = proxy.connection()
    connection.putrequest(method, path)
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
    assert service.counted('recommender_rejected_total{limit="size"}') == before


def test_many_connections_of_one_reader_are_refused(proxy: Proxy) -> None:
    with slow_bodies(proxy, 60, "/api/v1/recommend") as connections:
        time.sleep(1)
        refused = 0
        for connection in connections:
            assert connection.sock is not None
            connection.sock.settimeout(0.05)
            with suppress(TimeoutError):  # one of those that are waited for
                refused += connection.sock.recv(1000).startswith(b"HTTP/1.1 429")
        times = page_views(proxy, 3)
    assert refused == 20
    assert go_on(times), (statistics.median(times), times[-1])


def test_sign_in_floods_end_at_the_proxy(proxy: Proxy) -> None:
    """Each would hash a password and then sleep, in a thread of the service."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    def sign_in(number: int) -> int:
        return proxy.ask("/editor/sign-in", "POST", b"name=a&password=b", form, source=f"127.0.1.{number}").status

    with ThreadPoolExecutor(20) as pool:
        statuses = pool.map(sign_in, range(1, 41))
        times = page_views(proxy, 3)
        counted = list(statuses)
    assert counted.count(429) >= 15  # of 40; the longer the machine takes to send them, the more it lets through
    assert go_on(times), (statistics.median(times), times[-1])


def sign_ins(proxy: Proxy, source: str, *passwords: str) -> list[int]:
    """The status of each sign-in from an address, by a browser that says it comes from elsewhere each time."""
    page = proxy.ask("/editor/sign-in", source=source)
    token = re.search(rb'name="csrf_token" value="([^"]+)"', page.body)
    assert token
    cookie = page.headers["set-cookie"].partition(";")[0]
    statuses = []
    for password in passwords:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": cookie,
            "X-Forwarded-For": f"192.0.2.{secrets.randbelow(256)}",
        }
        form = urlencode({"csrf_token": token[1], "name": "Awa", "password": password}).encode()
        statuses.append(proxy.ask("/editor/sign-in", "POST", form, headers, source).status)
    return statuses


def test_failures_count_for_the_address_that_the_proxy_has_seen(own: tuple[Proxy, Served], database_of: Path) -> None:
    proxy, _ = own
    with closing(open_store(f"sqlite:///{database_of}")) as store:
        make_accounts(store).add("Awa", "editor", "test", "millet and rain")
    # The proxy itself lets ten requests through at once.
    assert sign_ins(proxy, "127.0.2.1", *["wrong"] * 5, "millet and rain") == [401] * 6
    assert sign_ins(proxy, "127.0.2.2", "millet and rain") == [303]


# -- logs --------------------------------------------------------------------------------------------------------------


def test_log_names_no_token_and_no_query(proxy: Proxy) -> None:
    proxy.ask("/editor/link/a-secret-token")
    proxy.ask("/editor/articles?q=a-secret-word")
    proxy.ask("/api/v1/recommend?article_id=a-secret-story")
    (request_id,) = {proxy.ask("/static/sidebar.js").headers["X-Request-ID"]}
    assert eventually(lambda: request_id in proxy.log())
    assert "secret" not in proxy.log()
    assert {json.loads(line)["path"] for line in proxy.log().splitlines()} >= {"/editor", "/api/v1/recommend"}


def test_request_id_is_that_of_the_service(own: tuple[Proxy, Served]) -> None:
    proxy, served = own
    request_id = proxy.ask("/api/v1/stories/blockade-1").headers["X-Request-ID"]
    served.process.terminate()
    assert served.process.stdout is not None
    events = [json.loads(line) for line in served.process.stdout]
    (event,) = [event for event in events if event.get("request_id") == request_id]
    assert (event["route"], event["status"]) == ("/api/v1/stories/<path:article_id>", 200)
