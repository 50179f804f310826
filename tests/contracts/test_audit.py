"""What the audit trail promises, on SQLite and on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.store.audit import PUBLISHING, AuditEntry, AuditQuery
from recommender.store.audit_chain import START, Trail
from recommender.store.base import Store
from recommender.wiring import open_store
from tests.contracts.content import SOON
from tests.factories import NOW

EVERYTHING = AuditQuery()
ANY_TEXT = st.text(st.characters())  # lone surrogates too
FULL = AuditEntry(
    at=NOW,
    by="awa",
    action="reject",
    subject="Ménaka: « l'armée » 🚁",
    article=7,
    before={"slot": 2, "items": ["sahel/1"], "until": None},
    after={},
    why="Out of date.\nSecond line.",
    seconds=40,
)


def entry(**fields: Any) -> AuditEntry:
    """An entry about article 7, made now by an editor."""
    return AuditEntry(**({"at": NOW, "by": "awa", "action": "reject", "article": 7} | fields))


def appended(store: Store, *entries: AuditEntry) -> list[int]:
    return [store.audit.append(entry) for entry in entries]


def numbers(store: Store, limit: int = 100, **query: Any) -> list[int]:
    return [entry.number for entry in store.audit.entries(AuditQuery(**query), limit)]


@pytest.mark.parametrize("entry", [FULL, AuditEntry(at=NOW, by="", action="sign-in")], ids=["every field", "least"])
def test_entries_come_back_unchanged(store: Store, entry: AuditEntry) -> None:
    number = store.audit.append(entry)
    stored = store.audit.get(number)
    assert stored is not None
    assert stored == AuditEntry(**{**vars(entry), "number": number})


def test_times_are_kept_to_the_millisecond(store: Store) -> None:
    number = store.audit.append(entry(at=NOW + timedelta(microseconds=1_999)))
    assert store.audit.get(number).at == NOW + timedelta(milliseconds=1)  # type: ignore[union-attr]


def test_unknown_numbers_give_nothing(store: Store) -> None:
    assert store.audit.get(1) is None
    assert store.audit.by_key("k") is None
    assert store.audit.latest(7) == 0
    assert store.audit.entries(EVERYTHING, 10) == []


def test_latest_entries_come_first(store: Store) -> None:
    first, second, third = appended(store, entry(at=NOW + timedelta(1)), entry(at=NOW), entry(at=NOW))
    assert first < second < third
    assert numbers(store) == [third, second, first]
    assert numbers(store, limit=2) == [third, second]


def test_pages_follow_each_other(store: Store) -> None:
    added = appended(store, *[entry()] * 5)
    assert numbers(store, before=added[3]) == [added[2], added[1], added[0]]


def test_queries_choose_entries(store: Store) -> None:
    mine, other, global_, early = appended(
        store,
        entry(),
        entry(by="ben", action="pin", article=8),
        entry(article=None, action="matrix"),
        entry(at=NOW - timedelta(days=1)),
    )
    assert numbers(store, article=8) == numbers(store, by="ben") == numbers(store, action="pin") == [other]
    assert numbers(store, by="awa", action="reject") == [early, mine]
    assert numbers(store, since=NOW) == [global_, other, mine]
    assert numbers(store, until=NOW) == [early]
    assert numbers(store, by="Awa") == []


def test_latest_entry_of_an_article(store: Store) -> None:
    appended(store, entry(), entry(article=8))
    last = appended(store, entry(), entry(article=None))[0]
    assert store.audit.latest(7) == last


def test_requests_are_found_again(store: Store) -> None:
    number = store.audit.append(entry(), "k1")
    store.audit.append(entry(), "k2")
    assert store.audit.by_key("k1") == store.audit.get(number)


def test_request_leaves_one_entry(store: Store) -> None:
    store.audit.append(entry(), "k")
    with pytest.raises(ValueError, match="has an entry of the request 'k' already"):
        store.audit.append(entry(why="again"), "k")
    assert len(numbers(store)) == 1


def test_refused_keys_end_no_transaction(store: Store) -> None:
    store.audit.append(entry(), "k")
    with store.writing():
        with pytest.raises(ValueError, match="already"):
            store.audit.append(entry(), "k")
        store.audit.append(entry(), "k2")
    assert len(numbers(store)) == 2


def test_undone_work_leaves_no_entry(store: Store) -> None:
    def fail() -> None:
        with store.writing():
            store.audit.append(entry(), "k")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert numbers(store) == []
    assert store.audit.by_key("k") is None


def test_trail_changes_no_sidebar(store: Store) -> None:
    before = store.state()
    store.audit.append(entry())
    assert store.state() == before


def test_effort_counts_decisions_about_articles(store: Store) -> None:
    appended(store, *[entry(by="ben", seconds=30)] * 2, entry(seconds=5), entry(by="ben", article=None, seconds=900))
    appended(store, entry(by="ben", at=NOW - timedelta(days=1), seconds=900))
    assert store.audit.effort(NOW) == [("ben", 2, 60), ("awa", 1, 5)]
    assert store.audit.effort(NOW + timedelta(1)) == []


@pytest.mark.parametrize("action", PUBLISHING)
def test_what_publishing_systems_do_is_no_decision(store: Store, action: str) -> None:
    """A live report that changes every minute must not keep editors from deciding about it."""
    (decided,) = appended(store, entry())
    (changed,) = appended(store, entry(by="API", action=action))
    assert store.audit.latest(7) == decided
    assert [by for by, _, _ in store.audit.effort(NOW)] == ["awa"]
    assert numbers(store, article=7) == [changed, decided]


@pytest.mark.parametrize("change", ["UPDATE audit SET why = 'x'", "DELETE FROM audit", "DELETE FROM audit WHERE 1 = 1"])
def test_database_refuses_changes(store: Store, url: str, change: str) -> None:
    (number,) = appended(store, FULL)
    _refused(url, change)
    assert store.audit.get(number).why == FULL.why  # type: ignore[union-attr]


def test_postgresql_refuses_to_empty_the_trail(store: Store, url: str) -> None:
    """SQLite has no TRUNCATE."""
    if url.startswith("postgresql"):
        _refused(url, "TRUNCATE audit")


# What would put another entry in the place of one that is there: by its number or its request.
REPLACING = {
    "sqlite": (
        "INSERT OR REPLACE INTO audit (number, at, by, action, subject, why, seconds) "
        "VALUES (1, 0, 'x', 'x', '', '', 0)",
        "REPLACE INTO audit (at, by, action, subject, why, seconds, request) VALUES (0, 'x', 'x', '', '', 0, 'k')",
        "INSERT INTO audit (number, at, by, action, subject, why, seconds) VALUES (1, 0, 'x', 'x', '', '', 0) "
        "ON CONFLICT (number) DO UPDATE SET why = 'x'",
        "INSERT OR IGNORE INTO audit (number, at, by, action, subject, why, seconds) "
        "VALUES (1, 0, 'x', 'x', '', '', 0)",
        "UPDATE OR REPLACE audit SET number = 2",
    ),
    "postgresql": (
        "INSERT INTO audit (number, at, by, action, subject, why, seconds) VALUES (1, 0, 'x', 'x', '', '', 0) "
        "ON CONFLICT (number) DO UPDATE SET why = 'x'",
        "INSERT INTO audit (at, by, action, subject, why, seconds, request) VALUES (0, 'x', 'x', '', '', 0, 'k') "
        "ON CONFLICT (request) DO UPDATE SET why = 'x'",
        "INSERT INTO audit (number, at, by, action, subject, why, seconds) VALUES (1, 0, 'x', 'x', '', '', 0) "
        "ON CONFLICT DO NOTHING",
    ),
}


@pytest.mark.parametrize("place", range(5))
def test_database_refuses_to_replace_an_entry(store: Store, url: str, place: int) -> None:
    store.audit.append(FULL, "k")
    for statement in REPLACING[url.partition(":")[0].partition("+")[0]][place : place + 1]:
        _refused(url, statement)
    assert [(entry.number, entry.why) for entry in store.audit.entries(EVERYTHING, 9)] == [(1, FULL.why)]


# -- the chain


def harm(url: str, *statements: str) -> None:
    """Runs statements past the triggers, as somebody may who has the rights of the database's owner."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            for name in ("audit_adds", "audit_keeps", "audit_stays"):
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for statement in statements:
            connection.exec_driver_sql(statement)


