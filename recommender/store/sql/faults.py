"""What the drivers say when a database cannot be used, as one error of one line with what to do about it."""

import sqlite3
from typing import Final

import sqlalchemy as sa

from recommender.errors import StoreUnavailable

DAMAGED = (
    "The file is damaged: stop the service, keep a copy of the file, and run `recommender check`; "
    "`recommender restore FILE --replace` brings the last backup back"
)
# By SQLite's names of errors, without what an extended name adds (SQLITE_IOERR_READ is an SQLITE_IOERR).
# https://www.sqlite.org/rescode.html
_ADVICE: Final = {
    "SQLITE_NOTADB": DAMAGED,
    "SQLITE_CORRUPT": DAMAGED,
    "SQLITE_IOERR": "The disk gives an error: look into the system's log, and run `recommender check`",
    "SQLITE_FULL": "Make room on the disk; `recommender doctor` shows how much there is",
    "SQLITE_READONLY": "The file, its -wal and -shm and its folder must be writable for this user",
    "SQLITE_CANTOPEN": "It must be a file, and this user must be able to read and write it and its folder",
    "SQLITE_PERM": "This user must be able to read and write the file and its folder",
    "SQLITE_BUSY": "Another process has been writing for too long; try again",
    "SQLITE_LOCKED": "Another process has been writing for too long; try again",
}
_DECODING = "Could not decode to UTF-8"  # has no name of an error: the bytes of a text are not one
_NO_TABLE = "no such table"
_NO_TABLE_ADVICE = "Its tables are not those of this release: run `recommender check`"
# By PostgreSQL's states. https://www.postgresql.org/docs/current/errcodes-appendix.html
_UNDEFINED_TABLE = "42P01"
_STATES: Final = {
    "57014": "One statement took longer than it may; the settings with database in their name have the limits",
    "55P03": "Another process has been writing for too long; try again",
    _UNDEFINED_TABLE: _NO_TABLE_ADVICE,
    "53100": "Make room on the disk of the server",
    "XX001": "The server's files are damaged: `recommender restore FILE --replace` brings the last backup back",
    "XX002": "An index of the server is damaged: REINDEX, and run `recommender check`",
}


def is_fault(error: sa.exc.DBAPIError) -> bool:
    """Whether the database itself is at fault, and not what was asked of it.

    Operational and internal errors are a server that is away, that only reads or has ended a transaction, or a disk
    that is full. SQLite reports a damaged file as `DatabaseError`, whose other kinds are faults of the statement. A
    table that is missing is operational to SQLite, and a fault of the statement to PostgreSQL.
    """
    if isinstance(error, sa.exc.OperationalError | sa.exc.InternalError) or type(error) is sa.exc.DatabaseError:
        return True
    return getattr(error.orig, "sqlstate", None) == _UNDEFINED_TABLE


def unavailable(error: BaseException | None) -> StoreUnavailable:
    """The error for a driver's error: one line, with what to do where that is known."""
    said = " ".join(str(error).split())
    advice = advice_for(error)
    return StoreUnavailable(f"The database does not answer: {said.rstrip('.')}.{f' {advice}.' if advice else ''}")


def advice_for(error: BaseException | None) -> str:
    """What to do about a driver's error; empty where nothing is known."""
    if not isinstance(error, sqlite3.Error):
        return _STATES.get(getattr(error, "sqlstate", None) or "", "")
    name = getattr(error, "sqlite_errorname", "") or ""
    if str(error).startswith(_DECODING):
        return DAMAGED
    if str(error).startswith(_NO_TABLE):
        return _NO_TABLE_ADVICE
    return next((advice for prefix, advice in _ADVICE.items() if name.startswith(prefix)), "")
