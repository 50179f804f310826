"""SIGKILL at random moments of every kind of work; `make kills` does it a hundred times on each database."""

from pathlib import Path

import pytest

from benchmarks.kills import WORKS, kills

DATABASES = [
    "database_url",
    pytest.param("empty_postgresql_database", marks=pytest.mark.long),
]


@pytest.mark.parametrize("database", DATABASES)
def test_nothing_is_lost_or_done_twice(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    killed = kills(request.getfixturevalue(database), folder, len(WORKS), seed=1)
    assert killed.problems == []
    assert killed.kills == dict.fromkeys(WORKS, 1)
