"""`serve`: workers that answer, and a stop that leaves nothing behind."""

import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from recommender.settings import load_settings
from recommender.wiring import make_builder, open_store
from tests.embedder import ToyEmbedder
from tests.web.served import command, environment, eventually, serving
from tests.web.toy import ARCHIVE

# `recommender serve`, with threads that end after the shortest rest the server allows instead of its 30 seconds.
IDLE_SECONDS = 5
SOON_IDLE = f"""
import functools, granian
from recommender.cli import main

granian.Granian = functools.partial(granian.Granian, blocking_threads_idle_timeout={IDLE_SECONDS})
main()
"""


@pytest.fixture
def served_file(toy_file: Path, tmp_path: Path) -> Path:
    """A copy of the archive in a folder of its own."""
    for file in toy_file.parent.iterdir():
        shutil.copy(file, tmp_path / file.name)
    return tmp_path / toy_file.name


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_two_workers_answer_and_stop(served_file: Path, stop: signal.Signals) -> None:
    with serving(served_file, workers=2) as served:
        assert served.status("/api/v1/recommend?article_id=blockade-1") == 200
        assert served.status("/readyz") == 200
        assert eventually(lambda: len(served.workers()) == 2)
        everyone = served.everyone()
        served.process.send_signal(stop)
        assert served.process.wait(60) == 0
        gone, alive = psutil.wait_procs(everyone, 30)
    assert (len(gone), alive) == (len(everyone), [])
    assert list((served_file.parent / "tmp").iterdir()) == []


def test_workers_share_their_counters(served_file: Path) -> None:
    with serving(served_file, workers=2) as served:
        for _ in range(20):
            assert served.status("/api/v1/recommend?article_id=blockade-1") == 200
        assert served.status("/metrics") == 200
        counted = [
            served.counted('recommender_requests_total{route="/api/v1/recommend",status="200"}') for _ in range(5)
        ]
    assert counted == [20.0] * 5


@pytest.fixture(params=["sqlite", "postgresql"])
def archive_url(request: pytest.FixtureRequest) -> str:
    """URL of the built archive on each backend."""
    name = "database_url" if request.param == "sqlite" else "empty_postgresql_database"
    url: str = request.getfixturevalue(name)
    store = open_store(url)
    store.articles.upsert(ARCHIVE)
    make_builder(store, load_settings(), ToyEmbedder()).build()
    store.close()
    return url


def test_workers_outlive_their_idle_threads(archive_url: str, tmp_path: Path) -> None:
    """A thread of the server that has rested ends, and nothing it leaves behind may take its process with it."""
    soon_idle = (sys.executable, "-c", SOON_IDLE, "serve")
    with serving(tmp_path / "none.db", workers=2, program=soon_idle, database_url=archive_url) as served:
        assert eventually(lambda: len(served.workers()) == 2)
        workers = served.workers()
        for _ in range(2):
            with ThreadPoolExecutor(20) as pool:
                statuses = list(pool.map(served.status, ["/api/v1/recommend?article_id=blockade-1"] * 200))
            assert statuses == [200] * 200
            busy = [worker.num_threads() for worker in workers]
            time.sleep(IDLE_SECONDS + 2)
            assert served.workers() == workers
            assert all(worker.num_threads() < before for worker, before in zip(workers, busy, strict=True))


def test_file_that_is_not_there_stops_the_start(served_file: Path) -> None:
    given = environment(database_url=f"sqlite:///{served_file}", gazetteer="nowhere")
    done = subprocess.run(
        command("serve"), cwd=served_file.parent, env=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "nowhere cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
