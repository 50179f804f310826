"""Signing in and out, in one step or two, one-time links, and one's own password."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from recommender.desk.permissions import READ
from recommender.errors import InvalidInput, SignInRefused
from recommender.web.context import context
from recommender.web.desk.access import (
    allows,
    allows_halfway,
    caller,
    enter,
    halfway,
    leave,
    local_path,
    next_step,
    pending_token,
    signed_in,
    who,
)
from recommender.web.desk.failures import tell_failures
from recommender.web.desk.messages import phrase
from recommender.web.headers import DESK

bp = Blueprint("sign_in", __name__, url_prefix=DESK)


@bp.get("/sign-in")
def form() -> ResponseReturnValue:
    """The page where people sign in."""
    target = local_path(request.args.get("next"))
    return redirect(target, 303) if signed_in() else _form(target, "", None)


@bp.post("/sign-in")
def enter_with_password() -> ResponseReturnValue:
    """Signs in with name and password, or goes on to the second factor."""
    target, name = local_path(request.form.get("next")), request.form.get("name", "")
    try:
        token = context().accounts.sign_in(name, request.form.get("password", ""), caller())
    except SignInRefused as error:
        return _form(target, name, phrase(error)), 401
    return _entered(token, target)


@bp.get("/sign-in/code")
@allows(READ)
@allows_halfway
def code_form() -> ResponseReturnValue:
    """Asks for a code of the second factor."""
    target = local_path(request.args.get("next"))
    account = halfway()
    if account is None:  # it is done
        return redirect(target, 303)
    return redirect(next_step(account, target), 303) if account.second_factor is None else _code_form(target, None)


@bp.post("/sign-in/code")
@allows(READ)
@allows_halfway
def enter_with_code() -> ResponseReturnValue:
    """Signs in with a code of the second factor, or a recovery code, after the password."""
    target = local_path(request.form.get("next"))
    try:
        token = context().accounts.enter_code(pending_token(), request.form.get("code", ""), caller())
    except SignInRefused as error:
        return _code_form(target, phrase(error)), 401
    return _entered(token, target)


def _code_form(target: str, problem: str | None) -> str:
    return render_template("desk/code.html", target=target, problem=problem)


def _entered(token: str, target: str) -> ResponseReturnValue:
    """Goes on to what was wanted, with news of failed attempts; or to the second factor."""
    enter(token)
    account = signed_in()
    if account is None:
        waiting = halfway()
        return redirect(target if waiting is None else next_step(waiting, target), 303)
    tell_failures(account)
    return redirect(target, 303)


def _form(target: str, name: str, problem: str | None) -> str:
    return render_template("desk/sign_in.html", target=target, name=name, problem=problem)


@bp.post("/sign-out")
@allows(READ)
def sign_out() -> ResponseReturnValue:
    """Ends the session."""
    leave()
    flash(_("You are signed out."))
    return redirect(url_for("sign_in.form"), 303)


@bp.get("/link/<token>")
def link_form(token: str) -> ResponseReturnValue:
    """Asks for a new password. Looking at it does not use the link up: mail programs look at links too."""
    return _link_form(token, None)


@bp.post("/link/<token>")
def use_link(token: str) -> ResponseReturnValue:
    """Sets the password, uses the link up, and signs in."""
    try:
        entered = context().accounts.use_link(token, _new_password())
    except InvalidInput as error:  # a link that is used up shows in the page below
        return _link_form(token, phrase(error))
    return _entered(entered, local_path(None))


def _link_form(token: str, problem: str | None) -> ResponseReturnValue:
    try:
        holder = context().accounts.link_holder(token)
    except SignInRefused as error:
        return render_template("desk/message.html", heading=_("A link for one use"), text=phrase(error)), 410
    page = render_template("desk/link.html", token=token, name=holder.name, problem=problem)
    return page, 422 if problem else 200


@bp.get("/password")
@allows(READ)
def password_form() -> str:
    """Where people change their own password."""
    return render_template("desk/password.html", problem=None)


@bp.post("/password")
@allows(READ)
def change_password() -> ResponseReturnValue:
    """Changes one's own password, and ends one's other sessions."""
    try:
        enter(context().accounts.change_password(who(), request.form.get("old", ""), _new_password(), caller()))
    except InvalidInput as error:
        return render_template("desk/password.html", problem=phrase(error)), 422
    flash(_("Your password is changed, and you are signed out everywhere else."))
    return redirect(url_for("sign_in.password_form"), 303)


def _new_password() -> str:
    password = request.form.get("password", "")
    if password != request.form.get("again"):
        raise InvalidInput(_("The two passwords differ. Type the same one twice."))
    return password
