"""`python -m benchmarks.soak`: a service for a quarter of an hour and longer, through all that its days bring.

Bursts of readers, rests in which its threads end, updates, drafts, builds, and switches of the model version. Exits
with 1 where a process has ended, where a request failed, or where memory has grown by more than 5 % after a warm-up.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException

import psutil

from benchmarks.report import Table
from benchmarks.stand import MIB, PATHS, SIDEBAR, WRITER, Database, asked, databases, memory, service
from recommender.settings import load_settings
from recommender.wiring import make_builder, open_store
from tests.web.served import Served, command, environment

READERS, VIEWS = 20, 400  # at once, and in a burst
GROWTH = 0.05
WARM_SHARE = 3  # the first of so many parts warms up, and at least a round with each event
DRAFT = {"title": "Convoys reach Bamako", "body": "Tankers arrive in Bamako."}


@dataclass
class Soak:
    """A service, the work on it, and what was seen."""

    database: Database
    served: Served
    rest: float
    chance: random.Random
    failed: int = 0
    sizes: list[int] = field(default_factory=list)  # bytes of all processes, after each round
    rounds: int = 0

    def round(self) -> None:
        """A burst, updates and drafts, in turn a build, a switch or a switch back, and a rest."""
        with ThreadPoolExecutor(READERS) as readers:
            list(readers.map(self._view, range(VIEWS)))
        for name in ("soak-1", "soak-2"):
            story = DRAFT | {
                "url": f"https://example.org/{name}",
                "summary": f"This is day {self.rounds} of the siege.",
            }
            body = json.dumps(story).encode()
            self._expect((200, 201, 202), "PUT", f"/api/v1/articles/{name}", body)
        self._expect((200,), "POST", SIDEBAR, json.dumps(DRAFT).encode())
        EVENTS[self.rounds % len(EVENTS)](self)
        for name in ("soak-1", "soak-2"):
            self._expect((204,), "DELETE", f"/api/v1/articles/{name}")
        time.sleep(self.rest)
        self.sizes.append(memory(self.everyone(), "VmRSS"))
        self.rounds += 1

    def build(self) -> None:
        """As every night."""
        variables = environment(database_url=self.database.url)
        subprocess.run(command("build"), env=variables, check=True, capture_output=True)

    def switch(self) -> None:
        """Another generation becomes live, and the one before is kept."""
        store = open_store(self.database.url)
        number = make_builder(store, load_settings()).build_beside()
        store.generations.activate(number, keep=True)
        store.close()

    def switch_back(self) -> None:
        """The one before becomes live again."""
        store = open_store(self.database.url)
        store.generations.swap_back()
        store.close()

    def everyone(self) -> list[psutil.Process]:
        """The main process and all below it."""
        return [psutil.Process(self.served.process.pid), *self.served.everyone()]

    def _view(self, number: int) -> None:
        path = PATHS[number % len(PATHS)]
        wish = f"&n={self.chance.randint(1, 50)}&exclude=x{self.chance.randint(0, 10_000)}" if number % 4 == 0 else ""
        self._expect((200,), "GET", path + wish)

    def _expect(self, statuses: Sequence[int], method: str, path: str, body: bytes = b"") -> None:
        try:
            status = asked(self.served, method, path, body, WRITER)[0]
        except (OSError, HTTPException):
            status = 0
        if status not in statuses:
            self.failed += 1
            sys.stderr.write(f"{method} {path}: {status}\n")


EVENTS = (Soak.build, Soak.switch, Soak.switch_back)


def soak(database: Database, minutes: float, rest: float) -> tuple[list[str], bool]:
    """A row of the table, and whether all was well."""
    with service(database) as served:
        one = Soak(database, served, rest, random.Random(1))
        one.round()  # the model is loaded now
        before, end = {process.pid for process in one.everyone()}, time.monotonic() + 60 * minutes
        while time.monotonic() < end or one.rounds < 2 * len(EVENTS):
            one.round()
            sys.stderr.write(f"{database.name}: round {one.rounds}, {one.sizes[-1] / MIB:,.0f} MB\n")
        ended = len(before - {process.pid for process in one.everyone()})
    warm = max(len(EVENTS), one.rounds // WARM_SHARE)
    first, most = one.sizes[warm - 1], max(one.sizes[warm:])
    growth = most / first - 1
    memory_said = f"{first / MIB:,.0f} MB, {most / MIB:,.0f} MB ({growth:+.1%})"
    row = [database.name, str(one.rounds), str(ended), str(one.failed), memory_said]
    return row, not ended and not one.failed and growth <= GROWTH


def main() -> None:
    """Reads the command line, prints the table, exits with 1 where something was not well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15, help="on each database (default: 15)")
    parser.add_argument("--rest", type=float, default=35, help="seconds without a request in each round (default: 35)")
    parser.add_argument("--database", action="append", choices=("SQLite", "PostgreSQL"), help="default: both")
    options = parser.parse_args()
    rows, good = list[list[str]](), True
    for row, well in _all(options.database or ["SQLite", "PostgreSQL"], options.minutes, options.rest):
        rows.append(row)
        good &= well
    head = ("database", "rounds", "processes that ended", "requests that failed", "memory: warm, most after it")
    note = f"{options.minutes:g} minutes on each, 2 workers; memory of all processes together, after a rest."
    table = Table("A long run", note, head, rows)
    sys.stdout.write(f"{table.note}\n\n{table.markdown()}\n")
    sys.exit(0 if good else 1)


def _all(names: Sequence[str], minutes: float, rest: float) -> Iterator[tuple[list[str], bool]]:
    with databases(names) as made:
        for database in made:
            yield soak(database, minutes, rest)


if __name__ == "__main__":
    main()
