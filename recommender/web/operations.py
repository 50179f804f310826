"""Health, readiness and metrics: for those who run the service."""

import time

from apiflask import APIBlueprint
from flask import Flask, Response, g, request

from recommender.errors import NotBuilt, StoreUnavailable, Unavailable
from recommender.web.access_log import ROUTE, UNKNOWN
from recommender.web.api.problems import unavailable
from recommender.web.api.schemas import Health, Readiness
from recommender.web.context import context
from recommender.web.metrics import CONTENT_TYPE, Observed

bp = APIBlueprint("operations", __name__, tag="Operations")


def measure(app: Flask) -> None:
    """Counts and times every request that Flask handles."""

    @app.before_request
    def _start() -> None:
        g.started = time.perf_counter()
        context().metrics.request_begins()

    @app.after_request
    def _stop(response: Response) -> Response:
        route = request.environ[ROUTE] = request.url_rule.rule if request.url_rule else UNKNOWN
        context().metrics.count_request(route, response.status_code, time.perf_counter() - g.started)
        return response

    @app.teardown_request
    def _end(_error: BaseException | None) -> None:
        if "started" in g:
            context().metrics.request_ends()


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
def readyz() -> dict[str, object] | Response:
    """Reads something of every table, and asks whether there is a generation.

    Where the database does not answer it says for how long this process goes on giving the sidebars that it has.
    """
    try:
        context().store.probe()
        state = context().store.state()
    except StoreUnavailable as error:
        return unavailable(error, stale_seconds_left=context().cache.stale_seconds_left())
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
    """The counters of all workers together, and what the database says; without one, that it does not answer."""
    return Response(context().metrics.text(_observed()), content_type=CONTENT_TYPE)


def _observed() -> Observed:
    store = context().store
    try:
        generation = store.state().generation
        if generation is None:
            return Observed(True, None)
        built_on, reranker = store.generations.built_on(generation), store.generations.reranker(generation)
        if reranker is None:
            return Observed(True, built_on)
        failure = store.verdicts.last_failure(reranker)
        return Observed(True, built_on, store.generations.graded(generation), None if failure is None else failure.at)
    except Unavailable:
        return Observed(False, None)
