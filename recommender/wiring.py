"""Assembly: the only module that sees every part. Adapters are imported where they are made, so nobody pays for others."""

from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from recommender.interfaces import Embedder, Store, Toolbox
from recommender.service import RankingDefaults, Recommender
from recommender.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recommender.build import Builder

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
    upgrade(database)
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