def broken(store: Store) -> int | None:
    found = store.audit.trail().broken
    return None if found is None else int(found.values["number"])


def test_empty_trail_is_whole(store: Store) -> None:
    assert store.audit.trail() == Trail(0, START)


def test_entries_follow_each_other(store: Store) -> None:
    store.audit.append(FULL, "k")
    first = store.audit.trail()
    appended(store, entry(), entry(article=None, after={"b": 0.1, "a": [1, "é"]}))
    later = store.audit.trail(noted=first.head)
    assert (first.entries, later.entries, first.whole, later.whole, later.known) == (1, 3, True, True, True)
    assert first.head != later.head


def test_chain_is_the_same_on_every_database(store: Store) -> None:
    """The form that is hashed never changes: a hash that was noted years ago must still be found."""
    store.audit.append(FULL, "k")
    store.audit.append(entry(after={"b": 0.1, "a": [1, "é"]}, seconds=3))
    assert store.audit.trail().head == "cfbdac68849d75eb692d785afac163634560a1181562cc889f4b86fed9b011e1"


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("UPDATE audit SET why = 'x' WHERE number = 2", 2),
        ("UPDATE audit SET at = at + 1 WHERE number = 3", 3),
        ("UPDATE audit SET number = 9 WHERE number = 4", 9),
        ("UPDATE audit SET hash = 'x' WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 2", 3),
        ("DELETE FROM audit WHERE number = 1", 2),
        ("INSERT INTO audit (number, at, by, action, subject, why, seconds) VALUES (9, 0, 'x', 'x', '', '', 0)", 9),
    ],
)
def test_first_broken_entry_is_named(own_url: str, statement: str, number: int) -> None:
    store = open_store(own_url)
    appended(store, FULL, *[entry()] * 3)
    head = store.audit.trail().head
    harm(own_url, statement)
    assert broken(store) == number
    assert not store.audit.trail(noted=head).whole
    store.close()


