"""Approved sidebars, and who looks at which article, in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recommender.store.reviews import Review
from recommender.store.sql.database import Database, batches
from recommender.store.sql.tables import look, review
from recommender.store.sql.times import milliseconds, moment


class SqlReviews:
    """`ReviewStore` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, new: Review) -> None:
        values = {"article": new.article, "by": new.by, "at": milliseconds(new.at), "digest": new.digest}
        with self._database.writing() as connection:
            self.remove(new.article)
            connection.execute(sa.insert(review).values(values))

    def remove(self, article: int) -> None:
        with self._database.writing() as connection:
            connection.execute(sa.delete(review).where(review.c.article == article))

    def get(self, article: int) -> Review | None:
        reviews = self._read(sa.select(review).where(review.c.article == article))
        return reviews[0] if reviews else None

    def all(self) -> list[Review]:
        return self._read(sa.select(review).order_by(review.c.article))

    def look(self, article: int, by: str, at: datetime, since: datetime) -> list[str]:
        values = {"article": article, "by": by, "at": milliseconds(at)}
        others = (look.c.article == article) & (look.c.by != by)
        with self._database.writing() as connection:
            connection.execute(sa.delete(look).where(look.c.article == article, look.c.by == by))
            connection.execute(sa.insert(look).values(values))
            recent = sa.select(look.c.by).where(others, look.c.at >= milliseconds(since))
            return sorted(connection.execute(recent).scalars())

    def looking(self, articles: Sequence[int], since: datetime) -> dict[int, list[str]]:
        names: dict[int, list[str]] = {}
        recent = sa.select(look.c.article, look.c.by).where(look.c.at >= milliseconds(since)).order_by(look.c.by)
        with self._database.reading() as connection:
            for batch in batches(articles):
                for article, name in connection.execute(recent.where(look.c.article.in_(batch))):
                    names.setdefault(article, []).append(name)
        return names

    def _read(self, query: sa.Select[Any]) -> list[Review]:
        with self._database.reading() as connection:
            return [Review(row.article, row.by, moment(row.at), row.digest) for row in connection.execute(query)]
