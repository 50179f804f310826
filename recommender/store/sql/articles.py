"""Articles in the database."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from recommender.articles.addresses import canonical_url, without_query
from recommender.articles.article import EXPLAINER_TAGS, HOLD_FLAG, UPDATE_TAG, Article
from recommender.curation.rules import labels
from recommender.curation.sensitivity import bits
from recommender.store.articles import DELETED, Facts, Listed, Selection, SharedAddress, Trace, Upserted
from recommender.store.sql import addresses, search
from recommender.store.sql.database import Connection, Database, batches
from recommender.store.sql.public import LISTED, PUBLIC, second
from recommender.store.sql.tables import article
from recommender.store.sql.texts import storable

_FACTS = sa.select(
    article.c.number,
    article.c.posted,
    sa.func.coalesce(article.c.read_count, 0),
    article.c.edition,
    article.c.language,
    (article.c.status == "published").label("published"),
    article.c.url.is_not(None).label("linked"),
    article.c.is_held,
    article.c.is_update,
    article.c.revision,
    article.c.tags,
    article.c.author,
    article.c.flags,
    article.c.countries,
    sa.func.coalesce(article.c.page, article.c.number),
)


_CARD = [column for column in article.c if column is not article.c.body]
_NEWEST_FIRST = (article.c.posted.desc().nulls_last(), article.c.number.desc())
# Statements of the request path are made once: building one costs more than running it.
_PUBLISHED_CARD = sa.select(*_CARD).where(article.c.status == "published")
_BY_ID = _PUBLISHED_CARD.where(article.c.id == sa.bindparam("key"))
_BY_ADDRESS = (
    _PUBLISHED_CARD.where(addresses.at(sa.bindparam("key")))
    .order_by(*_NEWEST_FIRST)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_PUBLIC_BY_ID = _BY_ID.where(PUBLIC)
_PUBLIC_BY_ADDRESS = _BY_ADDRESS.where(PUBLIC)
_NEXT_AT_ADDRESS = sa.select(sa.func.min(article.c.posted)).where(
    addresses.at(sa.bindparam("key")), LISTED, article.c.posted > sa.bindparam("at", type_=sa.BigInteger)
)
_ANY_BY_ID = sa.select(*_CARD).where(article.c.id == sa.bindparam("key"), article.c.status != DELETED)
_TRACE = sa.select(article.c.number, article.c.id, article.c.status)
_STORED = sa.select(
    article.c.id,
    article.c.number,
    article.c.content_hash,
    article.c.text_hash,
    article.c.posted,
    (article.c.status == "published").label("published"),
    article.c.is_held,
    article.c.read_count,
    article.c.url,
    article.c.aliases,
)
_NUMBERED = article.c.number.in_(sa.bindparam("numbers", expanding=True)) & (article.c.status != DELETED)
_WITH_TEXTS = sa.select(article).where(_NUMBERED)
_CARDS = sa.select(*_CARD).where(_NUMBERED)


def _facts(row: Any) -> Facts:
    number, posted, reads, edition, language, published, linked, held, update, revision, *rest = row
    tags, author, flags, countries, page = rest
    return Facts(
        number=number,
        posted=posted,
        reads=reads,
        edition=edition,
        language=language,
        published=published,
        linked=linked,
        held=held,
        update=update,
        revision=revision,
        explains=not EXPLAINER_TAGS.isdisjoint(map(str.casefold, tags)),
        byline=author,
        flags=bits(flags),
        labels=labels(edition=edition, language=language, byline=author, flags=flags, tags=tags, countries=countries),
        page=page,
    )


class SqlArticles:
    """`ArticleStore` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def upsert(self, articles: Sequence[Article], *, keep_counts: bool = True) -> Upserted:
        latest = {item.id: item for item in articles}
        with self._database.writing() as connection:
            stored = {
                row.id: row
                for ids in batches(list(latest))
                for row in connection.execute(_STORED.where(article.c.id.in_(ids)))
            }
            if keep_counts:
                latest = {key: _with_count(item, stored.get(key)) for key, item in latest.items()}
            new = [item for item in latest.values() if item.id not in stored]
            changed = [item for item in latest.values() if item.id in stored and _differs(item, stored[item.id])]
            if new or changed:
                self._write(connection, stored, new, changed)
                self._keep_in_search(connection, stored, new + changed)
        return Upserted(len(new), len(changed), len(latest) - len(new) - len(changed))

    def _write(
        self, connection: Connection, stored: Mapping[str, Any], new: Sequence[Article], changed: Sequence[Article]
    ) -> None:
        revision = self._database.bump()
        fixed = {"revision": revision, "updated": _this_second()}
        if new:
            connection.execute(sa.insert(article), [_columns(item) | fixed for item in new])
        if changed:
            connection.execute(
                sa.update(article).where(article.c.number == sa.bindparam("known_number")),
                [_columns(item) | fixed | {"known_number": stored[item.id].number} for item in changed],
            )
        moved = [item for item in new if item.url or item.aliases]
        moved += [item for item in changed if _place(item) != _stored_place(stored[item.id])]
        if moved:
            numbers = self.numbers([item.id for item in moved])
            addresses.put(connection, {numbers[item.id]: item for item in moved}, revision)

    def _keep_in_search(self, connection: sa.Connection, stored: Mapping[str, Any], items: Sequence[Article]) -> None:
        """Looks only at what is found and in which order: counts of readers change every article every day."""
        stale = [
            item for item in items if item.id not in stored or _search_key(item) != _stored_search_key(stored[item.id])
        ]
        earlier = [stored[item.id] for item in stale if item.id in stored]
        search.remove(connection, [search.place(row.number, row.posted) for row in earlier])
        published = [item for item in stale if item.status == "published"]
        numbers = self.numbers([item.id for item in published])
        search.put(
            connection,
            (
                search.Searchable(numbers[item.id], _seconds(item.posted_on), item.title, item.summary, item.body)
                for item in published
            ),
        )

    def withdraw(self, article_id: str) -> bool:
        """The row stays as a tombstone, so that every worker learns of it by revision."""
        with self._database.writing() as connection:
            gone = connection.execute(
                sa.update(article)
                .where(article.c.id == article_id, article.c.status != DELETED)
                .values(
                    status=DELETED,
                    title="",
                    summary="",
                    body="",
                    url=None,
                    url_key=None,
                    image_url=None,
                    author="",
                    countries=[],
                    tags=[],
                    aliases=[],
                    content_hash="",
                    text_hash="",
                )
                .returning(article.c.number, article.c.posted)
            ).first()
            if gone is None:
                return False
            search.remove(connection, [search.place(gone.number, gone.posted)])
            revision = self._database.bump()
            connection.execute(
                sa.update(article)
                .where(article.c.number == gone.number)
                .values(revision=revision, updated=_this_second())
            )
            addresses.put(connection, {gone.number: None}, revision)
        return True

    def by_id(self, article_id: str) -> tuple[int, Article] | None:
        return self._card(_BY_ID, article_id)

    def by_url(self, url: str) -> tuple[int, Article] | None:
        return self._only_one(_BY_ADDRESS, url)

    def public_by_id(self, article_id: str, at: datetime) -> tuple[int, Article] | None:
        return self._card(_PUBLIC_BY_ID, article_id, at=second(at))

    def public_by_url(self, url: str, at: datetime) -> tuple[int, Article] | None:
        return self._only_one(_PUBLIC_BY_ADDRESS, url, at=second(at))

    def _only_one(self, query: sa.Select[Any], url: str, **values: int) -> tuple[int, Article] | None:
        rows = self._at_address(query, url, 2, **values) or self._at_address(query, without_query(url), 2, **values)
        return (rows[0]["number"], _article(rows[0])) if len(rows) == 1 else None

    def next_public_at(self, url: str, at: datetime) -> datetime | None:
        with self._database.reading() as connection:
            moments = [
                connection.execute(_NEXT_AT_ADDRESS, {"key": canonical_url(form), "at": second(at)}).scalar()
                for form in dict.fromkeys((url, without_query(url)))
            ]
        return min((_moment(posted) for posted in moments if posted is not None), default=None)

    def shared(self, article_ids: Sequence[str]) -> list[SharedAddress]:
        with self._database.reading() as connection:
            articles = self.get(list(self.numbers(article_ids).values()), texts=False).values()
            urls = {
                canonical_url(url): url for item in articles for url in filter(None, (*item.aliases[::-1], item.url))
            }
            shared = {key: at for key, at in addresses.at_each(connection, urls).items() if len(at) > 1}
            traces = self.traces(sorted(set().union(*shared.values())))
        return [
            SharedAddress(urls[key], tuple(traces[number].id for number in sorted(numbers)))
            for key, numbers in sorted(shared.items())
        ]

    def select(self, selection: Selection, limit: int) -> list[Listed]:
        query = sa.select(*_CARD).where(article.c.status != DELETED, article.c.number > selection.after)
        values: dict[str, int] = {}
        if selection.public_at is not None:
            query, values = query.where(PUBLIC), {"at": second(selection.public_at)}
        if selection.status is not None:
            query = query.where(article.c.status == selection.status)
        if selection.updated_since is not None:
            query = query.where(article.c.updated >= second(selection.updated_since))
        if selection.language:
            query = query.where(article.c.language == selection.language)
        if selection.edition is not None:
            query = query.where(article.c.edition == selection.edition)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(article.c.number).limit(limit), values).mappings()
            return [Listed(row["number"], _article(row), _moment(row["updated"])) for row in rows]

    def updated(self, article_id: str) -> datetime | None:
        query = sa.select(article.c.updated).where(article.c.id == storable(article_id), article.c.status != DELETED)
        with self._database.reading() as connection:
            seconds = connection.execute(query).scalar()
        return None if seconds is None else _moment(seconds)

    def find(self, article_id: str) -> tuple[int, Article] | None:
        return self._card(_ANY_BY_ID, article_id)

    def traces(self, numbers: Sequence[int]) -> dict[int, Trace]:
        with self._database.reading() as connection:
            traces = [
                Trace._make(row)
                for batch in batches(numbers)
                for row in connection.execute(_TRACE.where(article.c.number.in_(batch)))
            ]
        return {trace.number: trace for trace in traces}

    def trace(self, article_id: str) -> Trace | None:
        with self._database.reading() as connection:
            row = connection.execute(_TRACE.where(article.c.id == storable(article_id))).first()
        return None if row is None else Trace._make(row)

    def search(self, text: str, limit: int) -> list[int]:
        text_or_key = storable(text).strip()
        with self._database.reading() as connection:
            by_id = self.by_id(text_or_key)
            named = [by_id[0]] if by_id is not None else []
            named += [row["number"] for row in self._at_address(_BY_ADDRESS, text_or_key, limit)]
            return list(dict.fromkeys(named + search.find(connection, text_or_key, limit)))[:limit]

    def _at_address(self, query: sa.Select[Any], url: str, most: int, **values: int) -> Sequence[sa.RowMapping]:
        """Published articles at an address, newest first."""
        with self._database.reading() as connection:
            return connection.execute(query, {"key": canonical_url(url), "most": most, **values}).mappings().all()

    def _card(self, query: sa.Select[Any], key: str, **values: int) -> tuple[int, Article] | None:
        with self._database.reading() as connection:
            row = connection.execute(query, {"key": key, **values}).mappings().first()
        return (row["number"], _article(row)) if row is not None else None

    def get(self, numbers: Sequence[int], *, texts: bool = True) -> dict[int, Article]:
        query = _WITH_TEXTS if texts else _CARDS
        articles: dict[int, Article] = {}
        with self._database.reading() as connection:
            for batch in batches(numbers):
                rows = connection.execute(query, {"numbers": list(batch)}).mappings()
                articles |= {row["number"]: _article(row) for row in rows}
        return articles

    def numbers(self, article_ids: Sequence[str]) -> dict[str, int]:
        with self._database.reading() as connection:
            return {
                row.id: row.number
                for ids in batches(article_ids)
                for row in connection.execute(
                    sa.select(article.c.id, article.c.number).where(article.c.id.in_(ids), article.c.status != DELETED)
                )
            }

    def posted(self, numbers: Sequence[int] | None = None) -> dict[int, float]:
        query = sa.select(article.c.number, article.c.posted).where(
            article.c.posted.is_not(None), article.c.status != DELETED
        )
        posted: dict[int, float] = {}
        with self._database.reading() as connection:
            for batch in [None] if numbers is None else batches(numbers):
                rows = connection.execute(query if batch is None else query.where(article.c.number.in_(batch)))
                posted |= {row[0]: float(row[1]) for row in rows}
        return posted

    def facts_since(self, revision: int) -> list[Facts]:
        with self._database.reading() as connection:
            rows = connection.execute(_FACTS.where(article.c.revision > revision)).all()
        return [_facts(row) for row in rows]

    def counts(self) -> dict[str, int]:
        query = sa.select(article.c.status, sa.func.count()).group_by(article.c.status)
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def listing(self, edition: str | None, limit: int, offset: int) -> list[Article]:
        return self._listing(LISTED, edition, limit, offset)

    def public_listing(self, edition: str | None, limit: int, offset: int, at: datetime) -> list[Article]:
        return self._listing(PUBLIC, edition, limit, offset, at=second(at))

    def _listing(
        self, which: sa.ColumnElement[bool], edition: str | None, limit: int, offset: int, **values: int
    ) -> list[Article]:
        query = sa.select(*_CARD).where(which).order_by(*_NEWEST_FIRST).limit(limit).offset(offset)
        if edition is not None:
            query = query.where(article.c.edition == edition)
        with self._database.reading() as connection:
            return [_article(row) for row in connection.execute(query, values).mappings()]

    def editions(self) -> dict[str, int]:
        return self._editions(LISTED)

    def public_editions(self, at: datetime) -> dict[str, int]:
        return self._editions(PUBLIC, at=second(at))

    def _editions(self, which: sa.ColumnElement[bool], **values: int) -> dict[str, int]:
        query = (
            sa.select(article.c.edition, sa.func.count().label("articles"))
            .where(which)
            .group_by(article.c.edition)
            .order_by(sa.desc("articles"), article.c.edition)
        )
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query, values)}


