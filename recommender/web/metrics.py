"""What the service counts, for Prometheus."""

import os
from collections import Counter as Tally
from collections.abc import Iterable
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = CONTENT_TYPE_LATEST
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


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
        # Finding the counter of some labels takes longer than counting. There are few: patterns and codes, no paths.
        self._requests = lru_cache(maxsize=None)(requests.labels)
        self._seconds = lru_cache(maxsize=None)(seconds.labels)
        self._teasers = lru_cache(maxsize=None)(teasers.labels)

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Counts and times one answer; `route` is the pattern, not the path, of which there is no end."""
        self._requests(route, status).inc()
        self._seconds(route).observe(seconds)

    def count_teasers(self, sources: Iterable[str]) -> None:
        """Counts the teasers of one answer."""
        for source, count in Tally(sources).items():
            self._teasers(source).inc(count)

    def text(self) -> bytes:
        """The counters in Prometheus' text format; those of all workers together, where there are several."""
        if MULTIPROCESS not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types here
        return generate_latest(registry)
