"""No caller waits for the database without end: not for a writer, a long statement, or a network that is frozen."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import sqlalchemy as sa

from recommender.errors import StoreUnavailable
from recommender.store.base import Store
from recommender.store.limits import TimeLimits
from recommender.store.sql.database import AGAIN_SECONDS, LATE_SECONDS, Database
from recommender.store.sql.postgresql import PEER_SECONDS
from recommender.wiring import open_store
from tests.factories import make_article
from tests.freezing import Network, network_to

HURRY = TimeLimits(connect=2, statement=1, turn=1)
# A look at a kept connection and a new connection, which psycopg gives two seconds at least; and a busy machine.
BOUNDED = 2 * HURRY.connect + HURRY.statement + LATE_SECONDS + 3
SOON = HURRY.connect / 2


def refused_after(work: Callable[[], object]) -> float:
    """The seconds after which some work found no database; in a thread, so that a test that fails ends."""
    took: list[float] = []

    def timed() -> None:
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            work()
        took.append(time.monotonic() - began)

    thread = threading.Thread(target=timed, daemon=True)
    thread.start()
    thread.join(BOUNDED)
    assert took, f"not refused within {BOUNDED:g} seconds"
    return took[0]


# -- another one that writes, and long statements ----------------------------------------------------------------------


def test_writer_waits_no_longer_than_its_turn(url: str, store: Store) -> None:
    other = open_store(url, HURRY)
    with store.writing():
        assert refused_after(lambda: other.articles.withdraw("a")) >= HURRY.turn
        assert other.state() == store.state()  # readers wait for no writer
    assert other.articles.withdraw("a") is False
    other.close()


def test_migration_waits_for_another_as_long_as_that_takes(url: str, store: Store) -> None:
    database, other, done = Database(url, HURRY), Database(url), threading.Event()

    def migrate() -> None:
        with database.migrating():
            pass
        done.set()

    with other.migrating():
        threading.Thread(target=migrate, daemon=True).start()
        assert not done.wait(2 * HURRY.turn)
    assert done.wait(BOUNDED)
    database.close()
    other.close()


def test_long_statement_is_ended(own_postgresql_database: str) -> None:
    database = Database(own_postgresql_database, HURRY)

    def read_long() -> None:
        with database.reading() as connection:
            connection.execute(sa.select(sa.func.pg_sleep(60)))

    with pytest.raises(StoreUnavailable, match="longer than it may"):
        read_long()
    assert database.look_up(sa.select(1)) == (1,)  # the server is not silent
    database.close()


# -- a network that is frozen ------------------------------------------------------------------------------------------


@pytest.fixture
def network(own_postgresql_database: str) -> Iterator[tuple[Network, Store]]:
    """A store behind a network, with connections that have been used."""
    with network_to(own_postgresql_database) as (between, address):
        opened = open_store(address, HURRY)
        opened.state()
        with opened.writing():
            pass
        yield between, opened
        between.thaw()
        heard_again()
        opened.close()


def heard_again() -> None:
    """Waits for the threads that ask whether the server answers."""
    for thread in threading.enumerate():
        if thread.name == "database":
            thread.join(BOUNDED)


USES: dict[str, Callable[[Store], object]] = {
    "look": lambda store: store.state(),
    "read": lambda store: store.articles.by_id("a"),
    "write": lambda store: store.articles.withdraw("a"),
    "probe": lambda store: store.probe(),
}


@pytest.mark.parametrize("use", ["look", "read", "write"])
def test_frozen_network_is_given_up(network: tuple[Network, Store], use: str) -> None:
    between, store = network
    between.freeze()
    refused_after(lambda: USES[use](store))


def test_network_that_freezes_inside_a_transaction_is_given_up(network: tuple[Network, Store]) -> None:
    between, store = network

    def read() -> None:
        with store.reading():
            store.articles.by_id("a")
            between.freeze()
            store.articles.by_id("a")

    refused_after(read)


def test_no_caller_waits_for_a_server_that_is_known_to_be_silent(network: tuple[Network, Store]) -> None:
    between, store = network
    between.freeze()
    refused_after(store.state)
    for use in USES.values():
        assert refused_after(lambda use=use: use(store)) < SOON  # type: ignore[misc]


def test_frozen_network_lets_no_store_open(own_postgresql_database: str) -> None:
    with network_to(own_postgresql_database) as (between, address):
        between.freeze()
        refused_after(lambda: open_store(address, HURRY))
        heard_again()


@pytest.mark.parametrize("thaw", [Network.thaw, Network.thaw_without_memory])
def test_store_recovers_by_itself(network: tuple[Network, Store], thaw: Callable[[Network], None]) -> None:
    """Also where what lies between has forgotten the connections of before."""
    between, store = network
    before = store.state()
    between.freeze()
    refused_after(store.state)
    thaw(between)
    end = time.monotonic() + HURRY.connect + AGAIN_SECONDS + BOUNDED
    while time.monotonic() < end:
        try:
            assert store.state() == before
            break
        except StoreUnavailable:
            time.sleep(0.05)
    began = time.monotonic()
    assert store.articles.withdraw("a") is False
    store.probe()
    assert time.monotonic() - began < HURRY.connect


def test_address_has_the_last_word(own_postgresql_database: str) -> None:
    """On what the kernel is to ask; by itself it gives a peer up that acknowledges nothing."""
    database = Database(f"{own_postgresql_database}?keepalives_idle=77")
    with database.reading() as connection:
        asked = connection.connection.driver_connection.info.get_parameters()  # type: ignore[union-attr]
    assert asked["keepalives_idle"] == "77"
    assert asked["tcp_user_timeout"] == str(PEER_SECONDS * 1000)
    database.close()


# -- the last look -----------------------------------------------------------------------------------------------------


@contextmanager
def away(url: str) -> Iterator[None]:
    """While the block runs the table of the state has another name."""
    database = Database(url)
    with database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE state RENAME TO hidden")
    yield
    with database.migrating() as connection:
        connection.exec_driver_sql("ALTER TABLE hidden RENAME TO state")
    database.close()


def test_last_look_needs_no_database(own_url: str) -> None:
    store, began = open_store(own_url), time.monotonic()
    state = store.state()
    with away(own_url):
        refused_after(store.state)
        look = store.last_look()
    assert look is not None
    assert look.state == state
    assert began <= look.began <= time.monotonic()
    store.close()


@pytest.mark.parametrize("ends_well", [True, False])
def test_own_change_makes_the_last_look_void(store: Store, *, ends_well: bool) -> None:
    """This process knows better then, also where the end of it is in doubt."""

    def change() -> None:
        with store.writing():
            store.articles.upsert([make_article("a")])
            if not ends_well:
                raise ZeroDivisionError

    store.state()
    with suppress(ZeroDivisionError):
        change()
    assert store.last_look() is None
    state = store.state()
    look = store.last_look()
    assert look is not None
    assert look.state == state


def test_transaction_that_sees_more_counts_as_a_look(url: str, store: Store) -> None:
    """It is not newer than its snapshot, so the time stays that of the look before."""
    store.state()
    before = store.last_look()
    other = open_store(url)
    other.articles.upsert([make_article("a")])
    other.close()
    with store.reading():
        seen = store.state()
    look = store.last_look()
    assert before is not None
    assert look == before._replace(state=seen) != before
