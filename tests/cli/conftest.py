"""The command in this process, on a database of its own; what starts servers runs as a process."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from recommender.cli import cli, exit_code
from recommender.errors import RecommenderError
from tests.embedder import ToyEmbedder
from tests.web.toy import build_archive

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def toy_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of tests/web/toy.py, built with the toy embedder."""
    path = tmp_path_factory.mktemp("cli") / "archive.db"
    build_archive(path, embedder=ToyEmbedder())
    return path


@pytest.fixture
def archive(toy_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings name a copy of the archive, and nothing else is configured."""
    for file in toy_file.parent.iterdir():
        shutil.copy(file, tmp_path / file.name)
    monkeypatch.setenv("RECOMMENDER_DATABASE_URL", f"sqlite:///{tmp_path / toy_file.name}")
    monkeypatch.chdir(tmp_path)
    return tmp_path / toy_file.name


@pytest.fixture
def gathered(archive: Path) -> Path:
    """The archive with nothing left in its write-ahead log, so that the file alone is the database."""
    with closing(sqlite3.connect(archive)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return archive


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings name a database that does not exist yet."""
    monkeypatch.setenv("RECOMMENDER_DATABASE_URL", f"sqlite:///{tmp_path / 'new.db'}")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "new.db"


@pytest.fixture
def run() -> Run:
    """Runs the command with arguments; ends as the console script does."""

    def call(*arguments: str | Path, given: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments], input=given)
        if isinstance(result.exception, RecommenderError):
            result.exit_code = exit_code(result.exception)
            result.stderr_bytes = (result.stderr_bytes or b"") + f"Error: {result.exception}\n".encode()
        elif result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call
