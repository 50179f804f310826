"""Who is signed in and what they may do. Everything that is not public is closed to strangers and to other roles."""

import secrets
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from apiflask import abort
from flask import (
    Blueprint,
    Flask,
    Response,
    after_this_request,
    current_app,
    flash,
    g,
    redirect,
    request,
    session,
    url_for,
)
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf.csrf import CSRFProtect, generate_csrf
from markupsafe import Markup

from recommender.desk.accounts import SESSION, Accounts
from recommender.desk.attempts import KNOWN, Caller
from recommender.desk.permissions import permitted
from recommender.errors import Forbidden
from recommender.store.accounts import Account
from recommender.web.api import security
from recommender.web.api.problems import for_people, problem
from recommender.web.client_address import client_address
from recommender.web.context import context
from recommender.web.headers import DESK, is_desk

View = TypeVar("View", bound=Callable[..., Any])

FIRST_PAGE = f"{DESK}/"
MAX_KEY = 100
KNOWN_COOKIE = "desk_known"  # by which a browser is known again, for each account that has signed in with it
MOST_KNOWN = 10  # accounts of one browser
_PERMISSION = "permission"  # the attribute that `allows` leaves on a view
_HALFWAY = "halfway"  # the attribute that `allows_halfway` leaves on a view
_PENDING = "pending"  # where the session keeps the token of a sign-in that waits for a second factor
_BETWEEN = "~"  # what a browser is known by, in the cookie


def set_up(app: Flask, accounts: Accounts, *, https: bool, other_proof: Iterable[Blueprint]) -> None:
    """Closes the application. Forms need a CSRF token, but for the blueprints of `other_proof`, which use no cookie."""
    app.secret_key = accounts.secret("session")
    app.config.update(
        SESSION_COOKIE_NAME="desk",
        SESSION_COOKIE_PATH=DESK,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=https,
        PERMANENT_SESSION_LIFETIME=SESSION,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a page may lie open through a long day
    )
    app.session_interface = DeskSessions()
    logins = LoginManager()
    # Address and browser are not compared: both change on the way through a newsroom's proxies.
    logins.session_protection = None
    logins.init_app(app, add_context_processor=False)
    logins.user_loader(_visitor)
    app.before_request(_gate)
    csrf = CSRFProtect()
    csrf.init_app(app)
    for blueprint in other_proof:
        csrf.exempt(blueprint)
    app.jinja_env.globals.update(csrf_field=csrf_field, request_field=request_field, may=may, signed_in=signed_in)


class DeskSessions(SecureCookieSessionInterface):
    """Flask's sessions, for the editors' desk only: readers get no cookie, so caches serve all of them the same."""

    def open_session(self, app: Flask, request: Any) -> SecureCookieSession | None:
        """No session outside the desk."""
        return super().open_session(app, request) if is_desk(request.path) else None


class Visitor(UserMixin):  # type: ignore[misc]  # Flask-Login has no types
    """A person with a session, as Flask-Login wants them."""

    def __init__(self, account: Account, token: str) -> None:
        self.account = account
        self.token = token

    def get_id(self) -> str:
        """What Flask-Login puts into the signed cookie."""
        return self.token


def _visitor(token: str) -> Visitor | None:
    account = context().accounts.who(token)
    return None if account is None else Visitor(account, token)


# -- for views and templates


def who() -> Account:
    """The account that is signed in; a view of the desk always has one."""
    account = signed_in()
    if account is None:
        raise Forbidden(_("You are not signed in."))
    return account


def signed_in() -> Account | None:
    """The account that is signed in, if any."""
    return cast(Account | None, g.get("account"))


def may(permission: str) -> bool:
    """Whether a person is signed in whose role has a permission."""
    account = signed_in()
    return account is not None and permitted(account.role, permission)


def allows(permission: str) -> Callable[[View], View]:
    """Says which permission a view needs. A view outside PUBLIC that does not say it is closed to all."""

    def marked(view: View) -> View:
        setattr(view, _PERMISSION, permission)
        return view

    return marked


def allows_halfway(view: View) -> View:
    """Says that a view is also for people whose second factor is still to come: `halfway` gives the account."""
    setattr(view, _HALFWAY, True)
    return view


def halfway() -> Account | None:
    """The account whose password was right and whose second factor is still to come, if nobody is signed in."""
    token = session.get(_PENDING)
    return None if token is None or signed_in() is not None else context().accounts.halfway(token)


