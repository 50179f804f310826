"""Signing in and out, one-time links, and one's own password, as a browser sees them."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from recommender.desk import accounts
from recommender.desk.accounts import Accounts
from recommender.web.api.problems import RETRY_SECONDS, STALE_FORM
from recommender.web.desk.messages import ACTIONS, PHRASES, ROLES
from tests.web.conftest import MakeClient, context_of
from tests.web.desk.conftest import Desk, csrf_token, post

PASSWORD = "millet and rain"
OTHER = "wrestlers of Dakar"


@pytest.fixture
def keeping(stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> Accounts:
    """The accounts of the application, in which Awa is an editor. Refusals do not keep the tests waiting."""
    monkeypatch.setattr(accounts, "REFUSAL_SECONDS", 0)
    keeper = context_of(stranger.application).accounts
    keeper.add("Awa", "editor", "test", PASSWORD)
    return keeper


def sign_in(browser: FlaskClient, name: str = "Awa", password: str = PASSWORD, **fields: str) -> TestResponse:
    """Fills the form in."""
    token = csrf_token(browser, "/editor/sign-in")
    return browser.post("/editor/sign-in", data={"name": name, "password": password, "csrf_token": token, **fields})


def follow(browser: FlaskClient, path: str, **fields: str) -> TestResponse:
    """Sends the form of a one-time link."""
    return browser.post(path, data={"csrf_token": csrf_token(browser, path), **fields})


def is_inside(browser: FlaskClient) -> bool:
    """Whether the browser has a session."""
    return browser.get("/editor/password").status_code == 200


def copied(browser: FlaskClient) -> Callable[[], TestResponse]:
    """Asks for a page with a copy of the cookie that a browser has now."""
    cookie = browser.get_cookie("desk", path="/editor")
    assert cookie
    headers = {"Cookie": f"desk={cookie.value}"}
    return lambda: browser.application.test_client(use_cookies=False).get("/editor/audit", headers=headers)


# -- the form


def test_right_password_opens_the_desk(stranger: FlaskClient, keeping: Accounts) -> None:
    response = sign_in(stranger)
    assert (response.status_code, response.location) == (303, "/editor/")
    assert "Awa" in stranger.get("/editor/password").text


def test_wanted_page_follows(stranger: FlaskClient, keeping: Accounts) -> None:
    redirected = stranger.get("/editor/audit?action=pin")
    form = stranger.get(redirected.location).text
    assert 'name="next" value="/editor/audit?action=pin"' in form
    assert sign_in(stranger, next="/editor/audit?action=pin").location == "/editor/audit?action=pin"


@pytest.mark.parametrize(
    "address", ["//evil.example", "https:evil.example", "\\\\evil.example", "https://evil.example"]
)
def test_strange_page_does_not(stranger: FlaskClient, keeping: Accounts, address: str) -> None:
    assert 'name="next" value="/editor/">' in stranger.get("/editor/sign-in", query_string={"next": address}).text
    assert sign_in(stranger, next=address).location == "/editor/"


def test_refusals_are_the_same_page(stranger: FlaskClient, keeping: Accounts) -> None:
    """Wrong password, unknown name, no password yet, disabled, locked: only the name that was typed differs."""
    keeping.add("Boubacar", "viewer", "test")
    keeping.add("Coumba", "viewer", "test", OTHER)
    keeping.disable("Coumba", "test")
    attempts = [("Awa", "wrong")] * 5 + [("Awa", PASSWORD), ("Nobody", "x"), ("Boubacar", "x"), ("Coumba", OTHER)]
    token = csrf_token(stranger, "/editor/sign-in")
    pages = set()
    for name, password in attempts:
        data = {"name": name, "password": password, "csrf_token": token}
        response = stranger.post("/editor/sign-in", data=data)
        assert response.status_code == 401
        text = response.text.replace(f'value="{name}"', 'value=""')
        pages.add("".join(line for line in text.splitlines() if "csrf_token" not in line))
    assert len(pages) == 1
    assert accounts.REFUSED.partition(".")[0] in pages.pop()


def test_limit_holds_in_another_worker(stranger: FlaskClient, keeping: Accounts, make_client: MakeClient) -> None:
    for _ in range(5):
        sign_in(stranger, password="wrong")
    assert sign_in(make_client()).status_code == 401


@pytest.mark.parametrize("name", ["", "\0", "<script>alert(1)</script>", "x" * 10_000])
def test_strange_name_is_refused(stranger: FlaskClient, keeping: Accounts, name: str) -> None:
    response = sign_in(stranger, name)
    assert response.status_code == 401
    assert "<script>alert" not in response.text


def test_form_leads_on_who_is_inside(desk: Desk) -> None:
    response = desk().get("/editor/sign-in?next=/editor/audit")
    assert (response.status_code, response.location) == (303, "/editor/audit")


def test_session_of_before_is_dropped(stranger: FlaskClient, keeping: Accounts) -> None:
    """Whoever knows the cookie from before signing in has nothing."""
    before = csrf_token(stranger, "/editor/sign-in")
    thief = copied(stranger)
    sign_in(stranger)
    assert thief().status_code == 401
    assert stranger.post("/editor/sign-out", data={"csrf_token": before}).status_code == 400


# -- signing out


def test_signing_out_ends_the_session(stranger: FlaskClient, keeping: Accounts) -> None:
    sign_in(stranger)
    thief = copied(stranger)
    assert thief().status_code == 200
    response = post(stranger, "/editor/sign-out")
    assert response.location == "/editor/sign-in"
    assert "You are signed out." in stranger.get("/editor/sign-in").text
    assert not is_inside(stranger)
    assert thief().status_code == 401


# -- one-time links


def test_link_sets_a_password_and_signs_in(stranger: FlaskClient, keeping: Accounts) -> None:
    path = f"/editor/link/{keeping.make_link('Awa', 'test')}"
    assert "For the account Awa." in stranger.get(path).text
    assert follow(stranger, path, password=OTHER, again=OTHER).location == "/editor/"
    assert is_inside(stranger)
    assert keeping.sign_in("Awa", OTHER)


def test_looking_at_a_link_uses_nothing_up(stranger: FlaskClient, keeping: Accounts) -> None:
    path = f"/editor/link/{keeping.make_link('Awa', 'test')}"
    for method in ("HEAD", "GET", "OPTIONS", "GET"):
        assert stranger.open(path, method=method).status_code == 200


@pytest.mark.parametrize(
    ("password", "again", "message"),
    [("short", "short", "too short"), (OTHER, PASSWORD, "differ"), ("", "", "too short")],
)
def test_unusable_password_leaves_the_link(
    stranger: FlaskClient, keeping: Accounts, password: str, again: str, message: str
) -> None:
    path = f"/editor/link/{keeping.make_link('Awa', 'test')}"
    response = follow(stranger, path, password=password, again=again)
    assert response.status_code == 422
    assert message in response.text
    assert follow(stranger, path, password=OTHER, again=OTHER).status_code == 303


@pytest.mark.parametrize("token", ["x", "%00", "é", "x" * 3000])
def test_link_that_is_none_says_so(stranger: FlaskClient, token: str) -> None:
    response = stranger.get(f"/editor/link/{token}")
    assert response.status_code == 410
    assert "has been used, or is too old" in response.text


def test_used_link_says_so(stranger: FlaskClient, keeping: Accounts) -> None:
    path = f"/editor/link/{keeping.make_link('Awa', 'test')}"
    late = stranger.application.test_client()
    token = csrf_token(late, path)
    follow(stranger, path, password=OTHER, again=OTHER)
    response = late.post(path, data={"csrf_token": token, "password": OTHER, "again": OTHER})
    assert response.status_code == 410
    assert late.get(path).status_code == 410


# -- one's own password


def test_own_password_is_changed(stranger: FlaskClient, keeping: Accounts) -> None:
    elsewhere = stranger.application.test_client()
    sign_in(elsewhere)
    sign_in(stranger)
    response = post(stranger, "/editor/password", old=PASSWORD, password=OTHER, again=OTHER)
    assert response.status_code == 303
    assert "Your password is changed" in stranger.get("/editor/password").text
    assert elsewhere.get("/editor/password").status_code == 401
    assert keeping.sign_in("Awa", OTHER)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"old": "wrong", "password": OTHER, "again": OTHER}, "The old password is not right."),
        ({"old": PASSWORD, "password": "short", "again": "short"}, "too short"),
        ({"old": PASSWORD, "password": OTHER, "again": PASSWORD}, "differ"),
    ],
)
def test_wrong_change_changes_nothing(desk: Desk, keeping: Accounts, fields: dict[str, str], message: str) -> None:
    browser = desk("editor", "Awa")
    response = post(browser, "/editor/password", **fields)
    assert response.status_code == 422
    assert message in response.text
    assert is_inside(browser)
    assert keeping.sign_in("Awa", PASSWORD)


# -- words


@pytest.mark.parametrize("text", [*accounts.MESSAGES, STALE_FORM])
def test_what_is_said_can_be_translated(text: str) -> None:
    assert str(PHRASES[text]) == text


def test_every_role_and_action_has_a_name() -> None:
    assert set(ROLES) == {"viewer", "editor", "data-scientist", "administrator"}
    assert set(accounts.ACTIONS) <= set(ACTIONS)


def test_error_pages_know_their_language(stranger: FlaskClient) -> None:
    """The frame and the words are those of the page's language; the status is the problem's."""
    stranger.set_cookie("desk_language", "fr", path="/editor")
    response = stranger.get("/editor/link/x")
    assert (response.status_code, '<html lang="fr">' in response.text) == (410, True)


def test_missing_database_is_a_page_too(desk: Desk, database: Path) -> None:
    """It can be shown while the database cannot say who is signed in."""
    browser = desk()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DROP TABLE session")
    response = browser.get("/editor/audit")
    assert (response.status_code, response.mimetype) == (503, "text/html")
    assert response.headers["Retry-After"] == RETRY_SECONDS
    assert "Not available at the moment" in response.text


# -- limits


def wrong(browser: FlaskClient, times: int, name: str = "Awa") -> None:
    """Sends wrong passwords."""
    for _ in range(times):
        assert sign_in(browser, name, "wrong").status_code == 401


def test_stranger_keeps_no_owner_out(stranger: FlaskClient, keeping: Accounts) -> None:
    """Whatever is tried elsewhere, the browser that has signed in before signs in."""
    owner = stranger.application.test_client()
    sign_in(owner)
    post(owner, "/editor/sign-out")
    wrong(stranger, 25)
    assert sign_in(stranger).status_code == 401
    assert sign_in(owner).status_code == 303


def test_stranger_elsewhere_keeps_no_unknown_browser_out(stranger: FlaskClient, keeping: Accounts) -> None:
    stranger.environ_base["REMOTE_ADDR"] = "203.0.113.7"
    wrong(stranger, 6)
    assert sign_in(stranger.application.test_client()).status_code == 303


def test_browser_is_known_for_everybody_who_signed_in_with_it(stranger: FlaskClient, keeping: Accounts) -> None:
    """A newsroom's machine has several. The cookie stays at signing out, for the desk alone, and no script reads it."""
    keeping.add("Issa", "viewer", "test", OTHER)
    for name, password in (("Awa", PASSWORD), ("Issa", OTHER)):
        sign_in(stranger, name, password)
        post(stranger, "/editor/sign-out")
    cookie = stranger.get_cookie("desk_known", path="/editor")
    assert cookie is not None
    assert (cookie.http_only, cookie.same_site, cookie.max_age) == (True, "Lax", 365 * 24 * 3600)
    elsewhere = stranger.application.test_client()
    for name, password in (("Awa", PASSWORD), ("Issa", OTHER)):
        wrong(elsewhere, 5, name)
        assert sign_in(stranger, name, password).status_code == 303
        post(stranger, "/editor/sign-out")


def test_refusal_makes_no_browser_known(stranger: FlaskClient, keeping: Accounts) -> None:
    wrong(stranger, 1)
    assert stranger.get_cookie("desk_known", path="/editor") is None
