"""What the model version of a shadow run would show, in the database: one row for each article."""

from collections.abc import Sequence

import sqlalchemy as sa

from recommender.store.shadow import ShadowSidebar
from recommender.store.sql.database import Database, batches
from recommender.store.sql.tables import shadow_sidebar
from recommender.store.sql.times import milliseconds, moment


class SqlShadow:
    """`ShadowStore` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, generation: int, rows: Sequence[ShadowSidebar]) -> None:
        if not rows:
            return
        mine = shadow_sidebar.c.generation == generation
        with self._database.writing() as connection:
            for numbers in batches([row.article for row in rows]):
                connection.execute(sa.delete(shadow_sidebar).where(mine, shadow_sidebar.c.article.in_(numbers)))
            connection.execute(
                sa.insert(shadow_sidebar),
                [
                    {
                        "generation": generation,
                        "article": row.article,
                        "at": milliseconds(row.at),
                        "live": list(row.live),
                        "shadow": list(row.shadow),
                    }
                    for row in rows
                ],
            )

    def rows(self, generation: int) -> list[ShadowSidebar]:
        query = sa.select(shadow_sidebar).where(shadow_sidebar.c.generation == generation)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(shadow_sidebar.c.article))
            return [ShadowSidebar(row.article, moment(row.at), tuple(row.live), tuple(row.shadow)) for row in rows]

    def clear(self) -> None:
        with self._database.writing() as connection:
            connection.execute(sa.delete(shadow_sidebar))
