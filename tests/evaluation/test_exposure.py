"""What of the archive is shown is counted over what readers may see, as the ledger has it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from recommender.evaluation.exposure import ORPHANS, Exposure, Exposures, GroupExposure
from recommender.store.base import Store
from recommender.store.ledger import Shown
from tests.factories import NOW, days_ago, make_article, make_recommender, stored

ARCHIVE = [
    make_article("a", countries=("Mali", "Niger"), posted_on=days_ago(1)),
    make_article("b", countries=("mali",), posted_on=days_ago(2)),
    make_article("c", edition="Europe", posted_on=days_ago(3)),
    make_article("d", edition="Europe", countries=("Niger",), posted_on=None),
]


@pytest.fixture
def archive(store: Store) -> Store:
    stored(store, ARCHIVE)
    return store


def beside(store: Store, source: str, *teasers: str, hours: int = 0) -> None:
    """Writes down what stands beside an article."""
    numbers = store.articles.numbers([source, *teasers])
    items = tuple(numbers[teaser] for teaser in teasers)
    store.ledger.append([Shown(numbers[source], NOW + timedelta(hours=hours), 1, repr(items), items, '{"items": []}')])


def found(store: Store, **wishes: Any) -> Exposure:
    return Exposures(store, make_recommender(store)).now(**wishes)


def ids(articles: list[Any]) -> list[str]:
    return [article.id for article in articles]


def test_empty_archive_shows_nothing(store: Store) -> None:
    assert found(store) == Exposure(0, 0, 0.0, [], [], [], [])


def test_without_a_ledger_all_are_orphans(archive: Store) -> None:
    exposure = found(archive)
    assert (exposure.articles, exposure.shown, exposure.gini, exposure.most) == (4, 0, 0.0, [])
    assert ids(exposure.orphans) == ["a", "b", "c", "d"]


def test_places_are_counted(archive: Store) -> None:
    beside(archive, "a", "b", "c")
    beside(archive, "c", "b")
    exposure = found(archive)
    assert (exposure.articles, exposure.shown) == (4, 2)
    assert [(article.id, count) for article, count in exposure.most] == [("b", 2), ("c", 1)]
    assert ids(exposure.orphans) == ["a", "d"]
    assert exposure.gini == pytest.approx(2 * (3 * 1 + 4 * 2) / (4 * 3) - 5 / 4)


def test_what_stands_there_no_more_does_not_count(archive: Store) -> None:
    beside(archive, "a", "b")
    beside(archive, "a", "c", hours=1)
    assert [(article.id, count) for article, count in found(archive).most] == [("c", 1)]


def test_orphans_of_one_edition(archive: Store) -> None:
    assert ids(found(archive, edition="europe").orphans) == ["c", "d"]
    assert found(archive, edition="No such").orphans == []


def test_editions_and_countries_are_told_apart(archive: Store) -> None:
    """Case does not matter, and the newest article's way of writing is shown."""
    beside(archive, "a", "b", "c")
    exposure = found(archive)
    assert exposure.editions == [GroupExposure("Europe", 2, 1), GroupExposure("Sahel", 2, 1)]
    assert exposure.countries == [GroupExposure("mali", 2, 1), GroupExposure("Niger", 2, 0)]


@pytest.mark.parametrize(
    "change", [{"status": "unpublished"}, {"flags": ("legal_hold",)}, {"posted_on": NOW + timedelta(days=1)}]
)
def test_what_readers_may_not_see_is_left_out(archive: Store, change: dict[str, Any]) -> None:
    beside(archive, "c", "a")
    archive.articles.upsert([replace(ARCHIVE[0], **change)])
    exposure = found(archive)
    assert (exposure.articles, exposure.shown, exposure.most) == (3, 0, [])
    assert "a" not in ids(exposure.orphans)


def test_newest_orphans_are_shown(store: Store) -> None:
    stored(store, [make_article(f"o{day}", posted_on=days_ago(day)) for day in range(1, ORPHANS + 3)])
    assert ids(found(store).orphans) == [f"o{day}" for day in range(1, ORPHANS + 1)]


def test_article_newer_than_the_columns_does_no_harm(archive: Store) -> None:
    """Another process may have written it down meanwhile."""
    archive.ledger.append([Shown(1, NOW, 1, "x", (10_000,), '{"items": []}')])
    assert found(archive).shown == 0


def test_changes_between_two_questions_count(archive: Store) -> None:
    exposures = Exposures(archive, make_recommender(archive))
    beside(archive, "a", "b")
    assert exposures.now().shown == 1
    beside(archive, "c", "d")
    assert exposures.now().shown == 2
    archive.articles.upsert([replace(ARCHIVE[1], countries=("Chad",)), make_article("e", countries=("Chad",))])
    exposure = exposures.now()
    assert (exposure.articles, exposure.shown) == (5, 2)
    assert exposure.countries == [
        GroupExposure("Chad", 2, 1),
        GroupExposure("Niger", 2, 1),
        GroupExposure("Mali", 1, 0),
    ]
