"""Connections to PostgreSQL that give up.

The server ends a statement that takes too long, and so cannot do it when it is frozen itself or its packets vanish.
psycopg waits for its answer for ever; these connections wait as long as they are told to.
"""

import time
from collections.abc import Generator
from math import ceil
from typing import Any, TypeVar

import psycopg

from recommender.store.limits import TimeLimits

Result = TypeVar("Result")

# A peer that acknowledges nothing is given up after a minute, whatever the limit: the kernel asks it.
PEER_SECONDS = 60
ASK_SECONDS = 30  # after so much silence, and then every ASK_AGAIN_SECONDS
ASK_AGAIN_SECONDS = 10
# See https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
KEPT_ALIVE = {
    "keepalives_idle": ASK_SECONDS,
    "keepalives_interval": ASK_AGAIN_SECONDS,
    "keepalives_count": (PEER_SECONDS - ASK_SECONDS) // ASK_AGAIN_SECONDS,
    "tcp_user_timeout": PEER_SECONDS * 1000,
}


class Silence(psycopg.OperationalError):
    """The server has sent nothing for as long as the caller waits. The connection is closed."""


class PatientConnection(psycopg.Connection[Any]):
    """A connection that is closed when the server sends nothing for `patience` seconds while it should."""

    patience = float(PEER_SECONDS)

    def wait(self, gen: Generator[Any, Any, Result], *arguments: Any, **keywords: Any) -> Result:
        """See psycopg. Raises Silence."""
        try:
            return super().wait(_unless_silent(gen, self.patience), *arguments, **keywords)
        except Silence:
            self.close()  # it may still answer, and to the wrong question
            raise


def _unless_silent(waiting: Generator[Any, Any, Result], patience: float) -> Generator[Any, Any, Result]:
    """What `waiting` does, which psycopg resumes several times a second also where nothing has come."""
    heard = time.monotonic()
    try:
        wanted = next(waiting)
        while True:
            ready = yield wanted
            if ready:
                heard = time.monotonic()
            elif time.monotonic() - heard > patience:
                raise Silence(f"the server has said nothing for {patience:g} seconds")
            wanted = waiting.send(ready)
    except StopIteration as end:
        result: Result = end.value
        return result


def connect(limits: TimeLimits, *arguments: Any, **parameters: Any) -> PatientConnection:
    """A new connection with limits; `parameters` as psycopg takes them, which come before the limits' own."""
    given = {"connect_timeout": max(2, ceil(limits.connect))} | KEPT_ALIVE | parameters  # psycopg takes 2 at least
    connection = PatientConnection.connect(*arguments, autocommit=True, **given)
    connection.patience = limits.connect
    # By statements, since a pool of connections before the server may refuse them as a part of the connection. The
    # server asks too whether its peer is there: what a process that is gone has locked is free again then.
    try:
        connection.execute(
            f"SET statement_timeout = '{limits.statement:g}s'; SET lock_timeout = '{limits.turn:g}s'; "
            f"SET tcp_keepalives_idle = {ASK_SECONDS}; SET tcp_keepalives_interval = {ASK_AGAIN_SECONDS}"
        )
    except BaseException:
        connection.close()
        raise
    connection.autocommit = False
    return connection


def is_silence(error: BaseException | None) -> bool:
    """Whether an error says that nothing came from the server."""
    return isinstance(error, Silence | psycopg.errors.ConnectionTimeout)
