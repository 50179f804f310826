"""Whole copies of a database: what lies in its tables now, and tables that are filled anew.

Both look at the tables that are there and not at those of this release, so that a database is copied as it is, without
being migrated first, and a copy of an earlier schema can be read back.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSON

from recommender.errors import StoreUnavailable
from recommender.store.dump import BOOLEAN, BYTES, DOCUMENT, INTEGER, REAL, TEXT, TableShape, to_line
from recommender.store.sql import search
from recommender.store.sql.database import Database
from recommender.store.sql.schema import is_known, migrate, newest, revision_of
from recommender.store.sql.tables import metadata

_AT_ONCE = 500  # rows held while streaming
_SEARCH = "article_search"  # derived from the articles; in another form on each database
_VERSION = "alembic_version"
_MADE_BY_STARTING = ("state", "secret")  # what a service writes before anybody has put anything in
_KINDS: tuple[tuple[type[sa.types.TypeEngine[Any]], str], ...] = (
    (sa.JSON, DOCUMENT),
    (sa.LargeBinary, BYTES),
    (sa.Boolean, BOOLEAN),
    (sa.Integer, INTEGER),
    (sa.Float, REAL),
    (sa.Text, TEXT),
)
_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    DOCUMENT: sa.Text(),  # as it was written, so that copies are equal to the byte
    BYTES: sa.LargeBinary(),
    BOOLEAN: sa.Boolean(),
    INTEGER: sa.BigInteger(),
    REAL: sa.Double(),
    TEXT: sa.Text(),
}
_OTHERS = """SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""


