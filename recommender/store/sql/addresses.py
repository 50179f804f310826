"""Which articles stand at which addresses, and which of them share one."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import sqlalchemy as sa

from recommender.articles.addresses import canonical_url, without_query
from recommender.articles.article import Article
from recommender.store.sql.database import Connection, batches
from recommender.store.sql.tables import alias, article

_own = article.alias("own")


def keys_of(item: Article) -> frozenset[str]:
    """The keys of every address of an article."""
    return frozenset(map(canonical_url, filter(None, (item.url, *item.aliases))))


def at(key: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether an article stands at an address, as SQL."""
    return article.c.number.in_(
        sa.union(
            sa.select(_own.c.number).where(_own.c.url_key == key), sa.select(alias.c.article).where(alias.c.key == key)
        )
    )


def at_each(connection: Connection, keys: Collection[str]) -> dict[str, set[int]]:
    """The articles at each of some addresses, of any status but deleted; addresses that have none are left out."""
    standing: dict[str, set[int]] = defaultdict(set)
    for batch in batches(sorted(keys)):
        for number, key in connection.execute(
            sa.union(
                sa.select(article.c.number, article.c.url_key).where(article.c.url_key.in_(batch)),
                sa.select(alias.c.article, alias.c.key).where(alias.c.key.in_(batch)),
            )
        ):
            standing[key].add(number)
    return dict(standing)


def put(connection: Connection, items: Mapping[int, Article | None], revision: int) -> None:
    """Notes the further addresses of stored articles by number, None for a withdrawn one, and who shares one.

    Others that shared an address with one, or do now, count as changed: answers to their addresses are wrong then.
    So do those at the same path without a query, which stand in for addresses that have none.
    """
    for batch in batches(list(items)):
        connection.execute(sa.delete(alias).where(alias.c.article.in_(batch)))
    keys = {number: keys_of(item) for number, item in items.items() if item is not None}
    own = {number: canonical_url(item.url) for number, item in items.items() if item is not None and item.url}
    rows = [
        {"article": number, "key": key} for number, theirs in keys.items() for key in sorted(theirs - {own.get(number)})
    ]
    if rows:
        connection.execute(sa.insert(alias), rows)
    beside = _numbers(at_each(connection, {without_query(key) for theirs in keys.values() for key in theirs}))
    group = _group(connection, items, frozenset().union(*keys.values()))
    moved = _moved(connection, group)
    for batch in batches(sorted((moved | beside) - set(items))):
        connection.execute(sa.update(article).where(article.c.number.in_(batch)).values(revision=revision))


def _group(connection: Connection, numbers: Collection[int], keys: Collection[str]) -> dict[int, int | None]:
    """Some articles, those that share an address with them, and those that did; with the page that each had."""
    there = set(numbers) | _numbers(at_each(connection, keys))
    pages = _pages(connection, article.c.number, there)
    shared = {page for page in pages.values() if page is not None}
    return pages | _pages(connection, article.c.page, shared)


def _pages(connection: Connection, column: "sa.ColumnElement[int]", values: Collection[int]) -> dict[int, int | None]:
    return {
        number: page
        for batch in batches(sorted(values))
        for number, page in connection.execute(sa.select(article.c.number, article.c.page).where(column.in_(batch)))
    }


def _moved(connection: Connection, group: Mapping[int, int | None]) -> set[int]:
    """Writes the page of every article of a group; gives those that share one, or did."""
    pages = _components(group, _keys(connection, group))
    new = [{"known": number, "page": pages.get(number)} for number in group if group[number] != pages.get(number)]
    if new:
        connection.execute(
            sa.update(article).where(article.c.number == sa.bindparam("known")).values(page=sa.bindparam("page")), new
        )
    return {number for number in group if pages.get(number) is not None or group[number] is not None}


def _keys(connection: Connection, numbers: Collection[int]) -> Iterable[tuple[int, str]]:
    for batch in batches(sorted(numbers)):
        yield from connection.execute(
            sa.union(
                sa.select(article.c.number, article.c.url_key).where(
                    article.c.number.in_(batch), article.c.url_key.is_not(None)
                ),
                sa.select(alias.c.article, alias.c.key).where(alias.c.article.in_(batch)),
            )
        )


def _components(group: Collection[int], keys: Iterable[tuple[int, str]]) -> dict[int, int]:
    """The lowest number of those that share addresses, also by way of others; articles alone are left out."""
    at_key: dict[str, set[int]] = {}
    for number, key in keys:
        at_key.setdefault(key, set()).add(number)
    joined = {number: {number} for number in group}
    for together in at_key.values():
        merged = set().union(*(joined[number] for number in together))
        for number in merged:
            joined[number] = merged
    return {number: min(others) for number, others in joined.items() if len(others) > 1}


def _numbers(standing: Mapping[str, set[int]]) -> set[int]:
    return set().union(*standing.values())
