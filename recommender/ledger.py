"""Use case: what was shown beside which article, and when, so that anybody can be told later.

A worker notes each answer to the plain question that it has made or taken up, and writes it down behind the request:
pages never wait for that. What nobody has asked for yet is written down by builds and by the sweep (see `prepared`).
"""

import json
import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from queue import Full, Queue

from recommender.decisions import digest_of
from recommender.document import make_document
from recommender.editorial import Shown
from recommender.errors import Unavailable
from recommender.gazetteer import Gazetteer
from recommender.interfaces import Store
from recommender.ranking import PINNED, RELATED
from recommender.service import Basis, Item, Recommendation

WAITING = 10_000  # answers that wait to be written down; each is some kilobytes
PAUSE_SECONDS = 0.2
AT_ONCE = 500
# Of the doubt about one teaser: how unsure the score is, and how far meaning and words disagree about it.
UNSURE, DISAGREEING = 0.7, 0.3

_log = logging.getLogger(__name__)


def doubt_of(items: Sequence[Item], n: int) -> float:
    """How much a sidebar of `n` places needs eyes, from 0 to 1: the mean over its places.

    A place that is empty or filled with a fallback counts whole, a pin not at all.
    """
    return sum(map(_doubt, items), start=float(max(0, n - len(items)))) / n


def _doubt(item: Item) -> float:
    teaser = item.teaser
    if teaser.source == PINNED:
        return 0.0
    if teaser.source != RELATED:
        return 1.0
    dense, lexical = teaser.parts.get("dense", 0.0), teaser.parts.get("lexical", 0.0)
    both = dense + lexical
    apart = abs(dense - lexical) / both if both else 1.0
    return UNSURE * (1 - teaser.score) + DISAGREEING * apart


def shown(found: Recommendation, gazetteer: Gazetteer, at: datetime, *, n: int = 3, served: bool = False) -> Shown:
    """The line of the ledger for the sidebar of an article of the archive."""
    language = found.article.language if found.article else "en"
    document = make_document(found, gazetteer, language, explained={})
    return Shown(
        source=found.basis.number,
        at=at,
        revision=found.state.revision,
        digest=digest_of(document["items"]),
        items=found.basis.teasers,
        document=json.dumps(document, ensure_ascii=False),
        doubt=round(doubt_of(found.items, n), 4),
        fallbacks=sum(item.teaser.source not in (RELATED, PINNED) for item in found.items),
        served=served,
    )


class Recorder:
    """Writes down the answers of one worker, in a thread of its own that the first answer starts."""

    def __init__(self, store: Store, gazetteer: Gazetteer, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._gazetteer = gazetteer
        self._clock = clock
        self._waiting: Queue[Callable[[], Shown]] = Queue(WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()

    def note(self, found: Recommendation) -> None:
        """An answer that has been made for a page."""
        at = self._clock()
        self._put(lambda: shown(found, self._gazetteer, at, served=True))

    def note_prepared(self, basis: Basis, body: bytes) -> None:
        """A prepared answer that a page gets for the first time from this worker."""
        at = self._clock()
        self._put(lambda: _of_body(basis, body, at))

    def _put(self, row: Callable[[], Shown]) -> None:
        if self._thread is None:
            self._start()
        try:
            self._waiting.put_nowait(row)
        except Full:
            _log.error("the ledger cannot keep up: an answer was given and not written down")

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True, name="ledger")
                self._thread.start()

    def _work(self) -> None:
        while not self._ending.wait(PAUSE_SECONDS):
            self.flush()

    def flush(self) -> None:
        """Writes down what waits. What cannot be written now is tried again with the next."""
        rows: list[Callable[[], Shown]] = []
        while not self._waiting.empty() and len(rows) < AT_ONCE:
            rows.append(self._waiting.get_nowait())
        if not rows:
            return
        try:
            self._store.ledger.append(row() for row in rows)
        except Unavailable as error:
            _log.warning("the ledger waits for the database: %s", error)
            for row in rows:
                self._put(row)

    def close(self) -> None:
        """Writes down what waits, and ends the thread."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()


def _of_body(basis: Basis, body: bytes, at: datetime) -> Shown:
    digest = digest_of(json.loads(body)["items"])
    return Shown(basis.number, at, basis.state.revision, digest, basis.teasers, body.decode(), served=True)