def test_trail_that_was_cut_off_lacks_its_head(own_url: str) -> None:
    """What is left is a whole chain; the hash that was noted shows that there was more."""
    store = open_store(own_url)
    appended(store, *[entry()] * 3)
    head = store.audit.trail().head
    harm(own_url, "DELETE FROM audit WHERE number = 3")
    assert store.audit.trail().whole
    assert (store.audit.trail(head).known, store.audit.trail(head).whole) == (False, False)
    store.close()


def test_every_trail_has_the_start(store: Store) -> None:
    assert store.audit.trail(START).known


def test_chain_never_forks(store: Store, url: str) -> None:
    """Four processes write at once, each through a store of its own."""
    barrier = Barrier(4)

    def write(_: int) -> None:
        other = open_store(url)
        barrier.wait(SOON)
        for _ in range(10):
            other.audit.append(entry())
        other.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4), timeout=SOON))
    assert (store.audit.trail().entries, broken(store)) == (40, None)


def test_undone_entry_is_no_link(store: Store) -> None:
    appended(store, entry())
    with suppress(ZeroDivisionError), store.writing():
        store.audit.append(entry())
        raise ZeroDivisionError
    appended(store, entry())
    assert (store.audit.trail().entries, broken(store)) == (2, None)


def _refused(url: str, change: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(sa.text(change))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)  # each example adds an entry
@given(text=ANY_TEXT, data=st.dictionaries(ANY_TEXT, st.none() | st.integers(-(2**53), 2**53) | ANY_TEXT))
def test_no_text_stops_the_trail(store: Store, text: str, data: dict[str, Any]) -> None:
    """NUL and lone surrogates, which one of the databases refuses, become a sign for "unknown"."""
    number = store.audit.append(entry(by=text, action=text, subject=text, why=text, after=data))
    stored = store.audit.get(number)
    assert stored is not None
    assert stored.after == data
    assert stored.why == text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    assert number in numbers(store, by=text, action=text)
    assert broken(store) is None
