"""Applications on copies of a small built database; each is closed, and its desk with it."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache

from recommender.articles.article import Article
from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
from recommender.settings import load_settings
from recommender.store.base import Store
from recommender.web.app import make_app
from recommender.web.context import Context
from recommender.wiring import make_builder, open_store
from tests.embedder import ToyEmbedder
from tests.web.toy import build_archive, settings_for

MakeClient = Callable[..., FlaskClient]
Publish = Callable[..., None]


def context_of(app: APIFlask) -> Context:
    """The context of an application."""
    services = app.extensions["recommender"]
    assert isinstance(services, Context)
    return services


def close(app: APIFlask) -> None:
    """Ends the desk, writes down what waits, and gives the database back."""
    context_of(app).recorder.close()
    context_of(app).worker.close()
    context_of(app).store.close()


@pytest.fixture(scope="session")
def toy_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, built with the toy embedder. Tests that write use `database`."""
    path = tmp_path_factory.mktemp("toy") / "archive.db"
    build_archive(path, embedder=ToyEmbedder())
    gather(path)
    return path


@pytest.fixture(scope="session")
def real_archive(model: SentenceTransformerEmbedder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, built with the real model, so that a desk can work with it. Tests copy it."""
    path = tmp_path_factory.mktemp("real") / "archive.db"
    build_archive(path, embedder=model)
    gather(path)
    return path


def gather(database: Path) -> None:
    """Empties the write-ahead log into the file, so that the file alone can be copied."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Templates compiled once a run: every test has an application of its own, and they are the same in all."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("compiled")))


@pytest.fixture(scope="session")
def client(toy_archive: Path) -> Iterator[FlaskClient]:
    """A reader of the archive; no key is configured."""
    app = make_app(settings_for(toy_archive))
    yield app.test_client()
    close(app)


@pytest.fixture
def database(toy_archive: Path, tmp_path: Path) -> Path:
    """A copy of the archive that the test may change."""
    return Path(shutil.copy(toy_archive, tmp_path / "copy.db"))


@pytest.fixture
def make_client(database: Path, compiled: FileSystemBytecodeCache) -> Iterator[MakeClient]:
    """Makes a client of an application on the copy; keywords are settings."""
    apps: list[APIFlask] = []

    def make(**values: object) -> FlaskClient:
        apps.append(make_app(settings_for(database, **values)))
        apps[-1].jinja_env.bytecode_cache = compiled
        return apps[-1].test_client()

    yield make
    for app in apps:
        close(app)


@pytest.fixture
def other_worker(database: Path) -> Iterator[Store]:
    """The copy as another process sees it: a store of its own."""
    store = open_store(f"sqlite:///{database}")
    yield store
    store.close()


@pytest.fixture
def publish(other_worker: Store) -> Publish:
    """Puts articles into the copy and takes them into its neighbours, as another process does it."""

    def put(*articles: Article) -> None:
        other_worker.articles.upsert(articles)
        make_builder(other_worker, load_settings(), ToyEmbedder()).update()

    return put
