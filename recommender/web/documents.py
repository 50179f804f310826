"""The OpenAPI file, and a page that shows it."""

from typing import Any, cast

from apiflask import APIFlask
from flask import Blueprint, Response, current_app, jsonify, render_template

from recommender.web.site import frame

bp = Blueprint("api", __name__)


@bp.get("/openapi.json")
def openapi() -> Response:
    """The API as OpenAPI."""
    return jsonify(specification())


@bp.get("/docs")
def docs() -> str:
    """The same for people."""
    return render_template("docs.html", spec=specification(), examples={}, **frame())


def specification() -> dict[str, Any]:
    """The OpenAPI document: what APIFlask finds in the code, with the bodies it cannot see there."""
    return cast(dict[str, Any], cast(APIFlask, current_app).spec)
