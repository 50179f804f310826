"""`/amp` in front of a path and the endings `.amp` and `.html` count no more, so every key of an address is made anew.

Articles that have one address now are one page, and count as changed, so that none stays beside another.
"""

import json

import sqlalchemy as sa
from alembic import op

# Not a copy: keys must be what the running release asks for, so whatever that function becomes is right here too.
from recommender.articles.addresses import canonical_url

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None

BATCH = 500
_KEYS = (
    "SELECT number AS article, url_key AS key FROM article WHERE url_key IS NOT NULL "
    "UNION SELECT article, key FROM alias"
)
_SHARED = (
    f"SELECT article, key FROM ({_KEYS}) AS each_one "  # noqa: S608  # of constants
    f"WHERE key IN (SELECT key FROM ({_KEYS}) AS counted GROUP BY key HAVING count(*) > 1)"
)


def upgrade() -> None:
    connection = op.get_bind()
    page = sa.text("SELECT number, url, aliases FROM article WHERE number > :last ORDER BY number LIMIT :batch")
    last = 0
    connection.execute(sa.text("DELETE FROM alias"))
    while rows := connection.execute(page, {"last": last, "batch": BATCH}).all():
        keyed = [{"number": row.number, "key": canonical_url(row.url)} for row in rows if row.url is not None]
        if keyed:
            connection.execute(sa.text("UPDATE article SET url_key = :key WHERE number = :number"), keyed)
        aliases = [
            {"article": row.number, "key": key}
            for row in rows
            for key in sorted(set(map(canonical_url, _addresses(row.aliases))) - {canonical_url(row.url or "")})
        ]
        if aliases:
            connection.execute(sa.text("INSERT INTO alias (article, key) VALUES (:article, :key)"), aliases)
        last = rows[-1].number
    _find_pages(connection)


def downgrade() -> None:
    """The keys stay: earlier releases find an article by all but those forms that they did not know either."""


def _addresses(aliases: list[str] | str | None) -> list[str]:
    """SQLite gives JSON as text."""
    found: list[str] = json.loads(aliases) if isinstance(aliases, str) else aliases or []
    return found


def _find_pages(connection: sa.Connection) -> None:
    """Gives all that share an address, also by way of others, the lowest number among them as their page."""
    standing: dict[str, set[int]] = {}
    for article, key in connection.execute(sa.text(_SHARED)):
        standing.setdefault(key, set()).add(article)
    groups: dict[int, set[int]] = {}
    for together in standing.values():
        group = together.union(*(groups.get(article, set()) for article in together))
        groups |= dict.fromkeys(group, group)
    known = connection.execute(sa.text("SELECT number, page FROM article WHERE page IS NOT NULL")).all()
    before = {row.number: row.page for row in known}
    pages = {article: min(group) for article, group in groups.items()}
    new = [{"number": article, "page": page} for article, page in pages.items() if before.get(article) != page]
    if new:
        connection.execute(sa.text("UPDATE state SET revision = revision + 1"))
        update = "UPDATE article SET page = :page, revision = (SELECT revision FROM state) WHERE number = :number"
        connection.execute(sa.text(update), new)
