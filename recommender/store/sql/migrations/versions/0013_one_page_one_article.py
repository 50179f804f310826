"""An article has further addresses, knows which others stand at one of them, when it changed, and may have no count.

What counts as one address has changed, so every key is made anew. Generations and prepared sidebars stay. An archive
in which no article was ever read is one whose site sends no counts: they become unknown.
"""

import re
import string
import time
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import sqlalchemy as sa
from alembic import op

# Not a copy: keys must be what the running release asks for, so whatever that function becomes is right here too.
from recommender.articles.addresses import CAMPAIGN, CAMPAIGN_PREFIXES, canonical_url

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BATCH = 500


def upgrade() -> None:
    op.add_column("article", sa.Column("aliases", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("article", sa.Column("page", sa.Integer))
    op.add_column("article", sa.Column("updated", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("ix_article_page", "article", ["page"])
    op.create_table(
        "alias",
        sa.Column("article", sa.Integer, sa.ForeignKey("article.number", ondelete="CASCADE"), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
    )
    op.create_index("ix_alias_key", "alias", ["key"])
    _rewrite(canonical_url)
    _execute("UPDATE article SET updated = :now", now=int(time.time()))
    _find_pages()
    op.add_column("article", sa.Column("count", sa.BigInteger))
    _replace_counts("UPDATE article SET count = read_count")
    _execute("UPDATE article SET read_count = NULL WHERE NOT EXISTS (SELECT 1 FROM article WHERE read_count > 0)")


def downgrade() -> None:
    op.add_column("article", sa.Column("count", sa.BigInteger, nullable=False, server_default="0"))
    _replace_counts("UPDATE article SET count = coalesce(read_count, 0)")
    op.drop_index("ix_alias_key", "alias")
    op.drop_table("alias")
    op.drop_index("ix_article_page", "article")
    for column in ("updated", "page", "aliases"):
        op.drop_column("article", column)
    _rewrite(_earlier_key)


def _find_pages() -> None:
    """Marks those that share an address; they count as changed, so that none stays beside another."""
    _execute(
        "UPDATE article SET page = (SELECT min(other.number) FROM article other WHERE other.url_key = article.url_key) "
        "WHERE url_key IN (SELECT url_key FROM article GROUP BY url_key HAVING count(*) > 1)"
    )
    if op.get_bind().execute(sa.text("SELECT 1 FROM article WHERE page IS NOT NULL LIMIT 1")).first() is not None:
        _execute("UPDATE state SET revision = revision + 1")
        _execute("UPDATE article SET revision = (SELECT revision FROM state) WHERE page IS NOT NULL")


def _replace_counts(copy: str) -> None:
    """Puts the column `count` in place of `read_count`: SQLite changes none where it stands."""
    _execute(copy)
    op.drop_column("article", "read_count")
    _execute("ALTER TABLE article RENAME COLUMN count TO read_count")


def _execute(statement: str, **values: int) -> None:
    op.get_bind().execute(sa.text(statement), values)


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


_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~!*'()")
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})?")


def _earlier_key(url: str) -> str:
    """The key that releases from 0008 up to 0012 ask for."""
    try:
        parts = urlsplit(url.strip())
        port = f":{parts.port}" if parts.port and parts.port not in (80, 443) else ""
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError:
        return url
    names = {parameter: parameter.partition("=")[0] for parameter in filter(None, _escaped(parts.query).split("&"))}
    kept = [
        parameter
        for parameter in filter(None, _escaped(parts.query).split("&"))
        if names[parameter].lower() not in CAMPAIGN and not names[parameter].lower().startswith(CAMPAIGN_PREFIXES)
    ]
    query = "&".join(sorted(kept, key=lambda parameter: names[parameter]))
    return f"{host.removeprefix('www.')}{port}{_escaped(parts.path.rstrip('/'))}{'?' * bool(query)}{query}"


def _escaped(text: str) -> str:
    return quote(_ESCAPE.sub(_escape, text), safe=":/?[]@!$&'()*+,;=%", errors="replace")


def _escape(match: re.Match[str]) -> str:
    if match[1] is None:
        return "%25"
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()
