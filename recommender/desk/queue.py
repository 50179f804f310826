"""Use case: the queue. Which sidebars need eyes, the most urgent first, and how far the editors are."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from recommender.arrays import FloatArray, IntArray
from recommender.articles.article import Article
from recommender.curation.sensitivity import ANYTHING, BITS
from recommender.ranking.facts import Columns
from recommender.ranking.scoring import DAY
from recommender.serving.answers import Item, Query, Recommendation
from recommender.serving.recommender import Recommender
from recommender.serving.recorder import shown
from recommender.store.base import Store
from recommender.store.ledger import Outlook, Shown
from recommender.store.reviews import Review

MAX_ANSWERS = 2_000  # sidebars that are kept ready, some kilobytes each

OPEN, APPROVED, EVERY = "open", "approved", "all"
STATES = (OPEN, APPROVED, EVERY)

# Why a sidebar needs eyes.
NEW, MUCH_READ, UNSURE, FALLBACK, EMPTY, SENSITIVE, CHANGED = (
    "new",
    "much_read",
    "unsure",
    "fallback",
    "empty",
    "sensitive",
    "changed",
)
NEW_DAYS = 3.0
DOUBTFUL = 0.45  # of 1: about a third of the sample's sidebars
MUCH_READ_SHARE = 0.95  # of the articles are read less
# What each reason is worth. A sidebar that was approved and has changed since is asked for again soon.
WEIGHTS = {NEW: 1.0, MUCH_READ: 0.5, UNSURE: 1.0, SENSITIVE: 0.6, CHANGED: 0.4}


@dataclass(frozen=True)
class QueueFilter:
    """Which articles: of an edition, posted from `since` on and before `until`, in one of STATES."""

    edition: str = ""
    since: datetime | None = None
    until: datetime | None = None
    state: str = OPEN


@dataclass(frozen=True)
class QueueLine:
    """One article of the queue with its reasons, the sidebar beside it, and the review of the editor who approved one.

    `digest` names the sidebar, `seen` is the latest entry of the audit trail about the article.
    """

    number: int
    article: Article
    state: str
    reasons: tuple[str, ...]
    teasers: tuple[Item, ...]
    digest: str
    review: Review | None
    seen: int


@dataclass(frozen=True)
class Listing:
    """A page of the queue. `open` and `approved` count the articles of the filter, whatever the state it asks for.

    `after` is the number of the article that comes after the page, if one does.
    """

    lines: list[QueueLine]
    total: int
    open: int
    approved: int
    after: int | None = None


@dataclass(frozen=True)
class _ArticleState:
    """The current sidebars as of a line of the ledger, by article number; the arrays are aligned."""

    line: int = 0
    outlooks: Mapping[int, Outlook] = field(default_factory=dict)
    sources: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    doubts: FloatArray = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True)
class _Order:
    """The articles of a filter in their order, and which of them are approved; arrays are aligned."""

    numbers: IntArray
    done: npt.NDArray[np.bool_]

    def of_state(self, state: str) -> IntArray:
        """The articles in one of STATES."""
        return self.numbers if state == EVERY else self.numbers[self.done if state == APPROVED else ~self.done]


class Worklist:
    """The queue of one site. Safe to use from several threads."""

    def __init__(self, store: Store, recommender: Recommender) -> None:
        self._store = store
        self._recommender = recommender
        self._lock = threading.Lock()
        self._known = _ArticleState()
        self._editions: tuple[int, list[str]] | None = None
        self._answers: dict[int, tuple[Recommendation, Shown]] = {}

    def listing(self, wanted: QueueFilter, limit: int, offset: int = 0) -> Listing:
        """A page of the queue, the most urgent first. Its sidebars are those of this moment."""
        with self._store.reading():
            columns, reviews = self._recommender.columns(), self._reviews()
            order = self._order(wanted, columns, reviews)
            numbers = order.of_state(wanted.state)
            page = numbers[offset : offset + limit].tolist()
            articles = self._store.articles.get(page, texts=False)
            busy = _busy(columns)
            lines = [
                self._line(number, articles[number], reviews.get(number), columns, busy)
                for number in page
                # The columns may be newer than what this transaction sees.
                if number in articles and articles[number].status == "published"
            ]
            after = numbers[offset + limit : offset + limit + 1].tolist()
            done = int(order.done.sum())
            return Listing(lines, len(numbers), len(order.done) - done, done, after[0] if after else None)

    def following(self, article_id: str, wanted: QueueFilter) -> str | None:
        """The id of the article that comes after one in the queue, or of the first where that was the last.

        It is found where the article itself has left the state asked for with the last decision.
        """
        with self._store.reading():
            order = self._order(wanted, self._recommender.columns(), self._reviews())
            numbers = order.of_state(wanted.state)
            row = self._store.articles.by_id(article_id)
            if row is not None:
                later = order.numbers[np.cumsum(order.numbers == row[0]) > 0]
                rest = numbers[numbers != row[0]]
                ahead = rest[np.isin(rest, later)]
                numbers = ahead if len(ahead) else rest
            articles = self._store.articles.get(numbers[:1].tolist(), texts=False)
        return next((article.id for article in articles.values()), None)

    def editions(self) -> list[str]:
        """The editions that published articles are of, the largest first."""
        revision = self._store.state().revision
        if self._editions is None or self._editions[0] != revision:
            self._editions = revision, [name for name in self._store.articles.editions() if name]
        return self._editions[1]

    def _line(self, number: int, article: Article, review: Review | None, columns: Columns, busy: float) -> QueueLine:
        recommendation, display = self._answer(number, article)
        outlook = Outlook(number, display.digest, display.doubt, display.fallbacks, len(recommendation.items))
        return QueueLine(
            number=number,
            article=article,
            state=APPROVED if _is_done(outlook, review) else OPEN,
            reasons=_reasons(number, columns, outlook, review, (busy, self._now())),
            teasers=tuple(recommendation.items),
            digest=display.digest,
            review=review,
            seen=self._store.audit.latest(number),
        )

    def _answer(self, number: int, article: Article) -> tuple[Recommendation, Shown]:
        """The sidebar of this moment. Ready ones are kept: an editor sees a page of the queue again and again."""
        ready = self._answers.get(number)
        if ready is not None and self._recommender.still_right(ready[0].basis, self._store.state()):
            return ready
        recommendation = self._recommender.for_article(article.id, Query())
        answer = recommendation, shown(recommendation, self._recommender.gazetteer, self._recommender.now())
        if len(self._answers) >= MAX_ANSWERS:
            self._answers = {}
        self._answers[number] = answer
        return answer

    def _now(self) -> float:
        return self._recommender.now().timestamp()

    def _outlooks(self) -> _ArticleState:
        """The current sidebars; only what is new of them is read."""
        line = self._store.ledger.last()
        if line > self._known.line:
            with self._lock:
                if line > self._known.line:
                    news = self._store.ledger.outlooks(after=self._known.line)
                    outlooks = {**self._known.outlooks, **{outlook.source: outlook for outlook in news}}
                    sources = np.fromiter(outlooks, dtype=np.int32, count=len(outlooks))
                    doubts = np.fromiter(
                        (outlook.doubt for outlook in outlooks.values()), np.float64, count=len(outlooks)
                    )
                    self._known = _ArticleState(line, outlooks, sources, doubts)
        return self._known

    def _reviews(self) -> dict[int, Review]:
        return {review.article: review for review in self._store.reviews.all()}

    def _order(self, wanted: QueueFilter, columns: Columns, reviews: Mapping[int, Review]) -> _Order:
        sidebars = self._outlooks()
        keep = columns.shown & ~(columns.posted > self._now())
        if wanted.edition:
            keep &= columns.edition == self._recommender.code(wanted.edition)
        if wanted.since is not None:
            keep &= columns.posted >= wanted.since.timestamp()
        if wanted.until is not None:
            keep &= columns.posted < wanted.until.timestamp()
        done = [number for number, review in reviews.items() if _is_done(sidebars.outlooks.get(number), review)]
        changed = list(reviews.keys() - set(done))
        places = np.flatnonzero(keep)
        urgency = _urgency(columns, sidebars, self._now())[places] + WEIGHTS[CHANGED] * np.isin(places, changed)
        order = places[np.lexsort((-places, -urgency))]
        return _Order(columns.number[order], np.isin(order, done))


def _is_done(outlook: Outlook | None, review: Review | None) -> bool:
    return review is not None and outlook is not None and review.digest == outlook.digest


def _urgency(columns: Columns, sidebars: _ArticleState, now: float) -> FloatArray:
    """How much each article's sidebar needs eyes, 0 or more."""
    size = len(columns.number)
    doubt = np.ones(size)  # nothing is known of it yet
    inside = sidebars.sources < size  # the ledger may know of articles that are newer than the columns
    doubt[sidebars.sources[inside]] = sidebars.doubts[inside]
    age = np.where(np.isnan(columns.posted), np.inf, now - columns.posted)
    fresh = np.exp(-np.maximum(age, 0) / (NEW_DAYS * DAY))
    read = np.log1p(columns.reads)
    read = read / max(float(read.max(initial=0.0)), 1.0)
    sensitive = columns.flags & ~BITS[ANYTHING] != 0
    urgency: FloatArray = (
        WEIGHTS[NEW] * fresh + WEIGHTS[MUCH_READ] * read + WEIGHTS[UNSURE] * doubt + WEIGHTS[SENSITIVE] * sensitive
    )
    return urgency


def _busy(columns: Columns) -> float:
    """From how many reads on an article is read much."""
    reads = columns.reads[columns.shown]
    return float(np.quantile(reads, MUCH_READ_SHARE)) if len(reads) else np.inf


def _reasons(
    number: int, columns: Columns, outlook: Outlook, review: Review | None, limits: tuple[float, float]
) -> tuple[str, ...]:
    busy, now = limits
    age = now - columns.posted[number]
    applies = {
        CHANGED: review is not None and not _is_done(outlook, review),
        NEW: bool(age <= NEW_DAYS * DAY),
        SENSITIVE: bool(int(columns.flags[number]) & ~BITS[ANYTHING]),
        EMPTY: outlook.teasers == 0,
        FALLBACK: outlook.fallbacks > 0,
        UNSURE: outlook.doubt >= DOUBTFUL,
        MUCH_READ: bool(columns.reads[number] > 0 and columns.reads[number] >= busy),
    }
    return tuple(reason for reason, holds in applies.items() if holds)