def _seconds(posted_on: datetime | None) -> int | None:
    return int(posted_on.timestamp()) if posted_on else None


def _this_second() -> int:
    return int(time.time())


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _with_count(item: Article, row: Any) -> Article:
    return item if row is None or item.read_count is not None else replace(item, read_count=row.read_count)


def _differs(item: Article, row: Any) -> bool:
    return (item.content_hash, item.read_count) != (row.content_hash, row.read_count)


def _place(item: Article) -> tuple[Any, ...]:
    """What decides which article an address leads to."""
    return item.url, item.aliases, _seconds(item.posted_on), item.status == "published", HOLD_FLAG in item.flags


def _stored_place(row: Any) -> tuple[Any, ...]:
    return row.url, tuple(row.aliases), row.posted, row.published, row.is_held


def _search_key(item: Article) -> tuple[str, int | None, bool]:
    return item.text_hash, _seconds(item.posted_on), item.status == "published"


def _stored_search_key(row: Any) -> tuple[str, int | None, bool]:
    return row.text_hash, row.posted, row.published


def _columns(item: Article) -> dict[str, Any]:
    return {
        "id": item.id,
        "title": item.title,
        "summary": item.summary,
        "body": item.body,
        "url": item.url,
        "url_key": canonical_url(item.url) if item.url else None,
        "posted": _seconds(item.posted_on),
        "edition": item.edition,
        "language": item.language,
        "countries": list(item.countries),
        "tags": list(item.tags),
        "author": item.author,
        "read_count": item.read_count,
        "image_url": item.image_url,
        "status": item.status,
        "flags": list(item.flags),
        "aliases": list(item.aliases),
        "is_held": HOLD_FLAG in item.flags,
        "is_update": UPDATE_TAG in item.tags,
        "content_hash": item.content_hash,
        "text_hash": item.text_hash,
    }


def _article(row: Any) -> Article:
    return Article(
        id=row["id"],
        title=row["title"],
        summary=row["summary"],
        body=row.get("body", ""),
        url=row["url"],
        posted_on=None if row["posted"] is None else _moment(row["posted"]),
        edition=row["edition"],
        language=row["language"],
        countries=tuple(row["countries"]),
        tags=tuple(row["tags"]),
        author=row["author"],
        read_count=row["read_count"],
        image_url=row["image_url"],
        status=row["status"],
        flags=tuple(row["flags"]),
        aliases=tuple(row["aliases"]),
    )
