"""Whole copies: the same lines from every database, and back into every database."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from recommender.errors import StoreUnavailable
from recommender.store.audit import AuditQuery
from recommender.store.base import State, Store
from recommender.store.dump import Load, TableShape, from_line, to_line
from recommender.store.sql.schema import newest
from recommender.store.sql.tables import metadata
from recommender.wiring import open_store, opened_dump
from tests.contracts.test_migrations import migrated
from tests.everything import fill
from tests.factories import NOW, make_article

NEWEST = str(newest())
Copy = dict[str, tuple[TableShape, list[bytes]]]


@pytest.fixture
def url(own_url: str) -> str:
    """Tables are dropped here."""
    return own_url


@pytest.fixture(params=["sqlite", "postgresql"])
def other_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without tables on each backend."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/other.db"
    found: str = request.getfixturevalue("postgresql_database")
    return found


def copied(url: str) -> Copy:
    with opened_dump(url) as dump, dump.snapshot() as snapshot:
        return {shape.name: (shape, list(snapshot.lines(shape.name))) for shape in snapshot.tables()}


def put(load: Load, copy: Copy) -> None:
    for shape in load.tables():
        held, lines = copy[shape.name]
        load.insert(held, [from_line(line, list(held.columns.values())) for line in lines])
    load.give_numbers_after([shape for shape, _ in copy.values()])


def restored(copy: Copy, url: str, schema: str | None = None) -> None:
    with opened_dump(url) as dump, dump.replacing(schema or NEWEST) as load:
        put(load, copy)


@pytest.fixture
def filled(store: Store, url: str) -> Store:
    """A store with something in every table."""
    fill(store)
    return store


def test_copy_has_every_table_with_rows(filled: Store, url: str) -> None:
    copy = copied(url)
    assert copy.keys() == metadata.tables.keys()
    assert [name for name, (_, lines) in copy.items() if not lines] == []


def test_copy_is_the_same_in_another_database(filled: Store, url: str, other_url: str) -> None:
    """From either to either: the same lines in the same order, and the same next numbers."""
    copy = copied(url)
    restored(copy, other_url)
    assert copied(other_url) == copy


def test_restored_store_works_as_before(filled: Store, url: str, other_url: str) -> None:
    restored(copied(url), other_url)
    other = open_store(other_url)
    assert other.state() == filled.state()
    assert other.articles.listing(None, 10, 0) == filled.articles.listing(None, 10, 0)
    assert other.articles.search("junta", 10) == filled.articles.search("junta", 10) != []
    assert other.accounts.session("token", NOW) == filled.accounts.session("token", NOW) is not None
    assert other.keys.listing() == filled.keys.listing() != []
    assert other.ledger.history(1, 9) == filled.ledger.history(1, 9)
    other.close()


def test_numbers_are_not_given_twice_after_a_restore(filled: Store, url: str, other_url: str) -> None:
    """A generation that was swept away left a gap at the end, which must stay one."""
    with filled.writing() as connection:
        connection.execute(sa.text("DELETE FROM panel"))  # type: ignore[attr-defined]  # the SQL store's
    restored(copied(url), other_url)
    other = open_store(other_url)
    other.articles.upsert([make_article("new")])
    number, _ = other.articles.by_id("new") or (0, None)
    assert number == 8
    with other.writing() as connection:
        panel = sa.text(
            "INSERT INTO panel (name, by, created, model, generation) VALUES ('n', 'b', 0, 'm', 1) RETURNING number"
        )
        assert connection.execute(panel).scalar_one() == 2  # type: ignore[attr-defined]
    other.close()


def test_audit_trail_is_guarded_after_a_restore(filled: Store, url: str, other_url: str) -> None:
    restored(copied(url), other_url)
    engine = sa.create_engine(other_url, poolclass=sa.NullPool)
    with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match="append-only"):
        connection.execute(sa.text("DELETE FROM audit"))


def test_failed_restore_changes_nothing(filled: Store, url: str) -> None:
    before = copied(url)
    filled.close()
    shape = before["article"][0]
    with pytest.raises(ValueError, match="shorter"), opened_dump(url) as dump, dump.replacing(NEWEST) as load:
        load.insert(shape, [["too", "few", "values"]])
    assert copied(url) == before


def test_database_is_replaced_whole(filled: Store, url: str) -> None:
    """What was there is gone, the audit trail included, which refuses to be deleted."""
    filled.close()
    empty = {name: (TableShape(name, shape.columns, 0), []) for name, (shape, _) in copied(url).items()}
    restored(empty, url)
    assert [name for name, (_, lines) in copied(url).items() if lines] == []


def test_copy_of_an_earlier_schema_is_brought_up_to_date(filled: Store, url: str, other_url: str) -> None:
    """It is read as it was, and migrated in the same transaction."""
    filled.close()
    migrated(url, "0006")
    copy = copied(url)
    assert "trial" not in copy
    restored(copy, other_url, "0006")
    other = open_store(other_url)
    assert other.articles.search("junta", 10) != []
    assert [entry.action for entry in other.audit.entries(AuditQuery(), 9)] == ["withdraw", "pin"]
    other.close()


def test_copying_does_not_migrate(filled: Store, url: str) -> None:
    filled.close()
    migrated(url, "0008")
    with opened_dump(url) as dump, dump.snapshot() as snapshot:
        assert snapshot.schema == "0008"
    later = {"failure", "recovery_code", "api_key", "alias", "verdict", "reader_failure"}
    assert copied(url).keys() == metadata.tables.keys() - later


def test_schema_of_a_newer_release_is_refused(store: Store, url: str) -> None:
    store.close()
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnavailable, match="newer release"):
        copied(url)
    with pytest.raises(StoreUnavailable, match="newer release"), opened_dump(url) as dump, dump.replacing(NEWEST):
        pass


def test_store_that_was_only_started_is_empty(store: Store, url: str) -> None:
    store.accounts.secret("interleaving", "made at the start")
    with opened_dump(url) as dump:
        assert dump.is_empty()


def test_store_with_one_article_is_not_empty(store: Store, url: str) -> None:
    store.articles.upsert([make_article("a")])
    with opened_dump(url) as dump:
        assert not dump.is_empty()


def test_database_without_tables_is_empty(other_url: str) -> None:
    with opened_dump(other_url) as dump:
        assert dump.is_empty()
        assert dump.others() == 0


def test_copy_shows_one_moment(filled: Store, url: str) -> None:
    """What is written while it is read is not in it."""
    before = copied(url)
    with opened_dump(url) as dump, dump.snapshot() as snapshot:
        lines = {}
        for shape in snapshot.tables():
            lines[shape.name] = (shape, list(snapshot.lines(shape.name)))
            filled.articles.upsert([make_article(f"while-{shape.name}")])
    assert {name: found for name, (_, found) in lines.items()} == {name: found for name, (_, found) in before.items()}


def test_postgresql_names_other_connections(own_postgresql_database: str) -> None:
    other = open_store(own_postgresql_database)
    assert other.state() == State(0, None)
    with opened_dump(own_postgresql_database) as dump:
        assert dump.others() == 1
    other.close()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (3, "integer"),
        (2**62, "integer"),
        (1 / 3, "real"),
        ("é\u2028\n", "text"),
        (b"\x00\xff", "bytes"),
        (None, "text"),
    ],
)
def test_value_comes_back_from_its_line(value: object, kind: str) -> None:
    line = to_line([value, True])
    assert line.count(b"\n") == 1
    assert from_line(line, [kind, "boolean"]) == [value, True]


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        (b"[1]", ["integer", "text"]),
        (b"{}", []),
        (b'["1"]', ["integer"]),
        (b"[true]", ["integer"]),
        (b'["?"]', ["bytes"]),
        (b"[", ["text"]),
    ],
)
def test_other_lines_are_refused(line: bytes, kinds: list[str]) -> None:
    with pytest.raises(ValueError, match=r"not a row|not of the kind|not base64|Expecting"):
        from_line(line, kinds)
