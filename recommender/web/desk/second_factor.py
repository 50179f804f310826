"""One's own account: failed attempts, and the second factor."""

import segno
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from recommender.desk.permissions import READ
from recommender.errors import InvalidInput
from recommender.store.accounts import Account
from recommender.web.context import context
from recommender.web.desk.access import (
    allows,
    allows_halfway,
    caller,
    enter,
    halfway,
    local_path,
    next_step,
    signed_in,
    who,
)
from recommender.web.desk.failures import in_words, tell_failures
from recommender.web.desk.messages import phrase
from recommender.web.headers import DESK

bp = Blueprint("second_factor", __name__, url_prefix=DESK)


@bp.get("/account")
@allows(READ)
def account() -> str:
    """What there is of one's own account."""
    accounts = context().accounts
    found = accounts.failures(who())
    return render_template(
        "desk/account.html",
        account=who(),
        failures=found,
        summary=in_words(found) if found else "",
        codes=accounts.recovery_codes(who()),
    )


@bp.get("/second-factor")
@allows(READ)
@allows_halfway
def page() -> ResponseReturnValue:
    """Sets a second factor up, or shows the one there is."""
    holder, target = _holder(), local_path(request.args.get("next"))
    if holder.second_factor is None:
        return _enrolment(holder, context().accounts.second_factors.codes.new_secret(), target, None)
    return _own() if signed_in() is not None else redirect(next_step(holder, target), 303)


@bp.post("/second-factor")
@allows(READ)
@allows_halfway
def set_up() -> ResponseReturnValue:
    """Puts a second factor in force, and shows the recovery codes, once."""
    holder, target = _holder(), local_path(request.form.get("next"))
    secret, accounts = request.form.get("secret", ""), context().accounts
    try:
        token, codes = accounts.set_up_second_factor(holder, secret, request.form.get("code", ""))
    except InvalidInput as error:
        if holder.second_factor is not None:
            return redirect(url_for("second_factor.page"), 303)
        return _enrolment(holder, secret, target, phrase(error)), 422
    enter(token)
    tell_failures(who())
    return _recovery_codes(codes, target)


@bp.post("/second-factor/codes")
@allows(READ)
def renew_codes() -> ResponseReturnValue:
    """Makes new recovery codes, and shows them, once."""
    try:
        codes = context().accounts.renew_recovery_codes(who(), request.form.get("code", ""), caller())
    except InvalidInput as error:
        return _own(phrase(error)), 422
    return _recovery_codes(codes, url_for("second_factor.account"))


@bp.post("/second-factor/off")
@allows(READ)
def turn_off() -> ResponseReturnValue:
    """Takes the second factor away."""
    try:
        context().accounts.turn_off_second_factor(who(), request.form.get("code", ""), caller())
    except InvalidInput as error:
        return _own(phrase(error)), 422
    flash(_("Your account has no second factor any more."))
    return redirect(url_for("second_factor.account"), 303)


def _holder() -> Account:
    """Who is signed in, or is about to be."""
    return halfway() or who()


def _enrolment(holder: Account, secret: str, target: str, problem: str | None) -> str:
    settings, accounts = context().settings, context().accounts
    address = accounts.second_factors.codes.address(secret, holder.name, settings.site_name)
    return render_template(
        "desk/second_factor_new.html",
        qr_code=_svg(address),
        name=holder.name,
        secret=secret,
        address=address,
        target=target,
        problem=problem,
        required=accounts.second_factors.requires(holder),
    )


def _own(problem: str | None = None) -> str:
    accounts = context().accounts
    return render_template(
        "desk/second_factor.html",
        factor=who().second_factor,
        codes=accounts.recovery_codes(who()),
        required=accounts.second_factors.requires(who()),
        problem=problem,
    )


def _recovery_codes(codes: list[str], target: str) -> str:
    return render_template("desk/recovery_codes.html", codes=codes, target=target)


def _svg(text: str) -> Markup:
    """A QR code as SVG, dark on white whatever the colours of the page: apps read no other.

    The element around it has its words, so it is hidden from screen readers.
    """
    code = segno.make(text, error="m", micro=False)
    drawn = code.svg_inline(omitsize=True, light="#fff", border=4, svgclass=None, lineclass=None)
    return Markup(drawn.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1))  # noqa: S704  # squares only
