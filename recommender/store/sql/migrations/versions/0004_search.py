"""Full-text search: an FTS5 table on SQLite, tsvectors with their indexes on PostgreSQL; filled from the articles.

SQLAlchemy can describe neither, so `tables.py` does not have it.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from recommender.store.sql.search import Searchable, put

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BATCH = 500

# The words come cut and folded; `ascii` takes every other character for a letter. No more is kept than which words a
# column has: neither where they stand nor how many there are. Words that begin with one or two letters are too many to
# be gathered at every search ("la crise du Mali" took 50 ms), so they have an index of their own.
_SQLITE = (
    """CREATE VIRTUAL TABLE article_search
    USING fts5(title, text, tokenize = 'ascii', prefix = '1 2', detail = 'column', columnsize = 0)""",
)
# `rowid` is an ordinary name here, and the one that SQLite gives a key.
_POSTGRESQL = (
    "CREATE TABLE article_search (rowid bigint PRIMARY KEY, title tsvector NOT NULL, text tsvector NOT NULL)",
    "CREATE INDEX ix_article_search_title ON article_search USING gin (title)",
    "CREATE INDEX ix_article_search_text ON article_search USING gin (text)",
)


def upgrade() -> None:
    connection = op.get_bind()
    for statement in _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)
    for batch in _published(connection):
        put(connection, batch)


def _published(connection: sa.Connection) -> Iterator[list[Searchable]]:
    page = sa.text(
        "SELECT number, posted, title, summary, body FROM article "
        "WHERE status = 'published' AND number > :last ORDER BY number LIMIT :batch"
    )
    last = 0
    while rows := connection.execute(page, {"last": last, "batch": BATCH}).all():
        yield [Searchable(*row) for row in rows]
        last = rows[-1].number


def downgrade() -> None:
    op.execute("DROP TABLE article_search")
