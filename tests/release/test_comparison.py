"""Two model versions side by side, on an archive in which it is known what belongs together."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recommender.release.comparison import (
    EMBEDDING,
    SERVICE,
    ComparedVersion,
    Cost,
    JudgedSet,
    Timed,
    VersionComparison,
    compare,
    copy_articles,
    copy_vectors,
    paired,
)
from recommender.store.base import Store
from recommender.store.generation_view import generation_view
from recommender.wiring import open_store
from tests.embedder import ToyEmbedder
from tests.factories import days_ago, make_article, make_recommender
from tests.newsroom import ALIKE, BLIND, GOOD, builder_of, opened, qrels, stories

COST = Cost(embedding=1.0, memory=2, disk=3, build=4.0)
JUDGED = JudgedSet("topics", qrels(stories()))


def side(store: Store, name: str) -> ComparedVersion:
    view = generation_view(store, builder_of(store, name).build_beside())
    return ComparedVersion(name, view, make_recommender(view), COST)


def compared(store: Store, first: str, second: str, *sets: JudgedSet) -> VersionComparison:
    if store.state().generation is None:
        opened(store)
    return compare(side(store, first), side(store, second), sets)


def test_blind_model_loses_on_every_query(store: Store) -> None:
    comparison = compared(store, GOOD.name, BLIND.name, JUDGED)
    main = comparison.judged[0].systems[SERVICE]["nDCG@3"]
    assert (main.queries, main.first.mean) == (24, pytest.approx(1))
    assert main.difference.high < 0
    assert (main.better, main.worse) == (0, 24)
    assert main.p_value < 0.001
    assert comparison.judged[0].systems[EMBEDDING]["nDCG@10"].difference.high < 0


def test_model_compared_with_its_like_shows_no_difference(store: Store) -> None:
    comparison = compared(store, GOOD.name, ALIKE.name, JUDGED)
    for measures in comparison.judged[0].systems.values():
        for measure in measures.values():
            assert measure.difference == (0, 0, 0)
            assert measure.p_value == 1
    assert (comparison.overlap.same, comparison.overlap.overlap, comparison.overlap.likeness) == (
        24,
        1,
        pytest.approx(1),
    )
    assert comparison.overlap.most == ()


def test_sidebars_that_differ_most_come_first(store: Store) -> None:
    overlap = compared(store, GOOD.name, BLIND.name).overlap
    assert overlap.articles == 24
    assert len(overlap.most) == 20
    assert [pair.overlap for pair in overlap.most] == sorted(pair.overlap for pair in overlap.most)
    first = overlap.most[0]
    topic = first.article.partition("-")[0]
    assert all(title.startswith(f"{topic} ") for title in first.first)
    assert not any(title.startswith(f"{topic} ") for title in first.second)


def test_groups_are_by_language_country_and_age(store: Store) -> None:
    french = [
        make_article(
            f"gold-fr{number}",
            title=f"gold golds {number}",
            body="gold golds golder.",
            language="fr",
            countries=("Mali", "Niger"),
            posted_on=days_ago(days),
        )
        for number, days in enumerate([500, 4_000])
    ]
    undated = make_article("gold-undated", title="gold golds", body="gold golds golder.", posted_on=None)
    store.articles.upsert([*french, undated])
    opened(store)
    judged = JudgedSet("topics", qrels([*stories(), *french, undated]))
    groups = compared(store, GOOD.name, ALIKE.name, judged).judged[0].groups
    counts = {kind: [(name, value.queries) for name, value in values.items()] for kind, values in groups.items()}
    assert counts == {
        "language": [("en", 25), ("fr", 2)],
        "country": [("Mali", 2), ("Niger", 2)],
        "age": [("up to 1 year old", 24), ("1 to 3 years old", 1), ("more than 3 years old", 1), ("undated", 1)],
    }


def test_queries_that_are_not_there_are_left_out(store: Store) -> None:
    qrels = {"gold-0": {"gold-1": 3}, "elsewhere": {"gold-1": 3}, "fuel-0": {"gold-1": 0, "gold-2": -1}}
    assert list(JudgedSet("some", qrels).among(["gold-0", "fuel-0"]).qrels) == ["gold-0"]
    comparison = compared(store, GOOD.name, ALIKE.name, JudgedSet("others", {"elsewhere": {"gold-1": 3}}))
    assert comparison.judged == ()


def test_paired_counts_and_means() -> None:
    pair = paired([0.0, 0.5, 0.5], [0.5, 0.5, 0.25])
    assert (pair.queries, pair.better, pair.worse) == (3, 1, 1)
    assert (pair.first.mean, pair.second.mean) == (pytest.approx(1 / 3), pytest.approx(1.25 / 3))
    assert pair.difference.mean == pytest.approx(0.25 / 3)


class TestCopies:
    """A store of its own, for two models that the site must not notice."""

    @pytest.fixture
    def apart(self, empty_database: Path, tmp_path: Path) -> Iterator[Store]:
        file = tmp_path / "apart.db"
        file.write_bytes(empty_database.read_bytes())
        store = open_store(f"sqlite:///{file}")
        yield store
        store.close()

    def test_articles_and_vectors_give_the_same_build(self, store: Store, apart: Store) -> None:
        opened(store)
        model = store.generations.live_model() or ""
        keys = copy_articles(store, apart)
        assert copy_vectors(store, apart, model, keys) == len(keys) == 24
        assert apart.generations.vectors(model, keys).keys() == set(keys)
        before = store.state()
        comparison = compare(side(apart, GOOD.name), side(apart, ALIKE.name), [JUDGED])
        assert comparison.articles == 24
        assert store.state() == before

    def test_only_published_articles_are_copied(self, store: Store, apart: Store) -> None:
        store.articles.upsert([make_article("out", status="draft"), *stories()])
        copy_articles(store, apart)
        assert apart.articles.counts() == {"published": 24}

    def test_vectors_that_are_there_stay(self, store: Store, apart: Store) -> None:
        ones, zeros = np.ones(2, np.float32), np.zeros(2, np.float32)
        store.generations.put_vectors("m", {"a": ones, "b": ones})
        apart.generations.put_vectors("m", {"a": zeros})
        assert copy_vectors(store, apart, "m", ["a", "b", "c"]) == 1
        assert apart.generations.vectors("m", ["a"])["a"].tolist() == [0, 0]


def test_timed_embedder_is_the_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 12.5, 20.0, 21.0, 30.0, 30.25])
    monkeypatch.setattr("recommender.release.comparison.time.perf_counter", lambda: next(clock))
    plain, timed = ToyEmbedder(), Timed(ToyEmbedder())
    assert (timed.embed(["gold"]) == plain.embed(["gold"])).all()
    assert timed.embed([]).shape == (0, 64)
    assert timed.version == plain.version
    assert timed.pieces_per_word(["gold"]) == plain.pieces_per_word(["gold"])
    assert math.isclose(timed.seconds, 3.75)


def test_side_by_side_titles_follow_the_sidebars(store: Store) -> None:
    renamed = replace(stories()[1], title="gold golds the second")
    opened(store)
    store.articles.upsert([renamed])
    overlap = compared(store, GOOD.name, BLIND.name).overlap
    titles_of = {pair.article: pair.first for pair in overlap.most}
    assert any("gold golds the second" in titles for key, titles in titles_of.items() if key.startswith("gold"))
