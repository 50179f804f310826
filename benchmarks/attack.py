"""`python -m benchmarks.attack`: what may hit a service, one thing after the other, while readers go on reading.

A line for each fault and database: what came of it, and median and p99 of the page views meanwhile. Exits with 1 where
a line is not as it should be, or page views took longer than 50 ms (median) or a second (p99).
"""

import argparse
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from urllib.parse import urlencode, urlsplit

import psutil

from benchmarks import fuzz
from benchmarks.report import Table
from benchmarks.stand import (
    MIB,
    PATHS,
    PATIENCE,
    SIDEBAR,
    VIEW_PATIENCE,
    WRITER,
    Database,
    Views,
    asked,
    at_once,
    databases,
    memory,
    new_id,
    service,
    views,
)
from recommender.web.lanes import EVENTS
from tests.web.served import Served, command, environment, eventually

ENDED_SECONDS = 2.0  # after a kill of the main process
ARTICLE = json.dumps(
    {"title": "Convoys reach Bamako", "body": "Tankers arrive in Bamako.", "url": "https://example.org/new"}
).encode()
TOKEN = rb'name="csrf_token" value="([^"]+)"'


@dataclass(frozen=True)
class Trial:
    """What is done to one service."""

    database: Database
    served: Served
    seconds: float  # of page views beside what only goes on
    rest: float  # longer than the server keeps a thread that has nothing to do


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    said: str
    good: bool
    views: Views | None = None


def sign_ins(trial: Trial) -> Outcome:
    """Twenty guess passwords at once."""
    status, headers, page = asked(trial.served, "GET", "/editor/sign-in")
    token = re.search(TOKEN, page)
    assert token is not None, status
    form = urlencode({"csrf_token": token[1].decode(), "name": "Awa", "password": "a guess of a stranger"}).encode()
    cookie = str(headers["Set-Cookie"]).partition(";")[0]
    sent = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    statuses: list[int] = []
    with at_once(20, lambda: statuses.append(asked(trial.served, "POST", "/editor/sign-in", form, sent)[0])):
        time.sleep(0.5)
        with views(trial.served) as seen:
            time.sleep(trial.seconds)
    return Outcome(f"{len(statuses)} refused", set(statuses) <= {401, 503}, seen)


def many_keys(trial: Trial) -> Outcome:
    """58 MB of keys that no field has, for a draft; each worker may get it."""
    body = b'{"title": "A"' + b"".join(b',"k%07d":1' % number for number in range(58 * MIB // 13)) + b"}"
    workers = trial.served.workers()
    before, sizes = memory(workers), [0]
    with views(trial.served) as seen:
        for _ in range(4):
            try:
                sizes.append(len(asked(trial.served, "POST", SIDEBAR, body, WRITER)[2]))
            except (OSError, HTTPException):
                continue  # it is answered, and closed, while the body is still being sent
        time.sleep(0.5)
    grown = memory(workers) - before
    return Outcome(f"+{grown // MIB} MB, {max(sizes):,} bytes", grown < 150 * MIB and max(sizes) < 2_000, seen)


def slow_bodies(trial: Trial) -> Outcome:
    """Ten say that a body comes, and send a byte of it."""
    began, address = time.monotonic(), ("127.0.0.1", urlsplit(trial.served.url).port)
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(address, timeout=PATIENCE)) for _ in range(10)]
        for number, one in enumerate(slow):
            line = ("POST /api/v1/recommend", "POST /api/v1/events")[number % 2]
            kind = "Content-Type: application/json\r\nContent-Length: 1000"
            one.sendall(f"{line} HTTP/1.1\r\nHost: x\r\n{kind}\r\n\r\n{{".encode())
        with views(trial.served) as seen:
            answer = slow[1].recv(65_536)
        held = time.monotonic() - began
    return Outcome(f"given up after {held:.0f} s", b" 408 " in answer and held < EVENTS.body_seconds + 10, seen)


def waiting_writers(trial: Trial) -> Outcome:
    """Ten writers wait for a lock."""
    with ThreadPoolExecutor(10) as threads:
        with trial.database.locked():
            put = [
                threads.submit(asked, trial.served, "PUT", f"/api/v1/articles/{new_id()}", ARTICLE, WRITER)
                for _ in range(10)
            ]
            time.sleep(0.5)
            with views(trial.served) as seen:
                time.sleep(trial.seconds)
        statuses = [one.result()[0] for one in put]
    done = sum(status in (200, 201, 202) for status in statuses)
    return Outcome(f"{done} of 10 written after it", done == len(statuses), seen)


