"""Pages in the look of the desk, without an application behind: for tests of templates, style sheet and script."""

from pathlib import Path
from types import SimpleNamespace

from flask import Blueprint, Flask, flash, render_template_string
from markupsafe import Markup

from recommender.desk.permissions import PERMISSIONS
from recommender.web import languages

WEB = Path(languages.__file__).parent
MACROS = (
    "button, go, field, area, pick, tick, radios, scale, why, tag, day, moment, nothing, problems, subnav, pager, "
    "score, waiting"
)


def page(
    content: str,
    *,
    at: str = "queue",
    name: str | None = "awa",
    permissions: tuple[str, ...] = PERMISSIONS,
    flashes: tuple[tuple[str, str], ...] = (),
    language: str = "en",
    **values: object,
) -> str:
    """A whole page around `content`, a template in which all parts are known. `flashes` are (text, category)."""
    app = Flask("recommender.web")
    app.secret_key = "of-the-tests-only"
    languages.set_up(app, "Sahel Journal")
    choice = Blueprint("language", __name__)
    choice.post("/editor/language", endpoint="choose")(lambda: "")
    app.register_blueprint(choice)
    app.jinja_env.globals.update(
        signed_in=lambda: name and SimpleNamespace(name=name),
        may=lambda permission: permission in permissions,
        csrf_field=lambda: Markup('<input type="hidden" name="csrf_token" value="token">'),
        request_field=lambda: Markup('<input type="hidden" name="request" value="key">'),
    )
    template = (
        "{% extends 'desk/base.html' %}{% from 'desk/_components.html' import " + MACROS + " %}"
        "{% set at = here %}{% block title %}Try{% endblock %}{% block content %}" + content + "{% endblock %}"
    )
    with app.test_request_context("/editor/", headers={"Accept-Language": language}):
        for text, category in flashes:
            flash(text, category)
        return render_template_string(template, here=at, **values)
