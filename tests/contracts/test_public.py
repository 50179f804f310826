"""What is public at a time: said to the database and of columns, and both say the same."""

from collections import Counter
from datetime import timedelta
from itertools import product

import pytest

from recommender.articles.article import HOLD_FLAG, STATUSES, Article
from recommender.ranking.filters import public
from recommender.store.base import Store
from tests.contracts.content import live_generation, row
from tests.factories import NOW, make_article, make_recommender, stored

AT = NOW + timedelta(milliseconds=500)
DATES = (None, NOW - timedelta(days=1), NOW, NOW + timedelta(seconds=1), NOW + timedelta(days=400))
# Every status with every kind of flags and every date, each at an address of its own.
ARCHIVE = [
    make_article(
        f"a{number}",
        status=status,
        flags=flags,
        posted_on=posted_on,
        edition=f"Edition {number % 4}",
        url=f"https://a.example/{number}",
    )
    for number, (status, flags, posted_on) in enumerate(
        product(STATUSES, ((), (HOLD_FLAG,), ("minor", HOLD_FLAG), ("minor",)), DATES)
    )
]


def is_public(article: Article) -> bool:
    """The rule, said the long way."""
    come = article.posted_on is None or article.posted_on <= AT
    return article.status == "published" and HOLD_FLAG not in article.flags and come


PUBLIC = [article for article in ARCHIVE if is_public(article)]


@pytest.fixture
def numbers(store: Store) -> list[int]:
    """The numbers of the stored archive, in its order."""
    store.articles.upsert(ARCHIVE)
    known = store.articles.numbers([article.id for article in ARCHIVE])
    return [known[article.id] for article in ARCHIVE]


def test_archive_has_both_kinds() -> None:
    assert 0 < len(PUBLIC) < len(ARCHIVE)


@pytest.mark.usefixtures("numbers")
def test_public_articles_are_found_by_id_and_address(store: Store) -> None:
    assert [article for article in ARCHIVE if store.articles.public_by_id(article.id, AT)] == PUBLIC
    assert [article for article in ARCHIVE if store.articles.public_by_url(article.url or "", AT)] == PUBLIC


@pytest.mark.usefixtures("numbers")
def test_public_articles_are_listed_and_counted(store: Store) -> None:
    listed = store.articles.public_listing(None, len(ARCHIVE), 0, AT)
    assert {article.id for article in listed} == {article.id for article in PUBLIC}
    assert store.articles.public_editions(AT) == Counter(article.edition for article in PUBLIC)
    for edition in {article.edition for article in ARCHIVE}:
        beside = store.articles.public_listing(edition, len(ARCHIVE), 0, AT)
        assert {article.id for article in beside} == {article.id for article in PUBLIC if article.edition == edition}


def test_prepared_answers_are_those_of_public_articles(store: Store, numbers: list[int]) -> None:
    generation = live_generation(store, [row(number) for number in numbers])
    store.generations.put_prepared(generation, dict.fromkeys(numbers, b"{}\n"))
    assert [article for article in ARCHIVE if store.generations.prepared(generation, article.id, AT)] == PUBLIC


def test_columns_say_the_same(store: Store, numbers: list[int]) -> None:
    columns = make_recommender(store).columns()
    told = dict(zip(columns.number.tolist(), public(columns, AT.timestamp()).tolist(), strict=True))
    assert [article for article, number in zip(ARCHIVE, numbers, strict=True) if told[number]] == PUBLIC


def test_hidden_twin_at_an_address_does_not_count(store: Store) -> None:
    shared = "https://a.example/shared"
    stored(store, [make_article("old", url=shared), make_article("new", url=shared, posted_on=DATES[-1])])
    assert store.articles.by_url(shared) is None
    assert store.articles.public_by_url(shared, AT)[1].id == "old"  # type: ignore[index]


def test_hidden_article_with_a_query_does_not_hide_its_path(store: Store) -> None:
    path = "https://a.example/story"
    stored(store, [make_article("path", url=path), make_article("query", url=f"{path}?p=1", flags=(HOLD_FLAG,))])
    assert store.articles.public_by_url(f"{path}?p=1", AT)[1].id == "path"  # type: ignore[index]
