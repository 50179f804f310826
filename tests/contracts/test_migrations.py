"""The schema: upgrades lose nothing, and what cannot be served is refused in words."""

import json
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from recommender.articles.article import Article
from recommender.embedding.pooling import vector_version
from recommender.errors import SettingsError, StoreUnavailable
from recommender.ranking.candidates import CANDIDATE
from recommender.ranking.scoring import DEFAULT
from recommender.retrieval import terms
from recommender.store.audit import AuditEntry
from recommender.store.base import State, Store
from recommender.store.sql import schema
from recommender.store.sql.database import Database
from recommender.store.sql.schema import upgrade
from recommender.store.sql.tables import metadata
from recommender.wiring import open_store
from tests.contracts.content import FULL, SOON, kept
from tests.embedder import RecordingEmbedder, ToyEmbedder
from tests.factories import NOW, built, make_article, make_builder, stored

MIGRATIONS = Path(schema.__file__).parent / "migrations"


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
        before = MigrationContext.configure(connection).get_current_revision() or ""
        (command.downgrade if revision < before else command.upgrade)(config, revision)
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


OLD_ARCHIVE = [
    make_article("a", body="junta coup", read_count=0),
    make_article("b", body="junta vote", read_count=0),
    replace(FULL, aliases=()),
]


def test_first_release_upgrades_without_loss(own_url: str) -> None:
    written_by_first_release(own_url, OLD_ARCHIVE)
    before = revision_of(own_url)
    store = open_store(own_url)
    assert store.articles.get([1, 2, 3]) == dict(enumerate(OLD_ARCHIVE, start=1))
    assert len(store.generations.members(vector_version(ToyEmbedder()), 1)) == 3
    assert store.state() == State(before + 1, None)  # every copy in memory is out of date
    store.close()


def test_first_release_builds_again(own_url: str) -> None:
    """What took a model to compute is not computed again."""
    written_by_first_release(own_url, OLD_ARCHIVE)
    store = open_store(own_url)
    embedder = RecordingEmbedder()
    report = make_builder(store, embedder).build()
    assert (report.kind, report.embedded, report.indexed) == ("rebuilt", 0, 3)
    assert embedder.seen == []
    assert sorted(store.generations.candidates(report.generation, [1, 2, 3])) == [1, 2, 3]
    store.close()


def test_upgraded_tables_are_those_of_this_release(own_url: str) -> None:
    written_by_first_release(own_url, OLD_ARCHIVE)
    open_store(own_url).close()
    assert differences(own_url) == []


def test_generation_of_the_release_before_stays_live(own_url: str) -> None:
    """It names no model version; readers notice nothing of the upgrade."""
    store = open_store(own_url)
    built(store, OLD_ARCHIVE)
    before, lists = store.state(), store.generations.candidates(1, [1, 2, 3])
    store.close()
    migrated(own_url, "0004")
    store = open_store(own_url)
    live = store.generations.live()
    assert live is not None
    assert (store.state(), live.model_version, live.ranking) == (before, None, None)
    assert kept(store) == (live.number, None, None)
    kept_lists = store.generations.candidates(live.number, [1, 2, 3])
    before_shingles = [name for name in CANDIDATE.names or () if name != "shingles"]
    for key, rows in lists.items():
        for name in before_shingles:
            np.testing.assert_array_equal(kept_lists[key][name], rows[name])
        assert np.isnan(kept_lists[key]["shingles"]).all()
    store.close()


def test_stored_rows_have_the_layout() -> None:
    """Readers take the bytes of a stored list for what this release makes of them."""
    rewriting = import_module("recommender.store.sql.migrations.versions.0009_shingles")
    advice = "rewrite stored rows in a migration of its own, as 0009_shingles does, and name it here"
    assert rewriting._AFTER == CANDIDATE, f"FEATURES: {advice}"
    assert len(terms.TERM_FIELDS) == rewriting.FIELDS + 1, f"TERM_FIELDS: {advice}"


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


def test_live_generation_keeps_its_sidebars_and_takes_articles_in_after_an_upgrade(own_url: str) -> None:
    """What an earlier release has stored has no shingles: nothing is known of them until a build."""
    store = open_store(own_url)
    built(store, OLD_ARCHIVE)
    (number,) = store.generations.numbers(1)[:1]
    (row,) = [written for written in store.generations.rows_since(1, -1) if written.number == number]
    store.close()
    migrated(own_url, "0008")
    store = open_store(own_url)
    (later,) = [written for written in store.generations.rows_since(1, -1) if written.number == number]
    expected = {field: terms.from_bytes(row.terms)[field] for field in terms.TERM_FIELDS if field != "shingles"}
    fields = terms.from_bytes(later.terms)
    assert len(fields["shingles"][0]) == 0
    for field, (numbers, weights) in expected.items():
        np.testing.assert_array_equal(fields[field][0], numbers)
        np.testing.assert_array_equal(fields[field][1], weights)
    store.articles.upsert([make_article("new", title="new")])
    assert make_builder(store).update().indexed == 1
    store.close()


def test_earlier_articles_are_found_after_an_upgrade(own_url: str) -> None:
    """More than one batch of them; drafts and withdrawn ones are not."""
    store = open_store(own_url)
    stored(store, [make_article(f"a{number}", title="Coup") for number in range(501)])
    stored(store, [make_article("draft", title="Coup", status="draft"), make_article("gone", title="Coup")])
    store.articles.withdraw("gone")
    store.close()
    migrated(own_url, "0003")
    store = open_store(own_url)
    assert store.articles.search("coup", 1_000) == list(range(501, 0, -1))
    store.articles.withdraw("a500")
    assert store.articles.search("coup", 1) == [500]
    store.close()


