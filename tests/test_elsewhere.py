"""The sample's sidebars are the same on another processor, in another time zone and locale, and a year later."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.embedder import ToyEmbedder
from tests.web.toy import build_archive

PROGRAM = """
import json, sys
from datetime import timedelta
from recommender.store.generation_view import generation_view
from recommender.serving.answers import Query
from recommender.settings import Settings
from recommender.wiring import make_builder, make_recommender, open_store, utc_now
from tests.embedder import ToyEmbedder

store = open_store(sys.argv[1])
number = make_builder(store, Settings(), ToyEmbedder() if sys.argv[3] == "toy" else None).build_beside()
later = utc_now() + timedelta(days=int(sys.argv[2]))
site = make_recommender(generation_view(store, number), Settings(), lambda: later)
articles = store.articles.get(store.generations.numbers(number), texts=False).values()
shown = {
    article.id: [item.article.id for item in site.for_article(article.id, Query()).items] for article in articles
}
print(json.dumps(shown))
"""
# What OpenBLAS computes with on processors of three generations, and what the processor must be able to do for it.
CORES = {"Sandybridge": "avx", "Haswell": "avx2", "SkylakeX": "avx512f"}


def sidebars(database: Path, days: int = 0, model: str = "", **environment: str) -> dict[str, list[str]]:
    """The sidebars of a new build from the vectors that are there, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, f"sqlite:///{database}", str(days), model],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    shown: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    assert len(shown) in {14, 300}
    return shown


def cores() -> list[str]:
    """Those of CORES that this processor can imitate."""
    processor = Path("/proc/cpuinfo")
    abilities = processor.read_text(encoding="utf-8").split() if processor.exists() else []
    return [core for core, needs in CORES.items() if needs in abilities]


def elsewhere(core: str) -> dict[str, str]:
    """What a process is told so that it computes as in another place, with another processor."""
    return {"TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8", "OPENBLAS_CORETYPE": core}


@pytest.fixture(scope="module")
def database(sample_database: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample; every test builds anew beside what is there."""
    folder = tmp_path_factory.mktemp("elsewhere")
    return Path(shutil.copy(sample_database.removeprefix("sqlite:///"), folder / "sample.db"))


@pytest.fixture(scope="module")
def here(database: Path) -> dict[str, list[str]]:
    """The sample's sidebars on this processor, in this place, today."""
    return sidebars(database)


def test_sidebars_are_those_of_any_place_and_time(database: Path, here: dict[str, list[str]]) -> None:
    """Neither the day decides, as the sample has related stories for every sidebar, nor the last bit of a sum.

    That bit differs between processors, most between the oldest and this one.
    """
    assert sidebars(database, 365, **elsewhere(cores()[0])) == here


def test_small_sidebars_are_those_of_any_place_and_time(tmp_path: Path) -> None:
    """Where most pairs have nothing in common, that bit alone would say which of them is the better one."""
    database = tmp_path / "toy.db"
    build_archive(database, embedder=ToyEmbedder())
    assert sidebars(database, model="toy", **elsewhere(cores()[0])) == sidebars(database, model="toy")


@pytest.mark.long
def test_sidebars_are_those_of_every_processor(database: Path, here: dict[str, list[str]]) -> None:
    assert [core for core in cores() if sidebars(database, OPENBLAS_CORETYPE=core) != here] == []
