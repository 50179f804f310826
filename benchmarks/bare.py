"""The bare view: the least that Flask can do to return the same bytes."""

import os
from pathlib import Path

from flask import Flask, Response


def create_app() -> Flask:
    """One view for the recommend endpoint's path, and one that says the server is up."""
    body = Path(os.environ["BARE_BODY"]).read_bytes()
    app = Flask(__name__)

    @app.get("/api/v1/recommend")
    def recommend() -> Response:
        return Response(body, mimetype="application/json")

    @app.get("/healthz")
    def healthz() -> Response:
        return Response("ok")

    return app
