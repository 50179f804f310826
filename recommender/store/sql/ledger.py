"""What was shown beside which article, in the database: a row from the time on at which a sidebar changed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recommender.store.ledger import Outlook, Shown, Stay
from recommender.store.sql.database import Database, batches
from recommender.store.sql.tables import sidebar, sidebar_item
from recommender.store.sql.times import milliseconds, moment

_LATEST_FIRST = (sidebar.c.at.desc(), sidebar.c.number.desc())
_BESIDE = sa.select(sidebar).where(sidebar.c.source == sa.bindparam("source")).order_by(*_LATEST_FIRST)
_AS_OF = _BESIDE.where(sidebar.c.at <= sa.bindparam("at")).limit(1)
_OUTLOOKS = sa.select(
    sidebar.c.source, sidebar.c.digest, sidebar.c.doubt, sidebar.c.fallbacks, sidebar.c.teasers
).where(sidebar.c.current)
_COUNTS = sa.select(sidebar_item.c.target, sa.func.count()).group_by(sidebar_item.c.target)
_LAST = sa.select(sa.func.max(sidebar.c.number))
_INSERT = sa.insert(sidebar).returning(sidebar.c.number)
# When the next sidebar of the same article replaced it; null while it stands.
_UNTIL = sa.func.lead(sidebar.c.at).over(partition_by=sidebar.c.source, order_by=(sidebar.c.at, sidebar.c.number))


@dataclass(frozen=True)
class _LedgerRow:
    number: int
    at: int
    digest: str
    served: bool


class SqlLedger:
    """`LedgerStore` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, rows: Iterable[Shown]) -> int:
        new = list(rows)
        items: list[dict[str, int]] = []
        overtaken: list[int] = []
        served: list[int] = []
        added = 0
        with self._database.writing() as connection:
            current = self._current(connection, sorted({row.source for row in new}))
            for row in new:
                last = current.get(row.source)
                late = last is not None and milliseconds(row.at) < last.at
                before = self._standing_at(connection, row) if late else last
                if before is not None and before.digest == row.digest:
                    if row.served and not before.served:
                        served.append(before.number)
                    continue
                added_row = _added(connection, row, current=not late)
                items += _items(added_row.number, row)
                added += 1
                if not late:
                    current[row.source] = added_row
                    if last is not None:
                        overtaken.append(last.number)
            if items:
                connection.execute(sa.insert(sidebar_item), items)
            _change(connection, overtaken, current=False)
            _change(connection, served, served=True)
        return added

    def _current(self, connection: sa.Connection, sources: Sequence[int]) -> dict[int, _LedgerRow]:
        query = sa.select(sidebar.c.source, sidebar.c.number, sidebar.c.at, sidebar.c.digest, sidebar.c.served)
        return {
            source: _LedgerRow(*columns)
            for batch in batches(sources)
            for source, *columns in connection.execute(query.where(sidebar.c.current, sidebar.c.source.in_(batch)))
        }

    def _standing_at(self, connection: sa.Connection, row: Shown) -> _LedgerRow | None:
        standing = connection.execute(_AS_OF, {"source": row.source, "at": milliseconds(row.at)}).first()
        return None if standing is None else _LedgerRow(standing.number, standing.at, standing.digest, standing.served)

    def as_of(self, source: int, at: datetime) -> Shown | None:
        sidebars = self._sidebars(_AS_OF, source=source, at=milliseconds(at))
        return sidebars[0] if sidebars else None

    def history(self, source: int, limit: int) -> list[Shown]:
        return self._sidebars(_BESIDE.limit(limit), source=source)

    def _sidebars(self, query: sa.Select[Any], **values: Any) -> list[Shown]:
        with self._database.reading() as connection:
            rows = connection.execute(query, values).all()
            items: dict[int, list[int]] = {row.number: [] for row in rows}
            for batch in batches(list(items)):
                shown = sa.select(sidebar_item.c.sidebar, sidebar_item.c.target).where(
                    sidebar_item.c.sidebar.in_(batch)
                )
                for number, target in connection.execute(shown.order_by(sidebar_item.c.sidebar, sidebar_item.c.slot)):
                    items[number].append(target)
        return [_sidebar(row, items[row.number]) for row in rows]

    def stays(self, target: int, limit: int) -> list[Stay]:
        holds = sidebar_item.c.target == target
        sources = sa.select(sidebar.c.source).join(sidebar_item).where(holds)
        spans = (
            sa.select(sidebar.c.number, sidebar.c.source, sidebar.c.at, _UNTIL.label("until"))
            .where(sidebar.c.source.in_(sources))
            .subquery()
        )
        query = (
            sa.select(spans.c.source, sidebar_item.c.slot, spans.c.at, spans.c.until)
            .join(sidebar_item, sidebar_item.c.sidebar == spans.c.number)
            .where(holds)
            .order_by(spans.c.source, sidebar_item.c.slot, spans.c.at, spans.c.number)
        )
        with self._database.reading() as connection:
            stays = _joined(connection.execute(query))
        return sorted(stays, key=_standing_first)[:limit]

    def counts(self, targets: Sequence[int] | None = None) -> dict[int, int]:
        with self._database.reading() as connection:
            if targets is None:
                # From the sidebars to their items: SQLite would walk all items ever shown, and look each sidebar up.
                query = _COUNTS.where(sidebar_item.c.sidebar.in_(sa.select(sidebar.c.number).where(sidebar.c.current)))
                return {row[0]: row[1] for row in connection.execute(query)}
            # From the items to their sidebars: by a join SQLite would walk all that stand now.
            stands = sa.exists().where(sidebar.c.number == sidebar_item.c.sidebar, sidebar.c.current)
            counts: dict[int, int] = {}
            for batch in batches(targets):
                query = _COUNTS.where(sidebar_item.c.target.in_(batch), stands)
                counts |= {row[0]: row[1] for row in connection.execute(query)}
        return counts

    def sources_showing(self, targets: Sequence[int]) -> set[int]:
        with self._database.reading() as connection:
            return {
                source
                for batch in batches(targets)
                for source in connection.scalars(
                    sa.select(sidebar.c.source)
                    .join(sidebar_item, sidebar_item.c.sidebar == sidebar.c.number)
                    .where(sidebar_item.c.target.in_(batch), sidebar.c.current)
                )
            }

    def outlooks(self, after: int = 0) -> list[Outlook]:
        query = _OUTLOOKS.where(sidebar.c.number > after) if after else _OUTLOOKS
        with self._database.reading() as connection:
            return list(map(Outlook._make, connection.execute(query)))

    def last(self) -> int:
        with self._database.reading() as connection:
            return connection.execute(_LAST).scalar() or 0


