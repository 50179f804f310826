"""What the store promises, on SQLite and on PostgreSQL."""

import json
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from recommender.articles.article import EXPLAINER_TAGS, FLAGS, MAX_READS, Article
from recommender.curation.sensitivity import bits
from recommender.embedding.pooling import vector_version
from recommender.errors import InvalidInput, SettingsError, StoreUnavailable, Unavailable
from recommender.ranking.candidates import CANDIDATE, CandidateArray
from recommender.ranking.scoring import DEFAULT, USUAL, Scale, Scales
from recommender.retrieval import terms
from recommender.store.articles import DELETED, Facts, Trace, Upserted
from recommender.store.base import State, Store
from recommender.store.generations import Generation, NeighbourRow, NewGeneration, Standing
from recommender.store.sql import schema
from recommender.store.sql.database import Database
from recommender.store.sql.schema import upgrade
from recommender.store.sql.tables import metadata
from recommender.wiring import open_store
from tests.embedder import RecordingEmbedder, ToyEmbedder
from tests.factories import NOW, built, days_ago, make_article, make_builder, make_rows, stored

MIGRATIONS = Path(schema.__file__).parent / "migrations"
SOON = 20  # seconds after which a thread that should go on is given up

FULL = Article(
    id="sahel/1",
    title="Ménaka: « l'armée » 🚁",
    summary="S",
    body="One.\n\nTwo.",
    url="https://www.example.org/sahel/1/?a=b",
    posted_on=datetime(2024, 9, 17, 8, 30, tzinfo=UTC),
    edition="Sahel",
    language="fr",
    countries=("Mali", "Niger"),
    tags=("coup", "armée"),
    author="A. B.",
    read_count=MAX_READS,
    image_url="https://example.org/i.jpg",
    status="published",
    flags=FLAGS[1:],
)


