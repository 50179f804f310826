"""Makers of test data: each gives something valid, and a test names only what it is about."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from recommender.articles.article import Article
from recommender.articles.gazetteer import Gazetteer, Name
from recommender.build.builder import Boxes, Builder
from recommender.build.model_version import ModelVersion
from recommender.curation.sensitivity import bits
from recommender.embedding.base import Embedder
from recommender.progress import Progress
from recommender.ranking.candidates import FEATURES, CandidateArray, make_candidates
from recommender.ranking.facts import Columns
from recommender.ranking.scoring import RankingModel, for_parts
from recommender.release.interleaving import end_left
from recommender.serving.answers import RankingDefaults
from recommender.serving.recommender import Recommender
from recommender.store.base import Store
from recommender.wiring import make_toolbox
from tests.embedder import ToyEmbedder

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW_SECONDS = NOW.timestamp()
# Weights that no training changes, so that tests say the same whatever is learned from the sample.
RANKING = for_parts(
    RankingModel(
        version="toy",
        weights={
            "dense": 0.75,
            "lexical": 0.56,
            "themes": 0.48,
            "names": 3.9,
            "topics": 4.0,
            "tags": 5.0,
            "places": 1.8,
            "nearness": 1.5,
            "reader": 3.0,
        },
        threshold=8.8,
        relief={"names": 1.1, "tags": 0.3, "places": 0.9, "nearness": 0.5, "reader": 4.5},
    )
)
RELEASE = ModelVersion("toy/1", RANKING)
MIN_SCORE = 0.12

# A few names of each sort. Their forms begin with a capital, so words in lower case name nothing.
GAZETTEER = Gazetteer(
    [
        Name("niger", "country", "Niger", "Niger", ("Nigerien", "nigérien")),
        Name("niamey", "place", "Niamey", "Niamey", within=("niger",)),
        Name("mali", "country", "Mali", "Mali"),
        Name("bamako", "place", "Bamako", "Bamako", within=("mali",)),
        Name("bazoum", "person", "Mohamed Bazoum", "Mohamed Bazoum", ("Bazoum",)),
        Name("jnim", "group", "JNIM", "JNIM"),
        Name("coup", "topic", "coups", "coups d'État", ("Putsch",)),
    ]
)


def make_article(article_id: str, **fields: Any) -> Article:
    """A published English article of the Sahel edition, a day old, whose title is its id."""
    values: dict[str, Any] = {
        "title": article_id,
        "url": f"https://example.org/{article_id}",
        "body": f"Body of {article_id}.",
        "edition": "Sahel",
        "posted_on": NOW - timedelta(days=1),
    }
    return Article(id=article_id, **(values | fields))


def days_ago(days: float) -> datetime:
    """A moment before NOW."""
    return NOW - timedelta(days=days)


def make_builder(
    store: Store,
    embedder: Embedder | None = None,
    *,
    model_version: ModelVersion = RELEASE,
    gazetteer: Gazetteer = GAZETTEER,
    prepare: Callable[[int, Progress], object] = lambda _number, _progress: None,
    boxes: Boxes | None = None,
    changed: Callable[[Sequence[int]], object] = lambda _numbers: None,
) -> Builder:
    """A builder with the toy embedder and the real word weights and indexes; it prepares no answers."""

    def switched() -> None:
        end_left(store, "recommender build", NOW)

    return Builder(
        store,
        embedder or ToyEmbedder(),
        make_toolbox(gazetteer),
        model_version,
        lambda: NOW,
        min_score=MIN_SCORE,
        prepare=prepare,
        switched=switched,
        boxes=boxes,
        changed=changed,
    )


def make_recommender(
    store: Store, *, now: datetime = NOW, min_score: float = MIN_SCORE, other_languages: bool = True
) -> Recommender:
    """A service whose clock stands still."""
    defaults = RankingDefaults(min_score=min_score, diversity=0.0, other_languages=other_languages)
    return Recommender(store, defaults, GAZETTEER, lambda: now)


def stored(store: Store, articles: Iterable[Article]) -> list[int]:
    """Puts articles into the store; gives their numbers, 0 for one that is not published."""
    batch = list(articles)
    store.articles.upsert(batch)
    numbered = [store.articles.by_id(article.id) for article in batch]
    return [pair[0] if pair else 0 for pair in numbered]


def built(store: Store, articles: Iterable[Article]) -> Builder:
    """Puts articles into the store and builds."""
    store.articles.upsert(list(articles))
    builder = make_builder(store)
    builder.build()
    return builder


def make_rows(numbers: Sequence[int], *, same: bool | Sequence[bool] = True, **features: Any) -> CandidateArray:
    """A candidate list, in which what is not given is 0, and tags, places and shingles are unknown."""
    size = len(numbers)
    columns_given: dict[str, Any] = {"tags": np.nan, "places": np.nan, "shingles": np.nan} | features
    return make_candidates(
        np.array(numbers, dtype=np.int32),
        np.broadcast_to(np.array(same, dtype=bool), size),
        {name: np.broadcast_to(np.float32(columns_given.get(name, 0.0)), size) for name in FEATURES},
    )


def make_columns(numbers: Sequence[int], **columns: Any) -> Columns:
    """Facts of published articles of edition 0 and language 0, posted a day before NOW, never read, each alone."""
    size = len(numbers)
    facts: dict[str, Any] = {"posted": NOW_SECONDS - 86_400, "reads": 0, "edition": 0, "language": 0}
    facts |= {"shown": True, "linked": True, "update": False, "explains": False, "byline": 0, "demand": 0}
    facts |= {"story": numbers, "page": numbers, "copy": -1}
    facts |= {"changed": -1, "relisted": -1, "flags": bits(())} | columns
    named = facts.pop("labels", [frozenset()] * size)
    kinds = {"posted": np.float64, "reads": np.float64, "changed": np.int64, "relisted": np.int64}
    kinds |= dict.fromkeys(("edition", "language", "byline", "story", "demand", "copy", "flags", "page"), np.int32)
    labels = np.empty(size, dtype=object)
    labels[:] = named
    return Columns(
        number=np.array(numbers, dtype=np.int32),
        labels=labels,
        **{name: np.array(np.broadcast_to(value, size), dtype=kinds.get(name, bool)) for name, value in facts.items()},
    )
