"""The headers that keep browsers from doing what pages did not ask for."""

from flask import Flask, Response, request

# Pages need their own scripts, styles and data, and pictures from anywhere; nothing else.
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' https: data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)

DESK = "/editor"  # below it lie the pages of the editors' desk
DESK_HEADERS = {
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # an address of the desk may name what is not public yet
}


def is_desk(path: str) -> bool:
    """Whether a path belongs to the editors' desk."""
    return path == DESK or path.startswith(f"{DESK}/")


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
        if is_desk(request.path):
            response.headers.update(DESK_HEADERS)
        return response
