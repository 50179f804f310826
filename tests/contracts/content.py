"""What the contracts' stores are filled with: an article with every field, rows, and generations."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from recommender.articles.article import FLAGS, MAX_READS, Article
from recommender.ranking.candidates import CandidateArray
from recommender.ranking.scoring import DEFAULT, Scale, Scales
from recommender.store.base import Store
from recommender.store.generations import NeighbourRow, NewGeneration
from tests.factories import NOW, make_article, make_rows, stored

SOON = 20  # seconds after which a thread that should go on is given up

FULL = Article(
    id="sahel/1",
    title="Ménaka: « l'armée » 🚁",
    summary="S",
    body="One.\n\nTwo.",
    url="https://www.example.org/sahel/1/?a=b",
    posted_on=datetime(2024, 9, 17, 8, 30, tzinfo=UTC),
    edition="Sahel",
    language="fr",
    countries=("Mali", "Niger"),
    tags=("coup", "armée"),
    author="A. B.",
    read_count=MAX_READS,
    image_url="https://example.org/i.jpg",
    status="published",
    flags=FLAGS[1:],
    aliases=("https://old.example/sahel-1.html", "https://example.org/?p=1"),
)

SCALES = Scales(Scale(0.125, 0.5), Scale(0.25, 0.0625), Scale(-0.1, 1 / 3))
RANKING = replace(DEFAULT, version="ours-1", weights=DEFAULT.weights | {"dense": 1 / 3}, threshold=0.1)
NEW = NewGeneration("m", "recipe", b"geometry", b"lexical", SCALES, NOW, "ours/1", RANKING)


def in_thread(work: Callable[[], object]) -> object:
    """What `work` gives in another thread; fails instead of hanging when it has to wait."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(timeout=SOON)


def vector(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def row(number: int, text_hash: str = "h", candidates: CandidateArray | None = None, **standing: Any) -> NeighbourRow:
    rows = make_rows([99]) if candidates is None else candidates
    return NeighbourRow(number, text_hash, "en", b"terms", rows, **standing)


def begun(store: Store, model: str = "m", model_version: str = "ours/1") -> int:
    return store.generations.begin(replace(NEW, model=model, model_version=model_version))


def live_generation(store: Store, rows: list[NeighbourRow] | None = None, *, keep: bool = False) -> int:
    if not store.state().revision:
        stored(store, [make_article("any")])  # a generation is made of articles: something has been written before
    number = begun(store)
    store.generations.write(number, rows or [])
    store.generations.activate(number, keep=keep)
    return number


def kept(store: Store) -> tuple[int | None, int | None, int | None]:
    """The live generation, the previous one and the shadow."""
    return store.state().generation, store.generations.previous(), store.generations.shadow()
