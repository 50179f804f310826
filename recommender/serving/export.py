"""Use case: every sidebar as a file, for sites that want to serve them without asking the service.

Each is what a page would get at that moment, the guard included, so no file shows what may not stand there at the time
of the export. Files of articles that are gone are removed first, and those of the others are written one by one.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from recommender.errors import ArticleNotFound
from recommender.progress import Progress
from recommender.ranking.filters import public
from recommender.serving.answers import Query
from recommender.serving.document import iso, make_document, to_json
from recommender.serving.prepared import find_prepared
from recommender.serving.recommender import Recommender
from recommender.store.base import Store

AT_ONCE = 500
MAX_NAME = 200  # bytes; file systems take 255 with the ending
CUT = 100


class Files(Protocol):
    """The promise of the place that files are written to."""

    def open(self) -> None:
        """Makes it ready. Raises InvalidInput or Unavailable."""
        ...

    def put(self, name: str, data: bytes) -> bool:
        """Writes a file, unless it holds the same already; whether it was written."""
        ...

    def keep(self, names: Iterable[str]) -> int:
        """Removes every other file and returns how many."""
        ...

    def describe(self, facts: Mapping[str, Any]) -> None:
        """Writes down what it holds."""
        ...


@dataclass(frozen=True)
class Exported:
    """What became of the files: one JSON and one HTML file for each of `articles`."""

    articles: int
    written: int
    removed: int


def export(
    store: Store,
    recommender: Recommender,
    fragment: Callable[[Mapping[str, Any]], str],
    files: Files,
    progress: Progress,
) -> Exported:
    """Writes the sidebar of every article that is public now, and removes other files."""
    files.open()
    state, columns = recommender.state(), recommender.columns()
    due = columns.number[public(columns, recommender.now().timestamp())].tolist()
    ids = _ids(store, due)
    removed = files.keep(name for article_id in ids for name in file_names(article_id))
    written = 0
    for article_id in progress(ids, len(ids), f"Writing the sidebars of {len(ids):,} articles"):
        try:
            body = _body(store, recommender, article_id)
        except ArticleNotFound:
            continue  # withdrawn or held meanwhile; the next export removes its files
        as_json, as_html = file_names(article_id)
        written += files.put(as_json, body) + files.put(as_html, fragment(json.loads(body)).encode())
    facts = {"generation": state.generation, "revision": state.revision, "articles": len(ids)}
    files.describe({"exported": iso(recommender.now()), **facts})
    return Exported(len(ids), written, removed)


def _body(store: Store, recommender: Recommender, article_id: str) -> bytes:
    """The answer to the plain question, as a page would get it now: prepared and still right, or made anew."""
    ready = find_prepared(store, recommender, article_id, recommender.state())
    if ready is not None:
        return ready.body
    recommendation = recommender.for_reader(article_id, Query())
    language = recommendation.article.language if recommendation.article else "en"
    return to_json(make_document(recommendation, recommender.gazetteer, language, wording=recommender.wording))


def _ids(store: Store, numbers: Sequence[int]) -> list[str]:
    ids = []
    for start in range(0, len(numbers), AT_ONCE):
        ids += [article.id for article in store.articles.get(numbers[start : start + AT_ONCE], texts=False).values()]
    return ids


def file_names(article_id: str) -> tuple[str, str]:
    """The names of an article's files, JSON and HTML: its id, percent-encoded.

    Letters, digits, `-`, `_` and dots stand as they are, a dot at the beginning apart, which would hide the file. An id
    that grows too long is cut, and gets `~` and a digest of the whole; in no other name is a `~`.
    """
    name = quote(article_id, safe="").replace("~", "%7E")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    if len(name) > MAX_NAME:
        name = f"{name[:CUT]}~{hashlib.blake2b(article_id.encode(), digest_size=16).hexdigest()}"
    return f"{name}.json", f"{name}.html"
