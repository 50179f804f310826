"""How long the server takes for the pages of the editors' desk, at the sample's size and at 19,043 articles.

The newswire is built with random vectors: no page asks the model, and candidate lists are as long with any vectors.
"""

import re
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from benchmarks import corpora
from benchmarks.report import Table
from recommender.arrays import Vectors
from recommender.articles.text import PASSAGE_WORDS
from recommender.desk.accounts import SESSION, hash_token
from recommender.embedding.input_form import InputForm
from recommender.progress import quiet
from recommender.serving.prepared import prepare
from recommender.settings import Settings
from recommender.sources.files import open_source
from recommender.sources.ingest import ingest
from recommender.store.accounts import Account
from recommender.store.base import Store
from recommender.web.app import make_app
from recommender.wiring import make_builder, make_recommender, open_store

ARTICLES = 25  # each page is asked for beside so many articles
DIMENSION = 384
Page = Callable[[str], str]

# Name, and the address for an article.
PAGES: dict[str, Page] = {
    "queue": lambda _id: "/editor/",
    "article, with sidebar and 20 candidates": lambda id_: f"/editor/article/{id_}",
    "search for a story to add": lambda id_: f"/editor/search/{id_}?q=oil+price",
    "history": lambda id_: f"/editor/history/{id_}",
    "where it is shown": lambda id_: f"/editor/shown/{id_}",
    "what is shown": lambda _id: "/editor/exposure",
    "rules": lambda _id: "/editor/rules",
    "audit trail": lambda _id: "/editor/audit",
}
PREVIEW = "preview of a boost"


class _RandomEmbedder:
    """Unit vectors drawn at random."""

    version = "random"
    input_form = InputForm("", PASSAGE_WORDS)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), DIMENSION)."""
        random = np.random.default_rng(len(texts))
        vectors = random.standard_normal((len(texts), DIMENSION), dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def pieces_per_word(self, texts: Sequence[str]) -> float:
        """As of a model that knows the language."""
        return 1.0


def run() -> list[Table]:
    """One row for each page and archive."""
    rows = []
    for name, url in (("sample", corpora.sample_url()), ("newswire", _newswire_url())):
        if url is not None:
            with _signed_in(url) as (client, articles):
                rows += [[name, *row] for row in _timed(client, articles)]
    note = (
        f"Milliseconds in the server, for {ARTICLES} articles after one another, in a process that has not been asked "
        "before: `first` is the first request of a new process, which reads what it needs of the archive; `processor` "
        "is the median of the time that a processor was busy, which other programs on the machine don't lengthen."
    )
    return [
        Table("Pages of the editors' desk", note, ("archive", "page", "first", "median", "longest", "processor"), rows)
    ]


def _newswire_url() -> str | None:
    if not corpora.REUTERS.is_file():
        return None
    corpora.FOLDER.mkdir(parents=True, exist_ok=True)
    file = corpora.FOLDER / "reuters-random.db"
    url = f"sqlite:///{file}"
    if not file.exists():
        store = open_store(url)
        try:
            _fill(store, corpora.REUTERS)
        finally:
            store.close()
    return url


def _fill(store: Store, source: Path) -> None:
    with source.open("rb") as stream:
        ingest(store.articles.upsert, open_source(stream, source.name), print)
    make_builder(store, Settings(), _RandomEmbedder()).build()
    prepare(store, make_recommender(store, Settings()), quiet)


@contextmanager
def _signed_in(url: str) -> Iterator[tuple[FlaskClient, list[str]]]:
    """An editor's browser on a new application, and some articles."""
    app = make_app(Settings(database_url=SecretStr(url)))
    parts = app.extensions["recommender"]
    store: Store = parts.store
    try:
        now, token = datetime.now(UTC), secrets.token_urlsafe(8)
        account = store.accounts.by_name("benchmark")
        number = account.number if account else store.accounts.add(Account("benchmark", "administrator", now))
        store.accounts.open_session(hash_token(token), number, now, now + SESSION)
        client = app.test_client()
        client.environ_base["HTTP_ACCEPT"] = "text/html"
        with client.session_transaction(path="/editor/") as session:
            session["_user_id"] = token
        generation = store.state().generation
        numbers = [] if generation is None else store.generations.numbers(generation)
        chosen = numbers[:: max(1, len(numbers) // ARTICLES)][:ARTICLES]
        yield client, [article.id for article in store.articles.get(chosen, texts=False).values()]
    finally:
        parts.recorder.close()
        parts.worker.close()
        store.close()


def _timed(client: FlaskClient, articles: Sequence[str]) -> Iterator[list[str]]:
    for name, page in PAGES.items():
        yield _row(name, [_timed_request(partial(client.get, page(article))) for article in articles])
    yield _row(PREVIEW, [_preview(client, article) for article in articles])


def _row(name: str, times: Sequence[tuple[float, float]]) -> list[str]:
    wall = [milliseconds for milliseconds, _ in times]
    processor = statistics.median(busy for _, busy in times)
    return [name, f"{wall[0]:.0f}", f"{statistics.median(wall):.0f}", f"{max(wall[1:]):.0f}", f"{processor:.0f}"]


def _timed_request(ask: Callable[[], TestResponse]) -> tuple[float, float]:
    """Milliseconds by the clock and of the processor."""
    start, busy = time.perf_counter(), time.process_time()
    answer = ask()
    assert answer.status_code == 200, f"{answer.request.path}: {answer.status}"
    return 1000 * (time.perf_counter() - start), 1000 * (time.process_time() - busy)


def _preview(client: FlaskClient, article: str) -> tuple[float, float]:
    address = f"/editor/article/{article}"
    page = client.get(address).text
    fields = dict(re.findall(r'name="(csrf_token|seen|request)" value="([^"]*)"', page))
    story = re.search(r'name="story" value="([^"]+)"', page)
    assert story, f"{address} has no story to boost"
    data = fields | {"preview": "boost", "story": story[1]}
    return _timed_request(partial(client.post, address, data=data))
