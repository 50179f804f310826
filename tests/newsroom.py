"""A small archive of plain topics, where it is known what belongs together, and model versions that see it or not."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from recommender.articles.article import Article
from recommender.build.builder import Builder
from recommender.build.model_version import ModelVersion
from recommender.embedding.base import Embedder
from recommender.grading.grading import Grading
from recommender.grading.panels import Sample
from recommender.ranking.scoring import DEFAULT, OPTIONAL, PARTS, READER, RankingModel
from recommender.release.base import Registry
from recommender.release.cards import LIVE, Embedding, HistoryEntry, ModelCard
from recommender.release.promotion import Releasing
from recommender.release.registry import FolderRegistry
from recommender.store.base import Store
from recommender.store.generation_view import generation_of, generation_view
from recommender.store.grading import SATISFACTORY
from tests.embedder import BlindEmbedder, ToyEmbedder
from tests.factories import NOW, days_ago, make_article, make_builder, make_recommender

TOPICS = ("gold", "fuel", "rain", "salt", "rice", "fish")
EACH = 4

# By the embedding alone, so that a model that sees nothing shows nothing right.
DENSE = RankingModel(
    "dense",
    {part: 1.0 if part == "dense" else 0.0 for part in PARTS},
    threshold=1.0,
    relief=dict.fromkeys((*OPTIONAL, READER), 0.0),
)
GOOD, ALIKE, BLIND = (
    ModelVersion("good/1", DENSE),
    ModelVersion("alike/1", replace(DENSE, threshold=1.1)),
    ModelVersion("blind/1", DENSE),
)
EMBEDDERS: dict[str, Embedder] = {
    GOOD.name: ToyEmbedder(),
    ALIKE.name: ToyEmbedder(),
    BLIND.name: BlindEmbedder(),
    "toy/1": ToyEmbedder(),
}
RELEASES = {version.name: version for version in (GOOD, ALIKE, BLIND, ModelVersion("toy/1", DEFAULT))}


def stories(each: int = EACH) -> list[Article]:
    """`each` stories of every topic, such as gold-0; those of one topic share their words, and no others."""
    return [
        make_article(
            f"{topic}-{number}",
            title=f"{topic} {topic}s {number}",
            body=f"{topic} {topic}s {topic}er.",
            posted_on=days_ago(1 + number),
        )
        for topic in TOPICS
        for number in range(each)
    ]


def qrels(articles: Iterable[Article]) -> dict[str, dict[str, int]]:
    """Judgments: the stories of one topic belong together."""
    ids = [article.id for article in articles]
    return {query: {other: 3 for other in ids if other != query and _topic(other) == _topic(query)} for query in ids}


def _topic(article_id: str) -> str:
    return article_id.partition("-")[0]


def builder_of(store: Store, name: str, meanwhile: Callable[[], object] = lambda: None) -> Builder:
    """The builder of a model version by its name; `meanwhile` happens just before a build can be switched to."""
    return make_builder(
        store, EMBEDDERS[name], model_version=RELEASES[name], prepare=lambda _number, _progress: meanwhile()
    )


def opened(store: Store, name: str = GOOD.name) -> int:
    """Puts the stories into a store and builds a model version live; gives its generation."""
    store.articles.upsert(stories())
    return builder_of(store, name).build().generation


def make_registry(folder: Path) -> FolderRegistry:
    """A registry with the cards of all these versions, of which `good/1` is live."""
    registry = FolderRegistry(folder)
    for name, model_version in RELEASES.items():
        embedding = Embedding("toy", None, EMBEDDERS[name].version, 64, 0)
        registry.create(ModelCard(name, NOW.date(), "tests", embedding, model_version.ranking), {})
    registry.record(GOOD.name, HistoryEntry(NOW, "tests", LIVE))
    registry.put_live(GOOD.name)
    return registry


def make_releasing(store: Store, registry: Registry, meanwhile: Callable[[], object] = lambda: None) -> Releasing:
    """Releases these versions, by the clock of the factories; `meanwhile`: see `builder_of`."""
    return Releasing(store, registry, lambda name: builder_of(store, name, meanwhile), make_recommender, lambda: NOW)


def graded(store: Store, name: str, verdict: int = SATISFACTORY) -> None:
    """A panel of all sidebars of a version, which is live or in the shadow, with one verdict on each."""
    grading = Grading(store, make_recommender(generation_view(store, generation_of(store, name))), lambda: NOW)
    panel = grading.create(f"{name} by {verdict}", "awa", Sample(seed=1, pool=0))
    for place in range(len(panel.sidebars)):
        grading.grade(panel.number, place, "awa", {None: verdict})
