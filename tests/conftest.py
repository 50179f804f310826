"""What every test may ask for, and what no test may see: the settings of the developer's own shell."""

import os
from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest

from tests import postgres

Unavailable = Callable[[str, str], NoReturn]

required = pytest.StashKey[frozenset[str]]()
own_server = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Reads RECOMMENDER_TEST_REQUIRE and RECOMMENDER_TEST_POSTGRESQL, then drops all of RECOMMENDER_*."""
    config.stash[required] = frozenset(os.environ.get("RECOMMENDER_TEST_REQUIRE", "").split(","))
    config.stash[own_server] = os.environ.get("RECOMMENDER_TEST_POSTGRESQL", "")
    for name in [name for name in os.environ if name.startswith("RECOMMENDER_")]:
        del os.environ[name]


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
    """URL of an empty database for one test."""
    with postgres.database(postgresql_url) as url:
        yield url