def _added(connection: sa.Connection, row: Shown, *, current: bool) -> _LedgerRow:
    at = milliseconds(row.at)
    values = {
        "source": row.source,
        "at": at,
        "revision": row.revision,
        "digest": row.digest,
        "document": row.document,
        "doubt": row.doubt,
        "fallbacks": row.fallbacks,
        "teasers": len(row.items),
        "served": row.served,
        "current": current,
    }
    return _LedgerRow(int(connection.execute(_INSERT, values).scalar_one()), at, row.digest, row.served)


def _items(number: int, row: Shown) -> Iterator[dict[str, int]]:
    return ({"sidebar": number, "slot": slot, "target": target} for slot, target in enumerate(row.items, start=1))


def _change(connection: sa.Connection, numbers: Sequence[int], **change: bool) -> None:
    for batch in batches(numbers):
        connection.execute(sa.update(sidebar).where(sidebar.c.number.in_(batch)).values(change))


def _sidebar(row: Any, items: Sequence[int]) -> Shown:
    return Shown(
        source=row.source,
        at=moment(row.at),
        revision=row.revision,
        digest=row.digest,
        items=tuple(items),
        document=row.document,
        doubt=row.doubt,
        fallbacks=row.fallbacks,
        served=row.served,
        number=row.number,
    )


def _joined(rows: Iterable[Any]) -> list[Stay]:
    """Stays in one slot, of rows by source, slot and time: one that begins where the last ended goes on with it."""
    spans: list[tuple[int, int, int, int | None]] = []
    for source, slot, at, until in rows:
        goes_on = bool(spans) and (spans[-1][0], spans[-1][1], spans[-1][3]) == (source, slot, at)
        spans.append((source, slot, spans.pop()[2] if goes_on else at, until))
    # A sidebar that was replaced within its first millisecond stood nowhere.
    return [Stay(source, slot, moment(since), moment(until)) for source, slot, since, until in spans if since != until]


def _standing_first(stay: Stay) -> tuple[bool, float, float, int, int]:
    ended = 0.0 if stay.until is None else stay.until.timestamp()
    return stay.until is not None, -ended, -stay.since.timestamp(), stay.source, stay.slot
