"""Health, readiness and metrics: for those who run the service."""

import os
import time
from collections.abc import Iterable

from apiflask import APIBlueprint
from flask import Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

from recommender.errors import NotBuilt
from recommender.web.parts import parts
from recommender.web.schemas import Health, Readiness

bp = APIBlueprint("operations", __name__, tag="Operations")

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
_NAME = "recommender_metrics"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The counters of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "recommender_requests", "Requests by route and status.", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "recommender_request_seconds", "Time to answer.", ["route"], buckets=_BUCKETS, registry=self.registry
        )
        self.teasers = Counter(
            "recommender_teasers", "Teasers given, by where they come from.", ["source"], registry=self.registry
        )


def measure(app: Flask) -> None:
    """Counts and times every request of the application."""
    metrics = app.extensions[_NAME] = Metrics()

    @app.before_request
    def _start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def _stop(response: Response) -> Response:
        # The rule, not the path: paths have no end, and each label value is a time series.
        route = request.url_rule.rule if request.url_rule else "unknown"
        metrics.requests.labels(route, response.status_code).inc()
        metrics.seconds.labels(route).observe(time.perf_counter() - g.started)
        return response


def count_teasers(sources: Iterable[str]) -> None:
    """Counts the teasers of one answer."""
    teasers = current_app.extensions[_NAME].teasers
    for source in sources:
        teasers.labels(source).inc()


@bp.get("/healthz")
@bp.output(Health)
@bp.doc(summary="Whether the process lives")
def healthz() -> dict[str, str]:
    """Touches nothing: a process that answers lives."""
    return {"status": "ok"}


@bp.get("/readyz")
@bp.output(Readiness)
@bp.doc(
    summary="Whether sidebars can be answered",
    responses={503: "The database does not answer, or nothing has been built yet."},
)
def readyz() -> dict[str, object]:
    """Asks the database, and whether there is a generation."""
    state = parts().store.state()
    if state.generation is None:
        raise NotBuilt
    return {
        "status": "ready",
        "generation": state.generation,
        "revision": state.revision,
        "model": parts().store.generations.live_model(),
    }


@bp.get("/metrics")
@bp.doc(summary="Counters for Prometheus", responses={200: "Prometheus text format."})
def metrics() -> Response:
    """The counters of all workers together."""
    registry = current_app.extensions[_NAME].registry
    if MULTIPROCESS in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types here
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
