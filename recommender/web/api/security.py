"""Who may write."""

import hmac

from flask import Response, request

from recommender.web.api.problems import problem
from recommender.web.context import context

API_KEY_SCHEME = "ApiKey"

# What a stranger may reach. Every other endpoint, one that is added later included, needs a signed-in editor.
PUBLIC = frozenset(
    {
        "static",
        "recommend.sidebar",
        "recommend.draft_sidebar",
        "recommend.story",
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
KEYED = frozenset({"articles.put_article", "articles.delete_article", "articles.post_articles"})


def require_api_key() -> Response | None:
    """A refusal where the request carries none of the configured keys as `Authorization: Bearer …`."""
    keys = [key.get_secret_value().encode() for key in context().settings.api_keys]
    if not keys:
        return problem(403, "Writing is off", "No API key is configured; set RECOMMENDER_API_KEYS to allow writing.")
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    token = credentials.strip().encode("utf-8", "replace")
    # Every key is compared in full, so the time taken says nothing about them.
    if sum(hmac.compare_digest(token, key) for key in keys) and scheme.lower() == "bearer":
        return None
    return problem(
        401,
        "An API key is required",
        "Send one of the configured keys as `Authorization: Bearer KEY`.",
        headers={"WWW-Authenticate": "Bearer"},
    )
