"""Use case: the impact of a change of rules, sensitive matrix or ranking: which sidebars it would change, and how."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from recommender.articles.article import Article
from recommender.curation.signals import Signal
from recommender.errors import Unavailable
from recommender.ranking.facts import PINNED, RELATED, RankedTeaser
from recommender.serving.answers import Query
from recommender.serving.recommender import Recommender
from recommender.store.base import Store

MAX_CHANGED = 20
PERSISTENCE = 0.8  # of `overlap`: the first of three places weighs two fifths
AT_ONCE = 20  # articles compared in one snapshot of the store
AT_THE_SAME_TIME = 2
KEPT_SECONDS = 3600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProposedChange:
    """Signals that would be kept, and the numbers of those that would be ended."""

    added: tuple[Signal, ...]
    ended: tuple[int, ...] = ()


@dataclass(frozen=True)
class Named:
    """A story by id, title and language."""

    id: str
    title: str
    language: str


@dataclass(frozen=True)
class SidebarDifference:
    """The sidebar of an article as it is and as it would be."""

    source: Named
    before: tuple[Named, ...]
    after: tuple[Named, ...]


@dataclass(frozen=True)
class Reach:
    """What a change would do. `looked_at` counts the articles that it concerns at all, whose sidebars were compared.

    `losing` and `gaining` count sidebars with fewer and with more teasers than now, `weaker` those with fewer related
    ones. `most` are the sidebars that change most. `revision` is that of the store at the beginning.
    """

    looked_at: int
    changed: int
    losing: int
    gaining: int
    weaker: int
    most: tuple[SidebarDifference, ...]
    revision: int


@dataclass(frozen=True)
class Status:
    """How far a job is: `done` of `total` articles, 0 of 0 until those are found that the change concerns."""

    done: int
    total: int
    reach: Reach | None = None
    failed: bool = False


def overlap(first: Sequence[int], second: Sequence[int], p: float = PERSISTENCE) -> float:
    """How alike two rankings are, from 0 to 1: rank-biased overlap as far as the longer one goes, 1 for equal ones.

    Webber, Moffat and Zobel (ACM TOIS 2010), divided by what two equal rankings of that length get.
    """
    depths = range(1, max(len(first), len(second)) + 1)
    if not depths:
        return 1.0
    weights = [p ** (depth - 1) for depth in depths]
    shared = [len(set(first[:depth]) & set(second[:depth])) / depth for depth in depths]
    return sum(weight * share for weight, share in zip(weights, shared, strict=True)) / sum(weights)


@dataclass(frozen=True, order=True)
class _Changed:
    """A sidebar that changes, by number; those that change most come first, of equal ones the most read."""

    overlap: float
    unread: int  # the reads of the source, negated, as the order is rising
    source: int
    before: tuple[int, ...]
    after: tuple[int, ...]


class ImpactComparison:
    """Compares sidebars as they are and as they would be, some at a time. For one thread."""

    def __init__(self, store: Store, recommender: Recommender, change: ProposedChange) -> None:
        self._store = store
        self._recommender = recommender
        self._preview = recommender.previewing(change.added, change.ended)
        self._sources: list[int] = []
        self._changed: list[_Changed] = []
        self._counts = {"changed": 0, "losing": 0, "gaining": 0, "weaker": 0}
        self._revision = -1
        self.done = 0

    @property
    def total(self) -> int:
        """How many articles the change concerns; 0 before `look`."""
        return len(self._sources)

    def look(self) -> None:
        """Finds the articles whose sidebars the change can touch."""
        with self._store.reading():
            state = self._store.state()
            numbers = [] if state.generation is None else self._store.generations.numbers(state.generation)
            before, after = self._recommender.snapshot(), self._preview.snapshot()
            self._revision = state.revision
        if before.directives.ranking == after.directives.ranking:
            columns, now = before.columns, self._recommender.now().timestamp()
            facts = [(number, int(columns.flags[number]), columns.labels[number]) for number in numbers]
            numbers = [
                fact[0]
                for fact in facts
                if before.directives.constraints_for(*fact, now) != after.directives.constraints_for(*fact, now)
            ]
        self._sources = numbers

    def step(self, most: int = AT_ONCE) -> bool:
        """Compares the next sidebars; whether more are left."""
        batch = self._sources[self.done : self.done + most]
        with self._store.reading():
            before = self._recommender.questions(batch, Query())
            after = self._preview.questions(batch, Query())
            for number, question in before.items():
                old, new = self._recommender.teasers(question), self._preview.teasers(after[number])
                self._compare(number, question.article, old, new)
        self._changed = sorted(self._changed)[:MAX_CHANGED]
        self.done += len(batch)
        return self.done < self.total

    def _compare(
        self, number: int, article: Article | None, old: Sequence[RankedTeaser], new: Sequence[RankedTeaser]
    ) -> None:
        before, after = _numbers(old), _numbers(new)
        counts = self._counts
        counts["changed"] += before != after
        counts["losing"] += len(after) < len(before)
        counts["gaining"] += len(after) > len(before)
        counts["weaker"] += _related(new) < _related(old)
        if before != after:
            reads = article.read_count if article and article.read_count is not None else 0
            self._changed.append(_Changed(overlap(before, after), -reads, number, before, after))

    def reach(self) -> Reach:
        """What has been found."""
        numbers = {number for change in self._changed for number in (change.source, *change.before, *change.after)}
        articles = self._store.articles.get(sorted(numbers), texts=False)
        most = [
            SidebarDifference(
                _named(change.source, articles), _all_named(change.before, articles), _all_named(change.after, articles)
            )
            for change in self._changed
            if change.source in articles
        ]
        return Reach(looked_at=self.done, most=tuple(most), revision=self._revision, **self._counts)


def _numbers(teasers: Sequence[RankedTeaser]) -> tuple[int, ...]:
    return tuple(teaser.number for teaser in teasers)


def _related(teasers: Sequence[RankedTeaser]) -> int:
    return sum(teaser.source in (RELATED, PINNED) for teaser in teasers)


def _named(number: int, articles: Mapping[int, Article]) -> Named:
    article = articles[number]
    return Named(article.id, article.title, article.language)


def _all_named(numbers: Sequence[int], articles: Mapping[int, Article]) -> tuple[Named, ...]:
    return tuple(_named(number, articles) for number in numbers if number in articles)


@dataclass
class _Job:
    """A comparison under way or done. `until` is when a result is forgotten."""

    comparison: ImpactComparison
    reach: Reach | None = None
    failed: bool = False
    cancelled: bool = False
    until: float = field(default=float("inf"))

    @property
    def running(self) -> bool:
        return self.reach is None and not self.failed and not self.cancelled


class Reaches:
    """Works out reaches, each in a thread of its own, and keeps them for an hour. Safe to use from several threads."""

    def __init__(self, store: Store, recommender: Recommender, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._recommender = recommender
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}

    def start(self, change: ProposedChange) -> str | None:
        """Begins to work out a reach and gives the name of the job; None while as many are under way as may be."""
        with self._lock:
            now = self._monotonic()
            self._jobs = {name: job for name, job in self._jobs.items() if now < job.until}
            if sum(job.running for job in self._jobs.values()) >= AT_THE_SAME_TIME:
                return None
            name = secrets.token_urlsafe(12)
            job = self._jobs[name] = _Job(ImpactComparison(self._store, self._recommender, change))
        threading.Thread(target=self._work, args=(job,), daemon=True, name="reach").start()
        return name

    def status(self, name: str) -> Status | None:
        """How far a job is; None for one that is cancelled, forgotten or was never there."""
        job = self._jobs.get(name)
        if job is None or self._monotonic() >= job.until:
            return None
        return Status(job.comparison.done, job.comparison.total, job.reach, job.failed)

    def cancel(self, name: str) -> None:
        """Drops a job, with its result if it has one."""
        with self._lock:
            job = self._jobs.pop(name, None)
            if job is not None:
                job.cancelled = True

    def _work(self, job: _Job) -> None:
        try:
            job.comparison.look()
            while not job.cancelled and job.comparison.step():
                pass
            job.reach = job.comparison.reach()
        except Unavailable as error:
            _log.warning("a reach could not be worked out: %s", error)
        finally:
            # Also after an error of ours, which ends the thread: no page must wait for it, and its place is free again.
            job.failed = job.reach is None
            job.until = self._monotonic() + KEPT_SECONDS
