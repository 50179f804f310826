"""A service whose PostgreSQL is frozen: it says so in time, goes on with what it has, and recovers by itself."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPMessage
from pathlib import Path

import pytest

from recommender.settings import load_settings
from recommender.web.cache import STALE
from recommender.wiring import make_builder, open_store
from tests.embedder import ToyEmbedder
from tests.freezing import Network, network_to
from tests.web.served import Served, eventually, serving
from tests.web.test_front_door import PATHS, asked
from tests.web.toy import ARCHIVE

CONNECT = 2  # seconds; psycopg gives a connection no less
BOUNDED = 3 * CONNECT + 3  # a kept connection, a new one, the look before them; and a busy machine
SOON = 3  # the same where nothing is waited for
Answer = tuple[int, HTTPMessage, bytes, float]


def timed(served: Served, path: str, method: str = "GET") -> Answer:
    began = time.monotonic()
    status, headers, body = asked(served, method, path)
    return status, headers, body, time.monotonic() - began


@pytest.fixture(params=["text", "json"])
def frozen(
    request: pytest.FixtureRequest, own_postgresql_database: str, tmp_path: Path
) -> Iterator[tuple[Served, Network]]:
    """A service that has answered every path, and whose network has been frozen then.

    With an access log every sidebar goes through a thread.
    """
    store = open_store(own_postgresql_database)
    store.articles.upsert(ARCHIVE)
    make_builder(store, load_settings(), ToyEmbedder()).build()
    store.close()
    with network_to(own_postgresql_database) as (network, address):
        settings = {"database_url": address, "database_connect_seconds": CONNECT, "database_statement_seconds": 2}
        with serving(tmp_path / "none.db", log_format=request.param, **settings) as served:
            assert eventually(lambda: served.status("/readyz") == 200)
            assert {served.status(path) for path in PATHS} == {200}
            network.freeze()
            yield served, network
            network.thaw()


def test_frozen_database_stops_no_service(frozen: tuple[Served, Network]) -> None:
    served, network = frozen
    new = [f"{PATHS[0]}&n={n}" for n in range(1, 10)]
    with ThreadPoolExecutor(64) as threads:

        def together(paths: list[str]) -> list[Answer]:
            return list(threads.map(lambda path: timed(served, path), paths))

        first = threads.submit(together, [*PATHS, *new, "/readyz", "/metrics", "/articles/gold-1"] * 2)
        while not first.done():
            for method in ("GET", "HEAD"):
                status, _, _, seconds = timed(served, "/healthz", method)
                assert (status, seconds < SOON) == (200, True)
            time.sleep(0.1)
        assert max(answer[3] for answer in first.result()) < BOUNDED

        kept, unknown, ready = together(PATHS), together(new), timed(served, "/readyz")
    assert all((status, STALE in headers, bool(body)) == (200, True, True) for status, headers, body, _ in kept)
    assert all((status, headers["Retry-After"]) == (503, "5") for status, headers, _, _ in [*unknown, ready])
    assert max(answer[3] for answer in [*kept, *unknown, ready]) < SOON
    assert b"127.0.0.1" not in b"".join(answer[2] for answer in [*unknown, ready])
    network.thaw()
    assert eventually(lambda: served.status("/readyz") == 200)
    status, headers, *_ = timed(served, PATHS[0])
    assert (status, STALE in headers) == (200, False)
