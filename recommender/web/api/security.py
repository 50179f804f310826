"""Which programs may do what."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, g, request

from recommender.desk.keys import ARTICLES, SCOPES, Program
from recommender.errors import UnknownKey
from recommender.web.api.problems import problem
from recommender.web.context import context

View = Callable[..., Any]

API_KEY_SCHEME = "ApiKey"
API_KEY_DESCRIPTION = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key that `recommender keys add` makes, with these scopes: "
    + "; ".join(f"`{scope}`: {what}" for scope, what in SCOPES.items())
    + ". Keys of the setting `api_keys` have all of them.",
}
KEY_RESPONSES = {
    401: "The API key is missing, wrong, ended or over.",
    403: "The API key lacks the scope.",
}

# What a stranger may reach. Every other endpoint, one that is added later included, needs a signed-in editor.
PUBLIC = frozenset(
    {
        "static",
        "snippet.newest",
        "snippet.versioned",
        "recommend.sidebar",
        "recommend.draft_sidebar",
        "recommend.story",
        "articles.get_article",
        "articles.get_articles",
        "events.click",
        "operations.healthz",
        "operations.readyz",
        "operations.metrics",  # without a key, for Prometheus; docs/how-to/run.md says to keep it inside the network
        "api.openapi",
        "api.docs",
        "site.front",
        "site.edition",
        "site.article",
        "site.story",
        "language.choose",
        "sign_in.form",
        "sign_in.enter_with_password",
        "sign_in.link_form",
        "sign_in.use_link",
    }
)
# These ask for an API key, each of them.
KEYED = frozenset(
    {
        "articles.put_article",
        "articles.patch_article",
        "articles.delete_article",
        "articles.post_articles",
        "reads.post_reads",
    }
)


def needs(scope: str) -> list[str | dict[str, list[Any]]]:
    """What OpenAPI says of a route that takes no request without such a key."""
    return [{API_KEY_SCHEME: [scope]}]


def takes(scope: str) -> list[str | dict[str, list[Any]]]:
    """What OpenAPI says of a route that takes requests without a key as well."""
    return [{}, {API_KEY_SCHEME: [scope]}]


def require_article_key() -> Response | None:
    """A refusal where no program can change articles; else `publisher` is the one that asks. Reading needs no key.

    Raises UnknownKey, Forbidden.
    """
    if request.endpoint in PUBLIC:
        return None
    key = _bearer()
    try:
        g.program = context().keys.program(key or "", ARTICLES)
    except UnknownKey:
        if context().keys.exist():
            raise
        return problem(403, "Writing is off", "There is no API key; `recommender keys add` makes one.")
    return None


def publisher() -> Program:
    """The program whose key has let this request change articles."""
    program: Program = g.program
    return program


def carries_key(scope: str) -> bool:
    """Whether a request that needs no key carries one of ours, with a scope.

    Raises UnknownKey, Forbidden for one that does not hold or lacks the scope: its sender believes that it does. What
    does not look like one of our keys is not for us, such as what a proxy in front asks for.
    """
    key = _bearer()
    if key is None or not context().keys.is_known(key):
        return False
    context().keys.program(key, scope)
    return True


def checks_key(scope: str) -> Callable[[View], View]:
    """Looks at the key of requests that need none, before their body is read: see `carries_key`."""

    def checked(view: View) -> View:
        @wraps(view)
        def call(*arguments: Any, **keywords: Any) -> Any:
            carries_key(scope)
            return view(*arguments, **keywords)

        return call

    return checked


def _bearer() -> str | None:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else None
