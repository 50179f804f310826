"""Closed by default: what strangers reach, what each role reaches, and what forms must carry."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from recommender.desk.permissions import ACCOUNTS, DECIDE, GRADE, PANELS, READ, ROLES, RULES, TUNE, permitted
from recommender.store.accounts import SecondFactor
from recommender.store.base import Store
from recommender.web.app import make_app
from recommender.web.desk.access import allows, local_path, may, request_field, request_key
from tests.web.conftest import close, context_of
from tests.web.desk.conftest import PAGE, Desk, csrf_token, enter, post, store_of
from tests.web.test_security import GATED, PUBLIC
from tests.web.toy import settings_for

# What a stranger may reach below /editor.
SIGNING_IN = {
    ("GET", "/editor/sign-in"),
    ("POST", "/editor/sign-in"),
    ("GET", "/editor/link/<token>"),
    ("POST", "/editor/link/<token>"),
    ("POST", "/editor/language"),
}
# What every other route below /editor needs.
NEEDS = {
    ("POST", "/editor/sign-out"): READ,
    ("GET", "/editor/password"): READ,
    ("POST", "/editor/password"): READ,
    ("GET", "/editor/sign-in/code"): READ,
    ("POST", "/editor/sign-in/code"): READ,
    ("GET", "/editor/account"): READ,
    ("GET", "/editor/second-factor"): READ,
    ("POST", "/editor/second-factor"): READ,
    ("POST", "/editor/second-factor/codes"): READ,
    ("POST", "/editor/second-factor/off"): READ,
    ("GET", "/editor/audit"): READ,
    ("GET", "/editor/audit.csv"): READ,
    ("GET", "/editor/"): READ,
    ("GET", "/editor/next/<path:article_id>"): READ,
    ("GET", "/editor/article/<path:article_id>"): READ,
    ("POST", "/editor/article/<path:article_id>"): DECIDE,
    ("GET", "/editor/search/<path:article_id>"): READ,
    ("POST", "/editor/undo/<int:entry>"): READ,  # asks again, by what is to be undone
    ("GET", "/editor/draft"): READ,
    ("POST", "/editor/draft"): READ,
    ("GET", "/editor/exposure"): READ,
    ("GET", "/editor/history/<path:article_id>"): READ,
    ("GET", "/editor/shown/<path:article_id>"): READ,
    ("GET", "/editor/stays/<path:article_id>"): READ,
    ("GET", "/editor/rules"): READ,
    ("GET", "/editor/rules/new"): RULES,
    ("POST", "/editor/rules/new"): RULES,
    ("GET", "/editor/rules/<int:number>/edit"): RULES,
    ("POST", "/editor/rules/<int:number>/edit"): RULES,
    ("POST", "/editor/rules/<int:number>/switch"): RULES,
    ("POST", "/editor/rules/<int:number>/end"): RULES,
    ("GET", "/editor/rules/reach"): RULES,
    ("POST", "/editor/rules/reach"): RULES,
    ("GET", "/editor/rules/reach/progress"): RULES,
    ("POST", "/editor/rules/reach/cancel"): RULES,
    ("POST", "/editor/rules/apply"): RULES,  # asks again, by what is to be applied
    ("GET", "/editor/sensitive"): READ,
    ("POST", "/editor/sensitive"): TUNE,
    ("GET", "/editor/ranking"): READ,
    ("POST", "/editor/ranking"): TUNE,
    ("GET", "/editor/grading"): GRADE,
    ("GET", "/editor/grading/new"): PANELS,
    ("POST", "/editor/grading/new"): PANELS,
    ("GET", "/editor/grading/<int:panel>"): GRADE,
    ("GET", "/editor/grading/<int:panel>/report"): GRADE,
    ("GET", "/editor/grading/<int:panel>/<int:place>"): GRADE,
    ("POST", "/editor/grading/<int:panel>/<int:place>"): GRADE,
    ("GET", "/editor/people"): ACCOUNTS,
    ("POST", "/editor/people"): ACCOUNTS,
    ("POST", "/editor/people/link"): ACCOUNTS,
    ("POST", "/editor/people/role"): ACCOUNTS,
    ("POST", "/editor/people/disable"): ACCOUNTS,
    ("POST", "/editor/people/enable"): ACCOUNTS,
    ("POST", "/editor/people/sign-out"): ACCOUNTS,
    ("POST", "/editor/people/second-factor"): ACCOUNTS,
}
# Of these, what somebody reaches whose password was right and whose second factor is still to come.
HALFWAY = {
    ("GET", "/editor/sign-in/code"),
    ("POST", "/editor/sign-in/code"),
    ("GET", "/editor/second-factor"),
    ("POST", "/editor/second-factor"),
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@pytest.fixture(scope="module")
def app(toy_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """One application for the tests that change nothing."""
    made = make_app(settings_for(Path(shutil.copy(toy_archive, tmp_path_factory.mktemp("access")))))
    yield made
    close(made)


@pytest.fixture(scope="module")
def visitor(app: Flask) -> FlaskClient:
    """A browser without a session."""
    return app.test_client()


@pytest.fixture(scope="module")
def signed_in(app: Flask) -> dict[str, FlaskClient]:
    """A browser of each role."""
    browsers = {role: app.test_client() for role in ROLES}
    for role, browser in browsers.items():
        enter(browser, role, f"a {role}")
    return browsers


def routes(app: Flask) -> set[tuple[str, str]]:
    """Every (method, rule) of the application, without what Flask adds."""
    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def filled(rule: str) -> str:
    """A path that a rule takes."""
    return re.sub(r"<int:\w+>", "1", re.sub(r"<(?:\w+:)?\w+_id>", "blockade-1", rule)).replace("<token>", "x")


def is_turned_away(response: TestResponse) -> bool:
    """Whether a page was refused for want of signing in."""
    return response.status_code == 303 and (response.location or "").startswith("/editor/sign-in")


# -- strangers


def test_tables_name_every_route(app: Flask) -> None:
    assert routes(app) == PUBLIC.keys() | GATED.keys() | SIGNING_IN | NEEDS.keys()


def test_strangers_reach_nothing_else(app: Flask, visitor: FlaskClient) -> None:
    """Every route with every method: what is in no table answers 401. Which methods signing in takes is no secret."""
    reached = []
    open_to_all = {("OPTIONS", rule) for _, rule in SIGNING_IN} | SIGNING_IN
    for rule in {rule.rule for rule in app.url_map.iter_rules()}:
        for method in METHODS:
            route = ("GET" if method == "HEAD" else method, rule)
            with visitor.open(filled(rule), method=method) as response:
                closed = rule.startswith("/editor") and route not in open_to_all
                if (closed and response.status_code != 401) or (route in GATED and response.status_code != 403):
                    reached.append((method, rule, response.status_code))
    assert reached == []


def test_strangers_pages_lead_to_signing_in(app: Flask, visitor: FlaskClient) -> None:
    paths = [filled(rule) for method, rule in NEEDS if method == "GET"]
    assert [path for path in paths if not is_turned_away(visitor.get(path, headers=PAGE))] == []


@pytest.mark.parametrize("path", ["/editor", "/editor/", "/editor/nothing", "/editor/people/x/y"])
def test_strangers_do_not_learn_what_is_there(visitor: FlaskClient, path: str) -> None:
    assert is_turned_away(visitor.get(path, headers=PAGE))
    assert visitor.get(path).status_code == 401


def test_refusal_of_a_program_is_a_problem(visitor: FlaskClient) -> None:
    response = visitor.get("/editor/audit", headers={"Accept": "application/json"})
    assert (response.status_code, response.mimetype) == (401, "application/problem+json")


def test_wanted_page_is_remembered(visitor: FlaskClient) -> None:
    response = visitor.get("/editor/audit?by=awa&action=pin", headers=PAGE)
    assert response.location == "/editor/sign-in?next=/editor/audit?by%3Dawa%26action%3Dpin"


def test_sent_form_is_told_to_be_lost(stranger: FlaskClient) -> None:
    response = stranger.post("/editor/password", data={"old": "x"}, follow_redirects=True)
    assert "has not been saved" in response.text
    assert [step.location for step in response.history] == ["/editor/sign-in?next=/editor/"]


@pytest.mark.parametrize("cookie", ["", "x", "eyJfdXNlcl9pZCI6IngifQ.x.x", "\x7f"])
def test_invented_cookie_is_a_stranger(app: Flask, cookie: str) -> None:
    browser = app.test_client(use_cookies=False)
    assert is_turned_away(browser.get("/editor/audit", headers=PAGE | {"Cookie": f"desk={cookie}"}))


def test_cookie_signed_for_no_session_is_a_stranger(stranger: FlaskClient) -> None:
    with stranger.session_transaction(path="/editor/") as session:
        session["_user_id"] = "invented"
    assert is_turned_away(stranger.get("/editor/audit"))


# -- between the password and the second factor


@pytest.fixture(scope="module", params=["code", "setting up"])
def waiting(request: pytest.FixtureRequest, app: Flask) -> FlaskClient:
    """A browser of an administrator whose second factor is still to come: a code of it, or one at all."""
    browser, name = app.test_client(), f"waits for {request.param}"
    enter(browser, "administrator", name, pending=True)
    accounts = store_of(browser).accounts
    account = accounts.by_name(name)
    assert account
    if request.param == "code":
        accounts.replace(replace(account, second_factor=SecondFactor("A" * 32, datetime.now(UTC), 0)))
    return browser


def test_password_alone_reaches_nothing(app: Flask, waiting: FlaskClient) -> None:
    """Every route of the desk with every method, those that write among them, as for a stranger."""
    reached = []
    for method, rule in NEEDS.keys() - HALFWAY:
        for tried in {method, *METHODS} - {"OPTIONS"}:
            if (tried, rule) in SIGNING_IN | HALFWAY or ("GET", rule) in HALFWAY:
                continue
            with waiting.open(filled(rule), method=tried) as response:
                if response.status_code != 401:
                    reached.append((tried, rule, response.status_code))
    assert reached == []


def test_password_alone_leads_to_the_second_factor(waiting: FlaskClient) -> None:
    paths = [filled(rule) for method, rule in NEEDS if method == "GET" and (method, rule) not in HALFWAY]
    steps = {(waiting.get(path, headers=PAGE).location or "").partition("?")[0] for path in paths}
    assert steps in ({"/editor/sign-in/code"}, {"/editor/second-factor"})


def test_steps_need_their_tokens_too(waiting: FlaskClient) -> None:
    for method, rule in HALFWAY:
        if method == "POST":
            assert waiting.post(rule, data={"code": "000000"}).status_code == 400


def test_steps_are_closed_to_strangers(visitor: FlaskClient) -> None:
    assert {visitor.open(rule, method=method).status_code for method, rule in HALFWAY} == {401}


# -- roles


def test_every_role_reaches_what_it_may(app: Flask, signed_in: dict[str, FlaskClient]) -> None:
    """A refused role gets 403 before anything else; an allowed one is asked for the form's token, or is answered: what
    a path names need not be there.
    """
    wrong = []
    for (method, rule), permission in NEEDS.items():
        for role, browser in signed_in.items():
            with browser.open(filled(rule), method=method, headers=PAGE) as response:
                answered = (400,) if method == "POST" else (200, 303, 404)
                expected = answered if permitted(role, permission) else (403,)
                if response.status_code not in expected or is_turned_away(response):
                    wrong.append((role, method, rule, response.status_code))
    assert wrong == []


def test_refusal_is_a_page_of_the_desk(desk: Desk) -> None:
    response = desk("editor").get("/editor/people")
    assert (response.status_code, response.mimetype) == (403, "text/html")
    assert "Your role does not allow this." in response.text


def test_refusal_of_a_program_is_a_problem_too(desk: Desk) -> None:
    response = desk("editor").get("/editor/people", headers={"Accept": "application/json"})
    assert (response.status_code, response.mimetype) == (403, "application/problem+json")


def test_route_without_permission_is_closed(stranger: FlaskClient) -> None:
    """A developer adds a page and forgets to say who may see it."""
    stranger.application.add_url_rule("/editor/forgotten", "forgotten", lambda: "seen")
    stranger.application.add_url_rule("/elsewhere", "elsewhere", lambda: "seen")
    assert is_turned_away(stranger.get("/editor/forgotten"))
    assert is_turned_away(stranger.get("/elsewhere"))
    enter(stranger, "administrator", "boss")
    assert stranger.get("/editor/forgotten").status_code == 403


def test_change_of_role_holds_at_once(desk: Desk) -> None:
    boss = desk("administrator", "boss")
    assert boss.get("/editor/people").status_code == 200
    accounts = context_of(boss.application).accounts
    accounts.add("second", "administrator", "test", "wrestlers of Dakar")
    accounts.set_role("boss", "viewer", "second")
    assert is_turned_away(boss.get("/editor/people"))


def test_unknown_page_is_told_to_those_signed_in(desk: Desk) -> None:
    response = desk().get("/editor/nothing")
    assert (response.status_code, response.mimetype) == (404, "text/html")
    assert "Page not found" in response.text


def test_pages_ask_what_may_be_done(desk: Desk) -> None:
    assert "/editor/people" in desk("administrator", "boss").get("/editor/audit").text
    assert "/editor/people" not in desk("viewer").get("/editor/audit").text


def test_outside_the_desk_no_account_may(app: Flask) -> None:
    with app.test_request_context("/"):
        assert not may(READ)


# -- forms


@pytest.mark.parametrize("token", [None, "", "x", "IjEyIg.aaaaaa.bbbb"])
def test_form_without_its_token_changes_nothing(desk: Desk, token: str | None) -> None:
    browser = desk()
    response = browser.post("/editor/sign-out", data={} if token is None else {"csrf_token": token})
    assert response.status_code == 400
    assert "nothing was changed" in response.text
    assert browser.get("/editor/audit").status_code == 200


def test_token_of_another_session_is_refused(desk: Desk) -> None:
    foreign = csrf_token(desk("editor", "fatou"))
    assert desk("editor", "awa").post("/editor/sign-out", data={"csrf_token": foreign}).status_code == 400


def test_signing_in_needs_a_token_too(stranger: FlaskClient) -> None:
    assert stranger.post("/editor/sign-in", data={"name": "x", "password": "y"}).status_code == 400


def test_request_key_is_the_senders_own(stranger: FlaskClient) -> None:
    app = stranger.application
    app.add_url_rule("/editor/key", "key", allows(READ)(request_key), methods=["POST"])
    browsers = [app.test_client() for _ in range(2)]
    for browser, name in zip(browsers, ("awa", "fatou"), strict=True):
        enter(browser, "viewer", name)
    first, second = (post(browser, "/editor/key", request="k1").text for browser in browsers)
    assert first != second
    assert first == post(browsers[0], "/editor/key", request="k1").text
    assert post(browsers[0], "/editor/key", request="").status_code == 400
    assert post(browsers[0], "/editor/key", request="x" * 101).status_code == 400


def test_each_request_field_has_another_key(app: Flask) -> None:
    assert request_field() != request_field()


# -- going on to another page


@pytest.mark.parametrize("path", ["/editor", "/editor/", "/editor/audit?by=a%20b", "/editor/articles/a//b"])
def test_own_pages_are_gone_on_to(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "//evil.example",
        "///evil.example",
        "https:evil.example",
        "https://evil.example/editor/",
        "\\\\evil.example",
        "/\\evil.example",
        "/editor\\..\\..\\evil",
        "/\t/evil.example",
        "/editor/\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "/editorial",
        "/",
        "editor/",
        "@evil.example/editor",
        "/editor\x00",
    ],
)
def test_other_addresses_are_not(path: str | None) -> None:
    assert local_path(path) == "/editor/"


# -- headers and cookies


@pytest.mark.parametrize("path", ["/editor/sign-in", "/editor/audit", "/editor/nothing", "/editor/audit.csv"])
def test_desk_is_not_kept_nor_framed(desk: Desk, path: str) -> None:
    headers = desk().get(path).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_pages_of_the_desk_run_only_their_own(desk: Desk) -> None:
    policy = desk().get("/editor/audit").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def cookie_of(response: TestResponse) -> str:
    """The Set-Cookie header of the session."""
    return next(cookie for cookie in response.headers.getlist("Set-Cookie") if cookie.startswith("desk="))


def test_cookie_is_for_the_desk_only(stranger: FlaskClient) -> None:
    parts = cookie_of(stranger.get("/editor/sign-in")).split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/editor"} <= set(parts)
    assert not any(part.startswith(("Expires", "Max-Age")) for part in parts)


@pytest.mark.parametrize(("url", "secure"), [(None, False), ("http://x.example", False), ("https://x.example", True)])
def test_cookie_stays_on_tls_where_there_is_tls(database: Path, url: str | None, secure: bool) -> None:
    app = make_app(settings_for(database, public_url=url))
    assert ("Secure" in cookie_of(app.test_client().get("/editor/sign-in"))) == secure
    close(app)


@pytest.mark.parametrize("path", [path for (method, _), path in PUBLIC.items() if method == "GET"])
def test_readers_get_no_cookie(app: Flask, signed_in: dict[str, FlaskClient], path: str) -> None:
    """Not even editors, whose browsers send the cookie of the desk to the desk only."""
    cookie = signed_in["editor"].get_cookie("desk", path="/editor")
    assert cookie
    with app.test_client(use_cookies=False).get(path, headers={"Cookie": f"desk={cookie.value}"}) as response:
        assert response.status_code == 200
        assert "Set-Cookie" not in response.headers
        assert "Cookie" not in response.vary


def test_signing_key_is_the_databases(database: Path, other_worker: Store) -> None:
    apps = [make_app(settings_for(database)) for _ in range(2)]
    assert apps[0].secret_key == apps[1].secret_key
    assert apps[0].secret_key == other_worker.accounts.secret("session", "another")
    for app in apps:
        close(app)
