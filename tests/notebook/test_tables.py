"""What an archive holds is counted, and its stories are called by what they name."""

from dataclasses import replace

import numpy as np
import pytest

from recommender.arrays import Vectors
from recommender.errors import NotBuilt
from recommender.evaluation.exposure import GroupExposure
from recommender.notebook.projection import project
from recommender.notebook.tables import (
    counted,
    disagreements,
    judged_sidebars,
    language_of,
    overview,
    shares,
    story_map,
    year_of,
)
from recommender.store.base import Store
from tests.factories import GAZETTEER, days_ago, make_article, make_builder, stored

ARCHIVE = [
    make_article("a", countries=("Mali", "Niger"), body="one two three", posted_on=days_ago(1)),
    make_article("b", countries=("Mali",), language="fr", body="un deux", posted_on=days_ago(400)),
    make_article("c", edition="Europe", body="one", posted_on=None),
]


@pytest.fixture
def archive(store: Store) -> Store:
    stored(store, [*ARCHIVE, make_article("gone")])
    store.articles.withdraw("gone")
    return store


def flat(vectors: Vectors) -> np.ndarray:
    return np.stack([np.arange(len(vectors)), np.zeros(len(vectors))], axis=1).astype(np.float64)


def test_published_articles_are_counted(archive: Store) -> None:
    counts = overview(archive)
    assert (counts.articles, counts.undated, sorted(counts.words)) == (3, 1, [1, 2, 3])
    assert list(counts.languages.items()) == [("en", 2), ("fr", 1)]
    assert list(counts.countries.items()) == [("Mali", 2), ("Niger", 1)]
    assert dict(counts.editions) == {"Sahel": 2, "Europe": 1}
    assert dict(counts.years) == {2025: 1, 2026: 1}


def test_empty_archive_has_nothing(store: Store) -> None:
    assert overview(store).articles == 0


def test_map_needs_a_build(store: Store) -> None:
    with pytest.raises(NotBuilt):
        story_map(store, flat, GAZETTEER)


def test_story_is_called_by_what_its_articles_name(store: Store) -> None:
    coup_story = [
        make_article(
            f"coup-{number}", title="Bazoum falls in a Putsch", body="Bazoum is held after the Putsch in Niamey."
        )
        for number in range(5)
    ]
    other = [make_article(f"rain-{number}", title=f"rain {number}", body="rain on fields") for number in range(15)]
    stored(store, [*coup_story, *other])
    make_builder(store).build()
    archive_map = story_map(store, flat, GAZETTEER)
    assert len(archive_map.places) == 20
    story = next(place.story for place in archive_map.places if place.article.id == "coup-0")
    assert archive_map.stories == {story: "Mohamed Bazoum, coups"}


def test_places_are_those_of_the_projection(store: Store) -> None:
    stored(store, [make_article(name, body=f"about {name}") for name in "abc"])
    make_builder(store).build()
    assert [(place.article.id, place.x) for place in story_map(store, flat, GAZETTEER).places] == [
        ("a", 0.0),
        ("b", 1.0),
        ("c", 2.0),
    ]


def test_judged_sidebars_begin_with_the_worst(archive: Store) -> None:
    run = {"a": [("b", 2.0), ("c", 1.0)], "b": [("c", 2.0), ("a", 1.0)]}
    qrels = {"a": {"b": 3}, "b": {"a": 3}}
    worst, best = judged_sidebars(archive, run, qrels)
    assert (worst.query.id, [(teaser.id, grade) for teaser, grade in worst.teasers]) == ("b", [("c", 0), ("a", 3)])
    assert (best.query.id, best.ndcg) == ("a", 1.0)


def test_systems_that_agree_least_come_first(archive: Store) -> None:
    runs = {"a": ["b", "c"], "b": ["a", "c"], "c": ["a", "b"]}
    others = {"a": ["b", "c"], "b": ["c", "a"], "c": ["b", "a"]}
    differing = disagreements(
        archive,
        lambda key: [(item, 1.0) for item in runs[key]],
        lambda key: [(item, 1.0) for item in others[key]],
        n=1,
    )
    assert [(disagreement.article.id, disagreement.common) for disagreement in differing] == [
        ("b", 0),
        ("c", 0),
        ("a", 1),
    ]


def test_places_in_sidebars_are_counted() -> None:
    assert counted({"a": ["b", "c"], "b": ["c"], "c": []}) == {"a": 0, "b": 1, "c": 2}


def test_groups_have_their_shares(archive: Store) -> None:
    sidebars = {"a": ["b"], "b": ["a"], "c": ["a"]}
    assert shares(archive, sidebars, language_of) == [GroupExposure("en", 2, 1), GroupExposure("fr", 1, 1)]
    assert shares(archive, sidebars, year_of) == [
        GroupExposure("2025", 1, 1),
        GroupExposure("2026", 1, 1),
        GroupExposure("no date", 1, 0),
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_projection_has_a_place_for_each(count: int) -> None:
    vectors = np.random.default_rng(0).standard_normal((count, 8)).astype(np.float32)
    places = project(vectors)
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()


def test_projection_keeps_groups_together() -> None:
    random = np.random.default_rng(0)
    centre = np.repeat(np.eye(2, 8) * 10, 20, axis=0)
    places = project((centre + random.standard_normal((40, 8)) * 0.1).astype(np.float32))
    first, second = places[:20], places[20:]
    within = np.linalg.norm(first - first.mean(axis=0), axis=1).max()
    assert np.linalg.norm(first.mean(axis=0) - second.mean(axis=0)) > within


def test_article_without_date_is_in_no_year() -> None:
    assert year_of(replace(ARCHIVE[0], posted_on=None)) == "no date"
