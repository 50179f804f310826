"""The languages of the editors' desk. What readers and other programs get is not translated here."""

from flask import Flask, request
from flask_babel import Babel

LANGUAGES = {"en": "English", "fr": "Français"}
DEFAULT = "en"  # the language that the texts are written in
COOKIE = "desk_language"


def set_up(app: Flask, site_name: str) -> None:
    """Gives templates `_` and its kin, dates and numbers by language, and what the frame of every page needs."""
    Babel(app, default_locale=DEFAULT, locale_selector=language)
    app.jinja_env.globals.update(desk_language=language, languages=LANGUAGES, site_name=site_name)


def language() -> str:
    """The language of this request: the chosen one, else what the browser asks for, else English."""
    chosen = request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return chosen
    accepted = (code.lower().partition("-")[0] for code, quality in request.accept_languages if quality)
    return next((code for code in accepted if code in LANGUAGES), DEFAULT)
