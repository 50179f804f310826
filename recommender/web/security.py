"""Who may write, and the headers that keep browsers from doing what pages did not ask for."""

import hmac

from flask import Flask, Response, request

from recommender.web.parts import parts
from recommender.web.problems import problem

API_KEY_SCHEME = "ApiKey"
# Pages need their own scripts, styles and data, and pictures from anywhere; nothing else.
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' https: data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


def require_api_key() -> Response | None:
    """A refusal where the request carries none of the configured keys as `Authorization: Bearer …`."""
    keys = [key.get_secret_value().encode() for key in parts().settings.api_keys]
    if not keys:
        return problem(403, "Writing is off", "No API key is configured; set RECOMMENDER_API_KEYS to allow writing.")
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    token = given.strip().encode("utf-8", "replace")
    # Every key is compared in full, so the time taken says nothing about them.
    if sum(hmac.compare_digest(token, key) for key in keys) and scheme.lower() == "bearer":
        return None
    return problem(
        401,
        "An API key is required",
        "Send one of the configured keys as `Authorization: Bearer KEY`.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def hardening(content_type: str) -> list[tuple[str, str]]:
    """The headers for an answer of this type."""
    headers = [("X-Content-Type-Options", "nosniff")]
    if content_type.startswith("text/html"):
        headers += [
            ("Content-Security-Policy", PAGE_POLICY),
            ("Referrer-Policy", "strict-origin-when-cross-origin"),
        ]
    return headers


def add_security_headers(app: Flask) -> None:
    """Adds them to every response that has none yet."""

    @app.after_request
    def _harden(response: Response) -> Response:
        if "X-Content-Type-Options" not in response.headers:
            response.headers.extend(hardening(response.content_type))
        return response
