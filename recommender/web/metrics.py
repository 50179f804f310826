"""What the service counts, for Prometheus."""

import os
from collections import Counter as Tally
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = CONTENT_TYPE_LATEST
LIMITS = {413: "size", 429: "number"}  # which limit an answer with this status speaks of
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


@dataclass(frozen=True)
class Observed:
    """What is looked up when the metrics are asked for: whether the database answers, and when the live build began.

    `built_on` is None where the database does not answer, or nothing has been built yet. `boxes_read` is None where the
    live build shows no reader's grades, `reader_failed_on` also where its reader has always answered.
    """

    database_up: bool
    built_on: datetime | None
    boxes_read: int | None = None
    reader_failed_on: datetime | None = None

    def collect(self) -> Iterable[Metric]:
        """These values as Prometheus takes them."""
        yield GaugeMetricFamily(
            "recommender_database_up", "Whether the database answers: 1 or 0.", value=float(self.database_up)
        )
        if self.built_on is not None:
            yield GaugeMetricFamily(
                "recommender_build_timestamp_seconds",
                "When the build that readers are given began, in seconds since 1970.",
                value=self.built_on.timestamp(),
            )
        if self.boxes_read is not None:
            yield GaugeMetricFamily(
                "recommender_reader_boxes", "Articles whose box a reader of both texts has read.", value=self.boxes_read
            )
        if self.reader_failed_on is not None:
            yield GaugeMetricFamily(
                "recommender_reader_failed_timestamp_seconds",
                "When the reader of both texts last gave no answer, in seconds since 1970.",
                value=self.reader_failed_on.timestamp(),
            )


class EndedProcesses:
    """Counts the processes that have ended while the service ran; kept by the process that starts them."""

    def __init__(self) -> None:
        ended = Counter(
            "recommender_workers_ended",
            "Processes that ended while the service ran: web answers requests, model holds the embedding model.",
            ["process"],
            registry=CollectorRegistry(),
        )
        # From 0 on: Prometheus sees no rise where a counter begins with 1.
        self._ended = {process: ended.labels(process) for process in ("web", "model")}

    def count(self, process: str, pid: int) -> None:
        """Counts one, and forgets the requests that it had in flight."""
        self._ended[process].inc()
        mark_process_dead(pid)  # type: ignore[no-untyped-call]  # the library has no types here


class Metrics:
    """The counters of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        requests = Counter(
            "recommender_requests", "Requests by route and status.", ["route", "status"], registry=self._registry
        )
        seconds = Histogram(
            "recommender_request_seconds", "Time to answer.", ["route"], buckets=_BUCKETS, registry=self._registry
        )
        teasers = Counter(
            "recommender_teasers", "Teasers given, by where they come from.", ["source"], registry=self._registry
        )
        rejected = Counter(
            "recommender_rejected", "Requests refused by a limit of size or number.", ["limit"], registry=self._registry
        )
        self._rejected = {limit: rejected.labels(limit) for limit in LIMITS.values()}
        self._database_unavailable = Counter(
            "recommender_database_unavailable",
            "Requests that found no database.",
            registry=self._registry,
        )
        self._stale = Counter(
            "recommender_stale_answers",
            "Sidebars given from memory while the database did not answer.",
            registry=self._registry,
        )
        self._in_flight = Gauge(
            "recommender_requests_in_flight",
            "Requests that are being answered; ready sidebars, which take no time, are not counted.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        # Finding the counter of some labels takes longer than counting. There are few: patterns and codes, no paths.
        self._requests = lru_cache(maxsize=None)(requests.labels)
        self._seconds = lru_cache(maxsize=None)(seconds.labels)
        self._teasers = lru_cache(maxsize=None)(teasers.labels)

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Counts and times one answer; `route` is the pattern, not the path, of which there is no end."""
        self._requests(route, status).inc()
        self._seconds(route).observe(seconds)
        if status in LIMITS:
            self._rejected[LIMITS[status]].inc()

    def request_begins(self) -> None:
        """One more request is in flight."""
        self._in_flight.inc()

    def request_ends(self) -> None:
        """One less is."""
        self._in_flight.dec()

    def count_database_unavailable(self) -> None:
        """Counts a request that found no database."""
        self._database_unavailable.inc()

    def count_stale(self, sources: Iterable[str]) -> None:
        """Counts a sidebar that was given although the database did not answer, and its teasers."""
        self._stale.inc()
        self.count_database_unavailable()
        self.count_teasers(sources)

    def count_teasers(self, sources: Iterable[str]) -> None:
        """Counts the teasers of one answer."""
        for source, count in Tally(sources).items():
            self._teasers(source).inc(count)

    def text(self, observed: Observed) -> bytes:
        """The counters in Prometheus' text format, of all workers together where there are several, and `observed`."""
        registry, now = self._registry, CollectorRegistry()
        if MULTIPROCESS in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types here
        now.register(observed)
        return generate_latest(registry) + generate_latest(now)
