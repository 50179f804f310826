"""The choice of a language, also before signing in."""

from flask import Blueprint, abort, current_app, redirect, request
from flask.typing import ResponseReturnValue

from recommender.web.desk.access import local_path
from recommender.web.headers import DESK
from recommender.web.languages import COOKIE, LANGUAGES

YEAR = 365 * 24 * 3600  # seconds

bp = Blueprint("language", __name__, url_prefix=DESK)


@bp.post("/language")
def choose() -> ResponseReturnValue:
    """Keeps the language in a cookie, and goes back to where it was chosen."""
    code = request.form.get("language")
    if code not in LANGUAGES:
        abort(400)
    response = redirect(local_path(request.form.get("next")), 303)
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    response.set_cookie(COOKIE, code, YEAR, path=DESK, secure=secure, httponly=True, samesite="Lax")
    return response
