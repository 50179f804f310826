"""What the store of accounts promises, on SQLite and on PostgreSQL."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa

from recommender.errors import InvalidInput, NotFound
from recommender.store.accounts import Account, SecondFactor
from recommender.store.base import Store
from recommender.wiring import open_store
from tests.factories import NOW

LATER = NOW + timedelta(hours=8)
SOON = 20  # seconds after which a thread that should go on is given up

FULL = Account(
    name="Awa Traoré",
    role="editor",
    created=NOW,
    password="scrypt:…",
    disabled=True,
    second_factor=SecondFactor("SECRET", NOW, 59_000_000),
    told=NOW + timedelta(minutes=15),
)

Value = TypeVar("Value")


def added(store: Store, name: str = "awa", **fields: Any) -> Account:
    number = store.accounts.add(Account(name=name, role="editor", created=NOW, **fields))
    account = store.accounts.by_number(number)
    assert account is not None
    return account


def together(work: Callable[[int], Value]) -> list[Value]:
    """What `work` gives in three threads that begin at once."""
    barrier = threading.Barrier(3)

    def begin(place: int) -> Value:
        barrier.wait(SOON)
        return work(place)

    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(begin, range(3), timeout=SOON))


# -- accounts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("account", [FULL, Account("a", "viewer", NOW)], ids=["every field", "least"])
def test_accounts_come_back_unchanged(store: Store, account: Account) -> None:
    number = store.accounts.add(account)
    expected = replace(account, number=number)
    assert store.accounts.by_number(number) == store.accounts.by_name(account.name) == expected


@pytest.mark.parametrize("name", ["awa traoré", "AWA TRAORÉ", "Awa Traore\u0301"])
def test_names_are_found_in_whatever_case(store: Store, name: str) -> None:
    number = store.accounts.add(FULL)
    assert store.accounts.by_name(name).number == number  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["awa traoré", "Awa Traore\u0301"])
def test_taken_names_are_refused(store: Store, name: str) -> None:
    store.accounts.add(FULL)
    with pytest.raises(InvalidInput, match=f"There is an account '{name}' already"):
        store.accounts.add(replace(FULL, name=name))
    assert len(store.accounts.everyone()) == 1


def test_name_is_given_once(store: Store) -> None:
    def add(_: int) -> bool:
        try:
            store.accounts.add(FULL)
        except InvalidInput:
            return False
        return True

    assert sorted(together(add)) == [False, False, True]


@pytest.mark.parametrize("name", ["", "nobody", "Awa Traore", "awa\0", "\ud800", "' OR 1=1 --", "a" * 100_000])
def test_strange_names_find_no_account(store: Store, name: str) -> None:
    store.accounts.add(FULL)
    assert store.accounts.by_name(name) is None


def test_everyone_is_listed_by_name(store: Store) -> None:
    for name in ("ben", "Émile", "Awa", "zoé", "carla"):
        added(store, name)
    assert [account.name for account in store.accounts.everyone()] == ["Awa", "ben", "carla", "zoé", "Émile"]


def test_changes_keep_name_and_number(store: Store) -> None:
    before = added(store)
    after = replace(FULL, number=before.number, role="viewer")
    store.accounts.replace(after)
    assert store.accounts.by_number(before.number) == replace(after, name=before.name, created=before.created)


def test_changes_reach_one_account(store: Store) -> None:
    awa, ben = added(store, "awa"), added(store, "ben")
    store.accounts.replace(replace(awa, told=NOW))
    assert store.accounts.by_number(ben.number) == ben


def test_unknown_accounts_cannot_be_changed(store: Store) -> None:
    with pytest.raises(NotFound, match="no account with the number 12"):
        store.accounts.replace(replace(FULL, number=12))
    assert store.accounts.by_number(12) is None


def test_people_change_no_sidebar(store: Store) -> None:
    before = store.state()
    number = added(store).number
    store.accounts.open_session("t", number, NOW, LATER)
    store.accounts.add_link("l", number, LATER)
    store.accounts.secret("s", "x")
    assert store.state() == before


# -- sessions ----------------------------------------------------------------------------------------------------------


def test_session_says_whose_it_is(store: Store) -> None:
    awa, ben = added(store, "awa"), added(store, "ben")
    store.accounts.open_session("t1", awa.number, NOW, LATER)
    store.accounts.open_session("t2", ben.number, NOW, LATER)
    assert (store.accounts.session("t1", NOW), store.accounts.session("t2", NOW)) == (awa, ben)
    assert store.accounts.session("t3", NOW) is None


def test_session_sees_changes_at_once(store: Store) -> None:
    awa = added(store)
    store.accounts.open_session("t", awa.number, NOW, LATER)
    store.accounts.replace(replace(awa, disabled=True))
    assert store.accounts.session("t", NOW) == replace(awa, disabled=True)


def test_sessions_end_on_time(store: Store) -> None:
    store.accounts.open_session("t", added(store).number, NOW, LATER)
    assert store.accounts.session("t", LATER - timedelta(milliseconds=1)) is not None
    assert store.accounts.session("t", LATER) is None


def test_closed_sessions_are_over(store: Store) -> None:
    awa = added(store)
    for token in ("t1", "t2"):
        store.accounts.open_session(token, awa.number, NOW, LATER)
    store.accounts.close_session("t1")
    store.accounts.close_session("never there")
    assert store.accounts.session("t1", NOW) is None
    assert store.accounts.session("t2", NOW) == awa


def test_account_is_signed_out_everywhere(store: Store) -> None:
    awa, ben = added(store, "awa"), added(store, "ben")
    for token, account in (("a", awa), ("b", awa), ("c", ben)):
        store.accounts.open_session(token, account.number, NOW, LATER)
        store.accounts.add_link(token, account.number, LATER)
    store.accounts.close_sessions(awa.number)
    assert [store.accounts.session(token, NOW) for token in "abc"] == [None, None, ben]
    assert [store.accounts.link(token, NOW) for token in "abc"] == [None, None, ben]


def test_sessions_that_are_over_are_dropped(store: Store, url: str) -> None:
    number = added(store).number
    store.accounts.open_session("old", number, NOW - timedelta(days=1), NOW)
    store.accounts.open_session("going on", number, NOW - timedelta(days=1), LATER)
    store.accounts.open_session("new", number, NOW, LATER)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        tokens = connection.execute(sa.text("SELECT token FROM session ORDER BY token")).scalars().all()
    assert tokens == ["going on", "new"]


def test_pending_session_is_none_yet(store: Store) -> None:
    awa = added(store)
    store.accounts.open_session("t", awa.number, NOW, LATER, pending=True)
    assert (store.accounts.session("t", NOW), store.accounts.pending_session("t", NOW)) == (None, awa)
    assert store.accounts.pending_session("t", LATER) is None
    store.accounts.open_session("whole", awa.number, NOW, LATER)
    assert store.accounts.pending_session("whole", NOW) is None
    store.accounts.close_sessions(awa.number)
    assert store.accounts.pending_session("t", NOW) is None


def test_recovery_code_is_used_once(store: Store) -> None:
    awa, ben = added(store, "awa"), added(store, "ben")
    store.accounts.put_recovery_codes(awa.number, ["a", "b"])
    assert not store.accounts.use_recovery_code(ben.number, "a", NOW)
    assert not store.accounts.use_recovery_code(awa.number, "c", NOW)
    assert sorted(together(lambda _: store.accounts.use_recovery_code(awa.number, "a", NOW))) == [False, False, True]
    assert (store.accounts.recovery_codes(awa.number), store.accounts.recovery_codes(ben.number)) == (1, 0)


def test_new_recovery_codes_replace_the_old(store: Store) -> None:
    awa = added(store)
    store.accounts.put_recovery_codes(awa.number, ["a", "b"])
    store.accounts.put_recovery_codes(awa.number, ["c"])
    assert not store.accounts.use_recovery_code(awa.number, "a", NOW)
    assert store.accounts.recovery_codes(awa.number) == 1
    store.accounts.put_recovery_codes(awa.number, [])
    assert store.accounts.recovery_codes(awa.number) == 0


def test_sessions_need_an_account(store: Store) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        store.accounts.open_session("t", 12, NOW, LATER)


# -- one-time links ----------------------------------------------------------------------------------------------------


def test_link_is_used_once(store: Store) -> None:
    awa = added(store)
    store.accounts.add_link("l", awa.number, LATER)
    assert store.accounts.link("l", NOW) == store.accounts.link("l", NOW) == awa  # looking uses nothing up
    assert store.accounts.use_link("l", NOW) == awa
    assert store.accounts.use_link("l", NOW) is None
    assert store.accounts.link("l", NOW) is None


def test_links_end_on_time(store: Store) -> None:
    store.accounts.add_link("l", added(store).number, LATER)
    assert store.accounts.link("l", LATER) is None
    assert store.accounts.use_link("l", LATER) is None
    assert store.accounts.use_link("l", LATER - timedelta(milliseconds=1)) is not None


def test_unknown_links_open_nothing(store: Store) -> None:
    assert store.accounts.link("l", NOW) is None
    assert store.accounts.use_link("l", NOW) is None


def test_of_many_at_once_one_gets_in(store: Store) -> None:
    store.accounts.add_link("l", added(store).number, LATER)
    accounts = together(lambda _: store.accounts.use_link("l", NOW))
    assert len([account for account in accounts if account]) == 1


def test_undone_use_leaves_the_link(store: Store) -> None:
    store.accounts.add_link("l", added(store).number, LATER)

    def fail() -> None:
        with store.writing():
            store.accounts.use_link("l", NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.accounts.link("l", NOW) is not None


# -- secrets -----------------------------------------------------------------------------------------------------------


def test_first_secret_stays(store: Store, url: str) -> None:
    assert store.accounts.secret("csrf", "one") == "one"
    assert store.accounts.secret("csrf", "two") == "one"
    assert store.accounts.secret("other", "two") == "two"
    again = open_store(url)
    assert again.accounts.secret("csrf", "three") == "one"
    again.close()


def test_all_who_ask_at_once_get_one_secret(store: Store) -> None:
    assert len(set(together(lambda place: store.accounts.secret("csrf", str(place))))) == 1


def test_secrets_are_made_inside_a_transaction(store: Store) -> None:
    with store.writing():
        assert store.accounts.secret("csrf", "one") == "one"
    assert store.accounts.secret("csrf", "two") == "one"
