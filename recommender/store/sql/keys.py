"""API keys in the database."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recommender.store.keys import ApiKey
from recommender.store.sql.database import Database
from recommender.store.sql.tables import api_key
from recommender.store.sql.texts import storable
from recommender.store.sql.times import milliseconds, moment

_KEY = sa.select(api_key)
_BY_ID = _KEY.where(api_key.c.id == sa.bindparam("key"))


class SqlKeys:
    """`KeyStore` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, key: ApiKey) -> None:
        with self._database.writing() as connection:
            if self.get(key.id) is not None:
                raise ValueError(f"there is a key {key.id} already")
            connection.execute(
                sa.insert(api_key).values(
                    id=key.id,
                    name=key.name,
                    digest=key.digest,
                    scopes=list(key.scopes),
                    created=milliseconds(key.created),
                    until=milliseconds(key.until),
                    ended=milliseconds(key.ended),
                    used=milliseconds(key.used),
                )
            )

    def get(self, key_id: str) -> ApiKey | None:
        with self._database.reading() as connection:
            row = connection.execute(_BY_ID, {"key": storable(key_id)}).first()
        return None if row is None else _api_key(row)

    def listing(self) -> list[ApiKey]:
        with self._database.reading() as connection:
            keys = [_api_key(row) for row in connection.execute(_KEY)]
        return sorted(keys, key=lambda key: (key.name, key.created, key.id))  # by the same order on both databases

    def limit(self, key_id: str, until: datetime) -> None:
        self._change(key_id, until=milliseconds(until))

    def end(self, key_id: str, at: datetime) -> None:
        self._change(key_id, ended=milliseconds(at))

    def note_use(self, key_id: str, at: datetime) -> None:
        self._change(key_id, used=milliseconds(at))

    def _change(self, key_id: str, **values: int | None) -> None:
        with self._database.writing() as connection:
            connection.execute(sa.update(api_key).where(api_key.c.id == key_id).values(values))


def _api_key(row: Any) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        digest=row.digest,
        scopes=tuple(row.scopes),
        created=moment(row.created),
        until=moment(row.until),
        ended=moment(row.ended),
        used=moment(row.used),
    )