def in_thread(work: Callable[[], object]) -> object:
    """What `work` gives in another thread; fails instead of hanging when it has to wait."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(timeout=SOON)


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


def test_shared_address_is_nobodys(store: Store) -> None:
    """A sidebar of the wrong article is worse than none. Only published articles count."""
    url = "https://a.example/live"
    older, newer = stored(store, [make_article(str(days), url=url, posted_on=days_ago(days)) for days in (3, 1)])
    stored(store, [make_article("draft", url=url, status="draft")])
    assert store.articles.by_url(url) is None
    assert store.articles.search(url, 9) == [newer, older]
    assert store.articles.search(url, 1) == [newer]
    store.articles.withdraw("1")
    assert store.articles.by_url(url)[0] == older  # type: ignore[index]


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


def test_tombstones_keep_no_text(store: Store, url: str) -> None:
    stored(store, [FULL])
    store.articles.withdraw(FULL.id)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        row = connection.execute(sa.select(metadata.tables["article"])).mappings().one()
    texts = (FULL.title, FULL.summary, FULL.body, FULL.author, FULL.url, FULL.image_url, *FULL.tags, *FULL.countries)
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
    plain = make_article("a", author="Niamey desk")
    held = make_article(
        "h", posted_on=None, flags=("legal_hold",), read_count=7, language="fr", tags=("update", "décryptage")
    )
    numbers = stored(store, [plain, held])
    facts = sorted(store.articles.facts_since(0), key=lambda found: found.number)
    assert facts == [
        Facts(
            number=numbers[0],
            posted=int(days_ago(1).timestamp()),
            reads=0,
            edition="Sahel",
            language="en",
            published=True,
            held=False,
            update=False,
            revision=1,
            explains=False,
            desk="Niamey desk",
            flags=bits(()),
            labels=frozenset({"edition:sahel", "language:en", "desk:niamey desk"}),
        ),
        Facts(
            number=numbers[1],
            posted=None,
            reads=7,
            edition="Sahel",
            language="fr",
            published=True,
            held=True,
            update=True,
            revision=1,
            explains=True,
            desk="",
            flags=bits(["legal_hold"]),
            labels=frozenset({"edition:sahel", "language:fr", "flag:legal_hold", "tag:update", "tag:décryptage"}),
        ),
    ]


@pytest.mark.parametrize("tag", sorted(EXPLAINER_TAGS))
def test_explainers_are_known_by_their_tags(store: Store, tag: str) -> None:
    stored(store, [make_article("a", tags=("coup", tag)), make_article("b", tags=("coup",))])
    assert sorted(facts.explains for facts in store.articles.facts_since(-1)) == [False, True]


def test_facts_since_tell_only_news(store: Store) -> None:
    stored(store, [make_article("a"), make_article("b")])
    seen = store.state().revision
    assert store.articles.facts_since(seen) == []
    stored(store, [make_article("a"), make_article("b", read_count=5)])
    assert [facts.reads for facts in store.articles.facts_since(seen)] == [5]


def test_facts_since_tell_of_withdrawals(store: Store) -> None:
    stored(store, [make_article("a")])
    seen = store.state().revision
    store.articles.withdraw("a")
    assert [facts.published for facts in store.articles.facts_since(seen)] == [False]


def test_dates_are_told_by_number(store: Store) -> None:
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


# -- revisions and transactions ----------------------------------------------------------------------------------------


def test_new_store_is_empty(store: Store) -> None:
    assert store.state() == State(0, None)
    assert store.generations.live() is None
    assert store.generations.live_model() is None
    assert store.articles.facts_since(0) == []


def test_revision_rises_with_each_change(store: Store) -> None:
    seen = [store.state().revision]
    for work in (
        lambda: stored(store, [make_article("a"), make_article("b")]),
        lambda: stored(store, [make_article("a", title="New")]),
        lambda: store.articles.withdraw("a"),
        lambda: live_generation(store),
        lambda: live_generation(store),
    ):
        work()
        seen.append(store.state().revision)
    assert seen == sorted(set(seen))


def test_failed_transactions_leave_nothing(store: Store) -> None:
    stored(store, [make_article("a")])
    before = store.state()

    def fail() -> None:
        with store.writing():
            stored(store, [make_article("b")])
            assert store.articles.by_id("b") is not None
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.state() == before
    assert store.articles.by_id("b") is None


def test_writes_inside_a_reading_are_refused(store: Store) -> None:
    with store.reading(), pytest.raises(RuntimeError, match="inside a read transaction"):
        store.articles.withdraw("a")
    assert store.articles.upsert([make_article("a")]) == Upserted(1, 0, 0)


def test_readers_see_one_snapshot(store: Store) -> None:
    stored(store, [make_article("a")])
    with store.reading():
        before = store.state()
        in_thread(lambda: stored(store, [make_article("a", title="New"), make_article("b")]))
        assert store.state() == before
        assert store.articles.by_id("a")[1].title == "a"  # type: ignore[index]
        assert store.articles.by_id("b") is None
    assert store.articles.by_id("b") is not None


def test_readers_never_wait_for_a_writer(store: Store) -> None:
    stored(store, [make_article("a")])
    with store.writing():
        stored(store, [make_article("a", title="New")])

        def read() -> tuple[str, State]:
            with store.reading():
                return store.articles.by_id("a")[1].title, store.state()  # type: ignore[index]

        assert in_thread(read) == ("a", State(1, None))
        assert in_thread(store.state) == State(1, None)


def test_writers_take_turns(store: Store) -> None:
    entered, order = threading.Event(), []

    def second() -> None:
        entered.wait(SOON)
        stored(store, [make_article("second")])
        order.append("second")

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second)
        with store.writing():
            entered.set()
            stored(store, [make_article("first")])
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
            order.append("first")
        waiting.result(timeout=SOON)
    assert order == ["first", "second"]


def test_crowd_of_writers_loses_nothing(store: Store) -> None:
    revisions: list[int] = []
    lock = threading.Lock()

    def write(number: int) -> None:
        with store.writing():
            stored(store, [make_article(f"a{number}")])
            revision = store.state().revision
        with lock:
            revisions.append(revision)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(12)))
    assert sorted(revisions) == list(range(1, 13))
    assert store.articles.counts() == {"published": 12}


def test_other_processes_see_what_is_written(store: Store, url: str) -> None:
    other = open_store(url)
    stored(store, [make_article("a")])
    assert other.state() == store.state()
    assert other.articles.by_id("a") is not None
    stored(other, [make_article("b")])
    assert store.articles.by_id("b") is not None
    other.close()


# -- vectors -----------------------------------------------------------------------------------------------------------


def vector(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_vectors_come_back_exactly(store: Store) -> None:
    written = {"h1": vector(0.1, -1, 1e-30), "h2": vector(1, 2, 3)}
    store.generations.put_vectors("m", written)
    found = store.generations.vectors("m", ["h2", "h1", "unknown"])
    assert {key: value.tolist() for key, value in found.items()} == {
        key: value.tolist() for key, value in written.items()
    }


def test_new_vectors_replace_old(store: Store) -> None:
    store.generations.put_vectors("m", {"h": vector(1)})
    store.generations.put_vectors("m", {"h": vector(2), "i": vector(3)})
    found = store.generations.vectors("m", ["h", "i"])
    assert (found["h"].tolist(), found["i"].tolist()) == ([2], [3])


def test_models_keep_their_vectors_apart(store: Store) -> None:
    store.generations.put_vectors("m1", {"h": vector(1)})
    store.generations.put_vectors("m2", {"h": vector(2)})
    assert store.generations.vectors("m1", ["h"])["h"].tolist() == [1]
    assert store.generations.vectors("m2", ["h"])["h"].tolist() == [2]


def test_unembedded_names_each_text_once(store: Store) -> None:
    same = {"title": "Same", "body": "text"}
    numbers = stored(store, [make_article("a", **same), make_article("b", **same), make_article("c")])
    stored(store, [make_article("d", status="draft")])
    assert sorted(store.generations.unembedded("m")) == [numbers[0], numbers[2]]
    store.generations.put_vectors("m", {make_article("a", **same).text_hash: vector(1)})
    assert store.generations.unembedded("m") == [numbers[2]]
    assert sorted(store.generations.unembedded("other")) == [numbers[0], numbers[2]]
    assert sorted(store.generations.unembedded("m", again=True)) == [numbers[0], numbers[2]]


def test_unembedded_gives_newest_changes_first(store: Store) -> None:
    numbers = [stored(store, [make_article(name)])[0] for name in ("a", "b", "c")]
    assert store.generations.unembedded("m") == numbers[::-1]


def test_members_are_published_and_embedded(store: Store) -> None:
    articles = [make_article("a"), make_article("b", language="fr"), make_article("c")]
    numbers = stored(store, articles)
    draft = make_article("d", status="draft")
    stored(store, [draft])
    store.generations.put_vectors("m", {article.text_hash: vector(1) for article in (*articles[:2], draft)})
    members = store.generations.members("m")
    assert [(member.number, member.language) for member in members] == [(numbers[0], "en"), (numbers[1], "fr")]
    assert [member.number for member in store.generations.members("m", numbers[1:])] == [numbers[1]]
    assert store.generations.members("m", []) == []


def test_pruning_spares_what_is_in_use(store: Store) -> None:
    kept, gone = make_article("a"), make_article("b")
    stored(store, [kept, gone])
    store.generations.put_vectors("m", {kept.text_hash: vector(1), gone.text_hash: vector(2), "old": vector(3)})
    live_generation(store, [row(1, gone.text_hash)])
    store.articles.withdraw("b")
    assert store.generations.prune_vectors() == 1
    assert set(store.generations.vectors("m", [kept.text_hash, gone.text_hash, "old"])) == {
        kept.text_hash,
        gone.text_hash,
    }


# -- generations -------------------------------------------------------------------------------------------------------


SCALES = Scales(Scale(0.125, 0.5), Scale(0.25, 0.0625), Scale(-0.1, 1 / 3))


def row(number: int, text_hash: str = "h", candidates: CandidateArray | None = None, **standing: Any) -> NeighbourRow:
    rows = make_rows([99]) if candidates is None else candidates
    return NeighbourRow(number, text_hash, "en", b"terms", rows, **standing)


RANKING = replace(DEFAULT, version="ours-1", weights=DEFAULT.weights | {"dense": 1 / 3}, threshold=0.1)


def begun(store: Store, model: str = "m", model_version: str = "ours/1") -> int:
    return store.generations.begin(
        NewGeneration(model, "recipe", b"geometry", b"lexical", SCALES, NOW, model_version, RANKING)
    )


def live_generation(store: Store, rows: list[NeighbourRow] | None = None, *, keep: bool = False) -> int:
    if not store.state().revision:
        stored(store, [make_article("any")])  # a generation is made of articles: something has been written before
    number = begun(store)
    store.generations.write(number, rows or [])
    store.generations.activate(number, keep=keep)
    return number


def test_active_generations_are_live(store: Store) -> None:
    number = begun(store)
    assert store.state().generation is None
    store.generations.activate(number)
    assert store.state().generation == number
    whole = Generation(number, "m", b"geometry", b"lexical", SCALES, NOW, "ours/1", RANKING)
    assert store.generations.live() == store.generations.generation(number) == whole
    assert store.generations.live_model() == "m"


def test_generations_know_what_they_were_made_with(store: Store) -> None:
    number = begun(store)
    assert store.generations.scales(number) == SCALES
    assert store.generations.recipe(number) == "recipe"
    assert store.generations.model(number) == "m"
    assert store.generations.model_version(number) == "ours/1"
    assert store.generations.ranking(number) == RANKING


def test_swept_generations_have_usual_scales(store: Store) -> None:
    """A reader whose generation has just been removed is answered all the same."""
    assert store.generations.scales(99) == USUAL
    assert store.generations.recipe(99) is None
    assert store.generations.model(99) is None
    assert store.generations.model_version(99) is None
    assert store.generations.ranking(99) is None
    assert store.generations.generation(99) is None


def test_candidates_come_back_exactly(store: Store) -> None:
    rows = make_rows([3, 7], same=[True, False], dense=[0.5, 0.25], lexical=0.1, tags=[np.nan, 1])
    number = live_generation(store, [row(1, candidates=rows), row(2, candidates=rows[:0])])
    found = store.generations.candidates(number, [2, 1, 5])
    assert {key: value.tobytes() for key, value in found.items()} == {1: rows.tobytes(), 2: b""}


def test_rows_take_the_place_of_older(store: Store) -> None:
    number = live_generation(store, [row(1, "h1"), row(2, "h2")])
    store.generations.write(number, [row(1, "h3")])
    assert [(found.number, found.text_hash) for found in store.generations.rows_since(number, 0)] == [
        (1, "h3"),
        (2, "h2"),
    ]
    assert store.generations.size(number) == 2


def test_rows_that_left_are_not_counted(store: Store) -> None:
    number = live_generation(store, [row(1), row(2)])
    store.generations.write(number, [row(1, "")])
    assert store.generations.size(number) == 1
    assert list(store.generations.candidates(number, [1, 2])) == [2]


def test_lists_are_replaced_alone(store: Store) -> None:
    number = live_generation(store, [row(1, "h1"), row(2, "h2")])
    store.generations.write_candidates(number, {2: make_rows([5, 6])})
    first, second = store.generations.rows_since(number, 0)
    assert (second.text_hash, second.terms, second.candidates["number"].tolist()) == ("h2", b"terms", [5, 6])
    assert first.candidates["number"].tolist() == [99]


def test_rows_since_tell_only_news(store: Store) -> None:
    number = live_generation(store, [row(1), row(2), row(3)])
    seen = store.state().revision
    assert list(store.generations.rows_since(number, seen)) == []
    store.generations.write(number, [row(2, "new")])
    store.generations.write_candidates(number, {3: make_rows([4])})
    assert [found.number for found in store.generations.rows_since(number, seen)] == [2, 3]
    assert store.state().revision > seen


def test_unfinished_generations_change_nothing(store: Store) -> None:
    live = live_generation(store, [row(1)])
    before = store.state()
    number = begun(store, "m2")
    store.generations.write(number, [row(1), row(2)])
    store.generations.put_standings(number, {1: 1, 2: 1}, {1: 3})
    assert store.state() == before
    assert list(store.generations.candidates(live, [1, 2])) == [1]


def test_new_builds_sweep_interrupted_ones_away(store: Store) -> None:
    interrupted = begun(store)
    store.generations.write(interrupted, [row(1)])
    newer = begun(store)
    assert newer != interrupted
    assert store.generations.size(interrupted) == 0
    with pytest.raises(Unavailable):
        store.generations.activate(interrupted)
    store.generations.activate(newer)
    assert store.state().generation == newer


def test_swept_builds_cannot_write(store: Store) -> None:
    interrupted, newer = begun(store), begun(store)
    with pytest.raises(Unavailable):
        store.generations.write(interrupted, [row(1)])
    assert store.generations.size(newer) == 0


def test_retired_generations_are_removed(store: Store) -> None:
    first, second = live_generation(store, [row(1)]), live_generation(store, [row(1)])
    assert store.generations.size(first) == 1
    store.generations.drop_retired()
    assert (store.generations.size(first), store.generations.size(second)) == (0, 1)


def test_readers_keep_a_generation_while_it_retires(store: Store) -> None:
    first = live_generation(store, [row(1)])

    def switch() -> None:
        live_generation(store, [row(1), row(2)])
        store.generations.drop_retired()

    with store.reading():
        assert store.state().generation == first
        in_thread(switch)
        assert store.state().generation == first
        assert list(store.generations.candidates(first, [1, 2])) == [1]
        assert store.generations.live().number == first  # type: ignore[union-attr]
    assert store.state().generation != first
    assert store.generations.candidates(first, [1]) == {}


# -- switching and switching back --------------------------------------------------------------------------------------


def kept(store: Store) -> tuple[int | None, int | None, int | None]:
    """The live generation, the previous one and the shadow."""
    return store.state().generation, store.generations.previous(), store.generations.shadow()


def finished(store: Store, rows: list[NeighbourRow] | None = None) -> int:
    """A complete generation beside the live one."""
    number = begun(store, "beside")
    store.generations.write(number, rows or [])
    store.generations.finish(number)
    return number


def test_finished_generations_are_not_live(store: Store) -> None:
    live = live_generation(store)
    before = store.state()
    number = begun(store)
    assert store.generations.generation(number) is None
    store.generations.finish(number)
    assert store.state() == before
    assert kept(store) == (live, None, None)
    assert store.generations.generation(number) is not None
    begun(store)  # sweeps what is not complete
    assert store.generations.generation(number) is not None


def test_swept_generations_cannot_be_finished(store: Store) -> None:
    interrupted, _ = begun(store), begun(store)
    with pytest.raises(Unavailable, match="Another build"):
        store.generations.finish(interrupted)


def test_promotion_keeps_the_one_before(store: Store) -> None:
    first = live_generation(store)
    second = live_generation(store, keep=True)
    assert kept(store) == (second, first, None)
    third = live_generation(store, keep=True)
    assert kept(store) == (third, second, None)


def test_ordinary_builds_leave_the_previous_alone(store: Store) -> None:
    first = live_generation(store)
    live_generation(store, keep=True)
    third = live_generation(store)
    assert kept(store) == (third, first, None)


def test_first_generation_has_none_before_it(store: Store) -> None:
    first = live_generation(store, keep=True)
    assert kept(store) == (first, None, None)


@pytest.mark.parametrize("keep", [True, False])
def test_live_generation_may_be_activated_again(store: Store, keep: bool) -> None:
    first = live_generation(store)
    second = live_generation(store, keep=True)
    store.generations.activate(second, keep=keep)
    assert kept(store) == (second, first, None)


@pytest.mark.parametrize(("keep", "before"), [(True, "second"), (False, None)])
def test_previous_generation_may_be_activated(store: Store, keep: bool, before: str | None) -> None:
    """What is live is never its own previous one."""
    first = live_generation(store)
    second = live_generation(store, keep=True)
    store.generations.activate(first, keep=keep)
    assert kept(store) == (first, second if before else None, None)


def test_swapping_back_goes_both_ways(store: Store) -> None:
    first = live_generation(store, [row(1)])
    second = live_generation(store, [row(1), row(2)], keep=True)
    seen = store.state().revision
    assert store.generations.swap_back() == first
    assert kept(store) == (first, second, None)
    assert store.state().revision > seen
    assert list(store.generations.candidates(first, [1, 2])) == [1]
    assert store.generations.swap_back() == second
    assert kept(store) == (second, first, None)


def test_nothing_to_go_back_to_is_said(store: Store) -> None:
    live_generation(store)
    number = live_generation(store)
    before = store.state()
    with pytest.raises(InvalidInput, match="no generation to go back to"):
        store.generations.swap_back()
    assert store.state() == before == State(before.revision, number)


def test_failed_switch_changes_nothing(store: Store) -> None:
    live_generation(store)
    live_generation(store, keep=True)
    before = kept(store)

    def fail() -> None:
        with store.writing():
            store.generations.swap_back()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert kept(store) == before


def test_kept_generations_are_not_removed(store: Store) -> None:
    gone = live_generation(store, [row(1)])
    previous = live_generation(store, [row(1)])
    live = live_generation(store, [row(1)], keep=True)
    shadow, unused = finished(store, [row(1)]), finished(store, [row(1)])
    store.generations.put_shadow(shadow)
    store.generations.drop_retired()
    sizes = {number: store.generations.size(number) for number in (gone, previous, live, shadow, unused)}
    assert sizes == {gone: 0, previous: 1, live: 1, shadow: 1, unused: 0}
    store.generations.put_shadow(None)
    store.generations.drop_retired()
    assert (kept(store), store.generations.size(shadow)) == ((live, previous, None), 0)


def test_shadow_that_becomes_live_is_no_shadow(store: Store) -> None:
    live = live_generation(store)
    shadow = finished(store)
    store.generations.put_shadow(shadow)
    assert kept(store) == (live, None, shadow)
    store.generations.activate(shadow, keep=True)
    assert kept(store) == (shadow, live, None)


def test_copies_in_memory_notice_another_shadow(store: Store) -> None:
    live_generation(store)
    shadow, seen = finished(store), store.state().revision
    store.generations.put_shadow(shadow)
    assert store.state().revision > seen


@pytest.mark.parametrize("which", ["live", "incomplete", "missing"])
def test_only_whole_generations_are_tried(store: Store, which: str) -> None:
    number = {"live": lambda: live_generation(store), "incomplete": lambda: begun(store), "missing": lambda: 99}[
        which
    ]()
    with pytest.raises(InvalidInput, match=f"Generation {number} cannot be tried"):
        store.generations.put_shadow(number)
    assert store.generations.shadow() is None


def test_writes_into_a_kept_generation_are_news(store: Store) -> None:
    """Who looks at the shadow or at the previous one has a copy as well."""
    live_generation(store, [row(1)])
    number = finished(store, [row(1), row(2)])
    seen = store.state().revision
    store.generations.write(number, [row(2, "new")])
    assert [found.number for found in store.generations.rows_since(number, seen)] == [2]


def test_vectors_of_kept_generations_are_not_pruned(store: Store) -> None:
    """A rollback may not have to embed the archive again."""
    article = make_article("a")
    stored(store, [article])
    store.generations.put_vectors("m", {article.text_hash: vector(1)})
    live_generation(store, [row(1, article.text_hash)])
    stored(store, [make_article("a", title="New")])
    live_generation(store, [row(1, make_article("a", title="New").text_hash)], keep=True)
    store.generations.drop_retired()
    assert store.generations.prune_vectors() == 0
    live_generation(store, [row(1, "other")], keep=True)
    store.generations.drop_retired()
    assert store.generations.prune_vectors() == 1


# -- where articles stand ----------------------------------------------------------------------------------------------


def test_standings_tell_stories_and_demand(store: Store) -> None:
    number = begun(store)
    store.generations.write(number, [row(1, story=1), row(2, story=2), row(3, story=3)])
    store.generations.put_standings(number, {1: 1, 2: 1, 3: 3}, {2: 7, 3: 1})
    written = store.state().revision
    assert store.generations.standings_since(number, -1) == {
        1: Standing(written, 1, 0),
        2: Standing(written, 1, 7),
        3: Standing(written, 3, 1),
    }


def test_standings_since_tell_only_news(store: Store) -> None:
    number = live_generation(store, [row(1, story=1), row(2, story=2), row(3, story=3)])
    seen = store.state().revision
    assert store.generations.standings_since(number, seen) == {}
    store.generations.write(number, [row(2, "new", story=1)])
    store.generations.write_candidates(number, {3: make_rows([4])})
    news = store.generations.standings_since(number, seen)
    assert {key: found.story for key, found in news.items()} == {2: 1, 3: 3}
    assert all(seen < found.relisted <= store.state().revision for found in news.values())


def test_generations_stand_apart(store: Store) -> None:
    first, second = live_generation(store, [row(1, story=1)]), begun(store)
    store.generations.write(second, [row(1, story=1)])
    store.generations.put_standings(second, {1: 5}, {1: 9})
    store.generations.put_exposure(second, {1: 4})
    standing = store.generations.standings_since(first, -1)[1]
    assert (standing.story, standing.demand, store.generations.exposure(first)) == (1, 0, {1: 0})


def test_rewritten_rows_keep_what_builds_count(store: Store) -> None:
    """An article whose text is mended is no newcomer that every sidebar makes room for."""
    number = live_generation(store, [row(1, story=1), row(2, story=2)])
    store.generations.put_standings(number, {1: 1, 2: 2}, {1: 7, 2: 5})
    store.generations.put_exposure(number, {1: 4, 2: 3})
    store.generations.write(number, [row(1, "mended", story=2), row(3, story=3)])
    found = store.generations.standings_since(number, -1)
    assert {key: (standing.story, standing.demand) for key, standing in found.items()} == {
        1: (2, 7),
        2: (2, 5),
        3: (3, 0),
    }
    assert store.generations.exposure(number) == {1: 4, 2: 3, 3: 0}


def test_names_keep_their_order(store: Store) -> None:
    number = live_generation(store, [row(1, names=("niger", "bazoum", "lake-chad")), row(2), row(3, names=("mali",))])
    found = store.generations.names(number, [2, 1, 99])
    assert found == {1: ("niger", "bazoum", "lake-chad"), 2: ()}
    assert [found.names for found in store.generations.rows_since(number, -1)] == [
        ("niger", "bazoum", "lake-chad"),
        (),
        ("mali",),
    ]


def test_prepared_answers_come_back_exactly(store: Store) -> None:
    first, second = stored(store, [make_article("a"), make_article("b")])
    number = live_generation(store, [row(first), row(second)])
    before = store.state()
    store.generations.put_prepared(number, {first: b"{}\n\x00\xff"})
    assert store.generations.prepared(number, "a") == b"{}\n\x00\xff"
    assert store.generations.prepared(number, "b") is None
    assert store.generations.prepared(number + 1, "a") is None
    assert store.state() == before
    store.articles.upsert([make_article("a", status="unpublished")])
    assert store.generations.prepared(number, "a") is None


def test_stories_name_their_articles(store: Store) -> None:
    number = live_generation(store, [row(4, story=2), row(3, story=3), row(2, story=2), row(5, story=2)])
    store.generations.write(number, [row(5, "", story=2)])
    assert store.generations.story(number, 2) == [2, 4]
    assert store.generations.story(number, 3) == [3]
    assert store.generations.story(number, 99) == []
    assert store.generations.story(number + 1, 2) == []


def test_exposure_counts_every_article(store: Store) -> None:
    number = live_generation(store, [row(1), row(2), row(3)])
    before = store.state()
    store.generations.put_exposure(number, {1: 4, 2: 1})
    assert store.generations.exposure(number) == {1: 4, 2: 1, 3: 0}
    store.generations.put_exposure(number, {3: 2})
    assert store.generations.exposure(number) == {1: 0, 2: 0, 3: 2}
    store.generations.put_exposure(number, {})
    assert store.generations.exposure(number) == {1: 0, 2: 0, 3: 0}
    assert store.state() == before


def test_articles_that_left_are_not_exposed(store: Store) -> None:
    number = live_generation(store, [row(1), row(2)])
    store.generations.put_exposure(number, {1: 4, 2: 1})
    store.generations.write(number, [row(1, "")])
    assert store.generations.exposure(number) == {2: 1}


# -- what is behind ----------------------------------------------------------------------------------------------------


def test_stale_names_what_changed_and_left(store: Store) -> None:
    articles = [make_article(name) for name in "abcd"]
    numbers = stored(store, articles)
    number = live_generation(
        store, [row(found, article.text_hash) for found, article in zip(numbers[:3], articles, strict=False)]
    )
    store.generations.write(number, [row(numbers[3], "")])
    stored(store, [make_article("b", title="New")])
    store.articles.withdraw("c")
    (new,) = stored(store, [make_article("e")])
    stale = store.generations.stale(number)
    assert sorted(stale.changed) == [numbers[1], numbers[3], new]
    assert stale.left == [numbers[2]]


def test_stale_names_unpublished_as_left(store: Store) -> None:
    articles = [make_article("a"), make_article("b")]
    numbers = stored(store, articles)
    number = live_generation(store, [row(found, one.text_hash) for found, one in zip(numbers, articles, strict=True)])
    assert store.generations.stale(number) == type(store.generations.stale(number))([], [])
    store.articles.upsert([make_article("a", status="unpublished"), make_article("b", read_count=3)])
    assert store.generations.stale(number).left == [numbers[0]]
    assert store.generations.stale(number).changed == []


# -- schema ------------------------------------------------------------------------------------------------------------


def differences(url: str) -> list[Any]:
    """What the tables of a database and those of this release do not have in common.

    SQLAlchemy can describe neither the table of the search nor what SQLite keeps beside it; its own tests use them.
    """
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        opts = {"compare_type": True, "include_name": lambda name, *_: not (name or "").startswith("article_search")}
        return compare_metadata(MigrationContext.configure(connection, opts=opts), metadata)


def test_schema_equals_the_tables(store: Store, url: str) -> None:
    assert differences(url) == []


def test_upgrading_again_changes_nothing(store: Store, url: str) -> None:
    stored(store, [FULL])
    before = store.state()
    database = Database(url)
    upgrade(database)
    upgrade(database)
    database.close()
    assert store.state() == before
    assert store.articles.by_id(FULL.id) is not None


def migrated(url: str, revision: str) -> None:
    """Brings a database to the tables of some release, forwards or backwards."""
    database = Database(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.migrating() as connection:
        config.attributes["connection"] = connection
        known = MigrationContext.configure(connection).get_current_revision() or ""
        (command.downgrade if revision < known else command.upgrade)(config, revision)
    database.close()


def written_by_first_release(url: str, articles: list[Article]) -> None:
    """A database of the first release: with articles, vectors, and a live generation of the old shape."""
    store = open_store(url)
    built(store, articles)
    store.close()
    migrated(url, "0001")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO generation (number, model, centres, lexical, built, revision, complete) "
                "VALUES (7, 'old', :data, :data, 0, 1, :yes)"
            ),
            {"data": b"old", "yes": True},
        )
        connection.execute(
            sa.text(
                "INSERT INTO neighbour (generation, number, text_hash, language, terms, candidates, revision) "
                "VALUES (7, 1, 'h', 'en', :data, :data, 1)"
            ),
            {"data": b"old"},
        )
        connection.execute(sa.text("UPDATE state SET live_generation = 7"))


OLD_ARCHIVE = [make_article("a", body="junta coup"), make_article("b", body="junta vote"), FULL]


def test_first_release_upgrades_without_loss(url: str) -> None:
    written_by_first_release(url, OLD_ARCHIVE)
    before = revision_of(url)
    store = open_store(url)
    assert store.articles.get([1, 2, 3]) == dict(enumerate(OLD_ARCHIVE, start=1))
    assert len(store.generations.members(vector_version(ToyEmbedder()))) == 3
    assert store.state() == State(before + 1, None)  # every copy in memory is out of date
    store.close()


def test_first_release_builds_again(url: str) -> None:
    """What took a model to compute is not computed again."""
    written_by_first_release(url, OLD_ARCHIVE)
    store = open_store(url)
    embedder = RecordingEmbedder()
    report = make_builder(store, embedder).build()
    assert (report.kind, report.embedded, report.indexed) == ("rebuilt", 0, 3)
    assert embedder.seen == []
    assert sorted(store.generations.candidates(report.generation, [1, 2, 3])) == [1, 2, 3]
    store.close()


def test_upgraded_tables_are_those_of_this_release(url: str) -> None:
    written_by_first_release(url, OLD_ARCHIVE)
    open_store(url).close()
    assert differences(url) == []


def test_generation_of_the_release_before_stays_live(url: str) -> None:
    """It names no model version; readers notice nothing of the upgrade."""
    store = open_store(url)
    built(store, OLD_ARCHIVE)
    before, lists = store.state(), store.generations.candidates(1, [1, 2, 3])
    store.close()
    migrated(url, "0004")
    store = open_store(url)
    live = store.generations.live()
    assert live is not None
    assert (store.state(), live.model_version, live.ranking) == (before, None, None)
    assert kept(store) == (live.number, None, None)
    found = store.generations.candidates(live.number, [1, 2, 3])
    before_shingles = [name for name in CANDIDATE.names or () if name != "shingles"]
    for key, rows in lists.items():
        for name in before_shingles:
            np.testing.assert_array_equal(found[key][name], rows[name])
        assert np.isnan(found[key]["shingles"]).all()
    store.close()


def test_weights_of_a_newer_release_are_refused(url: str) -> None:
    """The software was rolled back: a part of the score that it does not know cannot be left out."""
    store = open_store(url)
    built(store, OLD_ARCHIVE)
    number = store.state().generation or 0
    store.close()
    newer = json.loads(DEFAULT.to_json())
    newer["weights"]["mood"] = 1.0
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE generation SET ranking = :ranking"), {"ranking": json.dumps(newer)})
    engine.dispose()
    store = open_store(url)
    with pytest.raises(StoreUnavailable, match=r"newer release; upgrade this one \(mood: no such part"):
        store.generations.ranking(number)
    with pytest.raises(StoreUnavailable, match="newer release"):
        store.generations.live()
    store.close()


def test_live_generation_keeps_its_sidebars_and_takes_articles_in_after_an_upgrade(url: str) -> None:
    """What an earlier release has stored has no shingles: nothing is known of them until a build."""
    store = open_store(url)
    built(store, OLD_ARCHIVE)
    (number,) = store.generations.numbers(1)[:1]
    (row,) = [one for one in store.generations.rows_since(1, -1) if one.number == number]
    store.close()
    migrated(url, "0008")
    store = open_store(url)
    (kept,) = [one for one in store.generations.rows_since(1, -1) if one.number == number]
    expected = {field: terms.from_bytes(row.terms)[field] for field in terms.TERM_FIELDS if field != "shingles"}
    found = terms.from_bytes(kept.terms)
    assert len(found["shingles"][0]) == 0
    for field, (numbers, weights) in expected.items():
        np.testing.assert_array_equal(found[field][0], numbers)
        np.testing.assert_array_equal(found[field][1], weights)
    store.articles.upsert([make_article("new", title="new")])
    assert make_builder(store).update().indexed == 1
    store.close()


def test_earlier_articles_are_found_after_an_upgrade(url: str) -> None:
    """More than one batch of them; drafts and withdrawn ones are not."""
    store = open_store(url)
    stored(store, [make_article(f"a{number}", title="Coup") for number in range(501)])
    stored(store, [make_article("draft", title="Coup", status="draft"), make_article("gone", title="Coup")])
    store.articles.withdraw("gone")
    store.close()
    migrated(url, "0003")
    store = open_store(url)
    assert store.articles.search("coup", 1_000) == list(range(501, 0, -1))
    store.articles.withdraw("a500")
    assert store.articles.search("coup", 1) == [500]
    store.close()


def test_earlier_addresses_are_told_apart_after_an_upgrade(url: str) -> None:
    """More than one batch of them; what has no address still has none."""
    store = open_store(url)
    numbers = stored(store, [make_article(f"a{p}", url=f"https://www.a.example/?p={p}") for p in range(501)])
    (path,) = stored(store, [make_article("path", url="https://a.example/caf%c3%a9/")])
    stored(store, [make_article("none"), make_article("gone", url="https://a.example/gone")])
    store.articles.withdraw("gone")
    store.close()
    migrated(url, "0007")
    assert keys_of(url) == {"a.example": 501, "a.example/caf%c3%a9": 1, None: 2}
    store = open_store(url)
    found = [store.articles.by_url(f"https://a.example/?p={p}") for p in range(501)]
    assert [one and one[0] for one in found] == numbers
    assert store.articles.by_url("https://a.example/café")[0] == path  # type: ignore[index]
    assert keys_of(url)[None] == 2
    store.close()


def keys_of(url: str) -> dict[str | None, int]:
    """How many articles each address has."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT url_key, count(*) FROM article GROUP BY url_key"))
        return {row[0]: row[1] for row in rows}


