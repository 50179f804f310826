"""What the store of failed attempts promises, on SQLite and on PostgreSQL."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from recommender.store.accounts import Account
from recommender.store.base import Store
from recommender.store.failures import CODE, Failure, FailuresFrom, Tally
from tests.factories import NOW

SECOND = timedelta(seconds=1)
BEFORE = NOW - SECOND


@pytest.fixture
def awa(store: Store) -> int:
    """The number of an account."""
    return store.accounts.add(Account("awa", "editor", NOW))


def failed(store: Store, account: int | None, at: datetime = NOW, address: str = "192.0.2.1", **fields: Any) -> None:
    store.failures.add(Failure(at, account, address, **fields))


def test_nothing_has_failed_yet(store: Store, awa: int) -> None:
    assert store.failures.tally(BEFORE, account=awa) == Tally(0, None)
    assert store.failures.of(awa, BEFORE) == []


def test_failures_are_counted_by_what_is_asked(store: Store, awa: int) -> None:
    failed(store, awa)
    failed(store, awa, NOW + SECOND, "203.0.113.7")
    failed(store, awa, browser="b")
    failed(store, None)
    asked = [{"account": awa}, {"address": "192.0.2.1"}, {"browser": "b"}, {"account": awa, "browser": ""}, {}]
    assert [store.failures.tally(BEFORE, **one).count for one in asked] == [3, 3, 1, 2, 4]
    assert store.failures.tally(BEFORE, account=awa) == Tally(3, NOW + SECOND)


def test_failures_count_from_a_time_on(store: Store, awa: int) -> None:
    failed(store, awa)
    failed(store, awa, NOW + SECOND)
    assert store.failures.tally(NOW, account=awa).count == 1


def test_forgiven_failures_count_no_more_and_are_told(store: Store, awa: int) -> None:
    ben = store.accounts.add(Account("ben", "editor", NOW))
    for account in (awa, ben):
        failed(store, account)
        failed(store, account, address="203.0.113.7", browser="b")
    store.failures.forgive(awa, address="192.0.2.1", browser="")
    assert store.failures.tally(BEFORE, account=awa).count == 1
    store.failures.forgive(awa, browser="b")
    assert store.failures.tally(BEFORE, account=awa).count == 0
    assert store.failures.tally(BEFORE, account=ben).count == 2
    assert sum(one.count for one in store.failures.of(awa, BEFORE)) == 2
    store.failures.forgive(ben)
    assert store.failures.tally(BEFORE).count == 0


def test_failures_are_told_by_address(store: Store, awa: int) -> None:
    failed(store, awa)
    failed(store, awa, NOW + SECOND, kind=CODE)
    failed(store, awa, NOW + 2 * SECOND, "203.0.113.7")
    failed(store, None)
    assert store.failures.of(awa, BEFORE) == [
        FailuresFrom("203.0.113.7", 1, 0, NOW + 2 * SECOND, NOW + 2 * SECOND),
        FailuresFrom("192.0.2.1", 2, 1, NOW, NOW + SECOND),
    ]
    assert [one.address for one in store.failures.of(awa, NOW + SECOND)] == ["203.0.113.7"]


def test_old_failures_are_dropped(store: Store, awa: int) -> None:
    """Those of names without an account sooner."""
    for account in (awa, None):
        failed(store, account)
        failed(store, account, NOW + SECOND)
        failed(store, account, NOW + 2 * SECOND)
    store.failures.drop(NOW, NOW + SECOND)
    assert store.failures.tally(BEFORE, account=awa).count == 2
    assert store.failures.tally(BEFORE).count == 3
