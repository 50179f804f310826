"""Faults in the database: of the file or the tables, and of what the tables say of each other."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from recommender.articles.keys import VECTOR_KEY
from recommender.errors import StoreUnavailable
from recommender.ranking import candidates
from recommender.store.audit_chain import Trail
from recommender.store.inspection import Flaw, LiveBuild, Schema
from recommender.store.keys import ApiKey
from recommender.store.sql.audit import last_links, trail_of
from recommender.store.sql.database import Database
from recommender.store.sql.faults import DAMAGED
from recommender.store.sql.generations import SqlGenerations
from recommender.store.sql.keys import SqlKeys
from recommender.store.sql.schema import is_known, newest, revision_of
from recommender.store.sql.tables import (
    article,
    audit,
    embedding,
    generation,
    grade,
    look,
    metadata,
    neighbour,
    panel_sidebar,
    review,
    sidebar,
    sidebar_item,
    signal,
    state,
)
from recommender.store.sql.times import moment

MAX_LINES = 20  # of one kind: the hundredth says no more than the twentieth
_AT_ONCE = 500
_SEARCH = sa.table("article_search")
_BUILD = "`recommender build` makes neighbours anew"
_RESTORE = "`recommender restore FILE --replace` brings the last backup back"
_AGAIN = "A backup that is restored has the tables' parts that are derived made anew"
_TRIGGERS: Final = frozenset({"audit_adds", "audit_keeps", "audit_stays"})
_LAST_LINKS = 10_000  # entries of the audit trail that a quick look follows, in a fraction of a second
# Columns that name articles, and in what.
_NAMED: Final = (
    (signal.c.source, "decisions"),
    (signal.c.target, "decisions"),
    (audit.c.article, "entries of the audit trail"),
    (sidebar.c.source, "sidebars of the ledger"),
    (sidebar_item.c.target, "teasers of the ledger"),
    (review.c.article, "reviews"),
    (look.c.article, "looks"),
    (panel_sidebar.c.source, "sidebars of panels"),
    (grade.c.source, "grades"),
    (grade.c.target, "grades"),
    (neighbour.c.number, "neighbour rows"),
)
_STAMPED: Final = (article, neighbour, signal, sidebar)
_TIMES: Final = (audit.c.at, sidebar.c.at, signal.c.since)

Check = Callable[[sa.Connection], Iterator[Flaw]]


class SqlInspection:
    """`Inspection` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_sqlite = database.engine.dialect.name == "sqlite"

    def schema(self) -> Schema:
        with self._database.reading() as connection:
            kept = revision_of(connection)
        return Schema(kept, str(newest()), kept is None or is_known(kept))

    def flaws(self, *, quick: bool = False) -> Iterator[Flaw]:
        yield from self._of("the file" if self._is_sqlite else "the database", self._file(quick=quick))
        if quick:
            yield from self._of("tables", _tables)
            yield from self._of("the live generation", _generations)
            yield from self._of("the audit trail", _last_entries)
            return
        for table in metadata.sorted_tables:
            yield from self._of(f"table {table.name}", _readable(table))
        for name, check in _CHECKS.items():
            yield from self._of(name, check)

    def _of(self, name: str, check: Check) -> Iterator[Flaw]:
        try:
            with self._database.reading() as connection:
                found = list(check(connection))
        except StoreUnavailable as error:
            said, _, advice = str(error).removeprefix("The database does not answer: ").rstrip(".").partition(". ")
            yield Flaw(f"{name}: {said}", advice if advice and advice != DAMAGED else _RESTORE)
            return
        for flaw in found[:MAX_LINES]:
            yield Flaw(f"{name}: {flaw.problem}", flaw.advice)
        if len(found) > MAX_LINES:
            yield Flaw(f"{name}: {len(found) - MAX_LINES:,} more of the kind", found[0].advice)

    def _file(self, *, quick: bool) -> Check:
        def check(connection: sa.Connection) -> Iterator[Flaw]:
            if not self._is_sqlite:
                return
            pragma = "quick_check" if quick else "integrity_check"
            rows = connection.exec_driver_sql(f"PRAGMA {pragma}({MAX_LINES})").scalars()
            lines = [line for text in rows for line in str(text).splitlines() if line != "ok" and line[0] != "*"]
            # Pages that a damaged one has led to count as never used: they follow from the others.
            telling = [line for line in lines if not line.endswith("is never used")]
            for line in telling or lines:
                yield Flaw(line, _RESTORE)
            for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
                yield Flaw(f"row {row} of {table} belongs to a row of {parent} that is not there", _RESTORE)

        return check

    def trail(self, noted: str | None = None) -> Trail:
        with self._database.reading() as connection:
            return trail_of(connection, noted)

    def live(self) -> LiveBuild | None:
        generations = SqlGenerations(self._database)
        found = generations.live()
        if found is None:
            return None
        stale = generations.stale(found.number)
        return LiveBuild(
            generation=found.number,
            model_version=found.model_version,
            model=found.model,
            built_on=found.built_on,
            articles=generations.size(found.number),
            changed=len(stale.changed),
            left=len(stale.left),
        )

    def clock(self) -> datetime | None:
        if self._is_sqlite:
            return None
        with self._database.reading() as connection:
            now: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return now.astimezone(UTC)

    def latest(self) -> datetime | None:
        with self._database.reading() as connection:
            found = [connection.scalar(sa.select(sa.func.max(column))) for column in _TIMES]
            built = connection.scalar(sa.select(sa.func.max(generation.c.built)))
        times = [moment(value) for value in found if value is not None]
        return max([*times, *([datetime.fromtimestamp(built, UTC)] if built is not None else [])], default=None)

    def api_keys(self) -> list[ApiKey]:
        return SqlKeys(self._database).listing()

    def size(self) -> int:
        if self._is_sqlite:
            file = Path(str(self._database.engine.url.database))
            return sum(one.stat().st_size for one in file.parent.glob(f"{file.name}*") if _is_of(one.name, file.name))
        with self._database.reading() as connection:
            return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())


