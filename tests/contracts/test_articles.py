"""Articles as a store keeps them: stored, found, withdrawn, and what ranking must know of them."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from recommender.articles.article import EXPLAINER_TAGS, Article
from recommender.curation.sensitivity import bits
from recommender.store.articles import DELETED, Facts, Selection, Trace, Upserted
from recommender.store.base import Store
from recommender.store.sql.tables import metadata
from tests.contracts.content import FULL
from tests.factories import NOW, days_ago, make_article, stored

KEPT_OF_WITHDRAWN = ("id", "posted_on", "edition", "language", "read_count", "status", "flags")  # no texts

# -- articles ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("article", [FULL, Article(id="a", title="t")], ids=["every field", "least"])
def test_articles_come_back_unchanged(store: Store, article: Article) -> None:
    (number,) = stored(store, [article])
    assert store.articles.get([number]) == {number: article}


@pytest.mark.parametrize("year", [1, 1969, 9999])
def test_dates_of_any_century_are_kept(store: Store, year: int) -> None:
    article = make_article("a", posted_on=datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC))
    (number,) = stored(store, [article])
    assert store.articles.get([number])[number].posted_on == article.posted_on


def test_bodies_are_left_out_on_request(store: Store) -> None:
    (number,) = stored(store, [FULL])
    article = store.articles.get([number], texts=False)[number]
    assert (article.title, article.body) == (FULL.title, "")


def test_upsert_counts_every_outcome(store: Store) -> None:
    assert store.articles.upsert([make_article("a"), make_article("b")]) == Upserted(2, 0, 0)
    batch = [make_article("a"), make_article("b", title="New"), make_article("c")]
    assert store.articles.upsert(batch) == Upserted(1, 1, 1)
    assert store.articles.upsert([]) == Upserted(0, 0, 0)


def test_last_of_one_id_counts(store: Store) -> None:
    assert store.articles.upsert([make_article("a", title="1"), make_article("a", title="2")]) == Upserted(1, 0, 0)
    assert store.articles.by_id("a")[1].title == "2"  # type: ignore[index]


def test_numbers_outlive_changes(store: Store) -> None:
    first = stored(store, [make_article("a"), make_article("b")])
    assert stored(store, [make_article("b", title="New"), make_article("a", title="New")]) == first[::-1]


def test_large_batches_are_stored_whole(store: Store) -> None:
    articles = [make_article(f"a{number}") for number in range(1_201)]
    assert store.articles.upsert(articles) == Upserted(1_201, 0, 0)
    assert store.articles.upsert(articles) == Upserted(0, 0, 1_201)
    assert len(store.articles.get(range(1, 1_202), texts=False)) == 1_201


def test_ids_are_told_apart_exactly(store: Store) -> None:
    stored(store, [make_article("a"), make_article("A"), make_article("á")])
    assert [store.articles.by_id(name)[1].id for name in ("a", "A", "á")] == ["a", "A", "á"]  # type: ignore[index]


@pytest.mark.parametrize("status", ["draft", "unpublished"])
def test_unpublished_articles_are_not_found(store: Store, status: str) -> None:
    stored(store, [make_article("a", status=status, url="https://a.example/x")])
    assert store.articles.by_id("a") is None
    assert store.articles.by_url("https://a.example/x") is None
    assert store.articles.listing(None, 10, 0) == []


def test_address_variants_find_the_article(store: Store) -> None:
    (number,) = stored(store, [FULL])
    assert store.articles.by_url("http://example.org/sahel/1?a=b#top")[0] == number  # type: ignore[index]
    assert store.articles.by_url("https://example.org/sahel/2?a=b") is None


def test_queries_tell_addresses_apart(store: Store) -> None:
    first, second = stored(store, [make_article(str(p), url=f"https://a.example/?p={p}") for p in (1, 2)])
    assert store.articles.by_url("https://a.example/?p=1&utm_source=mail")[0] == first  # type: ignore[index]
    assert store.articles.by_url("https://www.a.example/?fbclid=x&p=2#top")[0] == second  # type: ignore[index]
    assert store.articles.by_url("https://a.example/?p=3") is None
    assert store.articles.by_url("https://a.example/") is None


def test_queries_of_no_article_do_not_matter(store: Store) -> None:
    """A site's own `?ref=home` or `?print=1`; but the query of one article never finds another."""
    story, first = stored(
        store, [make_article("story", url="https://a.example/story"), make_article("1", url="https://a.example/?p=1")]
    )
    assert store.articles.by_url("https://a.example/story?ref=home#top")[0] == story  # type: ignore[index]
    assert store.articles.by_url("https://a.example/?p=1&ref=home") is None
    assert store.articles.by_url("https://a.example/?p=1")[0] == first  # type: ignore[index]
    assert store.articles.by_url("https://a.example/?p=2") is None