def pending_token() -> str:
    """The token of that sign-in; empty where there is none."""
    return str(session.get(_PENDING, ""))


def caller() -> Caller:
    """From where the request comes, and what makes its browser known."""
    address = client_address(
        request.environ.get("REMOTE_ADDR", ""),
        request.headers.get("X-Forwarded-For", ""),
        context().settings.proxies,
    )
    return Caller(address, _introductions())


def csrf_field() -> Markup:
    """The hidden field that every form has which changes something."""
    return _hidden(current_app.config["WTF_CSRF_FIELD_NAME"], generate_csrf())


def request_field() -> Markup:
    """A hidden field with a key that names one sending of a form: sent twice, it counts once."""
    return _hidden("request", secrets.token_urlsafe(16))


def request_key() -> str:
    """The key of `request_field`, of its own for each account. Without one the request is refused."""
    key = request.form.get("request", "")
    if not 0 < len(key) <= MAX_KEY:
        abort(400, _("The form was not complete. Load the page again and repeat the last step."))
    return f"{who().number}-{key}"


def local_path(address: str | None) -> str:
    """An address to go on to, if it is one of the desk's own; else the desk's first page."""
    plain = address is not None and address.isprintable() and "\\" not in address
    return address if address and plain and is_desk(address.partition("?")[0]) else FIRST_PAGE


def enter(token: str) -> None:
    """Puts a new session into the browser, instead of any earlier one, and makes the browser known.

    A session that waits for a second factor signs nobody in: only what `allows_halfway` marks can be reached with it.
    """
    session.clear()
    account = context().accounts.who(token)
    if account is None:
        session[_PENDING] = token
        return
    login_user(Visitor(account, token))
    g.account = account
    _introduce(context().accounts.introduction(account), account)


def leave() -> None:
    """Ends the session, in the browser and in the store."""
    context().accounts.sign_out(current_user.token)
    logout_user()
    session.clear()
    g.account = None


# -- the gate


def _gate() -> ResponseReturnValue | None:
    desk = is_desk(request.path)
    if desk and current_user.is_authenticated:
        g.account = current_user.account
    if request.endpoint in security.PUBLIC | security.KEYED or (request.endpoint is None and not desk):
        return None
    view = None if request.endpoint is None else current_app.view_functions[request.endpoint]
    if signed_in() is None:
        account = halfway()
        return None if account is not None and hasattr(view, _HALFWAY) else _turned_away(account)
    if view is None:
        return None  # there is no such page, and people who are signed in may know
    permission = getattr(view, _PERMISSION, None)
    if permission is None or not may(permission):
        raise Forbidden(_("Your role does not allow this."))
    return None


def next_step(account: Account, target: str) -> str:
    """The page where a sign-in goes on that waits for a second factor."""
    step = "second_factor.page" if account.second_factor is None else "sign_in.code_form"
    return url_for(step, next=target)


def _turned_away(account: Account | None) -> Response:
    """Leads to where people sign in, or go on with it."""
    if not for_people():
        return problem(401, "Sign in first", "This address is for people who are signed in.")
    if request.method in ("GET", "HEAD"):
        target = request.full_path.removesuffix("?")
    else:
        flash(_("You were signed out before you sent this, so it has not been saved. Sign in and send it again."))
        target = FIRST_PAGE
    step = url_for("sign_in.form", next=target) if account is None else next_step(account, target)
    return cast(Response, redirect(step, 303))


def _introductions() -> tuple[str, ...]:
    return tuple(request.cookies.get(KNOWN_COOKIE, "").split(_BETWEEN)[:MOST_KNOWN])


def _introduce(introduction: str, account: Account) -> None:
    """Makes the browser known; what it holds of others stays, the oldest apart where there are too many."""
    others = [other for other in _introductions() if other and not other.startswith(f"{account.number}.")]
    value = _BETWEEN.join([introduction, *others][:MOST_KNOWN])

    @after_this_request
    def _keep(response: Response) -> Response:
        secure = current_app.config["SESSION_COOKIE_SECURE"]
        response.set_cookie(KNOWN_COOKIE, value, KNOWN, path=DESK, secure=secure, httponly=True, samesite="Lax")
        return response


def _hidden(name: str, value: str) -> Markup:
    return Markup('<input type="hidden" name="{}" value="{}">').format(name, value)