def long_excludes(trial: Trial) -> Outcome:
    """Each is a key of its own in the memory of answers."""
    workers = trial.served.workers()
    before, statuses = memory(workers, "VmRSS"), set()

    def ask(number: int) -> None:
        exclude = ",".join(f"{number}-{place:04}" for place in range(800))
        statuses.add(asked(trial.served, "GET", f"{PATHS[0]}&exclude={exclude}")[0])

    with views(trial.served) as seen, ThreadPoolExecutor(4) as threads:
        list(threads.map(ask, range(3_000)))
    grown = memory(workers, "VmRSS") - before
    return Outcome(f"{grown / MIB:+.0f} MB", grown < 100 * MIB and statuses == {200}, seen)


def frozen_database(trial: Trial) -> Outcome:
    """PostgreSQL takes connections and answers nothing, for longer than it takes to notice that."""
    processes = trial.database.server_processes()
    if not processes:
        return Outcome("has no server", good=True)
    for path in PATHS * 10:  # on a connection each, so that every worker has every sidebar in memory
        asked(trial.served, "GET", path)
    for process in processes:
        process.suspend()
    try:
        with views(trial.served) as seen:
            time.sleep(4 * trial.seconds)
    finally:
        for process in processes:
            process.resume()
    back = eventually(lambda: trial.served.status("/readyz") == 200)
    longest = max(seen.seconds, default=VIEW_PATIENCE)
    return Outcome(f"longest view {longest:.1f} s, {'ready' if back else 'not ready'} after it", back, seen)


def bursts_and_rests(trial: Trial) -> Outcome:
    """Threads of the server that have rested end, which must not take their process with them."""
    workers, seen = trial.served.workers(), Views()
    with ThreadPoolExecutor(20) as pool:
        for _ in range(2):
            statuses = list(pool.map(trial.served.status, [PATHS[0]] * 200))
            seen.failed += sum(status != 200 for status in statuses)
            time.sleep(trial.rest)
            with views(trial.served) as after:
                time.sleep(1)
            seen.seconds += after.seconds
            seen.failed += after.failed
    same = trial.served.workers() == workers
    return Outcome("the same processes" if same else "other processes", same, seen)