def test_shared_address_finds_no_article(store: Store) -> None:
    """A sidebar of the wrong article is worse than none. Only published articles count."""
    url = "https://a.example/live"
    older, newer = stored(store, [make_article(str(days), url=url, posted_on=days_ago(days)) for days in (3, 1)])
    stored(store, [make_article("draft", url=url, status="draft")])
    assert store.articles.by_url(url) is None
    assert store.articles.search(url, 9) == [newer, older]
    assert store.articles.search(url, 1) == [newer]
    store.articles.withdraw("1")
    assert store.articles.by_url(url)[0] == older  # type: ignore[index]


def test_further_addresses_find_the_article(store: Store) -> None:
    (number,) = stored(store, [FULL])
    assert store.articles.by_url("http://m.old.example/sahel-1.html?utm_source=x")[0] == number  # type: ignore[index]
    assert store.articles.by_url("https://example.org/index.php?p=1")[0] == number  # type: ignore[index]
    stored(store, [replace(FULL, aliases=())])
    assert store.articles.by_url("https://old.example/sahel-1.html") is None


def test_further_addresses_of_what_is_not_public_find_nothing(store: Store) -> None:
    stored(store, [replace(FULL, status="draft")])
    assert store.articles.by_url("https://old.example/sahel-1.html") is None
    stored(store, [replace(FULL, flags=("legal_hold",))])
    assert store.articles.public_by_url("https://old.example/sahel-1.html", NOW) is None
    store.articles.withdraw(FULL.id)
    assert store.articles.by_url("https://old.example/sahel-1.html") is None


def test_further_address_that_another_has_finds_none(store: Store) -> None:
    stored(store, [FULL, make_article("other", url="https://old.example/sahel-1.html")])
    assert store.articles.by_url("https://old.example/sahel-1.html") is None
    shared = store.articles.shared(["other"])
    assert [(address.url, address.ids) for address in shared] == [
        ("https://old.example/sahel-1.html", (FULL.id, "other"))
    ]
    assert store.articles.shared(["nobody"]) == []


def pages(store: Store) -> dict[int, int]:
    return {facts.number: facts.page for facts in store.articles.facts_since(-1)}


def test_articles_that_share_addresses_are_one_page(store: Store) -> None:
    """Also by way of others; and they part again."""
    a, b, c, d = stored(store, [make_article(name, url=f"https://a.example/{name}") for name in "abcd"])
    assert pages(store) == {a: a, b: b, c: c, d: d}
    both = ("https://a.example/c", "https://a.example/b/amp")
    stored(store, [make_article("d", url="https://a.example/d", aliases=both)])
    assert pages(store) == {a: a, b: b, c: b, d: b}
    store.articles.withdraw("b")
    assert pages(store) == {a: a, b: b, c: c, d: c}
    stored(store, [make_article("d", url="https://a.example/d")])
    assert pages(store) == {a: a, b: b, c: c, d: d}


def test_article_whose_address_another_takes_has_changed(store: Store) -> None:
    """So that answers that are kept under its address are made again; also for its path, and when the other leaves."""
    first, path, _ = stored(store, [make_article(name, url=f"https://a.example/{name}") for name in ("1", "2", "3")])

    def changed(act: Callable[[], object]) -> set[int]:
        before = store.state().revision
        act()
        return {facts.number for facts in store.articles.facts_since(before)}

    (taker,) = stored(store, [make_article("t")])
    assert changed(lambda: stored(store, [make_article("t", url="http://a.example/1/")])) == {first, taker}
    assert changed(lambda: stored(store, [make_article("t", url="https://a.example/2?x=1")])) == {first, path, taker}
    assert changed(lambda: stored(store, [make_article("t", url="https://a.example/1")])) >= {first, taker}
    assert changed(lambda: store.articles.withdraw("t")) == {first, taker}


def test_time_of_the_next_article_at_an_address_is_known(store: Store) -> None:
    later = NOW + timedelta(days=1)
    stored(store, [make_article("1", url="https://a.example/1")])
    stored(store, [make_article("2", aliases=("https://a.example/1",), posted_on=later)])
    assert store.articles.next_public_at("https://a.example/1#top", NOW) == later
    assert store.articles.next_public_at("https://a.example/1", later) is None


