"""Use case: articles come, change and go. Changes of stored articles are written into the audit trail.

So it can be looked up later when a correction or a removal came, and how long after it each sidebar followed. The trail
is never changed, so it says which fields have changed, but keeps no texts: a withdrawn article is forgotten.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

from recommender.articles.addresses import canonical_url
from recommender.articles.article import Article, parse_article
from recommender.articles.reading import Conventions, read_article
from recommender.errors import FieldProblem, InvalidArticle
from recommender.store.articles import DELETED, SharedAddress, Upserted
from recommender.store.audit import CHANGE_ARTICLE, WITHDRAW, AuditEntry
from recommender.store.base import Store

WITH_VALUES = ("status", "flags")  # with their values; of the others only that they have changed
IGNORED = ("read_count",)  # changes with every reader
COUNTED_AT_ONCE = 500  # articles in one transaction


@dataclass(frozen=True)
class Counted:
    """What became of counts of reads: how many articles have a new one, and the ids that no article has."""

    changed: int
    unchanged: int
    unknown: tuple[str, ...]


class Publishing:
    """Stores articles on behalf of a publisher, named `by` in the trail."""

    def __init__(self, store: Store, by: str, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._by = by
        self._clock = clock

    def on_behalf_of(self, by: str) -> "Publishing":
        """The same for another publisher."""
        return Publishing(self._store, by, self._clock)

    def put(self, articles: Sequence[Article]) -> Upserted:
        """Adds what is new and replaces what has changed, all or nothing; of two with one id the last counts."""
        latest = {article.id: article for article in articles}
        with self._store.writing():
            numbers = self._store.articles.numbers(list(latest))
            old = self._store.articles.get(list(numbers.values()))
            back = [
                trace
                for article_id in latest
                if article_id not in numbers and (trace := self._store.articles.trace(article_id))
            ]
            done = self._store.articles.upsert(articles)
            for trace in back:
                after = {"status": latest[trace.id].status}
                self._note(CHANGE_ARTICLE, trace.id, trace.number, {"status": DELETED}, after)
            for article_id, number in numbers.items():
                before, after = _changes(old[number], latest[article_id])
                if after:
                    self._note(CHANGE_ARTICLE, article_id, number, before, after)
        return done

    def patch(self, article_id: str, changes: Mapping[str, Any]) -> Upserted | None:
        """Replaces some fields of an article, as RFC 7396 says: None takes one away. None where there is no article.

        Raises InvalidArticle.
        """
        if changes.get("id", article_id) != article_id:
            raise InvalidArticle(
                [FieldProblem("id", repr(changes["id"]), "differs from the id in the path", "leave it out")]
            )
        with self._store.writing():
            number = self._store.articles.numbers([article_id]).get(article_id)
            if number is None:
                return None
            stored = self._store.articles.get([number])[number]
            if changes.get("status"):  # in the words of the publishing system, as a whole article may have it
                changes = {**changes, "status": _status(stored, changes)}
            parsed = parse_article(asdict(stored) | dict(changes))
            # Only these: a text that is kept is plain, and must not be read as HTML again.
            patched = replace(stored, **{name: getattr(parsed, name) for name in changes})
            done = self.put([patched])
            if patched.read_count is None and stored.read_count is not None:
                forgotten = self._store.articles.upsert([patched], keep_counts=False)
                return done if done.changed else forgotten
        return done

    def count(self, reads: Mapping[str, int]) -> Counted:
        """Keeps how often articles have been read, by id."""
        ids, changed, unknown = list(reads), 0, list[str]()
        for start in range(0, len(ids), COUNTED_AT_ONCE):
            batch = ids[start : start + COUNTED_AT_ONCE]
            with self._store.writing():
                articles = self._store.articles.get(list(self._store.articles.numbers(batch).values()))
                counted = [replace(article, read_count=reads[article.id]) for article in articles.values()]
                changed += self._store.articles.upsert(counted).changed
            known = {article.id for article in counted}
            unknown += [article_id for article_id in batch if article_id not in known]
        return Counted(changed, len(ids) - changed - len(unknown), tuple(unknown))

    def shared(self, article_ids: Sequence[str]) -> list[SharedAddress]:
        """The addresses of some articles at which others stand too."""
        return self._store.articles.shared(article_ids)

    def withdraw(self, article_id: str) -> bool:
        """Takes an article out of every sidebar and forgets its text; False if there is none."""
        with self._store.writing():
            numbered = self._store.articles.find(article_id)
            gone = self._store.articles.withdraw(article_id)
            if gone and numbered is not None:
                number, article = numbered
                self._note(WITHDRAW, article_id, number, {"status": article.status}, {"status": DELETED})
        return gone

    def _note(
        self, action: str, article_id: str, number: int, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        entry = AuditEntry(self._clock(), self._by, action, article_id, number, before=before or None, after=after)
        self._store.audit.append(entry)


def _changes(old: Article, new: Article) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the trail records of a change; nothing where only numbers of reads differ."""
    names = [field.name for field in fields(Article) if getattr(old, field.name) != getattr(new, field.name)]
    before = {name: _recorded(old, name) for name in names if name in WITH_VALUES}
    after = {name: _recorded(new, name) for name in names if name in WITH_VALUES}
    rest = [name for name in names if name not in (*WITH_VALUES, *IGNORED)]
    return before, {**after, "changed": rest} if rest else after


def _recorded(article: Article, name: str) -> Any:
    value = getattr(article, name)
    return list(value) if isinstance(value, tuple) else value


def _status(stored: Article, changes: Mapping[str, Any]) -> str:
    """The status that some changes give an article; a word that is not known is not public."""
    dated = None if stored.posted_on is None else stored.posted_on.isoformat()
    record = {"id": stored.id, "title": stored.title, "posted_on": changes.get("posted_on", dated)}
    return read_article(record | {"status": changes["status"]}, Conventions()).article.status


class NotedShared:
    """Stores articles as `Publishing.put` does, and notes which of their addresses others have too."""

    def __init__(self, publishing: Publishing) -> None:
        self._publishing = publishing
        self._shared: dict[str, SharedAddress] = {}  # by key

    def put(self, articles: Sequence[Article]) -> Upserted:
        """As `Publishing.put`."""
        done = self._publishing.put(articles)
        shared = self._publishing.shared([article.id for article in articles])
        self._shared |= {canonical_url(address.url): address for address in shared}
        return done

    @property
    def addresses(self) -> list[SharedAddress]:
        """The shared addresses, once each."""
        return list(self._shared.values())
