"""How long a process waits for the database."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TimeLimits:
    """Seconds, each above 0: for a connection to be made, for one statement, and for a writer's turn."""

    connect: float
    statement: float
    turn: float


# Of a build or a migration: a statement may go through all vectors, and the longest write is one batch of a build.
COMMAND = TimeLimits(connect=10, statement=3600, turn=60)
