"""Finding articles by their words: a derived table for the full-text index of either database.

Both are given words and not texts, cut and folded here, so that they find the same. A text is kept as the set of its
words, in no sentence. What a withdrawn article leaves in the files goes when the database next tidies up its index.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY

QUERY_WORDS = 50  # of a text that is looked for; the databases allow a few hundred
# Characters of all words of an article. A tsvector holds a megabyte; a hundred pages have some 100,000 characters.
TEXT_LENGTH = 200_000

_WORD = re.compile(r"[^\W_]{1,50}")  # longer ones count as several
# Accents of Latin, Greek and Cyrillic letters, vowel signs of Hebrew and Arabic ones.
_MARKS = re.compile("[\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed]")
_NUMBERS = 2**25  # articles that an archive can have
_UNDATED = -(2**38)  # before every date in seconds

_search_table = sa.table(
    "article_search", sa.column("rowid", sa.BigInteger), sa.column("title", sa.Text), sa.column("text", sa.Text)
)


@dataclass(frozen=True)
class Searchable:
    """What is found of an article: its place in the order of results, and its words."""

    number: int
    posted: int | None
    title: str
    summary: str
    body: str


def put(connection: sa.Connection, articles: Iterable[Searchable]) -> None:
    """Adds articles that are not in the table."""
    rows = [
        {
            "rowid": place(article.number, article.posted),
            "title": " ".join(words(article.title)),
            "text": " ".join(words(f"{article.title}\n{article.summary}\n{article.body}"))[:TEXT_LENGTH],
        }
        for article in articles
    ]
    if rows:
        connection.execute(_insert(connection), rows)


def remove(connection: sa.Connection, places: Iterable[int]) -> None:
    """Takes articles out of the table by their places."""
    rows = [{"place": key} for key in places]
    if rows:
        connection.execute(sa.delete(_search_table).where(_search_table.c.rowid == sa.bindparam("place")), rows)


def find(connection: sa.Connection, text: str, limit: int) -> list[int]:
    """Numbers of the articles that hold all of the first QUERY_WORDS words of a text, or words that begin so.

    Those first whose title holds them all, the newest first in either group.
    """
    wanted = words(text)[:QUERY_WORDS]
    if not wanted:
        return []
    numbers = _matching(connection, _search_table.c.title, wanted, limit)
    if len(numbers) < limit:
        numbers += _matching(connection, _search_table.c.text, wanted, limit)  # which has the words of the title too
    return list(dict.fromkeys(numbers))[:limit]


def words(text: str) -> list[str]:
    """The words of a text, each once, without case and accents."""
    folded = unicodedata.normalize("NFKD", text.casefold()).replace("œ", "oe").replace("æ", "ae")
    return list(dict.fromkeys(_WORD.findall(_MARKS.sub("", folded))))


def place(number: int, posted: int | None) -> int:
    """The key of an article: the newest is the greatest, so that neither database has to sort what it finds."""
    return (_UNDATED if posted is None else posted) * _NUMBERS + number


def _matching(connection: sa.Connection, column: sa.ColumnClause[Any], wanted: list[str], limit: int) -> list[int]:
    # Words are letters and digits only: within quotes nothing of them can be part of the query's own language.
    if connection.dialect.name == "sqlite":
        matches = column.op("MATCH")(" AND ".join(f'"{word}" *' for word in wanted))
    else:
        matches = column.op("@@")(sa.cast(" & ".join(f"'{word}':*" for word in wanted), TSQUERY))
    query = sa.select(_search_table.c.rowid).where(matches).order_by(_search_table.c.rowid.desc()).limit(limit)
    return [key % _NUMBERS for key in connection.execute(query).scalars()]


def _insert(connection: sa.Connection) -> sa.Insert:
    insert = sa.insert(_search_table)
    if connection.dialect.name == "sqlite":
        return insert
    # PostgreSQL is given its words one by one: its own parser would cut them once more.
    return insert.values(
        {
            name: sa.func.array_to_tsvector(sa.func.string_to_array(sa.bindparam(name), " "))
            for name in ("title", "text")
        }
    )
