"""Makes the Flask application out of its parts."""

from apiflask import APIFlask
from flask_cors import CORS

from recommender import __version__
from recommender.settings import Settings
from recommender.web import articles, documents, operations, recommend, site
from recommender.web.cache import SidebarCache
from recommender.web.desk import Desk
from recommender.web.fastlane import FastLane
from recommender.web.headers import add_security_headers
from recommender.web.metrics import Metrics
from recommender.web.parts import Parts, attach
from recommender.web.problems import register_problems
from recommender.web.security import API_KEY_SCHEME
from recommender.wiring import make_recommender, open_store

SIDEBARS = r"/api/v1/recommend$"  # what pages of other origins may ask for
MAX_REQUEST_BYTES = 64 * 1024 * 1024
DESCRIPTION = (
    "Related stories for a news site. A website reads sidebars from `/api/v1/recommend`; a publishing system writes "
    "articles with an API key. Dates are ISO 8601 in UTC; errors are RFC 9457 problem details."
)


def make_app(settings: Settings) -> APIFlask:
    """The application. It holds one store, and a desk: a process for what needs a model."""
    app = APIFlask("recommender.web", title="Related stories", version=__version__, docs_path=None, spec_path=None)
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        OPENAPI_VERSION="3.1.0",
        DESCRIPTION=DESCRIPTION,
        SECURITY_SCHEMES={API_KEY_SCHEME: {"type": "http", "scheme": "bearer"}},
        AUTO_404_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    app.url_map.merge_slashes = False  # an id may hold two slashes in a row
    store = open_store(settings.database_url.get_secret_value())
    recommender = make_recommender(store, settings)
    parts = Parts(settings, store, recommender, Desk(settings), SidebarCache(recommender), Metrics())
    attach(app, parts)
    register_problems(app, site.message_page)
    add_security_headers(app)
    operations.measure(app)
    if settings.cors_origins:
        _allow_origins(app, list(settings.cors_origins))
    app.spec_processor(documents.completed)  # type: ignore[arg-type]  # a dict, as SPEC_FORMAT is json
    for blueprint in (recommend.bp, articles.bp, operations.bp, documents.bp, site.bp):
        app.register_blueprint(blueprint)
    app.wsgi_app = FastLane(app.wsgi_app, parts)  # type: ignore[method-assign]  # Flask's way
    return app


def _allow_origins(app: APIFlask, origins: list[str]) -> None:
    # Sidebars say `Vary: Origin` themselves, and who names no origin is told of none: so the fast lane's answers, which
    # are kept without these headers, equal those of the views.
    methods = ["GET", "POST", "OPTIONS"]
    CORS(
        app, resources=[SIDEBARS], origins=origins, methods=methods, max_age=86400, always_send=False, vary_header=False
    )
