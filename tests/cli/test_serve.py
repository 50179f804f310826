"""`serve`: workers that answer, and a stop that leaves nothing behind."""

import errno
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from threading import Barrier
from typing import NoReturn

import psutil
import pytest

from recommender.cli.serve import claimed
from recommender.errors import Unavailable
from recommender.settings import load_settings
from recommender.wiring import make_builder, open_store
from tests.embedder import ToyEmbedder
from tests.web.served import PATIENCE, SERVE, command, environment, eventually, free_port, serving
from tests.web.toy import ARCHIVE

# `recommender serve`, with threads that end after the shortest rest the server allows instead of its 30 seconds.
IDLE_SECONDS = 5
SOON_IDLE = f"""
import functools
from granian.server.mp import MPServer
from recommender.cli import main

MPServer.__init__ = functools.partialmethod(MPServer.__init__, blocking_threads_idle_timeout={IDLE_SECONDS})
main()
"""

# Tells processes to end that have just been forked from the one that runs the server; prints how many went on.
FORKED = """
import signal
import time
from multiprocessing import get_context
from recommender.cli.server import Server

server = Server("no:application")
signal.signal(signal.SIGTERM, server.signal_handler_interrupt)
alive = 0
for _ in range(100):
    process = get_context("fork").Process(target=time.sleep, args=[60])
    process.start()
    process.terminate()
    process.join(1)
    alive += process.is_alive()
    process.kill()
print(alive)
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
        assert list(served.temporary.iterdir()) == []
    assert (len(gone), alive) == (len(everyone), [])


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


def test_workers_outlive_a_burst_and_a_rest(archive_url: str, tmp_path: Path) -> None:
    """A thread of the server that has rested may end, and nothing it leaves behind may take its process with it."""
    soon_idle = (sys.executable, "-c", SOON_IDLE, "serve")
    with serving(tmp_path / "none.db", workers=2, program=soon_idle, database_url=archive_url) as served:
        assert eventually(lambda: len(served.workers()) == 2)
        workers = served.workers()
        for _ in range(2):
            with ThreadPoolExecutor(20) as pool:
                statuses = list(pool.map(served.status, ["/api/v1/recommend?article_id=blockade-1"] * 200))
            assert statuses == [200] * 200
            time.sleep(IDLE_SECONDS + 2)
            assert served.workers() == workers


def test_ended_processes_are_logged_and_counted(served_file: Path) -> None:
    with serving(served_file, workers=2, log_format="json") as served:
        assert eventually(lambda: len(served.workers()) == 2)
        model = next(child for child in served.everyone() if "spawn_main" in " ".join(child.cmdline()))
        web = served.workers()[0]
        web.kill()
        model.send_signal(signal.SIGSEGV)
        assert psutil.wait_procs([web, model], 30)[1] == []
        assert eventually(lambda: len(served.workers()) == 2)
        counter = "recommender_workers_ended_total"
        assert eventually(lambda: served.counted(f'{counter}{{process="web"}}') == 1)
        assert eventually(lambda: served.counted(f'{counter}{{process="model"}}') == 1)
        served.process.terminate()
        assert served.process.stdout is not None
        events = [json.loads(line) for line in served.process.stdout]
    ended = {event["pid"]: event for event in events if "has ended" in event["message"]}
    assert set(ended) == {web.pid, model.pid}  # not those that were told to
    assert (ended[web.pid]["process"], ended[web.pid]["reason"]) == ("web", "signal 9 (Killed)")
    assert (ended[model.pid]["process"], ended[model.pid]["reason"]) == ("model", "signal 11 (Segmentation fault)")
    assert all(datetime.fromisoformat(event["time"]) for event in events)


def test_everything_ends_with_the_main_process(served_file: Path) -> None:
    """Nothing goes on serving with settings and keys that a new start has replaced."""
    with serving(served_file, workers=2) as served:
        assert eventually(lambda: len(served.workers()) == 2)
        everyone, workers = served.everyone(), served.workers()
        served.process.kill()
        assert psutil.wait_procs(workers, 2)[1] == []
        assert psutil.wait_procs(everyone, PATIENCE)[1] == []
        left = list(served.temporary.iterdir())
        port = int(served.url.rpartition(":")[2])
        with serving(served_file, port=port, program=("env", f"TMPDIR={served.temporary}", *SERVE)) as again:
            assert again.status("/readyz") == 200
            assert [folder for folder in left if folder.exists()] == []
    assert len(left) == 1


def test_worker_that_comes_too_late_ends(served_file: Path) -> None:
    """One that has replaced another ends with the main process as those of the start do, and so does a stopped one."""
    with serving(served_file, workers=1) as served:
        assert eventually(lambda: len(served.workers()) == 1)
        first = served.workers()[0]
        first.kill()
        first.wait(30)
        assert eventually(lambda: len(served.workers()) == 1)
        (second,) = served.workers()
        second.suspend()  # it runs no code of its own now
        served.process.kill()
        assert psutil.wait_procs([second], 2)[1] == []


def test_file_that_is_not_there_stops_the_start(served_file: Path) -> None:
    variables = environment(database_url=f"sqlite:///{served_file}", port=free_port(), gazetteer="nowhere")
    done = subprocess.run(
        command("serve"), cwd=served_file.parent, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "nowhere cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def refused(file: Path, host: str, port: int) -> tuple[int, str, str]:
    """Exit code and output of a `serve` that cannot have its port."""
    done = subprocess.run(
        command("serve", "--host", host, "--port", str(port)),
        cwd=file.parent,
        env=environment(database_url=f"sqlite:///{file}"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def in_use(url: str) -> tuple[int, str, str]:
    """What it ends with where another program listens."""
    message = f"Cannot listen on {url}: Address already in use. --host and --port choose another place."
    return 3, "", f"Error: {message}\n"


def test_second_service_on_a_port_is_refused(served_file: Path) -> None:
    """It would answer some requests of the first, from a database of its own."""
    other = served_file.with_name("other.db")
    with serving(served_file, workers=2) as served:
        port = int(served.url.rpartition(":")[2])
        assert refused(other, "127.0.0.1", port) == in_use(served.url)
        assert refused(other, "0.0.0.0", port) == in_use(f"http://0.0.0.0:{port}")
        assert not other.exists()
        assert served.status("/readyz") == 200


def test_port_of_another_program_is_refused(served_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert refused(served_file, "127.0.0.1", port) == in_use(f"http://127.0.0.1:{port}")


def test_one_of_two_that_start_together_serves(served_file: Path) -> None:
    port = free_port()
    variables = environment(database_url=f"sqlite:///{served_file}", port=port, workers=1)
    with ExitStack() as stack:
        both = [
            stack.enter_context(
                subprocess.Popen(
                    command("serve"),
                    cwd=served_file.parent,
                    env=variables,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(2)
        ]
        try:
            assert eventually(lambda: any(process.poll() is not None for process in both))
            serves, ended = sorted(both, key=lambda process: process.poll() is not None)
            assert serves.stdout is not None
            assert serves.stdout.readline() == f"Serving on http://127.0.0.1:{port} with 1 workers; Ctrl-C stops.\n"
            assert (ended.returncode, *ended.communicate()) == in_use(f"http://127.0.0.1:{port}")
            serves.terminate()  # while its web process still loads the application, which hears of it as well
            assert serves.wait(30) == 0
        finally:
            for process in both:
                process.terminate()


def test_process_that_has_just_been_forked_hears_a_stop() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


def test_temporary_files_may_have_a_long_path(served_file: Path) -> None:
    """The path of a socket may not; that of the process with the embedding model lies in a shorter one then."""
    folder = served_file.parent / ("x" * 100)
    folder.mkdir()
    with serving(served_file, program=("env", f"TMPDIR={folder}", *SERVE)) as served:
        assert served.status("/readyz") == 200


def test_port_can_be_taken_again_at_once(served_file: Path) -> None:
    """The first service has closed connections, which the system remembers for a minute."""
    with serving(served_file) as served:
        assert served.status("/readyz") == 200
    port = int(served.url.rpartition(":")[2])
    with socket.socket() as plain, pytest.raises(OSError, match="in use") as caught:
        plain.bind(("127.0.0.1", port))
    assert caught.value.errno == errno.EADDRINUSE
    with serving(served_file, port=port) as served:
        assert served.status("/readyz") == 200


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("203.0.113.1", "Cannot assign requested address"),  # for documentation; no machine has it
        ("no..host", "No host can have this name"),
        ("fe80::1%1", "The server takes no address that belongs to an interface"),
    ],
)
def test_hosts_elsewhere_are_refused(host: str, reason: str) -> None:
    with pytest.raises(Unavailable) as caught, claimed(host, 8000):
        pass
    url = f"http://[{host}]:8000" if ":" in host else f"http://{host}:8000"
    assert str(caught.value) == f"Cannot listen on {url}: {reason}. --host and --port choose another place."


@pytest.fixture
def _two_protocols(unavailable: Callable[[str, str], NoReturn]) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        unavailable("ipv6", str(error))


@pytest.mark.usefixtures("_two_protocols")
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "0.0.0.0"),
        ("127.0.0.1", "::"),
        ("0.0.0.0", "127.0.0.1"),
        ("0.0.0.0", "::"),
        ("::", "127.0.0.1"),
        ("::", "::1"),
        ("::1", "::"),
        ("::1", "::1"),
    ],
)
def test_overlapping_addresses_share_no_port(first: str, second: str) -> None:
    port = free_port()
    with claimed(first, port) as address:
        assert address == first
        with pytest.raises(Unavailable, match="Address already in use"), claimed(second, port):
            pass
    with claimed(second, port) as address:
        assert address == second


def test_one_of_many_claims_a_port() -> None:
    port, barrier = free_port(), Barrier(4)

    def claim(_: int) -> bool:
        barrier.wait(10)
        try:
            with claimed("127.0.0.1", port):
                barrier.wait(10)  # none lets go before all have tried
                return True
        except Unavailable:
            barrier.wait(10)
            return False

    with ThreadPoolExecutor(4) as pool:
        won = [sum(pool.map(claim, range(4))) for _ in range(50)]
    assert won == [1] * 50