# -- counts and lists --------------------------------------------------------------------------------------------------


def test_article_without_a_count_keeps_the_one_it_has(store: Store) -> None:
    (number,) = stored(store, [make_article("a", read_count=7)])
    assert store.articles.upsert([make_article("a")]).unchanged == 1
    assert store.articles.upsert([make_article("a", title="New")]).changed == 1
    assert store.articles.get([number])[number].read_count == 7
    assert store.articles.upsert([make_article("a", title="New")], keep_counts=False).changed == 1
    assert store.articles.get([number])[number].read_count is None
    assert store.articles.upsert([make_article("a", title="New", read_count=0)]).changed == 1


def test_lists_are_in_the_order_of_numbers(store: Store) -> None:
    stored(
        store,
        [
            make_article("a", language="fr"),
            make_article("b", edition="Sport", status="draft"),
            make_article("c", flags=("legal_hold",)),
            make_article("d", posted_on=NOW + timedelta(days=1)),
            make_article("gone"),
        ],
    )
    store.articles.withdraw("gone")

    def ids(**wanted: Any) -> str:
        return "".join(line.article.id for line in store.articles.select(Selection(**wanted), 9))

    assert ids() == "abcd"
    assert ids(status="draft") == "b"
    assert ids(language="fr") == "a"
    assert ids(edition="Sport") == "b"
    assert ids(public_at=NOW) == "a"
    assert ids(after=2) == "cd"
    last = store.articles.select(Selection(), 9)[-1].updated
    assert ids(updated_since=last - timedelta(minutes=5)) == "abcd"
    assert ids(updated_since=last + timedelta(minutes=5)) == ""
    assert store.articles.updated("a") is not None
    assert store.articles.updated("gone") is None


@pytest.mark.parametrize("text", ["", "http://[::1", "no address", "'; DROP TABLE article; --"])
def test_strange_addresses_find_nothing(store: Store, text: str) -> None:
    stored(store, [FULL])
    assert store.articles.by_url(text) is None


# -- withdrawal --------------------------------------------------------------------------------------------------------


def test_withdrawn_articles_are_forgotten(store: Store) -> None:
    (number,) = stored(store, [FULL])
    assert store.articles.withdraw(FULL.id) is True
    assert store.articles.by_id(FULL.id) is None
    assert store.articles.by_url(FULL.url or "") is None
    assert store.articles.get([number]) == {}
    assert store.articles.counts() == {"deleted": 1}


def test_withdrawing_twice_does_nothing(store: Store) -> None:
    stored(store, [FULL])
    store.articles.withdraw(FULL.id)
    before = store.state()
    assert store.articles.withdraw(FULL.id) is False
    assert store.articles.withdraw("never there") is False
    assert store.state() == before


def test_contracts_store_every_field() -> None:
    """A field that is empty here comes back from a store that forgets it."""
    values = {field.name: getattr(FULL, field.name) for field in fields(Article) if field.name != "status"}
    usual = {field.name: field.default for field in fields(Article)}
    assert [name for name, value in values.items() if value == usual[name]] == [], "give FULL a value of its own"


def test_tombstones_keep_no_text(store: Store, url: str) -> None:
    stored(store, [FULL])
    store.articles.withdraw(FULL.id)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        row = connection.execute(sa.select(metadata.tables["article"])).mappings().one()
    values = [getattr(FULL, field.name) for field in fields(Article) if field.name not in KEPT_OF_WITHDRAWN]
    texts = [text for value in values for text in (value if isinstance(value, tuple) else [value])]
    assert not [text for text in texts if text in map(str, row.values())]
    assert (row["countries"], row["tags"]) == ([], [])


def test_traces_outlast_the_article(store: Store) -> None:
    first, draft = stored(store, [FULL, make_article("d", status="draft")])[0], store.articles.numbers(["d"])["d"]
    store.articles.withdraw(FULL.id)
    assert store.articles.trace(FULL.id) == Trace(first, FULL.id, DELETED)
    assert store.articles.trace("d") == Trace(draft, "d", "draft")
    assert store.articles.traces([first, draft, 999]) == {
        first: Trace(first, FULL.id, DELETED),
        draft: Trace(draft, "d", "draft"),
    }


@pytest.mark.parametrize("article_id", ["never there", "", "\0", "\ud800"])
def test_what_never_was_leaves_no_trace(store: Store, article_id: str) -> None:
    assert store.articles.trace(article_id) is None


