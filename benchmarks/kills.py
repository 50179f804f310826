"""`python -m benchmarks.kills`: SIGKILL at random moments of what changes the database, and what is left then.

A process does one kind of work again and again, and says in a line what it has been told is done. It is killed, at a
random moment; then nothing that it said may be missing, nothing may be there twice or half, readers must have a
sidebar, and the same work must go on. Exits with 1 where that is not so.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from pydantic import SecretStr

from benchmarks.report import Table
from recommender.curation.signals import REJECT
from recommender.desk.decisions import Decisions, Sent, Wish
from recommender.operations.archive import opened
from recommender.operations.backup import back_up
from recommender.release.interleaving import Interleaver, InterleavingControl
from recommender.serving.answers import Query
from recommender.settings import Settings, load_settings
from recommender.sources.files import JsonLines
from recommender.sources.ingest import ingest
from recommender.store.audit import AuditQuery
from recommender.store.base import Store
from recommender.wiring import open_store
from tests import postgres
from tests.factories import NOW, make_article, make_recommender
from tests.newsroom import BLIND, GOOD, builder_of
from tests.newsroom import opened as open_newsroom
from tests.web.served import ROOT, environment

LONGEST = 1.5  # seconds from the first line to the kill
BATCH = 40  # articles that one ingest brings
SOURCE = "gold-0"


# -- the work, in a process of its own ---------------------------------------------------------------------------------


def ingesting(store: Store, _folder: Path) -> Iterator[object]:
    """Articles, some at a time."""
    for number in range(10_000):
        names = [f"{os.getpid()}-{number}-{place}" for place in range(BATCH)]
        lines = [json.dumps({"id": name, "title": f"gold {name}", "body": "gold golds golder."}) for name in names]
        stream = BytesIO("".join(f"{line}\n" for line in lines).encode())
        ingest(store.articles.upsert, JsonLines(stream, "lines"), lambda refusal: sys.exit(str(refusal)))
        yield names


def building(store: Store, _folder: Path) -> Iterator[object]:
    """Whole builds, each with an article that is new."""
    for number in range(10_000):
        name = f"built-{os.getpid()}-{number}"
        store.articles.upsert([make_article(name, title=f"fuel {name}", body="fuel fuels fueler.")])
        yield builder_of(store, GOOD.name).build(full=True).generation


def switching(store: Store, _folder: Path) -> Iterator[object]:
    """Another model version, and back."""
    for _ in range(10_000):
        number = builder_of(store, BLIND.name).build_beside()
        store.generations.activate(number, keep=True)
        yield number
        yield store.generations.swap_back()


def deciding(store: Store, _folder: Path) -> Iterator[object]:
    """An editor rejects stories, and takes each rejection back; every form is sent twice."""
    decisions = Decisions(store, lambda: NOW)
    for number in range(10_000):
        key = f"{os.getpid()}-{number}"
        sent = [decisions.decide(SOURCE, [Wish(REJECT, "fuel-1")], Sent("awa", key)) for _ in range(2)]
        yield [key, sent[0].number]
        decisions.undo(sent[0].number, Sent("awa", f"{key}-undo"))


def clicking(store: Store, _folder: Path) -> Iterator[object]:
    """Clicks while two versions share the sidebars, each written before the next."""
    interleaver = Interleaver(store, make_recommender(store), make_recommender, "a key of the trial")
    shown = interleaver.answer(SOURCE)
    assert shown is not None
    teaser = store.articles.get([shown.picks[0].number])[shown.picks[0].number].id
    for number in range(10_000):
        request = f"{os.getpid():08x}{number:08x}"
        interleaver.note(request, shown)
        interleaver.flush()
        assert interleaver.click(request, teaser)
        interleaver.flush()
        yield request


def backing_up(_store: Store, folder: Path) -> Iterator[object]:
    """Backups."""
    for number in range(10_000):
        path = folder / f"{os.getpid()}-{number}.backup"
        back_up(load_settings(), path, lambda _text: None)
        yield str(path)


WORKS: dict[str, Callable[[Store, Path], Iterator[object]]] = {
    "ingest": ingesting,
    "build": building,
    "switch": switching,
    "decisions": deciding,
    "clicks": clicking,
    "backup": backing_up,
}


def work(kind: str, url: str, folder: Path) -> None:
    """Says that it begins, and then each thing that is done."""
    store = open_store(url)
    sys.stdout.write("null\n")
    sys.stdout.flush()
    for done in WORKS[kind](store, folder):
        sys.stdout.write(json.dumps(done) + "\n")
        sys.stdout.flush()


# -- what is left ------------------------------------------------------------------------------------------------------


@dataclass
class Killed:
    """A database with what was said to be done in it, in all processes."""

    url: str
    folder: Path
    store: Store
    said: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def done(self, kind: str) -> int:
        """How many times a work has said that something is done."""
        return self.said[kind]

    def check(self, kind: str, said: list[object]) -> None:
        """Holds the database to what a killed process has said, and everything to what it promises."""
        self.said[kind] += len(said)
        self.kills[kind] += 1
        problems = [*CHECKS[kind](self, said), *self._whole()]
        self.problems += [f"{kind}: {problem}" for problem in problems]

    def _whole(self) -> Iterator[str]:
        state = self.store.state()
        if state.generation is None or not self.store.generations.size(state.generation):
            yield "no generation is live"
            return
        if not make_recommender(self.store).for_article(SOURCE, Query(fallback="latest")).items:
            yield "readers have no sidebar"

    def rows(self, statement: str) -> list[tuple[int, ...]]:
        """What a query gives."""
        engine = sa.create_engine(self.url)
        with engine.connect() as connection:
            found = [tuple(row) for row in connection.execute(sa.text(statement))]
        engine.dispose()
        return found


def _articles(killed: Killed, said: list[object]) -> Iterator[str]:
    names = [name for batch in said for name in batch]  # type: ignore[attr-defined]
    if missing := len(names) - len(killed.store.articles.numbers(names)):
        yield f"{missing} articles are missing"


def _builds(killed: Killed, said: list[object]) -> Iterator[str]:
    live = killed.store.state().generation or 0
    if said and live < int(str(said[-1])):
        yield f"generation {live} is live after {said[-1]} was"
    report = builder_of(killed.store, GOOD.name).build(full=True)
    published = killed.store.articles.counts()["published"]
    if killed.store.generations.size(report.generation) != published:
        yield "the next build is not whole"
    kept = {report.generation, killed.store.generations.previous(), killed.store.generations.shadow()}
    others = [row for (row,) in killed.rows("SELECT DISTINCT generation FROM neighbour") if row not in kept]
    if others:
        yield f"{len(others)} half generations are left after the next build"


def _switches(killed: Killed, said: list[object]) -> Iterator[str]:
    live, before = killed.store.state().generation, killed.store.generations.previous()
    if said and int(str(said[-1])) not in (live, before):
        yield f"{live} is live and {before} before it, after {said[-1]} was live"


def _decisions(killed: Killed, said: list[object]) -> Iterator[str]:
    for key, number in said:  # type: ignore[misc]
        entry = killed.store.audit.by_key(key)
        if entry is None or entry.number != number:
            yield f"decision {number} is missing"
    standing = [signal for signal in killed.store.signals.changed_since(-1) if signal.kind == REJECT]
    if len(standing) > 1:
        yield f"{len(standing)} rejections stand of one pair"
    kept = len(killed.store.audit.entries(AuditQuery(action=REJECT), 1_000_000))
    if not killed.done("decisions") <= kept <= killed.done("decisions") + killed.kills["decisions"]:
        yield f"{kept} rejections are in the trail, of {killed.done('decisions')}"


def _clicks(killed: Killed, said: list[object]) -> Iterator[str]:
    run = killed.store.interleaving.latest()
    assert run is not None
    counted = sum(
        count.live + count.challenger + count.nobody for count in killed.store.interleaving.counts(run.number)
    )
    if not len(said) <= counted <= len(said) + 1:  # what was not said yet may be done
        yield f"{counted} clicks are counted of {len(said)}"
    for request in said:
        shown = killed.store.interleaving.shown(str(request))
        if shown is None or sum(shown[1].values()) != 1:
            yield f"the click on {request} is counted {0 if shown is None else sum(shown[1].values())} times"


def _backups(killed: Killed, said: list[object]) -> Iterator[str]:
    for path in map(Path, map(str, said)):
        if not path.exists():
            yield f"{path.name} is missing"
    for path in killed.folder.glob("*.backup"):
        with opened(path):
            pass  # every byte of it is the one of its manifest
        path.unlink()
    last = killed.folder / "last.backup"
    back_up(_settings(killed), last, lambda _text: None)
    last.unlink()
    if left := sorted(file.name for file in killed.folder.iterdir() if not file.name.startswith("archive.db")):
        yield f"{left} is left after the next backup"


CHECKS: dict[str, Callable[[Killed, list[object]], Iterator[str]]] = {
    "ingest": _articles,
    "build": _builds,
    "switch": _switches,
    "decisions": _decisions,
    "clicks": _clicks,
    "backup": _backups,
}


# -- the kills ---------------------------------------------------------------------------------------------------------


def _settings(killed: Killed) -> Settings:
    return load_settings().model_copy(
        update={"database_url": SecretStr(killed.url), "models": killed.folder.with_name("models")}
    )


def kill(killed: Killed, kind: str, chance: random.Random) -> float:
    """Lets a process work, kills it and checks; gives the seconds that it has worked."""
    arguments = [sys.executable, "-m", "benchmarks.kills", "--work", kind, killed.url, str(killed.folder)]
    variables = environment(database_url=killed.url, models=killed.folder.with_name("models"))
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, env=variables, cwd=ROOT, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "null\n"  # it begins
        worked = chance.uniform(0, LONGEST)
        time.sleep(worked)
        assert process.poll() is None, f"{kind} ended by itself"
        process.send_signal(signal.SIGKILL)
        said = [json.loads(line) for line in process.stdout if line.endswith("\n")]
    killed.check(kind, said)
    return worked


def kills(url: str, folder: Path, count: int, seed: int) -> Killed:
    """Kills so many processes, the kinds of work in turn, and gives what was found."""
    store = open_store(url)
    open_newsroom(store)
    store.generations.put_shadow(builder_of(store, BLIND.name).build_beside())
    killed, chance, kinds = Killed(url, folder, store), random.Random(seed), list(WORKS)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        if kind == "clicks":
            _share(store)
        kill(killed, kind, chance)
    store.close()
    return killed


def _share(store: Store) -> None:
    """A new run, which forgets what the last one has counted; builds and switches end one."""
    control = InterleavingControl(store, lambda: NOW)
    run = store.interleaving.latest()
    if run is not None and run.until is None:
        control.end("awa")
    open_newsroom(store)
    store.generations.put_shadow(builder_of(store, BLIND.name).build_beside())
    control.start(BLIND.name, "awa")


def run(count: int, seed: int, names: list[str]) -> Table:
    """Kills on each database. Exits where something was lost, or is there twice or half."""
    rows, problems = [], []
    for name in names:
        with TemporaryDirectory() as place:
            folder = Path(place) / "work"
            folder.mkdir()
            if name == "SQLite":
                killed = kills(f"sqlite:///{folder / 'archive.db'}", folder, count, seed)
            else:
                with postgres.server() as server, postgres.database(server) as url:
                    killed = kills(url, folder, count, seed)
        rows.append([name, str(count), f"{killed.said.total():,}", str(len(killed.problems))])
        problems += [f"{name}: {problem}" for problem in killed.problems]
    head = ("database", "kills", "done before them", "lost, twice or half")
    table = Table("Kills", f"Of {', '.join(WORKS)}, at random moments (seed {seed}).", head, rows)
    sys.stdout.write("\n".join([table.note, "", table.markdown(), *problems, ""]))
    if problems:
        raise SystemExit(1)
    return table


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="on each database (default: 100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", action="append", choices=("SQLite", "PostgreSQL"), help="default: both")
    parser.add_argument("--work", nargs=3, metavar=("KIND", "URL", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work[0], options.work[1], Path(options.work[2]))
    else:
        run(options.kills, options.seed, options.database or ["SQLite", "PostgreSQL"])


if __name__ == "__main__":
    main()
