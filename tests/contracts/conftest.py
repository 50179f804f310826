"""The contracts' store: the same tests on SQLite and on PostgreSQL."""

from collections.abc import Iterator

import pytest

from recommender.store.base import Store
from recommender.wiring import open_store


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """URL of an empty database on each backend."""
    name = "database_url" if request.param == "sqlite" else "empty_postgresql_database"
    found: str = request.getfixturevalue(name)
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def own_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty database on each backend, for tests that change its tables."""
    name = "database_url" if request.param == "sqlite" else "own_postgresql_database"
    found: str = request.getfixturevalue(name)
    return found


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """An empty store on each backend."""
    opened = open_store(url)
    yield opened
    opened.close()
