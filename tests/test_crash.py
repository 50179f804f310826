"""kill -9 in the middle of the work: what was done stays done, nothing is done twice, readers notice nothing."""

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from recommender.build.builder import EMBED_AT_ONCE
from recommender.serving.answers import Query
from recommender.store.base import Store
from tests.embedder import ToyEmbedder
from tests.factories import built, make_article, make_recommender
from tests.web.served import command, environment, eventually, serving
from tests.web.toy import build_archive

OLD, NEW = 60, 700
TOPICS = ("gold", "fuel", "rain", "salt", "rice", "fish")

# A build that writes every text it embeds into a log, and comes to a halt at a place, to be killed there.
HALTING_BUILD = """
import sys, time
from recommender.wiring import open_store
from tests.embedder import ToyEmbedder
from tests.factories import make_builder

url, log, where, place = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])

def reached(here, number):
    if (here, number) == (where, place):
        print("halted", flush=True)
        time.sleep(600)

class Logging(ToyEmbedder):
    calls = 0

    def embed(self, texts):
        reached("Embedding", self.calls)
        self.calls += 1
        with open(log, "a") as file:
            file.writelines(text.split()[0] + chr(10) for text in texts)
        return super().embed(texts)

def progress(items, total, label):
    for number, item in enumerate(items):
        reached(label.split()[0], number) if label.startswith("Finding") else None
        yield item

builder = make_builder(open_store(url), Logging(), prepare=lambda *_: reached("Preparing", 0))
report = builder.build(progress=progress)
print(report.kind, report.embedded, report.indexed)
"""


def story(number: int) -> dict[str, str]:
    topic = TOPICS[number % len(TOPICS)]
    body = f"{topic} {topic} market of village {number % 50}."
    return {"title": f"story-{number} about {topic}", "body": body}


@pytest.fixture
def live(store: Store) -> int:
    """The generation of OLD stories; NEW ones wait for a build."""
    built(store, [make_article(f"s{number}", **story(number)) for number in range(OLD)])
    store.articles.upsert([make_article(f"s{number}", **story(number)) for number in range(OLD, OLD + NEW)])
    return store.state().generation or 0


def test_killed_ingest_loses_and_repeats_nothing(store: Store, database_url: str, tmp_path: Path) -> None:
    lines = [json.dumps({"id": f"s{number}", **story(number)}) + "\n" for number in range(3_000)]
    file = tmp_path / "large.jsonl"
    file.write_text("".join(lines))
    settings = environment(database_url=database_url)
    reading = command("ingest", "-", "--format", "jsonl")
    with subprocess.Popen(
        reading, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=settings, text=True
    ) as process:
        assert process.stdin is not None
        process.stdin.writelines(lines[:1_700])
        process.stdin.flush()
        assert eventually(lambda: sum(store.articles.counts().values()) > 0)
        process.send_signal(signal.SIGKILL)
    stored_count = sum(store.articles.counts().values())
    assert 0 < stored_count < 1_700
    again = subprocess.run(command("ingest", file), env=settings, capture_output=True, text=True, check=True)
    assert again.stdout == f"{3_000 - stored_count:,} added, 0 changed, {stored_count:,} unchanged, 0 refused\n"
    assert store.articles.counts() == {"published": 3_000}


def halting_build(url: str, log: Path, where: str = "nowhere", place: int = 0) -> subprocess.Popen[str]:
    arguments = [url, str(log), where, str(place)]
    return subprocess.Popen(
        [sys.executable, "-c", HALTING_BUILD, *arguments], stdout=subprocess.PIPE, env=environment(), text=True
    )


def sidebar(store: Store) -> tuple[int | None, list[str]]:
    """Generation and stories of the sidebar of the first story, as a worker would answer now."""
    recommendation = make_recommender(store).for_article("s0", Query(fallback="none"))
    return recommendation.state.generation, [item.article.id for item in recommendation.items]


def killed_at(url: str, log: Path, where: str, place: int, store: Store) -> None:
    """Runs a build to a place and kills it there; readers get the same answer before, during and after."""
    before = sidebar(store)
    assert len(before[1]) == 3
    with halting_build(url, log, where, place) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "halted\n"
        during = sidebar(store)
        process.send_signal(signal.SIGKILL)
    assert (during, sidebar(store)) == (before, before)


def finished(url: str, log: Path) -> str:
    """The report of a build that is let go on to its end."""
    with halting_build(url, log) as process:
        report, _ = process.communicate()
    assert process.returncode == 0
    return report


def test_killed_embedding_goes_on_where_it_was(live: int, store: Store, database_url: str, tmp_path: Path) -> None:
    log = tmp_path / "embedded.log"
    killed_at(database_url, log, "Embedding", 2, store)
    assert len(log.read_text().split()) == 2 * EMBED_AT_ONCE
    assert finished(database_url, log) == f"rebuilt {NEW - 2 * EMBED_AT_ONCE} {OLD + NEW}\n"
    embedded = log.read_text().split()
    assert sorted(embedded) == sorted(f"story-{number}" for number in range(OLD, OLD + NEW))


def test_killed_search_leaves_no_half_build(live: int, store: Store, database_url: str, tmp_path: Path) -> None:
    log = tmp_path / "embedded.log"
    killed_at(database_url, log, "Finding", 1, store)
    assert finished(database_url, log) == f"rebuilt 0 {OLD + NEW}\n"
    assert len(log.read_text().split()) == NEW
    generation = store.state().generation
    assert generation is not None
    assert generation > live
    assert store.generations.size(generation) == OLD + NEW
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
        rows = connection.execute("SELECT generation, count(*) FROM neighbour GROUP BY generation").fetchall()
    assert rows == [(generation, OLD + NEW)]


def test_killed_before_the_switch_leaves_readers_alone(
    live: int, store: Store, database_url: str, tmp_path: Path
) -> None:
    """The new generation is complete, and not live yet; the next build makes another, and removes it."""
    log = tmp_path / "embedded.log"
    killed_at(database_url, log, "Preparing", 0, store)
    orphan = live + 1
    assert store.state().generation == live
    assert store.generations.size(orphan) == OLD + NEW
    assert finished(database_url, log) == f"rebuilt 0 {OLD + NEW}\n"
    assert store.state().generation not in (live, orphan)
    assert [store.generations.size(number) for number in (live, orphan)] == [0, 0]


def test_killed_worker_is_not_missed(tmp_path: Path) -> None:
    build_archive(tmp_path / "archive.db", embedder=ToyEmbedder())
    with serving(tmp_path / "archive.db", workers=2) as served:
        assert eventually(lambda: len(served.workers()) == 2)
        victim = served.workers()[0]
        victim.kill()
        statuses = [served.status("/api/v1/recommend?article_id=blockade-1") for _ in range(50)]
        assert statuses.count(200) >= 49  # the request that the victim had in hand may be lost
        assert eventually(lambda: len(served.workers()) == 2)
        assert victim not in served.workers()
        assert served.status("/api/v1/recommend?article_id=blockade-1") == 200
