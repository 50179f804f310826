"""Assembly: the only module that sees every part. Adapters are imported where they are made: nobody pays for others."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from recommender.interfaces import Embedder, Store, Toolbox
from recommender.service import RankingDefaults, Recommender
from recommender.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recommender.build import Builder
    from recommender.evaluation import System

# ruff: noqa: PLC0415  # imports inside functions are this module's purpose: the web process must not load torch


def utc_now() -> datetime:
    """The clock of every part that needs one."""
    return datetime.now(UTC)


def open_store(database_url: str) -> Store:
    """The store behind an address, with the tables of this release."""
    from recommender.storage.database import Database
    from recommender.storage.schema import upgrade
    from recommender.storage.store import SqlStore

    database = Database(database_url)
    try:
        upgrade(database)
    except BaseException:
        database.close()
        raise
    return SqlStore(database)


@contextmanager
def opened_store(settings: Settings) -> "Iterator[Store]":
    """The store of the settings, closed at the end."""
    store = open_store(settings.database_url.get_secret_value())
    try:
        yield store
    finally:
        store.close()


def make_embedder(settings: Settings) -> Embedder:
    """The embedder of the settings; its model is loaded when the first text comes."""
    from recommender.embedding import SentenceTransformerEmbedder

    return SentenceTransformerEmbedder(settings.model, download=settings.model_download)


def make_toolbox() -> Toolbox:
    """Word weights by scikit-learn, exact search by scikit-learn and SciPy, each loaded at its first use."""

    def fit_lexical(articles):  # type: ignore[no-untyped-def]  # the field of Toolbox says the types
        from recommender.lexical import TfidfModel

        return TfidfModel.fit(articles)

    def read_lexical(data):  # type: ignore[no-untyped-def]
        from recommender.lexical import TfidfModel

        return TfidfModel.from_bytes(data)

    def index(vectors):  # type: ignore[no-untyped-def]
        from recommender.indexes.exact import ExactIndex

        return ExactIndex(vectors)

    def term_index(rows):  # type: ignore[no-untyped-def]
        from recommender.indexes.terms import SparseTermIndex

        return SparseTermIndex(rows)

    return Toolbox(fit_lexical, read_lexical, index, term_index)


def make_builder(store: Store, settings: Settings, embedder: Embedder | None = None) -> "Builder":
    """Builds and updates with the settings' model, or with the embedder given."""
    from recommender.build import Builder

    return Builder(store, embedder or make_embedder(settings), make_toolbox(), utc_now)


def make_recommender(store: Store, settings: Settings, clock: Callable[[], datetime] = utc_now) -> Recommender:
    """Answers requests from the store."""
    return Recommender(store, RankingDefaults(min_score=settings.min_score, diversity=settings.diversity), clock)


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation runs on: the systems by name, and the language of each article."""

    systems: "Mapping[str, System]"
    languages: dict[str, str]


def make_systems(store: Store, recommender: Recommender) -> Evaluated:
    """The service and what it is compared with, over the articles and vectors of the store. Raises NotBuilt."""
    import numpy as np

    from recommender.bm25 import Bm25Index
    from recommender.errors import NotBuilt
    from recommender.evaluation import SERVICE
    from recommender.lexical import PlainTfidf, full_text, words
    from recommender.systems import BM25, DENSE, LATEST, MOST_READ, TFIDF, Archive, service_system
    from recommender.vectors import Centres

    live = store.generations.live()
    if live is None:
        raise NotBuilt
    members = store.generations.members(live.model)
    found = store.articles.get([member.number for member in members])
    articles = [found[member.number] for member in members]
    texts = [full_text(article) for article in articles]
    documents = [words(text) for text in texts]
    centres = Centres.from_bytes(live.centres)
    vectors = np.stack([centres.centred(member.vector, member.language) for member in members])
    tfidf = PlainTfidf(texts)
    bm25 = Bm25Index(documents)
    archive = Archive(articles)
    systems = {
        LATEST: archive.ranked(archive.latest),
        MOST_READ: archive.ranked(archive.most_read),
        TFIDF: archive.ranked(tfidf.scores),
        BM25: archive.ranked(lambda place: bm25.scores(documents[place])),
        DENSE: archive.ranked(lambda place: vectors @ vectors[place]),
        SERVICE: service_system(recommender),
    }
    return Evaluated(systems, {article.id: article.language for article in articles})
