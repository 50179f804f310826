"""Makes the Flask application and its services."""

from apiflask import APIFlask
from flask import request
from flask_cors import CORS

from recommender.desk.proposals import Proposals
from recommender.desk.queue import Worklist
from recommender.desk.review import Reviewing
from recommender.evaluation.exposure import Exposures
from recommender.grading.grading import Grading
from recommender.settings import Settings
from recommender.version import __version__
from recommender.web import demo, languages, openapi, operations, snippet
from recommender.web.access_log import AccessLog
from recommender.web.api import articles, events, recommend
from recommender.web.api.bounded_json import BoundedJson
from recommender.web.api.problems import register_problems
from recommender.web.api.security import API_KEY_DESCRIPTION, API_KEY_SCHEME
from recommender.web.cache import SidebarCache
from recommender.web.context import Context, attach
from recommender.web.desk import (
    access,
    article,
    audit,
    drafts,
    grading,
    history,
    language,
    messages,
    people,
    queue,
    rules,
    second_factor,
    sign_in,
)
from recommender.web.fastlane import FastLane
from recommender.web.headers import add_security_headers, is_desk
from recommender.web.lanes import lane_of
from recommender.web.metrics import Metrics
from recommender.web.pause import pause
from recommender.web.tracing import Tracing, batches_to
from recommender.wiring import (
    make_accounts,
    make_decisions,
    make_interleaving,
    make_keys,
    make_publishing,
    make_reader,
    make_recommender,
    make_recorder,
    open_store,
    service_limits,
    utc_now,
)
from recommender.worker.client import WorkerClient

SIDEBARS = r"/api/v1/recommend$"  # what pages of other origins may ask for
MAX_FORM_BYTES = 4 * 1024 * 1024  # a draft of 200,000 characters, each of which may be sent as twelve
DESCRIPTION = (
    "Related stories for a news site. A website reads sidebars from `/api/v1/recommend`; a publishing system writes "
    "articles with an API key. Dates are ISO 8601 in UTC; errors are RFC 9457 problem details."
)


def make_app(settings: Settings) -> APIFlask:
    """The application. It holds one store, and a worker: a process for what needs an embedding model."""
    app = APIFlask("recommender.web", title="Related stories", version=__version__, docs_path=None, spec_path=None)
    app.config.update(
        MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES,
        OPENAPI_VERSION="3.1.0",
        DESCRIPTION=DESCRIPTION,
        SECURITY_SCHEMES={API_KEY_SCHEME: API_KEY_DESCRIPTION},
        AUTO_404_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    app.json = BoundedJson(app)
    app.url_map.merge_slashes = False  # an id may hold two slashes in a row
    store = open_store(settings.database_url.get_secret_value(), service_limits(settings))
    recommender = make_recommender(store, settings)
    accounts = make_accounts(store, pause=pause, second_factor=settings.second_factor)
    decisions = make_decisions(store)
    interleaving = make_interleaving(store, settings, recommender)
    context = Context(
        settings=settings,
        now=utc_now,
        store=store,
        recommender=recommender,
        accounts=accounts,
        keys=make_keys(store, settings),
        publishing=make_publishing(store, articles.BY),
        reader=make_reader(settings),
        decisions=decisions,
        proposals=Proposals(store, decisions, utc_now),
        grading=Grading(store, recommender, utc_now),
        reviewing=Reviewing(store, recommender),
        worklist=Worklist(store, recommender),
        exposures=Exposures(store, recommender),
        recorder=make_recorder(store, recommender),
        interleaving=interleaving,
        worker=WorkerClient(settings),
        cache=SidebarCache(recommender, interleaving.turn, interleaving.known_turn, settings.stale_seconds),
        metrics=Metrics(),
    )
    attach(app, context)
    register_problems(app, _page)
    add_security_headers(app)
    app.before_request(_limit_body)
    operations.measure(app)
    languages.set_up(app, settings.site_name)
    # Sidebars change nothing and are for pages of other origins; writing articles needs a key in a header, which no
    # other site can make a browser send.
    access.set_up(
        app, accounts, https=_is_https(settings), other_proof=(recommend.bp, articles.bp, articles.reads_bp, events.bp)
    )
    if settings.cors_origins:
        _allow_origins(app, list(settings.cors_origins))
    app.spec_processor(openapi.completed)  # type: ignore[arg-type]  # a dict, as SPEC_FORMAT is json
    for blueprint in (
        recommend.bp,
        articles.bp,
        articles.reads_bp,
        events.bp,
        operations.bp,
        openapi.bp,
        demo.bp,
        snippet.bp,
        language.bp,
        sign_in.bp,
        second_factor.bp,
        people.bp,
        audit.bp,
        grading.bp,
        queue.bp,
        article.bp,
        history.bp,
        drafts.bp,
        rules.bp,
    ):
        app.register_blueprint(blueprint)
    app.wsgi_app = FastLane(app.wsgi_app, context)  # type: ignore[method-assign]  # Flask's way
    if settings.traces_to is not None:
        app.wsgi_app = Tracing(app.wsgi_app, batches_to(settings.traces_to))  # type: ignore[method-assign]
    if settings.log_format == "json":
        app.wsgi_app = AccessLog(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _limit_body() -> None:
    """The limit of the request's lane, which a server without the front door knows nothing of."""
    request.max_content_length = lane_of(request.method, request.path).body_bytes


def _page(status: int, title: str, detail: str) -> str | None:
    """What people see instead of a problem, in the look of the pages around it."""
    return messages.page(status, title, detail) if is_desk(request.path) else demo.message_page(status)


def _is_https(settings: Settings) -> bool:
    return settings.public_url is not None and settings.public_url.startswith("https://")


def _allow_origins(app: APIFlask, origins: list[str]) -> None:
    # Sidebars say `Vary: Origin` themselves, and a request without an origin gets no such headers: so the fast lane's
    # answers, which are kept without them, equal those of the views.
    methods = ["GET", "POST", "OPTIONS"]
    CORS(
        app, resources=[SIDEBARS], origins=origins, methods=methods, max_age=86400, always_send=False, vary_header=False
    )