def _is_of(name: str, file: str) -> bool:
    return name in (file, f"{file}-wal", f"{file}-shm")


def _readable(table: sa.Table) -> Check:
    """Reads every row: what cannot be read is an error of the connection."""

    def check(connection: sa.Connection) -> Iterator[Flaw]:
        query = sa.select(table).execution_options(yield_per=_AT_ONCE)
        try:
            for _ in connection.execute(query):
                pass
        except ValueError as error:  # a value that its type cannot be, as JSON that is not JSON
            yield Flaw(f"a value cannot be read ({error})", _RESTORE)

    return check


def _tables(connection: sa.Connection) -> Iterator[Flaw]:
    """The tables of this release, and the triggers that keep the audit trail."""
    inspector = sa.inspect(connection)
    there = set(inspector.get_table_names())
    for name in sorted({*metadata.tables, "article_search"} - there):
        yield Flaw(f"the table {name} is missing", _RESTORE)
    if connection.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    for name in sorted(_TRIGGERS - set(connection.exec_driver_sql(query).scalars())):
        yield Flaw(
            f"the trigger {name} is missing, so that entries of the audit trail can be changed",
            "Find out who took it away, and restore a backup, which brings it back",
        )


def _generations(connection: sa.Connection) -> Iterator[Flaw]:
    row = connection.execute(sa.select(state)).all()
    if len(row) != 1:
        yield Flaw(f"the table state has {len(row)} rows, not one", _RESTORE)
        return
    complete = dict(map(tuple, connection.execute(sa.select(generation.c.number, generation.c.complete))))
    for part in ("live", "previous", "shadow"):
        number = getattr(row[0], f"{part}_generation")
        if number is None:
            continue
        if number not in complete:
            yield Flaw(f"the {part} generation {number} is not there", _BUILD)
        elif not complete[number]:
            yield Flaw(f"the {part} generation {number} is not complete", _BUILD)


