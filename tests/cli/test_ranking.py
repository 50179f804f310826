"""`exposure`."""

import json
from pathlib import Path

import pytest

from recommender.progress import quiet
from recommender.serving.prepared import prepare
from recommender.settings import load_settings
from recommender.wiring import make_recommender, opened_store
from tests.cli.conftest import Run
from tests.web.toy import ARCHIVE


@pytest.fixture
def counted(archive: Path) -> Path:
    """The archive with its sidebars counted, as `recommender build` leaves it."""
    with opened_store(load_settings()) as store:
        prepare(store, make_recommender(store, load_settings()), quiet)
    return archive


class TestExposure:
    """`exposure`."""

    def test_counts_are_those_of_the_sidebars(self, run: Run, counted: Path) -> None:
        result = run("exposure")
        assert result.exit_code == 0
        _, hubs, _ = result.stdout.split("\n\n")
        shown = {line.split()[2]: int(line.split()[0]) for line in hubs.splitlines()[1:]}
        sidebars = [
            [item["id"] for item in json.loads(run("related", article.id, "--json").stdout)["items"]]
            for article in ARCHIVE
            if article.status == "published"
        ]
        assert shown == {key: sum(key in sidebar for sidebar in sidebars) for key in shown}
        assert list(shown.values()) == sorted(shown.values(), reverse=True)

    def test_shown_and_forgotten_add_up(self, run: Run, counted: Path) -> None:
        lines = run("exposure").stdout.splitlines()
        assert lines[0] == "articles    14"
        assert lines[1] == "shown       85.7% of them stand in at least one sidebar, 2 in none"
        assert lines[-3:] == ["in none, the newest", "  held", "  lone"]

    def test_evenness_is_a_gini_coefficient(self, run: Run, counted: Path) -> None:
        line = run("exposure").stdout.splitlines()[2]
        assert line.endswith("(0: all alike, 1: one article has it all)")
        assert 0 < float(line.split()[1]) < 1

    def test_withdrawn_article_is_called_so(self, run: Run, counted: Path) -> None:
        with opened_store(load_settings()) as store:
            store.articles.withdraw("gold-3")
            store.articles.withdraw("lone")
        result = run("exposure")
        assert result.exit_code == 0
        assert result.stdout.count("(withdrawn)") == 2

    def test_unbuilt_database_is_unavailable(self, run: Run, empty: Path) -> None:
        result = run("exposure")
        assert result.exit_code == 3
        assert "recommender build" in result.stderr