def revision_of(url: str) -> int:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return int(connection.execute(sa.text("SELECT revision FROM state")).scalar_one())


def test_two_processes_may_start_together(postgresql_database: str) -> None:
    barrier = threading.Barrier(3)

    def start(_: int) -> State:
        database = Database(postgresql_database)
        barrier.wait(SOON)
        upgrade(database)
        state = database.state()
        database.close()
        return state

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(start, range(3))) == [State(0, None)] * 3


def test_newer_schemas_are_refused(store: Store, url: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnavailable, match=r"schema 9999.*newer release"):
        open_store(url)


@pytest.mark.parametrize(
    ("address", "advice"),
    [
        ("mysql://a@b/c", "only sqlite"),
        ("no address", "is not a database address"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("postgresql://a:secret@b/c", "only sqlite"),
    ],
)
def test_other_databases_are_refused(address: str, advice: str) -> None:
    with pytest.raises(SettingsError, match=advice) as caught:
        Database(address)
    assert "secret" not in str(caught.value)


def test_database_that_only_reads_is_unavailable(store: Store, url: str) -> None:
    """As after a failover. What waits to be written must wait on."""
    database = Database(url)
    sa.event.listen(database.engine, "connect", only_reads)
    with pytest.raises(StoreUnavailable, match=r"does not answer: .*read-?only"):
        database.bump()
    database.close()


def only_reads(connection: Any, _record: object) -> None:
    """Makes a driver's connection refuse to write."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA query_only = ON")
    else:
        connection.read_only = True


def test_silent_servers_are_unavailable() -> None:
    database = Database("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    with pytest.raises(StoreUnavailable, match="does not answer"):
        upgrade(database)
    with pytest.raises(StoreUnavailable, match="does not answer"):
        database.state()
    database.close()
