"""The archives that are measured: the sample, real newswire where it is to be had, and synthetic vectors."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np

from recommender.arrays import Vectors
from recommender.embedding.pooling import Geometry
from recommender.store.base import Store
from recommender.wiring import open_store

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "var" / "bench"
# Reuters-21578, distribution 1.0, in the article format of this project: 19,043 stories. It is free for research but
# not ours to pass on, so it lies beside the checkout or is left out.
REUTERS = ROOT.parent / "shared" / "data" / "reuters21578" / "articles.jsonl"


def sample_url() -> str:
    """A database with the sample, built at the first call."""
    return built("sample", ("--sample",))


def reuters_url() -> str | None:
    """A database with the newswire, built at the first call (some minutes); None where the file is missing."""
    return built("reuters", (str(REUTERS),)) if REUTERS.is_file() else None


@cache
def built(name: str, ingest: tuple[str, ...], model: str | Path | None = None) -> str:
    """The address of a database with some articles, built by the default model or another."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{FOLDER / (name if model is None else f'{name}-{Path(model).name}')}.db"
    for command in (["ingest", *ingest], ["build"]):
        recommender(command, url, model)
    return url


def recommender(arguments: list[str], url: str, model: str | Path | None = None) -> None:
    """Runs the command line on a database."""
    environment = os.environ | {"RECOMMENDER_DATABASE_URL": url}
    if model is not None:
        environment["RECOMMENDER_MODEL"] = str(model)
    subprocess.run([sys.executable, "-m", "recommender", *arguments], check=True, env=environment, cwd=ROOT)


def vectors_of(url: str) -> Vectors:
    """(n, 384) centred unit vectors of a built database."""
    store = open_store(url)
    try:
        return _vectors(store)
    finally:
        store.close()


def _vectors(store: Store) -> Vectors:
    live = store.generations.live()
    if live is None:
        raise SystemExit("The benchmark's database has no generation.")
    centres = Geometry.from_bytes(live.geometry).embeddings
    members = store.generations.members(live.model, live.number)
    return np.stack([centres.centred(member.vector, member.language) for member in members])


def synthetic(count: int, dimension: int = 384, seed: int = 1) -> Vectors:
    """Unit vectors in loose clusters, as topics make them."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((count // 100, dimension), dtype=np.float32)
    vectors = centres[random.integers(0, len(centres), count)]
    vectors += 1.5 * random.standard_normal((count, dimension), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
