"""What the store of reviews promises, on SQLite and on PostgreSQL."""

from dataclasses import replace
from datetime import timedelta

from recommender.store.base import Store
from recommender.store.reviews import Review
from tests.factories import NOW

REVIEW = Review(article=7, by="awa", at=NOW, digest="d1")
LONG_AGO = NOW - timedelta(days=1)
RECENTLY = NOW - timedelta(minutes=2)


def test_reviews_come_back_unchanged(store: Store) -> None:
    store.reviews.put(REVIEW)
    assert store.reviews.get(7) == REVIEW
    assert store.reviews.get(8) is None


def test_last_review_counts(store: Store) -> None:
    last = replace(REVIEW, by="ben", at=NOW + timedelta(hours=1), digest="d2")
    store.reviews.put(REVIEW)
    store.reviews.put(last)
    assert store.reviews.all() == [last]


def test_all_reviews_are_listed(store: Store) -> None:
    reviews = [replace(REVIEW, article=article) for article in (1, 2, 9)]
    for review in reversed(reviews):
        store.reviews.put(review)
    assert store.reviews.all() == reviews


def test_removed_reviews_are_forgotten(store: Store) -> None:
    other = replace(REVIEW, article=8)
    store.reviews.put(REVIEW)
    store.reviews.put(other)
    store.reviews.remove(7)
    store.reviews.remove(99)
    assert store.reviews.all() == [other]


def test_reviews_change_no_sidebar(store: Store) -> None:
    before = store.state()
    store.reviews.put(REVIEW)
    store.reviews.look(7, "awa", NOW, LONG_AGO)
    store.reviews.remove(7)
    assert store.state() == before


def test_looks_tell_who_else_is_there(store: Store) -> None:
    assert store.reviews.look(7, "awa", NOW, LONG_AGO) == []
    assert store.reviews.look(7, "zoé", NOW, LONG_AGO) == ["awa"]
    assert store.reviews.look(7, "ben", NOW, LONG_AGO) == ["awa", "zoé"]
    assert store.reviews.look(7, "awa", NOW, LONG_AGO) == ["ben", "zoé"]


def test_looks_belong_to_one_article(store: Store) -> None:
    store.reviews.look(7, "awa", NOW, LONG_AGO)
    assert store.reviews.look(8, "ben", NOW, LONG_AGO) == []


def test_earlier_looks_do_not_count(store: Store) -> None:
    store.reviews.look(7, "awa", RECENTLY, LONG_AGO)
    store.reviews.look(7, "ben", RECENTLY - timedelta(milliseconds=1), LONG_AGO)
    assert store.reviews.look(7, "zoé", NOW, RECENTLY) == ["awa"]


def test_who_looks_again_is_there(store: Store) -> None:
    store.reviews.look(7, "awa", LONG_AGO, LONG_AGO)
    store.reviews.look(7, "awa", NOW, LONG_AGO)
    assert store.reviews.look(7, "ben", NOW, RECENTLY) == ["awa"]


def test_looks_at_many_articles_are_reported_without_looking(store: Store) -> None:
    store.reviews.look(7, "zoé", NOW, LONG_AGO)
    store.reviews.look(7, "awa", RECENTLY, LONG_AGO)
    store.reviews.look(8, "ben", LONG_AGO, LONG_AGO)
    assert store.reviews.looking([7, 8, 9], RECENTLY) == {7: ["awa", "zoé"]}
    assert store.reviews.looking([], RECENTLY) == {}


def test_looks_are_reported_of_many_articles(store: Store) -> None:
    for article, by, at in ((7, "ben", NOW), (7, "awa", RECENTLY), (8, "awa", LONG_AGO), (9, "awa", NOW)):
        store.reviews.look(article, by, at, LONG_AGO)
    assert store.reviews.looking([7, 8, 99], RECENTLY) == {7: ["awa", "ben"]}
    assert store.reviews.looking([], RECENTLY) == {}
