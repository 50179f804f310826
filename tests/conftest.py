"""What every test may ask for, and what no test may see: the settings of the developer's own shell."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.resources import as_file, files
from pathlib import Path
from typing import NoReturn

import hypothesis
import pytest
import sklearn.neighbors  # noqa: F401  # its threads can be limited only once they are loaded
from filelock import FileLock
from sqlalchemy import make_url
from threadpoolctl import threadpool_limits

from recommender.embedding.model_files import DEFAULT_MODEL
from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
from recommender.evaluation.trec import read_qrels
from recommender.settings import Settings
from recommender.sources.files import open_source
from recommender.sources.ingest import ingest
from recommender.store.base import Store
from recommender.store.grading import GRADES
from recommender.wiring import make_builder, open_store
from recommender.workflows.sample import put_sample_vectors
from tests import postgres

# No deadline: machines of CI pause. Fifty examples a rule keep the whole run short, and they are the same in every run:
# what one commit passes, the next does not fail by a throw of dice. `make test-long` looks for new ones.
hypothesis.settings.register_profile("tests", deadline=None, max_examples=50, derandomize=True)
hypothesis.settings.register_profile("search", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("tests")

Unavailable = Callable[[str, str], NoReturn]
Restore = Callable[[], None]

SAMPLE = files("recommender") / "sample"

# Files that take minutes come first: with several processes none is left with one of them when the others are done.
# The first two share no work: what builds the sample holds up all that wait for it.
LONGEST = (
    "test_notebooks.py",
    "test_sentence_transformers_trainer.py",
    "test_serve.py",
    "test_proxy.py",
    "test_training.py",
    "test_editors.py",
    "test_reviewing.py",
    "test_elsewhere.py",
    "test_front_door.py",
)

required = pytest.StashKey[frozenset[str]]()
own_server = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Reads RECOMMENDER_TEST_REQUIRE and RECOMMENDER_TEST_POSTGRESQL, then drops all of RECOMMENDER_*.

    One process of several computes with one thread, and so do the services and notebooks that it starts: threads that
    share too few cores wait for each other for many times what they compute.
    """
    config.stash[required] = frozenset(os.environ.get("RECOMMENDER_TEST_REQUIRE", "").split(","))
    config.stash[own_server] = os.environ.get("RECOMMENDER_TEST_POSTGRESQL", "")
    for name in [name for name in os.environ if name.startswith("RECOMMENDER_")]:
        del os.environ[name]
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts files by how long they take."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """One thread for scikit-learn: on a busy machine two wait 80 ms for each other in every search of a small index."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def unavailable(pytestconfig: pytest.Config) -> Unavailable:
    """Skips the test for want of a part; fails it where RECOMMENDER_TEST_REQUIRE names the part (CI)."""

    def give_up(part: str, reason: str) -> NoReturn:
        if part in pytestconfig.stash[required]:
            pytest.fail(f"{part} is required here: {reason}", pytrace=False)
        pytest.skip(f"{part}: {reason}")

    return give_up


@pytest.fixture(scope="session")
def postgresql_url(pytestconfig: pytest.Config, unavailable: Unavailable) -> Iterator[str]:
    """URL of a PostgreSQL server with pgvector: RECOMMENDER_TEST_POSTGRESQL, or one started for this run."""
    if pytestconfig.stash[own_server]:
        yield pytestconfig.stash[own_server]
        return
    if reason := postgres.missing():
        unavailable("postgresql", reason)
    with postgres.server() as url:
        yield url


@pytest.fixture
def postgresql_database(postgresql_url: str) -> Iterator[str]:
    """URL of a database without tables for one test."""
    with postgres.database(postgresql_url) as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_template(postgresql_url: str) -> Iterator[str]:
    """Name of a database with the tables of this release; migrating once is enough for a run."""
    with postgres.database(postgresql_url) as url:
        open_store(url).close()
        yield str(make_url(url).database)


@pytest.fixture
def own_postgresql_database(postgresql_url: str, postgresql_template: str) -> Iterator[str]:
    """URL of an empty database that goes with the test, which may change its tables."""
    with postgres.database(postgresql_url, postgresql_template) as url:
        yield url


@pytest.fixture(scope="session")
def _shared_postgresql_database(postgresql_url: str, postgresql_template: str) -> Iterator[tuple[str, Restore]]:
    with postgres.database(postgresql_url, postgresql_template) as url, postgres.restoring(url) as restore:
        yield url, restore


@pytest.fixture
def empty_postgresql_database(_shared_postgresql_database: tuple[str, Restore]) -> str:
    """URL of a database that was emptied for the test; its tables are those of all tests and stay as they are."""
    url, restore = _shared_postgresql_database
    restore()
    return url


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables of this release; migrating once is enough for a run."""
    file = tmp_path_factory.mktemp("empty") / "empty.db"
    open_store(f"sqlite:///{file}").close()
    _gather(file)
    return file


@pytest.fixture
def database_url(empty_database: Path, tmp_path: Path) -> str:
    """URL of an empty SQLite database for one test."""
    shutil.copy(empty_database, tmp_path / "test.db")
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty store for one test."""
    opened = open_store(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def model() -> SentenceTransformerEmbedder:
    """The real model, loaded once a run by the first test that embeds with it."""
    return SentenceTransformerEmbedder(DEFAULT_MODEL)


@pytest.fixture(scope="session")
def sample_database(model: SentenceTransformerEmbedder, tmp_path_factory: pytest.TempPathFactory) -> str:
    """URL of a SQLite database with the whole sample, built from the real model's vectors, once a run.

    Read only: a test that writes copies the file first.
    """
    return f"sqlite:///{_made_once(tmp_path_factory, 'sample', lambda file: _build_sample(file, model))}"


@pytest.fixture(scope="session")
def sample_part(
    sample_database: str, model: SentenceTransformerEmbedder, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """URL of a SQLite database with a third of the sample: its judged queries and what belongs beside them most.

    Whatever is learned or measured has its data there. Read only, as the whole.
    """
    whole = Path(sample_database.removeprefix("sqlite:///"))
    return f"sqlite:///{_made_once(tmp_path_factory, 'part', lambda file: _build_part(file, whole, model))}"


def _made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A database file that the processes of one run share: the first one that needs it makes it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    file = folder / f"{name}.db"
    with FileLock(folder / f"{name}.lock"):
        if not file.exists():
            make(folder / f"making-{name}.db")
            (folder / f"making-{name}.db").rename(file)
    return file


def _build_sample(file: Path, model: SentenceTransformerEmbedder) -> None:
    opened = open_store(f"sqlite:///{file}")
    with (SAMPLE / "articles.jsonl").open("rb") as stream:
        ingest(opened.articles.upsert, open_source(stream, "articles.jsonl"), lambda refusal: pytest.fail(str(refusal)))
    put_sample_vectors(opened)
    make_builder(opened, Settings(), model).build()
    opened.close()
    _gather(file)


def _build_part(file: Path, whole: Path, model: SentenceTransformerEmbedder) -> None:
    with as_file(SAMPLE / "qrels.txt") as qrels:
        judged = read_qrels(qrels)
    best = {article for grades in judged.values() for article, grade in grades.items() if grade == max(GRADES)}
    shutil.copy(whole, file)
    opened = open_store(f"sqlite:///{file}")
    for article in opened.articles.listing(None, 10_000, 0):
        if article.id not in best | judged.keys():
            opened.articles.withdraw(article.id)
    make_builder(opened, Settings(), model).build()
    opened.close()
    _gather(file)


def _gather(file: Path) -> None:
    """Empties the write-ahead log into the file, so that the file alone can be copied."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
