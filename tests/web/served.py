"""`recommender serve` as a process of its own, for tests that need a real server."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds, on a busy machine
SERVE = (sys.executable, "-m", "recommender", "serve")


@dataclass(frozen=True)
class Served:
    """A running service."""

    url: str
    process: subprocess.Popen[str]
    temporary: Path  # the folder for its temporary files

    def workers(self) -> list[psutil.Process]:
        """The processes that answer requests, without the desk and multiprocessing's tracker."""
        children = [child for child in self.everyone() if child.ppid() == self.process.pid]
        return [child for child in children if self._listens(child)]

    def everyone(self) -> list[psutil.Process]:
        """Every process below the command."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]

    def status(self, path: str) -> int:
        """The status of a GET; 0 where no answer came."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except (OSError, HTTPException):
            return 0

    def counted(self, name: str) -> float:
        """A number from /metrics."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as response:
            lines = response.read().decode().splitlines()
        return next(float(line.removeprefix(name)) for line in lines if line.startswith(name))

    def _listens(self, process: psutil.Process) -> bool:
        port = int(self.url.rpartition(":")[2])
        return any(connection.laddr.port == port for connection in process.net_connections("tcp"))


def free_port() -> int:
    """A port that no program listens on now, and that the system gives to no connection meanwhile."""
    while True:
        port = secrets.choice(range(20_000, 30_000))  # below those that systems give out by themselves
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def environment(**settings: object) -> dict[str, str]:
    """The environment of a command: this process's, the package, and settings."""
    values = {f"RECOMMENDER_{name.upper()}": str(value) for name, value in settings.items()}
    return os.environ | {"PYTHONPATH": str(ROOT)} | values


def command(*arguments: str | Path) -> list[str]:
    """The command line of `recommender`."""
    return [sys.executable, "-m", "recommender", *map(str, arguments)]


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it comes true while a patient person would wait."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


@contextmanager
def serving(
    database: Path, workers: int = 1, program: Sequence[str] = SERVE, port: int | None = None, **settings: object
) -> Iterator[Served]:
    """Serves a database until the block ends."""
    port = port or free_port()
    variables = environment(**{"database_url": f"sqlite:///{database}", "port": port, "workers": workers} | settings)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary,
        subprocess.Popen(
            program,
            cwd=database.parent,
            env=variables | {"TMPDIR": temporary},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        served = Served(f"http://127.0.0.1:{port}", process, Path(temporary))
        try:
            assert eventually(lambda: served.status("/healthz") == 200 or process.poll() is not None)
            assert process.poll() is None, process.stdout.read() if process.stdout else ""
            yield served
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
