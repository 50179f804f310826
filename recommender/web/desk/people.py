"""Accounts: for administrators."""

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from recommender.desk.accounts import state_of
from recommender.desk.permissions import ACCOUNTS
from recommender.errors import InvalidInput
from recommender.web.context import context
from recommender.web.desk.access import allows, who
from recommender.web.desk.messages import ROLES, phrase
from recommender.web.headers import DESK

bp = Blueprint("people", __name__, url_prefix=f"{DESK}/people")


@bp.get("")
@allows(ACCOUNTS)
def people() -> str:
    """All accounts, and a form to add one."""
    return _page()


def _page(problem: str | None = None) -> str:
    accounts = context().accounts
    return render_template(
        "desk/people.html",
        people=[(account, state_of(account), accounts.slowed(account)) for account in accounts.everyone()],
        roles=ROLES,
        typed=request.form,
        problem=problem,
        link=session.pop("link", None),
    )


@bp.post("")
@allows(ACCOUNTS)
def add() -> ResponseReturnValue:
    """Adds an account, and makes its first link."""
    try:
        account = context().accounts.add(request.form.get("name", ""), request.form.get("role", ""), who().name)
    except InvalidInput as error:
        return _page(phrase(error)), 422
    return _with_link(account.name)


@bp.post("/link")
@allows(ACCOUNTS)
def make_link() -> ResponseReturnValue:
    """Makes a one-time link for the holder of an account."""
    return _with_link(request.form.get("name", ""))


def _with_link(name: str) -> ResponseReturnValue:
    token = context().accounts.make_link(name, who().name)
    base = context().settings.public_url or request.url_root.rstrip("/")
    # Kept for the next page only: no other page shows it, and the store has its hash.
    session["link"] = {"name": name, "url": base + url_for("sign_in.link_form", token=token)}
    return redirect(url_for("people.people"), 303)


@bp.post("/role")
@allows(ACCOUNTS)
def change_role() -> ResponseReturnValue:
    """Gives an account another role."""
    name, role = request.form.get("name", ""), request.form.get("role", "")
    return _done(
        lambda: context().accounts.set_role(name, role, who().name), _("%(name)s has another role.", name=name)
    )


@bp.post("/disable")
@allows(ACCOUNTS)
def disable() -> ResponseReturnValue:
    """Keeps the holder of an account out."""
    name = request.form.get("name", "")
    return _done(lambda: context().accounts.disable(name, who().name), _("%(name)s is kept out.", name=name))


@bp.post("/enable")
@allows(ACCOUNTS)
def enable() -> ResponseReturnValue:
    """Lets the holder of an account in again."""
    name = request.form.get("name", "")
    return _done(lambda: context().accounts.enable(name, who().name), _("%(name)s may sign in again.", name=name))


@bp.post("/second-factor")
@allows(ACCOUNTS)
def reset_second_factor() -> ResponseReturnValue:
    """Takes a second factor away that its holder has lost."""
    name = request.form.get("name", "")
    message = _("%(name)s has no second factor, and is signed out everywhere.", name=name)
    return _done(lambda: context().accounts.reset_second_factor(name, who().name), message)


@bp.post("/sign-out")
@allows(ACCOUNTS)
def end_sessions() -> ResponseReturnValue:
    """Signs the holder of an account out everywhere."""
    name = request.form.get("name", "")
    message = _("%(name)s is signed out everywhere.", name=name)
    return _done(lambda: context().accounts.end_sessions(name, who().name), message)


def _done(change: Callable[[], None], message: str) -> ResponseReturnValue:
    try:
        change()
    except InvalidInput as error:
        return _page(phrase(error)), 422
    flash(message)
    return redirect(url_for("people.people"), 303)