class SqlDump:
    """`Dump` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def snapshot(self) -> "Iterator[SqlTables]":
        with self._database.reading() as connection:
            schema = revision_of(connection)
            if schema is None:
                raise StoreUnavailable("There is nothing to copy: the database has no tables yet.")
            if not is_known(schema):
                raise StoreUnavailable(f"The database is at schema {schema}: it was written by a newer release.")
            yield SqlTables(connection, schema)

    @contextmanager
    def replacing(self, schema: str) -> "Iterator[SqlTables]":
        with self._database.migrating() as connection:
            _drop(connection)
            migrate(connection, schema)
            tables = SqlTables(connection, schema)
            tables.clear()
            yield tables
            tables.fill_search()
            if schema != newest():
                migrate(connection)

    def knows(self, schema: str) -> bool:
        return is_known(schema)

    def is_empty(self) -> bool:
        with self._database.reading() as connection:
            if revision_of(connection) is None:
                return True
            names = [shape.name for shape in SqlTables(connection, "").tables()]
            asked = [name for name in names if name not in _MADE_BY_STARTING]
            return not any(
                connection.scalar(sa.select(sa.exists(sa.select(1).select_from(sa.table(name))))) for name in asked
            )

    def others(self) -> int:
        if self._database.engine.dialect.name == "sqlite":
            return 0
        with self._database.reading() as connection:
            return int(connection.exec_driver_sql(_OTHERS).scalar_one())


class SqlTables:
    """`Snapshot` and `Load` inside one transaction."""

    def __init__(self, connection: sa.Connection, schema: str) -> None:
        self.schema = schema
        self._connection = connection
        self._is_sqlite = connection.dialect.name == "sqlite"

    @cached_property
    def _reflected(self) -> sa.MetaData:
        """The tables that are there, of those that any release has had; others in the same database are not ours."""
        found = sa.MetaData()
        there = set(sa.inspect(self._connection).get_table_names())
        found.reflect(self._connection, only=sorted(there & metadata.tables.keys()))
        return found

    def tables(self) -> list[TableShape]:
        numbers = self._last_numbers()
        return [
            TableShape(
                table.name,
                {column.name: _kind(column) for column in table.columns},
                numbers.get(table.name, 0),
            )
            for table in self._reflected.sorted_tables
        ]

    def _last_numbers(self) -> dict[str, int]:
        if self._is_sqlite:
            return dict(map(tuple, self._connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence")))
        numbers = {}
        for name, sequence in self._sequences().items():
            last, called = self._connection.exec_driver_sql(f"SELECT last_value, is_called FROM {sequence}").one()  # noqa: S608  # quoted by PostgreSQL itself
            numbers[name] = int(last) if called else 0
        return numbers

    def _sequences(self) -> dict[str, str]:
        found = {}
        for table in self._reflected.sorted_tables:
            for column in table.primary_key if len(table.primary_key) == 1 else ():
                of = sa.func.pg_get_serial_sequence(sa.func.quote_ident(table.name), column.name)
                if (sequence := self._connection.scalar(sa.select(of))) is not None:
                    found[table.name] = str(sequence)
        return found

    def lines(self, name: str) -> Iterator[bytes]:
        table = self._reflected.tables[name]
        columns = [
            sa.cast(column, sa.Text).label(column.name) if _kind(column) == DOCUMENT else column
            for column in table.columns
        ]
        query = sa.select(*columns).order_by(*map(self._in_order, table.primary_key))
        for row in self._connection.execute(query.execution_options(yield_per=_AT_ONCE)):
            yield to_line(row)

    def _in_order(self, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
        """The order of SQLite, which is that of bytes, on every database."""
        return column if self._is_sqlite or _kind(column) != TEXT else column.collate("C")

    def clear(self) -> None:
        """Takes out what the migrations put in."""
        for table in reversed(self._reflected.sorted_tables):
            self._connection.execute(sa.delete(table))

    def insert(self, shape: TableShape, rows: Sequence[Sequence[Any]]) -> None:
        columns = [sa.column(name, _TYPES[kind]) for name, kind in shape.columns.items()]
        insert = sa.insert(sa.table(shape.name, *columns))
        if not self._is_sqlite:
            documents = [name for name, kind in shape.columns.items() if kind == DOCUMENT]
            insert = insert.values({name: sa.cast(sa.bindparam(name, type_=sa.Text), JSON) for name in documents})
        names = list(shape.columns)
        for start in range(0, len(rows), _AT_ONCE):
            batch = [dict(zip(names, row, strict=True)) for row in rows[start : start + _AT_ONCE]]
            self._connection.execute(insert, batch)

    def give_numbers_after(self, shapes: Sequence[TableShape]) -> None:
        given = {shape.name: shape.last_number for shape in shapes if shape.last_number}
        if self._is_sqlite:
            for name, last in given.items():
                self._connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
                self._connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, last))
            return
        for name, sequence in self._sequences().items():
            if name in given:
                self._connection.execute(sa.select(sa.func.setval(sequence, given[name])))

    def fill_search(self) -> None:
        """Fills the table of the full-text search, where the schema has it, from the articles."""
        if _SEARCH not in sa.inspect(self._connection).get_table_names():
            return
        article = self._reflected.tables["article"]
        columns = [article.c[name] for name in ("number", "posted", "title", "summary", "body")]
        published = sa.select(*columns).where(article.c.status == "published").order_by(article.c.number)
        after = 0
        while rows := self._connection.execute(published.where(article.c.number > after).limit(_AT_ONCE)).all():
            search.put(self._connection, [search.Searchable(*row) for row in rows])
            after = rows[-1].number


def _kind(column: sa.Column[Any]) -> str:
    return next(kind for of, kind in _KINDS if isinstance(column.type, of))


def _drop(connection: sa.Connection) -> None:
    """Takes away every table of ours, the trail that refuses deletions among them."""
    schema = revision_of(connection)
    if schema is not None and not is_known(schema):
        raise StoreUnavailable(f"The database is at schema {schema}: it was written by a newer release.")
    there = set(sa.inspect(connection).get_table_names())
    known = [table.name for table in reversed(metadata.sorted_tables)]
    for name in [*known, _SEARCH, _VERSION]:
        if name in there:
            connection.exec_driver_sql(f"DROP TABLE {connection.dialect.identifier_preparer.quote(name)}")
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql("DROP FUNCTION IF EXISTS audit_refuses(), audit_adds()")