def test_withdrawn_articles_can_return(store: Store) -> None:
    numbers = stored(store, [FULL])
    store.articles.withdraw(FULL.id)
    assert store.articles.upsert([FULL]) == Upserted(0, 1, 0)
    assert stored(store, [FULL]) == numbers


# -- facts and lists ---------------------------------------------------------------------------------------------------


def test_facts_say_what_ranking_needs(store: Store) -> None:
    plain = make_article("a", author="Niamey desk", url="https://example.org/a")
    held = make_article(
        "h", url=None, posted_on=None, flags=("legal_hold",), read_count=7, language="fr", tags=("update", "décryptage")
    )
    numbers = stored(store, [plain, held])
    facts = sorted(store.articles.facts_since(0), key=lambda fact: fact.number)
    assert facts == [
        Facts(
            number=numbers[0],
            posted=int(days_ago(1).timestamp()),
            reads=0,
            edition="Sahel",
            language="en",
            published=True,
            linked=True,
            held=False,
            update=False,
            revision=1,
            explains=False,
            byline="Niamey desk",
            flags=bits(()),
            labels=frozenset({"edition:sahel", "language:en", "desk:niamey desk"}),
            page=numbers[0],
        ),
        Facts(
            number=numbers[1],
            posted=None,
            reads=7,
            edition="Sahel",
            language="fr",
            published=True,
            linked=False,
            held=True,
            update=True,
            revision=1,
            explains=True,
            byline="",
            flags=bits(["legal_hold"]),
            labels=frozenset({"edition:sahel", "language:fr", "flag:legal_hold", "tag:update", "tag:décryptage"}),
            page=numbers[1],
        ),
    ]


@pytest.mark.parametrize("tag", sorted(EXPLAINER_TAGS))
def test_explainers_are_known_by_their_tags(store: Store, tag: str) -> None:
    stored(store, [make_article("a", tags=("coup", tag)), make_article("b", tags=("coup",))])
    assert sorted(facts.explains for facts in store.articles.facts_since(-1)) == [False, True]


def test_facts_since_tell_only_news(store: Store) -> None:
    stored(store, [make_article("a"), make_article("b")])
    before = store.state().revision
    assert store.articles.facts_since(before) == []
    stored(store, [make_article("a"), make_article("b", read_count=5)])
    assert [facts.reads for facts in store.articles.facts_since(before)] == [5]


def test_facts_since_tell_of_withdrawals(store: Store) -> None:
    stored(store, [make_article("a")])
    before = store.state().revision
    store.articles.withdraw("a")
    assert [facts.published for facts in store.articles.facts_since(before)] == [False]


def test_dates_are_reported_by_number(store: Store) -> None:
    early = datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)
    dates = {"a": days_ago(3), "u": None, "g": days_ago(1), "d": early}
    dated, undated, gone, draft = stored(store, [make_article(name, posted_on=date) for name, date in dates.items()])
    store.articles.withdraw("g")
    store.articles.upsert([make_article("d", posted_on=early, status="draft")])
    assert store.articles.posted() == {dated: days_ago(3).timestamp(), draft: -1.0}
    assert store.articles.posted([dated, undated, gone, 99]) == {dated: days_ago(3).timestamp()}
    assert store.articles.posted([]) == {}


def test_dates_of_a_large_archive_are_whole(store: Store) -> None:
    numbers = stored(store, [make_article(f"a{number}") for number in range(1_201)])
    assert sorted(store.articles.posted(numbers)) == numbers


def test_listing_is_newest_first(store: Store) -> None:
    stored(store, [make_article(str(days), posted_on=days_ago(days)) for days in (3, 1, 2)])
    stored(store, [make_article("undated", posted_on=None), make_article("other", edition="Europe")])
    stored(store, [make_article("held", flags=("legal_hold",))])
    assert [article.id for article in store.articles.listing("Sahel", 9, 0)] == ["1", "2", "3", "undated"]
    assert [article.id for article in store.articles.listing("Sahel", 2, 1)] == ["2", "3"]
    assert [article.body for article in store.articles.listing(None, 1, 0)] == [""]


def test_editions_are_largest_first(store: Store) -> None:
    stored(store, [make_article(str(number), edition="Europe") for number in range(3)])
    stored(store, [make_article("s"), make_article("d", status="draft"), make_article("h", flags=("legal_hold",))])
    assert list(store.articles.editions().items()) == [("Europe", 3), ("Sahel", 1)]


def test_counts_by_status(store: Store) -> None:
    stored(store, [make_article("a"), make_article("b"), make_article("d", status="draft")])
    assert store.articles.counts() == {"published": 2, "draft": 1}
