"""Use case: articles come, change and go. What changes in one that is kept is written into the audit trail.

So it can be told later when a correction or a removal came, and how long after it each sidebar followed. The trail is
never changed, so it says which fields have changed, but keeps no texts: a withdrawn article is forgotten.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from recommender.articles.article import Article
from recommender.store.articles import DELETED, Upserted
from recommender.store.audit import CHANGE_ARTICLE, WITHDRAW, AuditEntry
from recommender.store.base import Store

TOLD = ("status", "flags")  # with their values; of the others only that they have changed
UNTOLD = ("read_count",)  # changes with every reader


class Publishing:
    """Keeps articles for somebody, named `by` in the trail."""

    def __init__(self, store: Store, by: str, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._by = by
        self._clock = clock

    def put(self, articles: Sequence[Article]) -> Upserted:
        """Adds what is new and replaces what has changed, all or nothing; of two with one id the last counts."""
        latest = {article.id: article for article in articles}
        with self._store.writing():
            known = self._store.articles.numbers(list(latest))
            old = self._store.articles.get(list(known.values()))
            back = [trace for one in latest if one not in known and (trace := self._store.articles.trace(one))]
            done = self._store.articles.upsert(articles)
            for trace in back:
                after = {"status": latest[trace.id].status}
                self._note(CHANGE_ARTICLE, trace.id, trace.number, {"status": DELETED}, after)
            for article_id, number in known.items():
                before, after = _changes(old[number], latest[article_id])
                if after:
                    self._note(CHANGE_ARTICLE, article_id, number, before, after)
        return done

    def withdraw(self, article_id: str) -> bool:
        """Takes an article out of every sidebar and forgets its text; False if there is none."""
        with self._store.writing():
            found = self._store.articles.find(article_id)
            gone = self._store.articles.withdraw(article_id)
            if gone and found is not None:
                number, article = found
                self._note(WITHDRAW, article_id, number, {"status": article.status}, {"status": DELETED})
        return gone

    def _note(
        self, action: str, article_id: str, number: int, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        entry = AuditEntry(self._clock(), self._by, action, article_id, number, before=before or None, after=after)
        self._store.audit.append(entry)


def _changes(old: Article, new: Article) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the trail says of a change; nothing where only numbers of reads differ."""
    names = [field.name for field in fields(Article) if getattr(old, field.name) != getattr(new, field.name)]
    before = {name: _told(old, name) for name in names if name in TOLD}
    after = {name: _told(new, name) for name in names if name in TOLD}
    rest = [name for name in names if name not in (*TOLD, *UNTOLD)]
    return before, {**after, "changed": rest} if rest else after


def _told(article: Article, name: str) -> Any:
    value = getattr(article, name)
    return list(value) if isinstance(value, tuple) else value
