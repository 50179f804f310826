"""The second factor at the desk: setting up, codes, recovery codes, and what the holder of an account is told."""

import re
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from recommender.desk import accounts
from recommender.desk.accounts import Accounts
from recommender.store.accounts import Account
from tests.web.conftest import MakeClient, context_of
from tests.web.desk.conftest import PAGE, Desk, csrf_token, post, store_of
from tests.web.desk.test_people import PASSWORD

SECRET = pyotp.random_base32()
STEP = timedelta(seconds=30)


@pytest.fixture
def browser(make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A browser without a session; everybody must have a second factor, as Awa has not yet."""
    monkeypatch.setattr(accounts, "REFUSAL_SECONDS", 0)
    client = make_client(second_factor="all")
    client.environ_base["HTTP_ACCEPT"] = PAGE["Accept"]
    keeping(client).add("Awa", "administrator", "test", PASSWORD)
    return client


def keeping(client: FlaskClient) -> Accounts:
    """The accounts of the application."""
    return context_of(client.application).accounts


def awa(client: FlaskClient) -> Account:
    account = store_of(client).accounts.by_name("Awa")
    assert account
    return account


def enrolled(client: FlaskClient) -> list[str]:
    """Gives Awa a second factor, with a code of a minute ago, and the recovery codes."""
    factors = keeping(client).second_factors
    earlier = Accounts(**{**vars(keeping(client)), "second_factors": type(factors)(**{**vars(factors), "clock": ago})})
    return earlier.set_up_second_factor(awa(client), SECRET, pyotp.TOTP(SECRET).at(ago()))[1]


def ago() -> datetime:
    return datetime.now(UTC) - 2 * STEP


def now() -> str:
    return pyotp.TOTP(SECRET).now()


def sign_in(client: FlaskClient, **fields: str) -> TestResponse:
    token = csrf_token(client, "/editor/sign-in")
    return client.post("/editor/sign-in", data={"csrf_token": token, "name": "Awa", "password": PASSWORD, **fields})


def enter_code(client: FlaskClient, typed: str, **fields: str) -> TestResponse:
    path = "/editor/sign-in/code"
    return client.post(path, data={"csrf_token": csrf_token(client, path), "code": typed, **fields})


def set_up(client: FlaskClient, **fields: str) -> TestResponse:
    """Sends the form with the secret that it shows, unless another is given."""
    page = client.get("/editor/second-factor").text
    secret = re.search(r'name="secret" type="text" value="([A-Z2-7]{32})"', page)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert secret
    assert token
    own = {"csrf_token": token[1], "secret": secret[1], "code": pyotp.TOTP(secret[1]).now()}
    return client.post("/editor/second-factor", data=own | fields)


def is_inside(client: FlaskClient) -> bool:
    return client.get("/editor/audit").status_code == 200


# -- setting up


def test_required_one_is_set_up_before_anything_else(browser: FlaskClient) -> None:
    response = sign_in(browser, next="/editor/audit?action=pin")
    assert response.location == "/editor/second-factor?next=/editor/audit?action%3Dpin"
    assert browser.get("/editor/audit").location.startswith("/editor/second-factor")
    page = browser.get(response.location).text
    assert "Your account must have one before you can go on." in page
    assert 'name="next" value="/editor/audit?action=pin"' in page
    codes = set_up(browser, next="/editor/audit?action=pin")
    assert codes.status_code == 200
    assert len(re.findall(r"<li><code>[a-z2-7]{4}(?:-[a-z2-7]{4}){3}</code></li>", codes.text)) == 10
    assert 'href="/editor/audit?action=pin"' in codes.text
    assert is_inside(browser)


def test_page_shows_a_code_to_scan(browser: FlaskClient) -> None:
    """As a drawing in the page: the policy of these pages takes it, and no other service sees the secret."""
    sign_in(browser)
    page = browser.get("/editor/second-factor")
    assert page.text.count("<svg ") == 1
    assert "otpauth://totp/Sahel%20Journal:Awa?secret=" in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_wrong_code_leaves_the_same_secret(browser: FlaskClient) -> None:
    sign_in(browser)
    response = set_up(browser, secret=SECRET, code="000000")
    assert response.status_code == 422
    assert SECRET in response.text
    assert awa(browser).second_factor is None


def test_password_cannot_set_up_another_device(browser: FlaskClient) -> None:
    enrolled(browser)
    sign_in(browser)
    other = pyotp.random_base32()
    token = csrf_token(browser, "/editor/sign-in/code")
    fields = {"csrf_token": token, "secret": other, "code": pyotp.TOTP(other).now()}
    assert browser.post("/editor/second-factor", data=fields).location == "/editor/second-factor"
    assert browser.get("/editor/second-factor").location.startswith("/editor/sign-in/code")
    factor = awa(browser).second_factor
    assert factor
    assert factor.secret == SECRET
    assert not is_inside(browser)


def test_optional_one_is_set_up_from_the_account(desk: Desk) -> None:
    client = desk("editor", "Awa")
    assert "None: the password alone signs in." in client.get("/editor/account").text
    assert set_up(client).status_code == 200
    assert "10 recovery codes are left." in client.get("/editor/account").text


# -- signing in


@pytest.mark.parametrize("recovery", [False, True])
def test_code_signs_in_after_the_password(browser: FlaskClient, recovery: bool) -> None:
    codes = enrolled(browser)
    location = sign_in(browser, next="/editor/audit").location
    assert location == "/editor/sign-in/code?next=/editor/audit"
    assert not is_inside(browser)
    assert enter_code(browser, codes[3] if recovery else now(), next="/editor/audit").location == "/editor/audit"
    assert is_inside(browser)
    assert browser.get("/editor/sign-in/code").location == "/editor/"


def test_code_field_is_filled_in_by_phones(browser: FlaskClient) -> None:
    enrolled(browser)
    sign_in(browser)
    page = browser.get("/editor/sign-in/code").text
    assert '<label for="code">Code</label>' in page
    assert 'autocomplete="one-time-code"' in page


def test_wrong_codes_are_refused_and_limited(browser: FlaskClient) -> None:
    enrolled(browser)
    sign_in(browser)
    for _ in range(5):
        response = enter_code(browser, "000000")
        assert (response.status_code, "The code is not right" in response.text) == (401, True)
    assert enter_code(browser, now()).status_code == 401
    assert sign_in(browser).status_code == 401


def test_page_speaks_french(browser: FlaskClient) -> None:
    enrolled(browser)
    sign_in(browser)
    browser.set_cookie("desk_language", "fr", path="/editor")
    assert "Saisissez les six chiffres" in browser.get("/editor/sign-in/code").text


def test_link_leads_to_the_second_factor(browser: FlaskClient) -> None:
    enrolled(browser)
    path = f"/editor/link/{keeping(browser).make_link('Awa', 'test')}"
    fields = {"csrf_token": csrf_token(browser, path), "password": PASSWORD, "again": PASSWORD}
    assert browser.post(path, data=fields).location.startswith("/editor/sign-in/code")
    assert not is_inside(browser)


# -- changing it


def test_recovery_codes_are_renewed(desk: Desk) -> None:
    client = desk("editor", "Awa")
    codes = enrolled(client)
    client = desk("editor", "Awa")
    assert post(client, "/editor/second-factor/codes", code="000000").status_code == 422
    response = post(client, "/editor/second-factor/codes", code=codes[0])
    assert response.status_code == 200
    assert codes[1] not in response.text
    assert response.text.count("<li><code>") == 10


def test_it_is_turned_off_by_a_code(desk: Desk) -> None:
    enrolled(desk("editor", "Awa"))
    client = desk("editor", "Awa")
    assert post(client, "/editor/second-factor/off", code="000000").status_code == 422
    assert post(client, "/editor/second-factor/off", code=now()).location == "/editor/account"
    assert awa(client).second_factor is None


def test_required_one_is_not_turned_off(browser: FlaskClient) -> None:
    codes = enrolled(browser)
    sign_in(browser)
    enter_code(browser, codes[0])
    assert "An administrator can reset it" in browser.get("/editor/second-factor").text
    assert post(browser, "/editor/second-factor/off", code=codes[1]).status_code == 422
    assert awa(browser).second_factor


def test_administrator_resets_it(desk: Desk) -> None:
    enrolled(desk("editor", "Awa"))
    holder, boss = desk("editor", "Awa"), desk("administrator", "boss")
    assert "Reset second factor" in boss.get("/editor/people").text
    assert post(boss, "/editor/people/second-factor", name="Awa").status_code == 303
    assert awa(boss).second_factor is None
    assert holder.get("/editor/audit").status_code == 303
    assert "Reset second factor" not in boss.get("/editor/people").text


# -- what is told


def test_owner_is_told_of_failures(desk: Desk, stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next sign-in, once, and on the account's page for a month; in French too."""
    monkeypatch.setattr(accounts, "REFUSAL_SECONDS", 0)
    keeping(stranger).add("Awa", "editor", "test", PASSWORD)
    thief = stranger.application.test_client()
    for address in ("203.0.113.7", "203.0.113.7", "198.51.100.9"):
        thief.environ_base["HTTP_X_FORWARDED_FOR"] = address
        assert sign_in(thief, password="wrong").status_code == 401
    stranger.set_cookie("desk_language", "fr", path="/editor")
    sign_in(stranger)
    assert "3 tentatives de connexion à votre nom ont échoué" in stranger.get("/editor/audit").text
    stranger.set_cookie("desk_language", "en", path="/editor")
    assert "have failed" not in stranger.get("/editor/audit").text
    page = stranger.get("/editor/account").text
    assert "3 attempts to sign in with your name have failed since" in page
    assert "from 198.51.100.9, 203.0.113.7." in page
    assert re.search(r'<th scope="row">203.0.113.7</th>\s*<td>2</td>', page)


def test_owner_is_told_that_the_password_is_known(browser: FlaskClient) -> None:
    codes = enrolled(browser)
    sign_in(browser)
    enter_code(browser, "000000")
    enter_code(browser, codes[0])
    assert "With 1 of them the password was right" in browser.get("/editor/audit").text
