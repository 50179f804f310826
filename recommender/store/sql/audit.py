"""The audit trail in the database. Its triggers refuse every change and removal."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recommender.store.audit import PUBLISHING, AuditEntry, AuditQuery
from recommender.store.sql.database import Database
from recommender.store.sql.tables import audit
from recommender.store.sql.texts import storable
from recommender.store.sql.times import milliseconds, moment

_LATEST_FIRST = sa.select(audit).order_by(audit.c.number.desc())
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
            added = connection.execute(sa.insert(audit).values(_columns(entry, key)).returning(audit.c.number))
            return int(added.scalar_one())

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

    def _first(self, query: sa.Select[Any]) -> AuditEntry | None:
        with self._database.reading() as connection:
            row = connection.execute(query.limit(1)).first()
        return None if row is None else _entry(row)


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
