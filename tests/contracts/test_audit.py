"""What the audit trail promises, on SQLite and on PostgreSQL."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.store.audit import PUBLISHING, AuditEntry, AuditQuery
from recommender.store.base import Store
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
