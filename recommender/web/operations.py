"""Health, readiness and metrics: for those who run the service."""

import time

from apiflask import APIBlueprint
from flask import Flask, Response, g, request

from recommender.errors import NotBuilt
from recommender.web.api.schemas import Health, Readiness
from recommender.web.context import context
from recommender.web.metrics import CONTENT_TYPE

bp = APIBlueprint("operations", __name__, tag="Operations")


def measure(app: Flask) -> None:
    """Counts and times every request that Flask handles."""

    @app.before_request
    def _start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def _stop(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "unknown"
        context().metrics.count_request(route, response.status_code, time.perf_counter() - g.started)
        return response


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
    """Reads something of every table, and asks whether there is a generation."""
    context().store.probe()
    state = context().store.state()
    if state.generation is None:
        raise NotBuilt
    return {
        "status": "ready",
        "generation": state.generation,
        "revision": state.revision,
        "model": context().store.generations.live_model(),
    }


@bp.get("/metrics")
@bp.doc(summary="Counters for Prometheus", responses={200: "Prometheus text format."})
def metrics() -> Response:
    """The counters of all workers together."""
    return Response(context().metrics.text(), content_type=CONTENT_TYPE)
