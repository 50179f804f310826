"""A database with something in every table, a models' folder, and settings that name both."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from recommender.operations.archive import Manifest, opened
from recommender.operations.backup import back_up
from recommender.settings import Settings
from recommender.wiring import open_store
from tests.everything import fill
from tests.newsroom import make_registry

SettingsOf = Callable[[Path], Settings]


def quiet(_: str) -> None:
    """Tells nobody."""


def settings_for(folder: Path) -> Settings:
    """Settings whose database and models lie in a folder."""
    return Settings(database_url=SecretStr(f"sqlite:///{folder}/test.db"), models=folder / "models")


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database and models, to be copied."""
    folder = tmp_path_factory.mktemp("whole")
    store = open_store(f"sqlite:///{folder}/test.db")
    fill(store)
    store.close()
    with closing(sqlite3.connect(folder / "test.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    make_registry(folder / "models")
    return folder


@pytest.fixture(scope="session")
def made(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it. Read only."""
    path = tmp_path_factory.mktemp("made") / "backup.tar"
    back_up(settings_for(whole), path, quiet)
    return path


def manifest_of(path: Path) -> Manifest:
    """The manifest of a backup that is whole."""
    with opened(path) as archive:
        return archive.manifest
