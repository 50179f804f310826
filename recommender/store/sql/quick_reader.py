"""Reads that never wait. A reader of SQLite's write-ahead log waits for no writer."""

import time
from datetime import datetime

from recommender.store.base import State
from recommender.store.sql.database import READ_STATE, Database
from recommender.store.sql.generations import PREPARED
from recommender.store.sql.public import second


class SqlQuickReader:
    """`QuickReader` over a connection to a SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._state = database.without_patience(READ_STATE)
        self._prepared = database.without_patience(PREPARED)

    def state(self) -> State | None:
        began = time.monotonic()
        row = self._state()
        return None if row is None else self._database.noted(State(row[0], row[1]), began)

    def prepared(self, generation: int, article_id: str, at: datetime) -> bytes | None:
        row = self._prepared(generation=generation, key=article_id, at=second(at))
        return None if row is None or row[0] is None else bytes(row[0])
