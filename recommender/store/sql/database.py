"""The connection: one writer at a time, readers that never wait, on both SQLite and PostgreSQL."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from recommender.errors import SettingsError, StoreUnavailable
from recommender.store.base import Look, State
from recommender.store.limits import COMMAND, TimeLimits
from recommender.store.sql.faults import is_fault, unavailable
from recommender.store.sql.tables import metadata, state

Connection = sa.Connection
Value = TypeVar("Value")

PARAMETERS = 500  # values in one IN list; far below the limit of either database
# A reader of SQLite's write-ahead log waits for no writer, and a small query for nothing at all.
SMALL_QUERY_SECONDS = 2.0
LATE_SECONDS = 2.0  # the server itself ends a statement that takes too long: this much later it must have said so
LOOK_STEP_SECONDS = 0.1  # two looks within so short a time count as the first of them
AGAIN_SECONDS = 1.0  # between two tries to reach a server that is silent
SILENT = "The database does not answer: the server has been silent for some time, and is asked again every second."
# Connections beyond the five that are kept, in one process: more than its threads need (web.lanes), so that a reader
# waits for no connection that a waiting writer has.
MAX_OVERFLOW = 45

_MIGRATION_LOCK = 7_236_221  # any fixed number; PostgreSQL releases it with the transaction

READ_STATE = sa.select(state.c.revision, state.c.live_generation).where(state.c.id == 1)
# A row of every table, as it lies, and the last one by its key.
_PROBES = [
    query.limit(1)
    for table in metadata.sorted_tables
    for query in (sa.select(table), sa.select(table).order_by(*(key.desc() for key in table.primary_key)))
]
_BUMP = sa.update(state).where(state.c.id == 1).values(revision=state.c.revision + 1).returning(state.c.revision)

_log = logging.getLogger(__name__)


class Database:
    """Opens transactions. Inside `reading()` or `writing()` every call of the same thread shares one transaction.

    Writers are serialised: SQLite by BEGIN IMMEDIATE, PostgreSQL by a lock on the row of `state`. Readers see the
    snapshot their transaction began with. No caller waits longer than the limits say; while a server is silent, which a
    first caller finds out by waiting, all others are refused at once.
    """

    def __init__(self, url: str, limits: TimeLimits = COMMAND) -> None:
        """`url` as SQLAlchemy reads it. Raises SettingsError for any database but SQLite and PostgreSQL."""
        self.engine = _engine(url, limits)
        self._limits = limits
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        # With the seconds that a writer of SQLite waits for its turn; PostgreSQL is told when one begins.
        self._writes = self.engine.execution_options(recommender_turn=limits.turn)
        self._migrations = self.engine.execution_options(recommender_turn=COMMAND.statement)
        # A snapshot of its own for readers; SQLite's transactions are that by nature.
        self._reads = (
            self.engine if self.is_sqlite else self.engine.execution_options(isolation_level="REPEATABLE READ")
        )
        # Only while a transaction runs: what has a finaliser in Python and hangs on a thread of the server ends the
        # process with that thread.
        self._local = threading.local()
        self._compiled: dict[sa.Select[Any], Any] = {}
        self._idle: deque[Any] = deque()  # connections of the driver, for `look_up`
        self._impatient: list[Any] = []  # connections of the driver that give up instead of waiting
        self._closed = False
        self._probes = [_text(query, self.engine.dialect) for query in _PROBES]
        self._driver_error = self.engine.dialect.loaded_dbapi.Error
        self._is_silence = _silence_of(self.engine)
        self._silent = threading.Event()
        self._lock = threading.Lock()
        self._last_look: Look | None = None
        self._written_at = -math.inf

    def state(self) -> State:
        """Revision and live generation, read anew; inside a transaction, as that one sees them.

        Every request asks this first. Outside a transaction it goes through a connection of the driver that is kept for
        this: checking one out of SQLAlchemy's pool costs many times the query itself.
        """
        current: sa.Connection | None = getattr(self._local, "connection", None)
        if current is not None:
            row = current.execute(READ_STATE).one()
            seen = State(row[0], row[1])
            self._note_within(seen)
            return seen
        began = time.monotonic()
        first = self.look_up(READ_STATE)
        if first is None:
            raise StoreUnavailable("The table `state` is empty: the database is damaged.")
        return self.noted(State(first[0], first[1]), began)

    def last_look(self) -> Look | None:
        """See `Store.last_look`."""
        return self._last_look

    def noted(self, state: State, began: float) -> State:
        """Remembers a state that was read, and gives it; `began` is by time.monotonic."""
        last = self._last_look
        if last is not None and began - last.began < LOOK_STEP_SECONDS and state.revision == last.state.revision:
            return state  # every page view looks, and the last look may be said to be a little older than it is
        with self._lock:
            last = self._last_look
            if began > self._written_at and (last is None or began >= last.began):
                self._last_look = Look(state, began)
        return state

    def _note_within(self, state: State) -> None:
        """What a transaction has seen counts as well, though not as a look of now: its snapshot may be older."""
        with self._lock:
            last = self._last_look
            if last is not None and state.revision > last.state.revision:
                self._last_look = Look(state, last.began)

    def _forget_look(self) -> None:
        """After a change that this process has made, or tried to: its answers are right again after the next look."""
        with self._lock:
            self._last_look, self._written_at = None, time.monotonic()

    def without_patience(self, statement: sa.Select[Any]) -> Callable[..., Sequence[Any] | None]:
        """A function that gives the first row of a small query, like `look_up`, and None where it would have to wait.

        For SQLite, and one thread at a time. Where the file is locked as a whole, as while it is repaired, a connection
        waits; this one does not.
        """
        driver = self._new_connection()
        driver.execute("PRAGMA busy_timeout = 0")
        self._impatient.append(driver)
        compiled = statement.compile(dialect=self.engine.dialect)
        query, fixed, names = compiled.string, compiled.params, compiled.positiontup or ()

        def first_row(**values: Any) -> Sequence[Any] | None:
            given = fixed | values
            try:
                # To the end: an open statement would keep its snapshot.
                rows: list[Sequence[Any]] = driver.execute(query, [given[name] for name in names]).fetchall()
            except self._driver_error:
                return None
            return rows[0] if rows else None

        return first_row

    def look_up(self, statement: sa.Select[Any], **values: Any) -> Sequence[Any] | None:
        """The first row of a small query, outside any transaction, by a connection that is kept for such queries.

        Raises StoreUnavailable, after one more try with a new connection: the server may have been restarted.
        """
        self._refuse_while_silent()
        compiled = self._compiled.get(statement)
        if compiled is None:
            compiled = self._compiled[statement] = statement.compile(dialect=self.engine.dialect)
        parameters: Any = compiled.construct_params(values)
        if compiled.positiontup is not None:
            parameters = [parameters[name] for name in compiled.positiontup]
        try:
            try:
                return self._first_row(self._idle_connection(), compiled.string, parameters)
            except self._driver_error as error:
                if self._is_silence(error):
                    raise
                return self._first_row(self._new_connection(), compiled.string, parameters)
        except self._driver_error as error:
            raise self._unavailable(error) from error

    def _first_row(self, driver: Any, query: str, parameters: Any) -> Sequence[Any] | None:
        try:
            cursor = driver.cursor()
            cursor.execute(query, parameters)
            rows: list[Sequence[Any]] = cursor.fetchall()  # to the end: an open statement would keep its snapshot
        except BaseException:
            driver.close()
            raise
        self._idle.append(driver)
        if self._closed:  # meanwhile; asked after the append, so that one of the two closes it
            self._close_idle()
        return rows[0] if rows else None

    def _idle_connection(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            return self._new_connection()

    def _new_connection(self) -> Any:
        pooled = self.engine.raw_connection()
        driver: Any = pooled.driver_connection
        pooled.detach()
        if self.is_sqlite:
            driver.execute(f"PRAGMA busy_timeout = {round(SMALL_QUERY_SECONDS * 1000)}")
        else:
            driver.autocommit = True  # psycopg's; SQLite's is set so from the start
        return driver

    def probe(self) -> None:
        """Reads two rows of every table. Raises StoreUnavailable.

        On SQLite by a connection of its own, which opens the file: one that is kept answers from pages that it read
        when they were whole.
        """
        if not self.is_sqlite:
            with self.reading() as connection:
                for query in self._probes:
                    connection.exec_driver_sql(query).all()
            return
        try:
            with closing(self._new_connection()) as driver:
                for query in self._probes:
                    driver.execute(query).fetchall()
        except self._driver_error as error:
            raise self._unavailable(error) from error

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection inside a snapshot; joins the transaction this thread is in, if any."""
        current: sa.Connection | None = getattr(self._local, "connection", None)
        if current is not None:
            yield current
            return
        with self._entered(self._reads) as connection:
            self._allow(connection, self._limits.statement)
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection that may write; commits at the end, or rolls everything back."""
        current: sa.Connection | None = getattr(self._local, "connection", None)
        if current is not None:
            if not getattr(self._local, "writes", False):
                raise RuntimeError("a write inside a read transaction would wait for itself")
            yield current
            return
        with self._entered(self._writes) as connection:
            if not self.is_sqlite:
                self._allow_write(connection, self._limits)
                connection.execute(READ_STATE.with_for_update())
            self._local.writes = True
            try:
                yield connection
            finally:
                self._local.writes = False

    @contextmanager
    def migrating(self) -> Iterator[sa.Connection]:
        """A write transaction that needs no tables yet."""
        with self._entered(self._migrations) as connection:
            if not self.is_sqlite:
                # Of several processes that start together one migrates, which may take long; the others wait for it.
                self._allow_write(connection, replace(COMMAND, turn=COMMAND.statement))
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            yield connection

    def bump(self) -> int:
        """The revision of the running write, one higher than any before it."""
        with self.writing() as connection:
            self._local.bumped = True
            return int(connection.execute(_BUMP).scalar_one())

    @contextmanager
    def _entered(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        self._refuse_while_silent()
        self._local.bumped = False
        try:
            with engine.begin() as connection:
                self._local.connection = connection
                try:
                    yield connection
                finally:
                    self._local.connection = None
        except sa.exc.DBAPIError as error:
            if not is_fault(error):
                raise
            raise self._unavailable(error.orig) from error
        finally:
            if self._local.bumped:  # committed, rolled back, or in doubt
                self._forget_look()

    # -- limits of PostgreSQL ------------------------------------------------------------------------------------------

    def _allow(self, connection: sa.Connection, seconds: float) -> None:
        """How long the server may say nothing during this transaction, in which it ends statements by itself."""
        if not self.is_sqlite:
            driver: Any = connection.connection.driver_connection
            driver.patience = seconds + LATE_SECONDS

    def _allow_write(self, connection: sa.Connection, limits: TimeLimits) -> None:
        """A writer's limits: the statement that waits for its turn takes as long as that, and then its own time."""
        longest = limits.turn + limits.statement
        self._allow(connection, longest)
        connection.exec_driver_sql(
            f"SET LOCAL statement_timeout = '{longest:g}s'; SET LOCAL lock_timeout = '{limits.turn:g}s'"
        )

    def _unavailable(self, error: BaseException | None) -> StoreUnavailable:
        """The error for a driver's error; from the first silence on, a thread asks whether the server answers."""
        with self._lock:
            if self._is_silence(error) and not self._silent.is_set():
                self._silent.set()
                threading.Thread(target=self._ask_until_heard, daemon=True, name="database").start()
        return unavailable(error)

    def _refuse_while_silent(self) -> None:
        if self._silent.is_set():
            raise StoreUnavailable(SILENT)

    def _ask_until_heard(self) -> None:
        """Ends the silence when the server answers a new connection, or refuses it."""
        _log.info("the database is silent: requests for it are refused until it answers")
        try:
            while not self._closed and self._is_still_silent():
                time.sleep(AGAIN_SECONDS)
        finally:
            self._silent.clear()
        if self._closed:
            self.engine.dispose()
        else:
            _log.info("the database is no longer silent")

    def _is_still_silent(self) -> bool:
        self.engine.dispose()  # connections of before may be forgotten by what lies between
        self._close_idle()
        try:
            self.engine.raw_connection().close()
        except self._driver_error as error:
            return self._is_silence(error)
        return False

    def close(self) -> None:
        """Gives every connection back; one that is in use, as soon as it is not."""
        self._closed = True
        self._close_idle()
        while self._impatient:
            self._impatient.pop().close()
        self.engine.dispose()

    def _close_idle(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().close()


def batches(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """The values in slices that fit into one statement."""
    return (values[start : start + PARAMETERS] for start in range(0, len(values), PARAMETERS))


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database, None for another. Raises SettingsError for what is not an address."""
    engine = _engine(url)
    return Path(str(engine.url.database)) if engine.dialect.name == "sqlite" else None


def _text(query: sa.Select[Any], dialect: sa.Dialect) -> str:
    return str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def _engine(url: str, limits: TimeLimits = COMMAND) -> sa.Engine:
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError as error:
        raise SettingsError(
            "database_url is not a database address; use sqlite:///var/recommender.db or "
            "postgresql+psycopg://user:password@host/name"
        ) from error
    if parsed.drivername == "postgresql+psycopg":
        engine = sa.create_engine(
            parsed, pool_pre_ping=True, max_overflow=MAX_OVERFLOW, hide_parameters=True
        )  # errors go to logs
        _give_up_in_time(engine, limits)
        return engine
    if parsed.get_backend_name() != "sqlite":
        raise SettingsError(
            f"database_url names {parsed.drivername!r}; only sqlite:///FILE and postgresql+psycopg://… are supported"
        )
    if not parsed.database or parsed.database == ":memory:":
        raise SettingsError("database_url must name a file: several processes share one database")
    file = Path(parsed.database)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"The folder of the database cannot be made: {error}") from error
    patience = {"timeout": min(limits.statement, limits.turn), "check_same_thread": False}
    engine = sa.create_engine(parsed, connect_args=patience, max_overflow=MAX_OVERFLOW, hide_parameters=True)
    sa.event.listen(engine, "do_connect", lambda *_: _make_private(file))
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", lambda connection: _begin_sqlite(connection, patience["timeout"]))
    return engine


def _give_up_in_time(engine: sa.Engine, limits: TimeLimits) -> None:
    """Makes the engine's connections such as give up, and gives each back as it was taken."""
    from recommender.store.sql import postgresql  # noqa: PLC0415  # loads psycopg, which SQLite does without

    def connect(_dialect: Any, _record: Any, arguments: list[Any], parameters: dict[str, Any]) -> Any:
        return postgresql.connect(limits, *arguments, **parameters)

    def returned(driver: Any, _record: Any, _state: Any) -> None:
        if driver is not None:
            driver.patience = limits.connect

    sa.event.listen(engine, "do_connect", connect)
    sa.event.listen(engine, "reset", returned)


def _silence_of(engine: sa.Engine) -> Callable[[BaseException | None], bool]:
    """Says whether an error means that nothing came from the server. A file is not silent."""
    if engine.dialect.name == "sqlite":
        return lambda _: False
    from recommender.store.sql import postgresql  # noqa: PLC0415  # see _give_up_in_time

    return postgresql.is_silence


def _make_private(file: Path) -> None:
    """Makes the file where there is none, for its owner alone: it holds hashes of passwords and sessions.

    SQLite would make it readable for everybody. Its -wal and -shm take the mode of the file; one that is there already
    keeps its own.
    """
    # An address of SQLite's own (file:…?uri=true) is SQLite's to read; what hinders here, SQLite will name.
    if not str(file).startswith("file:"):
        with suppress(OSError):
            file.touch(mode=0o600, exist_ok=False)


def _prepare_sqlite(connection, _record) -> None:  # type: ignore[no-untyped-def]  # sqlite3's and a pool record
    # SQLAlchemy's documented way to take transactions over from the driver, which would begin them too late.
    connection.isolation_level = None
    cursor = connection.cursor()
    # WAL: readers go on while one process writes. FULL: a decision that was confirmed survives a power cut.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection, patience: float) -> None:
    turn = connection.get_execution_options().get("recommender_turn")
    if turn is None:
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(turn * 1000)}")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(patience * 1000)}")
