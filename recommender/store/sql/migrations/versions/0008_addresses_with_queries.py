"""Articles are found by addresses with their query: `?p=101` and `?p=102` are two.

An article that has not changed is not written again when it comes in again, so the keys are made anew here.
"""

from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

import sqlalchemy as sa
from alembic import op

# Not a copy: keys must be what the running release asks for, so whatever that function becomes is right here too.
from recommender.articles.addresses import canonical_url

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BATCH = 500


def upgrade() -> None:
    _rewrite(canonical_url)


def downgrade() -> None:
    _rewrite(_without_query)


def _rewrite(key: Callable[[str], str]) -> None:
    connection = op.get_bind()
    page = sa.text(
        "SELECT number, url FROM article WHERE url IS NOT NULL AND number > :last ORDER BY number LIMIT :batch"
    )
    write = sa.text("UPDATE article SET url_key = :key WHERE number = :number")
    last = 0
    while rows := connection.execute(page, {"last": last, "batch": BATCH}).all():
        connection.execute(write, [{"number": row.number, "key": key(row.url)} for row in rows])
        last = rows[-1].number


def _without_query(url: str) -> str:
    """The key that releases up to 0007 ask for."""
    try:
        parts = urlsplit(url.strip())
        port = f":{parts.port}" if parts.port and parts.port not in (80, 443) else ""
    except ValueError:
        return url
    host = (parts.hostname or "").removeprefix("www.")
    return urlunsplit(("", host + port, parts.path.rstrip("/"), "", "")).removeprefix("//")
