"""Signals and policies in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recommender.curation.signals import POLICIES, Signal
from recommender.store.sql.database import Database, batches
from recommender.store.sql.tables import signal
from recommender.store.sql.times import milliseconds, moment


class SqlSignals:
    """`SignalStore` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, signals: Sequence[Signal]) -> list[int]:
        if not signals:
            return []
        with self._database.writing() as connection:
            revision = self._database.bump()
            return [
                connection.execute(
                    sa.insert(signal).values(**_columns(new), revision=revision).returning(signal.c.number)
                ).scalar_one()
                for new in signals
            ]

    def end(self, numbers: Sequence[int], at: datetime, by: str) -> None:
        if not numbers:
            return
        with self._database.writing() as connection:
            revision = self._database.bump()
            connection.execute(
                sa.update(signal)
                .where(signal.c.number.in_(numbers), signal.c.ended.is_(None))
                .values(ended=milliseconds(at), ended_by=by, revision=revision)
            )

    def get(self, numbers: Sequence[int]) -> dict[int, Signal]:
        signals: dict[int, Signal] = {}
        for batch in batches(numbers):
            signals |= {read.number: read for read in self._read(sa.select(signal).where(signal.c.number.in_(batch)))}
        return signals

    def changed_since(self, revision: int) -> list[Signal]:
        news = signal.c.ended.is_(None) if revision < 0 else signal.c.revision > revision
        return self._read(sa.select(signal).where(news).order_by(signal.c.number))

    def touched_since(self, revision: int) -> dict[int, int]:
        ends = [
            sa.select(column.label("article"), signal.c.revision).where(
                column.is_not(None), signal.c.revision > revision, signal.c.kind.not_in(POLICIES)
            )
            for column in (signal.c.source, signal.c.target)
        ]
        changes = sa.union_all(*ends).subquery()
        query = sa.select(changes.c.article, sa.func.max(changes.c.revision)).group_by(changes.c.article)
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def policy_revision(self) -> int:
        query = sa.select(sa.func.max(signal.c.revision)).where(signal.c.kind.in_(POLICIES))
        with self._database.reading() as connection:
            revision = connection.execute(query).scalar()
        return -1 if revision is None else int(revision)

    def about(self, article: int) -> list[Signal]:
        mine = (signal.c.source == article) | (signal.c.target == article)
        return self._read(sa.select(signal).where(mine).order_by(signal.c.number.desc()))

    def at(self, moment: datetime, kinds: Sequence[str]) -> list[Signal]:
        when = milliseconds(moment)
        query = sa.select(signal).where(
            signal.c.kind.in_(kinds),
            signal.c.since <= when,
            signal.c.until.is_(None) | (signal.c.until > when),
            signal.c.ended.is_(None) | (signal.c.ended > when),
        )
        return self._read(query.order_by(signal.c.number.desc()))

    def of_kinds(self, kinds: Sequence[str], limit: int) -> list[Signal]:
        return self._read(
            sa.select(signal).where(signal.c.kind.in_(kinds)).order_by(signal.c.number.desc()).limit(limit)
        )

    def _read(self, query: sa.Select[Any]) -> list[Signal]:
        with self._database.reading() as connection:
            return [_signal(row) for row in connection.execute(query)]


def _columns(new: Signal) -> dict[str, Any]:
    return {
        "kind": new.kind,
        "source": new.source,
        "target": new.target,
        "slot": new.slot,
        "factor": new.factor,
        "data": dict(new.data),
        "reason": new.reason,
        "by": new.by,
        "since": milliseconds(new.since),
        "until": milliseconds(new.until),
        "ended": milliseconds(new.ended),
        "ended_by": new.ended_by,
    }


def _signal(row: Any) -> Signal:
    return Signal(
        number=row.number,
        kind=row.kind,
        source=row.source,
        target=row.target,
        slot=row.slot,
        factor=row.factor,
        data=row.data,
        reason=row.reason,
        by=row.by,
        since=moment(row.since),
        until=moment(row.until),
        ended=moment(row.ended),
        ended_by=row.ended_by,
    )
