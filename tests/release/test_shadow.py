"""A model in the shadow: what is compared, when it is compared anew, and what the report says."""

import pytest

from recommender.errors import InvalidInput
from recommender.release.shadow import Shadowing, shadow_report
from recommender.serving.answers import Query
from recommender.store.base import Store
from tests.factories import make_article, make_builder, make_recommender
from tests.newsroom import ALIKE, BLIND, EMBEDDERS, RELEASES, builder_of, opened, stories


@pytest.fixture
def shadow(store: Store) -> int:
    """The blind version in the shadow of the good one; its generation."""
    return shadowed(store, BLIND.name)


def shadowed(store: Store, name: str) -> int:
    opened(store)
    number = builder_of(store, name).build_beside()
    store.generations.put_shadow(number)
    return number


def run(shadowing: Shadowing) -> int:
    """How many steps it takes until nothing is due."""
    steps = 1
    while shadowing.step():
        steps += 1
    return steps


def test_both_sidebars_of_every_article_are_kept(store: Store, shadow: int) -> None:
    run(Shadowing(store, make_recommender))
    rows = store.shadow.rows(shadow)
    assert len(rows) == len(stories())
    live = make_recommender(store)
    ids = {number: article.id for number, article in store.articles.get([row.article for row in rows]).items()}
    for row in rows:
        items = live.for_article(ids[row.article], Query()).items
        assert row.live == tuple(item.teaser.number for item in items)


def test_readers_get_the_live_model(store: Store, shadow: int) -> None:
    before = store.state()
    run(Shadowing(store, make_recommender))
    assert store.state() == before
    assert store.ledger.last() == 0
    teasers = [item.article.id for item in make_recommender(store).for_article("gold-0", Query()).items]
    assert sorted(teasers) == ["gold-1", "gold-2", "gold-3"]


def test_blind_model_differs_everywhere(store: Store, shadow: int) -> None:
    run(Shadowing(store, make_recommender))
    report = shadow_report(store)
    assert (report.live, report.shadow) == ("good/1", "blind/1")
    assert (report.articles, report.compared) == (24, 24)
    assert report.differ >= 23
    assert report.overlap < 0.3
    assert len(report.most) == 20
    assert [difference.overlap for difference in report.most] == sorted(
        difference.overlap for difference in report.most
    )
    assert report.most[0].overlap == 0


def test_same_model_differs_nowhere(store: Store) -> None:
    shadowed(store, ALIKE.name)
    run(Shadowing(store, make_recommender))
    report = shadow_report(store)
    assert (report.compared, report.differ, report.overlap, report.most) == (24, 0, 1.0, ())


def test_steps_are_small(store: Store, shadow: int) -> None:
    shadowing = Shadowing(store, make_recommender)
    assert shadowing.step(most=10)
    assert len(store.shadow.rows(shadow)) == 10


def test_only_what_was_overtaken_is_compared_anew(store: Store, shadow: int) -> None:
    shadowing = Shadowing(store, make_recommender)
    run(shadowing)
    store.shadow.clear()
    store.articles.withdraw("gold-3")
    make_builder(store, EMBEDDERS["good/1"], model_version=RELEASES["good/1"]).update()
    run(shadowing)
    sources = store.articles.get([row.article for row in store.shadow.rows(shadow)], texts=False)
    compared = {article.id for article in sources.values()}
    assert {"gold-0", "gold-1", "gold-2"} <= compared
    assert "gold-3" not in compared
    assert len(compared) < 24


def test_article_that_the_shadow_does_not_know_is_left_out(store: Store, shadow: int) -> None:
    store.articles.upsert([make_article("gold-new", title="gold golds 9", body="gold golds golder.")])
    builder_of(store, "good/1").update()
    run(Shadowing(store, make_recommender))
    new = store.articles.numbers(["gold-new"])["gold-new"]
    rows = store.shadow.rows(shadow)
    assert new not in {row.article for row in rows}
    assert all(new not in row.live for row in rows)
    assert len(rows) == 24 - sum(
        "gold-new" in {item.article.id for item in make_recommender(store).for_article(article.id, Query()).items}
        for article in stories()
    )


def test_nothing_is_done_without_a_shadow(store: Store) -> None:
    opened(store)
    assert not Shadowing(store, make_recommender).step()
    with pytest.raises(InvalidInput, match="No model version runs in the shadow"):
        shadow_report(store)


def test_shadow_that_is_taken_away_ends_the_work(store: Store, shadow: int) -> None:
    shadowing = Shadowing(store, make_recommender)
    assert shadowing.step(most=10)
    store.generations.put_shadow(None)
    assert not shadowing.step()
    assert len(store.shadow.rows(shadow)) == 10


def test_other_shadow_is_compared_from_the_start(store: Store, shadow: int) -> None:
    shadowing = Shadowing(store, make_recommender)
    run(shadowing)
    other = builder_of(store, ALIKE.name).build_beside()
    store.generations.put_shadow(other)
    run(shadowing)
    assert len(store.shadow.rows(other)) == 24
    assert shadow_report(store).differ == 0


def test_report_before_the_first_comparison(store: Store, shadow: int) -> None:
    report = shadow_report(store)
    assert (report.compared, report.differ, report.latest) == (0, 0, None)
