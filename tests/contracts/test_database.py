"""Small look-ups: connections that no thread owns, kept for the next look-up, and closed with the database."""

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from recommender.store.base import State
from recommender.store.sql.database import READ_STATE, Database
from recommender.wiring import open_store

SOON = 10
SLOW = sa.select(sa.func.pg_sleep(0.5))


class Watched(Database):
    """A database that keeps a list of the driver's connections."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.opened: list[Any] = []
        sa.event.listen(self.engine, "connect", self._note)

    def _note(self, connection: Any, _record: object) -> None:
        self.opened.append(connection)
        if isinstance(connection, sqlite3.Connection):
            connection.create_function("pg_sleep", 1, time.sleep)


def is_closed(connection: Any) -> bool:
    """Whether the connection can no longer be used."""
    try:
        connection.cursor()
    except (sqlite3.ProgrammingError, psycopg.OperationalError):
        return True
    return False


@pytest.fixture
def database(url: str) -> Iterator[Watched]:
    """A database with the tables of this release."""
    open_store(url).close()
    opened = Watched(url)
    yield opened
    opened.close()


def looked_up_together(database: Database, threads: int) -> None:
    """Look-ups that all run at once, so that each needs a connection of its own."""
    barrier = Barrier(threads)

    def look_up(_: int) -> None:
        barrier.wait(SOON)
        database.look_up(SLOW)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(look_up, range(threads)))


def test_error_shows_no_value(database: Watched) -> None:
    """Errors go into logs, and values may be texts, names and hashes."""
    with pytest.raises(sa.exc.DBAPIError) as caught, database.engine.connect() as connection:
        connection.execute(sa.text("SELECT :value FROM no_such_table"), {"value": "a secret"})
    assert "no_such_table" in str(caught.value)
    assert "a secret" not in str(caught.value)


def test_threads_in_turn_share_a_connection(database: Watched) -> None:
    for _ in range(20):
        thread = Thread(target=database.state)
        thread.start()
        thread.join()
    assert len(database.opened) == 1


def test_closed_database_leaves_no_connection(database: Watched) -> None:
    """Those that are in use meanwhile give their answer first."""
    looked_up_together(database, 3)
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(database.look_up, SLOW) for _ in range(2)]
        time.sleep(0.2)
        database.close()
        assert [len(task.result() or ()) for task in running] == [1, 1]
    assert [connection for connection in database.opened if not is_closed(connection)] == []


def test_lost_connections_are_replaced(database: Watched) -> None:
    """As after a restart of the server: every connection that was kept is gone, and no caller notices."""
    looked_up_together(database, 3)
    for connection in database.opened:
        connection.close()
    assert [database.state() for _ in range(3)] == [State(0, None)] * 3
    assert len(database.opened) == 4


def test_impatient_query_waits_for_no_writer(database: Watched) -> None:
    """SQLite's; a database over a network has none."""
    if not database.is_sqlite:
        return
    look = database.without_patience(READ_STATE)
    before = database.state()
    with database.writing():
        database.bump()
        began = time.monotonic()
        seen: list[object] = []
        reader = Thread(target=lambda: seen.append(look()))
        reader.start()
        reader.join(SOON)
        assert seen == [(before.revision, before.generation)]
        assert time.monotonic() - began < 1
    assert look() == (before.revision + 1, before.generation)


def test_closed_database_answers_no_impatient_query(database: Watched) -> None:
    if not database.is_sqlite:
        return
    look = database.without_patience(READ_STATE)
    database.close()
    assert look() is None
    assert all(map(is_closed, database.opened))
