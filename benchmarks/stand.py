"""What the trials need: a service on an archive of its own, on either database, and page views that are timed."""

import http.client
import re
import secrets
import sqlite3
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psutil
import psycopg
from sqlalchemy import make_url

from recommender.settings import load_settings
from recommender.wiring import make_builder, open_store
from tests import postgres
from tests.web.served import SERVE, Served, eventually, serving
from tests.web.toy import ARCHIVE, KEY

SIDEBAR = "/api/v1/recommend"
PATHS = [f"{SIDEBAR}?article_id={story.id}" for story in ARCHIVE if story.status == "published" and not story.flags]
WRITER = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
MEDIAN_SECONDS, P99_SECONDS = 0.05, 1.0
PATIENCE = 60.0
VIEW_PATIENCE = 10.0  # a reader's browser has left the box hidden long before
MIB = 1024 * 1024


@dataclass(frozen=True)
class Database:
    """A built archive of few stories."""

    name: str
    url: str
    folder: Path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds what every writer needs, for the block."""
        if self.name == "SQLite":
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                yield
                connection.execute("ROLLBACK")
        else:
            with psycopg.connect(self.url.replace("+psycopg", "")) as plain:
                plain.execute("SELECT * FROM state FOR UPDATE")
                yield

    def server_processes(self) -> list[psutil.Process]:
        """The processes of PostgreSQL; none for SQLite."""
        port = make_url(self.url).port
        if port is None:
            return []
        listening = next(
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
        )
        postmaster = psutil.Process(listening)
        return [postmaster, *postmaster.children(recursive=True)]


@contextmanager
def databases(names: Sequence[str]) -> Iterator[list[Database]]:
    """The archive in each of the databases that are named."""
    with TemporaryDirectory() as name, ExitStack() as stack:
        made = []
        for kind in names:
            folder = Path(name) / kind.lower()
            folder.mkdir()
            url = f"sqlite:///{folder / 'archive.db'}"
            if kind == "PostgreSQL":
                url = stack.enter_context(postgres.database(stack.enter_context(postgres.server())))
            fill(url)
            made.append(Database(kind, url, folder))
        yield made


def fill(url: str) -> None:
    """Stores and builds the archive, with the real model."""
    store = open_store(url)
    store.articles.upsert(ARCHIVE)
    make_builder(store, load_settings()).build()
    store.close()


@contextmanager
def service(
    database: Database, workers: int = 2, program: Sequence[str] = SERVE, port: int | None = None
) -> Iterator[Served]:
    """The service as in production, all of whose web processes answer."""
    nowhere = database.folder / "none.db"
    with serving(nowhere, workers, program, port, api_keys=KEY, database_url=database.url) as served:
        assert eventually(lambda: len(served.workers()) == workers)
        with views(served):
            time.sleep(0.5)
        yield served


def asked(
    served: Served, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """One request on a connection of its own. Raises OSError and HTTPException."""
    with closing(connected(served, PATIENCE)) as connection:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def connected(served: Served, timeout: float) -> http.client.HTTPConnection:
    """A connection."""
    return http.client.HTTPConnection("127.0.0.1", urlsplit(served.url).port or 0, timeout=timeout)


@dataclass
class Views:
    """Page views that were asked for one after the other: seconds of those answered, and how many were not."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def median(self) -> float:
        """Seconds; one that was not answered took VIEW_PATIENCE."""
        return statistics.median(self._all())

    @property
    def p99(self) -> float:
        """Seconds that 99 of 100 took at the most."""
        times = sorted(self._all())
        return times[len(times) * 99 // 100]

    @property
    def good(self) -> bool:
        """Whether readers noticed nothing."""
        return bool(self.seconds) and not self.failed and self.median < MEDIAN_SECONDS and self.p99 < P99_SECONDS

    def __str__(self) -> str:
        lost = f", {self.failed} lost" if self.failed else ""
        return f"{1000 * self.median:.1f} ms, {1000 * self.p99:.0f} ms{lost}" if self._all() else "none"

    def _all(self) -> list[float]:
        return [*self.seconds, *[VIEW_PATIENCE] * self.failed]


@contextmanager
def views(served: Served) -> Iterator[Views]:
    """Page views for as long as the block runs."""
    measured, ended = Views(), threading.Event()

    def ask() -> None:
        connection = connected(served, VIEW_PATIENCE)
        while not ended.is_set():
            began = time.perf_counter()
            try:
                connection.request("GET", PATHS[len(measured.seconds) % len(PATHS)])
                response = connection.getresponse()
                answered = response.status == 200 and bool(response.read())
            except (OSError, http.client.HTTPException):
                connection.close()
                answered = False
            if answered:
                measured.seconds.append(time.perf_counter() - began)
            else:
                measured.failed += 1
            time.sleep(0.002)  # a reader, and not a flood
        connection.close()

    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(ask)
        try:
            yield measured
        finally:
            ended.set()
        reading.result()


@contextmanager
def at_once(count: int, work: Callable[[], object]) -> Iterator[None]:
    """Threads that do the same again and again while the block runs."""
    ended = threading.Event()

    def again() -> None:
        while not ended.is_set():
            work()

    with ThreadPoolExecutor(count) as threads:
        working = [threads.submit(again) for _ in range(count)]
        try:
            yield
        finally:
            ended.set()
    for one in working:
        one.result()


def memory(processes: Sequence[psutil.Process], what: str = "VmHWM") -> int:
    """Bytes that processes have had at the most, all together; `VmRSS`: that they have now."""
    sizes = [Path(f"/proc/{process.pid}/status").read_text() for process in processes]
    return sum(int(re.search(rf"{what}:\s+(\d+) kB", text)[1]) * 1024 for text in sizes)  # type: ignore[index]


def new_id() -> str:
    """An id that no article has."""
    return f"new-{secrets.token_hex(6)}"
