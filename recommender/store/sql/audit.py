"""The audit trail in the database. Its triggers refuse every change, removal and replacement."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recommender.store.audit import PUBLISHING, AuditEntry, AuditQuery
from recommender.store.audit_chain import COLUMNS, START, Link, Trail, chained, followed
from recommender.store.sql.database import Database
from recommender.store.sql.tables import audit
from recommender.store.sql.texts import storable
from recommender.store.sql.times import milliseconds, moment

_LATEST_FIRST = sa.select(audit).order_by(audit.c.number.desc())
_AT_ONCE = 500  # rows held while the chain is followed
_LINKS = sa.select(*(audit.c[name] for name in COLUMNS), audit.c.hash).order_by(audit.c.number)
_HEAD = sa.select(audit.c.hash).order_by(audit.c.number.desc()).limit(1)
_NUMBER = {
    "sqlite": sa.text("SELECT 1 + coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'audit'"),
    "postgresql": sa.text("SELECT nextval(pg_get_serial_sequence('audit', 'number'))"),
}
_DECIDED = audit.c.action.not_in(PUBLISHING)
_LATEST = sa.select(sa.func.max(audit.c.number)).where(audit.c.article == sa.bindparam("article"), _DECIDED)


class SqlAudit:
    """`AuditStore` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, entry: AuditEntry, key: str | None = None) -> int:
        with self._database.writing() as connection:
            if key is not None and self.by_key(key) is not None:
                raise ValueError(f"the audit trail has an entry of the request {key!r} already")
            # Writers take turns (`Database.writing`), so that no two entries follow the same one.
            number = int(connection.execute(_NUMBER[connection.dialect.name]).scalar_one())
            values = {"number": number, **_columns(entry, key)}
            head = connection.scalar(_HEAD)
            values["hash"] = chained(START if head is None else head, values)
            connection.execute(sa.insert(audit).values(values))
            return number

    def by_key(self, key: str) -> AuditEntry | None:
        return self._first(_LATEST_FIRST.where(audit.c.request == storable(key)))

    def get(self, number: int) -> AuditEntry | None:
        return self._first(_LATEST_FIRST.where(audit.c.number == number))

    def entries(self, query: AuditQuery, limit: int) -> list[AuditEntry]:
        with self._database.reading() as connection:
            rows = connection.execute(_LATEST_FIRST.where(*_conditions(query)).limit(limit))
            return [_entry(row) for row in rows]

    def latest(self, article: int) -> int:
        with self._database.reading() as connection:
            return connection.execute(_LATEST, {"article": article}).scalar() or 0

    def effort(self, since: datetime) -> list[tuple[str, int, int]]:
        decisions = sa.func.count().label("decisions")
        query = (
            sa.select(audit.c.by, decisions, sa.func.sum(audit.c.seconds))
            .where(audit.c.at >= milliseconds(since), audit.c.article.is_not(None), _DECIDED)
            .group_by(audit.c.by)
            .order_by(decisions.desc(), audit.c.by)
        )
        with self._database.reading() as connection:
            return [(by, count, int(seconds)) for by, count, seconds in connection.execute(query)]

    def trail(self, noted: str | None = None) -> Trail:
        with self._database.reading() as connection:
            return trail_of(connection, noted)

    def _first(self, query: sa.Select[Any]) -> AuditEntry | None:
        with self._database.reading() as connection:
            row = connection.execute(query.limit(1)).first()
        return None if row is None else _entry(row)


def trail_of(connection: sa.Connection, noted: str | None = None) -> Trail:
    """The whole chain, as a connection sees it; see `AuditStore.trail`."""
    return followed(_links(connection, _LINKS), START, noted)


def last_links(connection: sa.Connection, count: int) -> Trail:
    """The chain of the last `count` entries: that the first of them follows from those before is not looked at."""
    numbers = connection.scalars(sa.select(audit.c.number).order_by(audit.c.number.desc()).limit(count)).all()
    if len(numbers) < count:
        return trail_of(connection)
    before = connection.scalar(sa.select(audit.c.hash).where(audit.c.number == numbers[-1])) or ""
    return followed(_links(connection, _LINKS.where(audit.c.number > numbers[-1])), before)


def _links(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Link]:
    for row in connection.execute(query.execution_options(yield_per=_AT_ONCE)):
        *values, stored = row
        yield Link(dict(zip(COLUMNS, values, strict=True)), stored)


def _conditions(query: AuditQuery) -> Iterator[sa.ColumnElement[bool]]:
    if query.article is not None:
        yield audit.c.article == query.article
    if query.by is not None:
        yield audit.c.by == storable(query.by)
    if query.action is not None:
        yield audit.c.action == storable(query.action)
    if query.since is not None:
        yield audit.c.at >= milliseconds(query.since)
    if query.until is not None:
        yield audit.c.at < milliseconds(query.until)
    if query.before is not None:
        yield audit.c.number < query.before


def _columns(entry: AuditEntry, key: str | None) -> dict[str, Any]:
    return {
        "at": milliseconds(entry.at),
        "by": storable(entry.by),
        "action": storable(entry.action),
        "subject": storable(entry.subject),
        "article": entry.article,
        "before": None if entry.before is None else dict(entry.before),
        "after": None if entry.after is None else dict(entry.after),
        "why": storable(entry.why),
        "seconds": entry.seconds,
        "request": None if key is None else storable(key),
    }


def _entry(row: Any) -> AuditEntry:
    return AuditEntry(
        number=row.number,
        at=moment(row.at),
        by=row.by,
        action=row.action,
        subject=row.subject,
        article=row.article,
        before=row.before,
        after=row.after,
        why=row.why,
        seconds=row.seconds,
    )