def test_earlier_addresses_are_told_apart_after_an_upgrade(own_url: str) -> None:
    """More than one batch of them; what has no address still has none."""
    store = open_store(own_url)
    numbers = stored(store, [make_article(f"a{p}", url=f"https://www.a.example/?p={p}") for p in range(501)])
    (path,) = stored(store, [make_article("path", url="https://a.example/caf%c3%a9/")])
    stored(store, [make_article("none", url=None), make_article("gone", url="https://a.example/gone")])
    store.articles.withdraw("gone")
    store.close()
    migrated(own_url, "0007")
    assert keys_of(own_url) == {"a.example": 501, "a.example/caf%c3%a9": 1, None: 2}
    store = open_store(own_url)
    articles = [store.articles.by_url(f"https://a.example/?p={p}") for p in range(501)]
    assert [numbered and numbered[0] for numbered in articles] == numbers
    assert store.articles.by_url("https://a.example/café")[0] == path  # type: ignore[index]
    assert keys_of(own_url)[None] == 2
    store.close()


def test_earlier_addresses_are_made_anew_by_the_rule_of_today(own_url: str) -> None:
    """Those that share one are changed, so that none stays beside the other; all others keep what they have."""
    store = open_store(own_url)
    first, amp, alone = stored(
        store,
        [
            make_article("first", url="https://a.example/caf%C3%A9"),
            make_article("amp", url="https://amp.a.example//cafe%CC%81/index.html"),
            make_article("alone", url="https://m.a.example/alone/amp", aliases=("https://b.example/1",)),
        ],
    )
    store.close()
    migrated(own_url, "0012")
    assert keys_of(own_url).keys() == {
        "a.example/caf%C3%A9",
        "amp.a.example//cafe%CC%81/index.html",
        "m.a.example/alone/amp",
    }
    before = revision_of(own_url)
    store = open_store(own_url)
    assert store.articles.by_url("https://a.example/alone")[0] == alone  # type: ignore[index]
    assert store.articles.by_url("https://b.example/1") is None  # an earlier release knows no further addresses
    facts = {fact.number: fact for fact in store.articles.facts_since(-1)}
    assert {number: fact.page for number, fact in facts.items()} == {first: first, amp: first, alone: alone}
    assert {fact.number for fact in store.articles.facts_since(before)} == {first, amp}
    store.close()


def test_amp_and_html_count_no_more_after_an_upgrade(own_url: str) -> None:
    """Keys are made anew, also of further addresses; articles that share one now are one page, and have changed."""
    store = open_store(own_url)
    first, amp, alone = stored(
        store,
        [
            make_article("first", url="https://a.example/ferry.html"),
            make_article("amp", url="https://b.example/1", aliases=("https://a.example/amp/ferry",)),
            make_article("alone", url="https://a.example/alone.amp"),
        ],
    )
    store.close()
    migrated(own_url, "0013")
    engine = sa.create_engine(own_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE article SET url_key = url_key || '.html', page = NULL"))
        connection.execute(sa.text("UPDATE alias SET key = 'a.example/amp/ferry'"))
    before = revision_of(own_url)
    store = open_store(own_url)
    assert store.articles.by_url("https://a.example/alone")[0] == alone  # type: ignore[index]
    assert store.articles.by_url("https://a.example/ferry") is None  # of two, none is guessed
    facts = {fact.number: fact for fact in store.articles.facts_since(-1)}
    assert {number: fact.page for number, fact in facts.items()} == {first: first, amp: first, alone: alone}
    assert {fact.number for fact in store.articles.facts_since(before)} == {first, amp}
    store.close()


@pytest.mark.parametrize("count", [0, 7])
def test_counts_are_unknown_where_no_article_has_one(own_url: str, count: int) -> None:
    """Earlier releases kept 0 for an article that came without; one count of an archive says that it has them."""
    store = open_store(own_url)
    numbers = stored(store, [make_article("a", read_count=0), make_article("b", read_count=count)])
    store.close()
    migrated(own_url, "0012")
    store = open_store(own_url)
    kept_counts = [article.read_count for article in store.articles.get(numbers).values()]
    assert kept_counts == ([0, 7] if count else [None, None])
    store.close()


def test_earlier_entries_are_chained_by_an_upgrade(own_url: str) -> None:
    """More than one batch of them, with the hashes that they would have today; and none can be replaced then."""
    store = open_store(own_url)
    for number in range(501):
        store.audit.append(AuditEntry(NOW, "Ama", "pin", "é", number, {"slot": None}, {"factor": 0.1}), f"k{number}")
    before = store.audit.trail()
    store.close()
    migrated(own_url, "0009")
    store = open_store(own_url)
    assert store.audit.trail() == before
    assert before.entries == 501
    store.audit.append(AuditEntry(NOW, "Ama", "pin"))
    assert store.audit.trail(before.head).whole
    store.close()
    engine = sa.create_engine(own_url, poolclass=sa.NullPool)
    for statement in ("DELETE FROM audit", "UPDATE audit SET why = ''", "INSERT INTO audit SELECT * FROM audit"):
        with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match="append-only"):
            connection.execute(sa.text(statement))


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
