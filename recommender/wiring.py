"""Assembly: the only module that sees every part. Adapters are imported where they are made: nobody pays for others."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from recommender.gazetteer import Gazetteer, parse_gazetteer
from recommender.interfaces import Embedder, Store, Toolbox
from recommender.scoring import DEFAULT, RankingModel
from recommender.service import RankingDefaults, Recommender
from recommender.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from recommender.accounts import Accounts
    from recommender.build import Builder
    from recommender.decisions import Decisions
    from recommender.evaluation import System
    from recommender.export import Files
    from recommender.fragment import Fragment
    from recommender.gazetteer import Name
    from recommender.learning import Fitter
    from recommender.ledger import Recorder
    from recommender.prepared import Sweep
    from recommender.publishing import Publishing

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


def make_gazetteer(settings: Settings) -> Gazetteer:
    """The names of this release, and those of the settings' file, which take the place of others with the same key.

    Raises InvalidInput for a table that is wrong.
    """
    if settings.gazetteer is None:
        return _released_gazetteer()
    from recommender.sources.tables import read_gazetteer

    released, own = _released_names(), settings.gazetteer
    return Gazetteer([*released, *parse_gazetteer(read_gazetteer(own), str(own), known=(one.key for one in released))])


@cache
def _released_names() -> "list[Name]":
    from importlib.resources import files

    from recommender.sources.tables import read_gazetteer

    return parse_gazetteer(read_gazetteer(files("recommender") / "gazetteer.csv"), "gazetteer.csv")


@cache
def _released_gazetteer() -> Gazetteer:
    return Gazetteer(_released_names())


def make_ranking(settings: Settings) -> RankingModel:
    """The ranking model of the settings, or the one of this release."""
    from recommender.ranking_files import read_ranking

    return read_ranking(settings.ranking) if settings.ranking else DEFAULT


def make_toolbox(gazetteer: Gazetteer) -> Toolbox:
    """Word weights by scikit-learn, exact search by scikit-learn and SciPy, each loaded at its first use."""

    def fit_lexical(articles):  # type: ignore[no-untyped-def]  # the field of Toolbox says the types
        from recommender.lexical import TfidfModel

        return TfidfModel.fit(articles, gazetteer)

    def read_lexical(data):  # type: ignore[no-untyped-def]
        from recommender.lexical import TfidfModel

        return TfidfModel.from_bytes(data, gazetteer)

    def index(vectors):  # type: ignore[no-untyped-def]
        from recommender.indexes.exact import ExactIndex

        return ExactIndex(vectors)

    def term_index(rows):  # type: ignore[no-untyped-def]
        from recommender.indexes.terms import SparseTermIndex

        return SparseTermIndex(rows)

    return Toolbox(gazetteer.digest, fit_lexical, read_lexical, index, term_index)


def make_builder(store: Store, settings: Settings, embedder: Embedder | None = None) -> "Builder":
    """Builds and updates with the settings' model, or with the embedder given."""
    from recommender.build import Builder

    toolbox = make_toolbox(make_gazetteer(settings))
    return Builder(store, embedder or make_embedder(settings), toolbox, make_ranking(settings), utc_now)


def make_recommender(
    store: Store,
    settings: Settings,
    clock: Callable[[], datetime] = utc_now,
    ranking: RankingModel | None = None,
) -> Recommender:
    """Answers requests from the store, by the ranking model given or that of the settings."""
    defaults = RankingDefaults(
        settings.min_score, settings.diversity, ranking or make_ranking(settings), settings.roles
    )
    return Recommender(store, defaults, make_gazetteer(settings), clock)


def make_accounts(store: Store, clock: Callable[[], datetime] = utc_now) -> "Accounts":
    """Signs people in, with passwords kept by scrypt."""
    import time

    from recommender.accounts import Accounts
    from recommender.passwords import ScryptPasswords

    return Accounts(store, ScryptPasswords(), clock, time.sleep)


def make_publishing(store: Store, by: str, clock: Callable[[], datetime] = utc_now) -> "Publishing":
    """Keeps articles for somebody, and writes down what has changed."""
    from recommender.publishing import Publishing

    return Publishing(store, by, clock)


def make_decisions(store: Store, clock: Callable[[], datetime] = utc_now) -> "Decisions":
    """What editors decide."""
    from recommender.decisions import Decisions

    return Decisions(store, clock)


def make_recorder(store: Store, recommender: Recommender) -> "Recorder":
    """Writes down what is shown."""
    from recommender.ledger import Recorder

    return Recorder(store, recommender.gazetteer, utc_now)


def make_sweep(store: Store, settings: Settings) -> "Sweep":
    """Keeps prepared answers and the ledger up to date."""
    from recommender.prepared import Sweep

    return Sweep(store, make_recommender(store, settings))


def make_fragment_of(settings: Settings) -> "Fragment":
    """Renders sidebars as HTML, outside the web application."""
    from recommender.fragment import make_fragment

    return make_fragment(settings.sidebar_heading)


def make_files(path: "Path") -> "Files":
    """A folder for sidebars as files."""
    from recommender.folder import Folder

    return Folder(path)


def make_fitter() -> "Fitter":
    """Learns ranking models."""
    from recommender.fitting import fit

    return fit


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
    from recommender.labels import full_text
    from recommender.lexical import PlainTfidf, words
    from recommender.systems import BM25, DENSE, FUSION, LATEST, MOST_READ, TFIDF, Archive, service_system
    from recommender.vectors import Geometry

    live = store.generations.live()
    if live is None:
        raise NotBuilt
    members = store.generations.members(live.model)
    found = store.articles.get([member.number for member in members])
    articles = [found[member.number] for member in members]
    texts = [full_text(article) for article in articles]
    documents = [words(text) for text in texts]
    centres = Geometry.from_bytes(live.geometry).dense
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
        FUSION: archive.fused(tfidf.scores, lambda place: vectors @ vectors[place]),
        SERVICE: service_system(recommender),
    }
    return Evaluated(systems, {article.id: article.language for article in articles})
