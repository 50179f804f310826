"""What readers get on the sample, with the real model: measured 0.796 and 0.048 at the first release."""

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from recommender.evaluation import SERVICE, evaluate, spread
from recommender.interfaces import Store
from recommender.service import Query
from recommender.settings import Settings
from recommender.sources.trec import read_qrels
from recommender.systems import service_system, sidebars
from recommender.wiring import make_recommender, open_store

pytestmark = pytest.mark.timeout(600)  # the first of them builds the sample


@pytest.fixture(scope="module")
def sample(sample_database: str) -> Iterator[Store]:
    store = open_store(sample_database)
    yield store
    store.close()


def test_sample_sidebars_are_good(sample: Store) -> None:
    qrels = read_qrels(Path(str(files("recommender") / "sample" / "qrels.txt")))
    recommender = make_recommender(sample, Settings())
    # Two systems, since an evaluation compares; the second is the archive's latest for everybody.
    latest = [(article.id, 0.0) for article in sample.articles.listing(None, 10, 0)]
    systems = {SERVICE: service_system(recommender), "latest": lambda _: latest}
    found = evaluate(systems, qrels, dict.fromkeys(qrels, "any"))
    assert found.queries == 62
    assert found.table[SERVICE]["nDCG@3"].mean >= 0.75
    assert found.table[SERVICE]["poor@3"].mean <= 0.10
    assert found.comparison.p_value < 0.001


def test_sample_sidebars_use_the_archive(sample: Store) -> None:
    articles = [article.id for article in sample.articles.listing(None, 1_000, 0)]
    found = spread(sidebars(make_recommender(sample, Settings()), articles, Query()), 3)
    assert found.full_sidebars == 1
    assert found.coverage >= 0.6
    assert found.largest_share <= 0.05


def test_obvious_stories_stand_together(sample: Store) -> None:
    shown = make_recommender(sample, Settings()).for_article("burkina-2014-10-31-compaore-resigns", Query()).items
    assert "burkina-2015-09-17-presidential-guard-coup" in [item.article.id for item in shown]


def test_versions_seldom_stand_together(sample: Store) -> None:
    """Measured: 4 of 300 sidebars show two reports of one event, or one of the article's own event."""
    groups = json.loads((files("recommender") / "sample" / "event_groups.json").read_text(encoding="utf-8"))
    articles = [article.id for article in sample.articles.listing(None, 1_000, 0)]
    lists = sidebars(make_recommender(sample, Settings()), articles, Query())
    doubled = [
        source
        for source, shown in lists.items()
        if any(len({source, *shown} & set(group["ids"])) > 1 for group in groups)
    ]
    assert len(doubled) <= 4