def _neighbours(connection: sa.Connection) -> Iterator[Flaw]:
    known = set(connection.scalars(sa.select(article.c.number)))
    rows = sa.select(neighbour.c.generation, neighbour.c.number, neighbour.c.candidates, neighbour.c.story)
    used = _used(connection)
    for row in connection.execute(
        rows.where(neighbour.c.generation.in_(used), neighbour.c.text_hash != "").execution_options(yield_per=_AT_ONCE)
    ):
        name = f"the candidates of article {row.number} in generation {row.generation}"
        try:
            listed = {int(number) for number in candidates.from_bytes(row.candidates)["number"]}
        except ValueError:
            yield Flaw(f"{name} cannot be read", _BUILD)
            continue
        if unknown := sorted(listed - known):
            yield Flaw(f"{name} hold article {unknown[0]}, which is not there", _BUILD)
    vector_key = sa.func.substr(neighbour.c.text_hash, 1, VECTOR_KEY)
    missing = (
        sa.select(neighbour.c.number, neighbour.c.generation)
        .join(generation, generation.c.number == neighbour.c.generation)
        .where(
            neighbour.c.generation.in_(used),
            neighbour.c.text_hash != "",
            ~sa.exists().where(embedding.c.model == generation.c.model, embedding.c.text_hash == vector_key),
        )
    )
    for number, of in connection.execute(missing):
        yield Flaw(f"article {number} in generation {of} has no vector", _BUILD)
    lengths = sa.func.length(embedding.c.vector)
    for model, fewest, most in connection.execute(
        sa.select(embedding.c.model, sa.func.min(lengths), sa.func.max(lengths)).group_by(embedding.c.model)
    ):
        if fewest != most or not fewest or fewest % 4:
            yield Flaw(
                f"the vectors of {model} have {fewest} to {most} bytes, not all the same", "`recommender build --full`"
            )


def _used(connection: sa.Connection) -> list[int]:
    row = connection.execute(
        sa.select(state.c.live_generation, state.c.previous_generation, state.c.shadow_generation)
    ).first()
    return [number for number in row or () if number is not None]


def _articles_named(connection: sa.Connection) -> Iterator[Flaw]:
    for column, what in _NAMED:
        unknown = ~sa.exists(sa.select(1).select_from(article).where(article.c.number == column))
        query = sa.select(column, sa.func.count()).where(column.is_not(None), unknown).group_by(column)
        for number, count in connection.execute(query.order_by(column)):
            yield Flaw(f"{count:,} {what} ({column}) name article {number}, which is not there", _RESTORE)


def _revisions(connection: sa.Connection) -> Iterator[Flaw]:
    now = connection.scalar(sa.select(state.c.revision)) or 0
    for table in _STAMPED:
        latest = connection.scalar(sa.select(sa.func.max(table.c.revision))) or 0
        if latest > now:
            yield Flaw(
                f"the revision is {now:,}, but a row of {table.name} has {latest:,}: web processes may show old ones",
                _RESTORE,
            )


def _ledger(connection: sa.Connection) -> Iterator[Flaw]:
    standing = sa.func.sum(sa.case((sidebar.c.current, 1), else_=0))
    for source, count in connection.execute(
        sa.select(sidebar.c.source, standing)
        .group_by(sidebar.c.source)
        .having(standing != 1)
        .order_by(sidebar.c.source)
    ):
        yield Flaw(f"beside article {source} {count} sidebars stand at once, not one", _RESTORE)
    items = sa.select(sa.func.count()).where(sidebar_item.c.sidebar == sidebar.c.number).scalar_subquery()
    for number, promised, held in connection.execute(
        sa.select(sidebar.c.number, sidebar.c.teasers, items)
        .where(sidebar.c.teasers != items)
        .order_by(sidebar.c.number)
    ):
        yield Flaw(f"sidebar {number} has {held} teasers where it says {promised}", _RESTORE)


def _search(connection: sa.Connection) -> Iterator[Flaw]:
    published = connection.scalar(sa.select(sa.func.count()).where(article.c.status == "published"))
    found = connection.scalar(sa.select(sa.func.count()).select_from(_SEARCH))
    if found != published:
        yield Flaw(f"the desk's search knows {found:,} articles, and {published:,} are published", _AGAIN)


def _entries(connection: sa.Connection) -> Iterator[Flaw]:
    yield from _chain(trail_of(connection))


def _last_entries(connection: sa.Connection) -> Iterator[Flaw]:
    yield from _chain(last_links(connection, _LAST_LINKS))


def _chain(found: Trail) -> Iterator[Flaw]:
    if found.broken is not None:
        yield Flaw(
            f"entry {found.broken.values['number']} of the audit trail does not follow from the one before it: one of "
            "them was changed, taken out or put in",
            "Find out who can write to the database, and compare with a backup: `recommender audit verify` says more",
        )


_CHECKS: dict[str, Callable[[sa.Connection], Iterator[Any]]] = {
    "tables": _tables,
    "generations": _generations,
    "neighbours": _neighbours,
    "articles named": _articles_named,
    "revisions": _revisions,
    "ledger": _ledger,
    "audit trail": _entries,
    "search": _search,
}
