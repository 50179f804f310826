"""Servers under load: the service, and a bare Flask view that returns the same bytes; both on granian."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import corpora
from recommender.web.lanes import PAGES

WORKERS = 2
CONNECTIONS = 16
KEY = "a-key-for-the-benchmarks"
_SCRIPT = """
local paths = {}
for line in io.lines("%s") do paths[#paths + 1] = line end
local place = %d
request = function()
  place = place %% #paths + 1
  return wrk.format("GET", paths[place])
end
"""


@dataclass(frozen=True)
class Load:
    """What a run of the load generator measured."""

    requests_per_second: float
    p99_milliseconds: float
    errors: int


@contextmanager
def service(url: str) -> Iterator[str]:
    """The service as it is run in production; gives its address."""
    port = free_port()
    environment = os.environ | {
        "RECOMMENDER_DATABASE_URL": url,
        "RECOMMENDER_API_KEYS": KEY,
        "RECOMMENDER_PORT": str(port),
        "RECOMMENDER_WORKERS": str(WORKERS),
    }
    with _running([sys.executable, "-m", "recommender", "serve"], environment, port) as address:
        yield address


@contextmanager
def bare_view(body: bytes) -> Iterator[str]:
    """A Flask application of one view that returns `body`, on the same server with the same workers and threads."""
    port = free_port()
    folder = corpora.FOLDER / "bare"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "body.json").write_bytes(body)
    command = [
        str(Path(sys.executable).parent / "granian"),
        *("--interface", "wsgi", "--factory", "--port", str(port), "--log-level", "warning"),
        *("--workers", str(WORKERS), "--blocking-threads", str(PAGES.threads), "benchmarks.bare:create_app"),
    ]
    with _running(command, os.environ | {"BARE_BODY": str(folder / "body.json")}, port) as address:
        yield address


@contextmanager
def _running(command: list[str], environment: dict[str, str], port: int) -> Iterator[str]:
    log = corpora.FOLDER / f"{port}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=environment, cwd=corpora.ROOT, stdout=stream, stderr=stream)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, log)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def _wait(address: str, log: Path) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=1).close()  # noqa: S310  # our own server
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"The server did not start: {log.read_text()}")


def load(address: str, paths: Sequence[str], seconds: int, start: int = 0) -> Load:
    """Asks for the paths in turn with wrk for some seconds; `start` is the place of the first."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("The load generator wrk is missing; on Debian: apt-get install wrk.")
    listed = corpora.FOLDER / "paths.txt"
    listed.write_text("\n".join(paths))
    script = corpora.FOLDER / "paths.lua"
    script.write_text(_SCRIPT % (listed, start))
    done = subprocess.run(
        [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script), address],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return _parsed(done.stdout)


def _parsed(output: str) -> Load:
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", output)
    if rate is None or tail is None:
        raise SystemExit(f"wrk said what is not understood: {output}")
    scale = {"us": 0.001, "ms": 1.0, "s": 1000.0}[tail[2]]
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    return Load(float(rate[1]), float(tail[1]) * scale, int(failed[1]) if failed else 0)


def call(method: str, url: str, body: object = None) -> tuple[int, bytes]:
    """One request with the API key; status and body."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310  # our own server
    with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310
        return response.status, response.read()


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