def second_service(trial: Trial) -> Outcome:
    """Another `serve` on the port."""
    port = str(urlsplit(trial.served.url).port)
    with views(trial.served) as seen:
        done = subprocess.run(
            command("serve", "--port", port),
            env=environment(database_url=trial.database.url),
            capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
    return Outcome(f"refused, exit code {done.returncode}", done.returncode == 3 and "in use" in done.stderr, seen)


def killed_main(trial: Trial) -> Outcome:
    """SIGKILL for the main process; then a new start, at once."""
    everyone, port = trial.served.everyone(), urlsplit(trial.served.url).port
    began = time.monotonic()
    trial.served.process.kill()
    alive = psutil.wait_procs(everyone, 30)[1]
    took = time.monotonic() - began
    for process in alive:
        process.kill()
    with service(trial.database, port=port), views(trial.served) as seen:  # of the new one, at the same address
        time.sleep(1)
    said = f"all ended in {took:.1f} s, started anew" if not alive else f"{len(alive)} went on"
    return Outcome(said, not alive and took < ENDED_SECONDS, seen)


def nested(trial: Trial) -> Outcome:
    """JSON that is 50,000 levels deep."""
    deep = b'{"title": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    with views(trial.served) as seen:
        statuses = [
            asked(trial.served, method, path, deep, WRITER)[0]
            for method, path in (("POST", SIDEBAR), ("PUT", "/api/v1/articles/deep"), ("POST", "/api/v1/articles"))
        ]
    return Outcome(", ".join(map(str, statuses)), all(400 <= status < 500 for status in statuses), seen)


def stopped(trial: Trial) -> Outcome:
    """SIGTERM while a PUT waits for the database and a draft for the model."""
    draft = json.dumps({"title": "Convoys reach Bamako", "body": "Tankers arrive."}).encode()
    name = f"/api/v1/articles/{new_id()}"
    with ThreadPoolExecutor(2) as threads:
        with trial.database.locked():
            put = threads.submit(asked, trial.served, "PUT", name, ARTICLE, WRITER)
            post = threads.submit(asked, trial.served, "POST", SIDEBAR, draft, WRITER)
            time.sleep(1)
            trial.served.process.send_signal(signal.SIGTERM)
            closed = eventually(lambda: trial.served.status("/healthz") == 0)
        answered = [_status(put.result), _status(post.result)]
    code = trial.served.process.wait(PATIENCE)
    good = closed and answered[0] in (201, 202) and answered[1] == 200 and code == 0
    return Outcome(f"PUT {answered[0]}, draft {answered[1]}, exit code {code}", good)


def _status(result: Callable[[], tuple[int, object, bytes]]) -> int:
    try:
        return result()[0]
    except (OSError, HTTPException):
        return 0


# Fault, what it did to the service as it was first reported, and the trial. The last two end the service.
FAULTS: list[tuple[str, str, Callable[[Trial], Outcome]]] = [
    ("20 sign-ins at once", "2 ms become 3.9 s", sign_ins),
    ("58 MB of unknown keys", "7 GB, 45 MB of answer", many_keys),
    ("ten slow bodies", "held without end", slow_bodies),
    ("ten writers behind a lock", "all blocked", waiting_writers),
    ("3,000 long `exclude`s", "+217 MB", long_excludes),
    ("frozen PostgreSQL", "all hang", frozen_database),
    ("bursts and rests", "workers die", bursts_and_rests),
    ("a second `serve`", "shares the port silently", second_service),
    ("JSON 50,000 levels deep", "500", nested),
    ("SIGTERM with a PUT and a draft", "dropped", stopped),
    ("kill -9 of the main process", "children go on", killed_main),
]
ENDING = (stopped, killed_main)


@contextmanager
def trials(database: Database, seconds: float, rest: float) -> Iterator[Callable[[], Trial]]:
    """Gives a trial on a service that runs; a new one where the last has ended."""
    with ExitStack() as stack:
        running: list[Served] = []

        def trial() -> Trial:
            if not running or running[-1].process.poll() is not None:
                running.append(stack.enter_context(service(database)))
            return Trial(database, running[-1], seconds, rest)

        yield trial


def attack(names: list[str], seconds: float, rest: float, only: str) -> tuple[Table, bool]:
    """Every fault on every database; whether all went as it should."""
    rows, good = [], True
    with databases(names) as made:
        for database in made:
            with trials(database, seconds, rest) as trial:
                for fault, before, tried in FAULTS:
                    if only not in fault:
                        continue
                    try:
                        outcome = tried(trial())
                    except (AssertionError, OSError, HTTPException, subprocess.TimeoutExpired) as error:
                        outcome = Outcome(f"{type(error).__name__}: {error}", good=False)
                    held = outcome.good and (outcome.views is None or outcome.views.good)
                    good &= held
                    seen = str(outcome.views or "-")
                    row = [fault, database.name, before, outcome.said, seen, "yes" if held else "NO"]
                    rows.append(row)
                    sys.stderr.write(" | ".join(row) + "\n")
    head = ("fault", "database", "before", "now", "page views meanwhile: median, p99", "held")
    note = "2 workers. Readers may wait 50 ms (median) and a second (p99)."
    return Table("What may hit the service", note, head, rows), good


def main() -> None:
    """Reads the command line, prints the table, exits with 1 where a line is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", action="append", choices=("SQLite", "PostgreSQL"), help="default: both")
    parser.add_argument("--seconds", type=float, default=5, help="of page views beside each (default: 5)")
    parser.add_argument("--rest", type=float, default=35, help="seconds of rest after a burst (default: 35)")
    parser.add_argument("--only", default="", help="faults whose name holds this")
    parser.add_argument("--cases", type=int, default=10_000, help="of schemathesis after it (default: 10,000)")
    options = parser.parse_args()
    table, good = attack(options.database or ["SQLite", "PostgreSQL"], options.seconds, options.rest, options.only)
    sys.stdout.write(f"{table.note}\n\n{table.markdown()}\n")
    if options.cases:
        fuzz.run(options.cases, seed=1)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
