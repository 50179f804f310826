"""Accounts, as administrators keep them."""

import re

import pytest
from flask.testing import FlaskClient

from recommender.desk.accounts import ACTIONS
from recommender.store.audit import AuditQuery
from tests.web.conftest import MakeClient, context_of
from tests.web.desk.conftest import Desk, enter, post, store_of

PASSWORD = "millet and rain"


@pytest.fixture
def boss(desk: Desk) -> FlaskClient:
    """An administrator who can sign in, and Awa, an editor."""
    browser = desk("administrator", "second")
    accounts = context_of(browser.application).accounts
    accounts.add("boss", "administrator", "test", PASSWORD)
    accounts.add("Awa", "editor", "test", PASSWORD)
    return desk("administrator", "boss")


def link_in(page: str) -> str:
    """The one-time link that a page shows."""
    match = re.search(r'value="(http[^"]+/editor/link/[^"]+)"', page)
    assert match
    return match[1]


def test_everybody_is_listed(boss: FlaskClient) -> None:
    page = boss.get("/editor/people").text
    assert all(f'<th scope="row">{name}</th>' in page for name in ("Awa", "boss", "second"))
    assert "no password yet" in page


def test_added_person_gets_a_link(boss: FlaskClient) -> None:
    response = post(boss, "/editor/people", name="Fatou", role="data-scientist")
    assert response.status_code == 303
    url = link_in(boss.get(response.location).text)
    assert url.startswith("http://localhost/editor/link/")
    assert boss.application.test_client().get(url).status_code == 200
    fatou = store_of(boss).accounts.by_name("fatou")
    assert fatou
    assert fatou.role == "data-scientist"


def test_link_is_shown_once(boss: FlaskClient) -> None:
    post(boss, "/editor/people/link", name="Awa")
    assert "/editor/link/" in boss.get("/editor/people").text
    assert "/editor/link/" not in boss.get("/editor/people").text


def test_link_begins_with_the_public_address(make_client: MakeClient) -> None:
    """Whatever the request says it was sent to."""
    browser = make_client(public_url="http://related.example")
    enter(browser, "administrator", "boss")
    post(browser, "/editor/people/link", name="boss")
    assert link_in(browser.get("/editor/people").text).startswith("http://related.example/editor/link/")


@pytest.mark.parametrize(
    ("name", "role", "message"),
    [
        ("awa", "viewer", "already"),
        ("", "viewer", "A name has"),
        ("<b>", "viewer", "A name has"),
        ("X", "owner", "role"),
    ],
)
def test_wrong_addition_is_named_and_kept_in_the_form(boss: FlaskClient, name: str, role: str, message: str) -> None:
    response = post(boss, "/editor/people", name=name, role=role)
    assert response.status_code == 422
    assert message in response.text
    assert "<b>" not in response.text
    assert len(store_of(boss).accounts.everyone()) == 3


def test_role_is_changed(boss: FlaskClient) -> None:
    assert post(boss, "/editor/people/role", name="Awa", role="viewer").status_code == 303
    assert "Awa has another role." in boss.get("/editor/people").text
    awa = store_of(boss).accounts.by_name("Awa")
    assert awa
    assert awa.role == "viewer"


def test_kept_out_means_at_once(boss: FlaskClient, desk: Desk) -> None:
    awa = desk("editor", "Awa")
    assert awa.get("/editor/audit").status_code == 200
    post(boss, "/editor/people/disable", name="Awa")
    assert awa.get("/editor/audit").status_code == 303
    assert "kept out" in boss.get("/editor/people").text


def test_let_in_again(boss: FlaskClient) -> None:
    post(boss, "/editor/people/disable", name="Awa")
    post(boss, "/editor/people/enable", name="Awa")
    assert context_of(boss.application).accounts.sign_in("Awa", PASSWORD)


def test_signed_out_everywhere(boss: FlaskClient, desk: Desk) -> None:
    awa = desk("editor", "Awa")
    post(boss, "/editor/people/sign-out", name="Awa")
    assert awa.get("/editor/audit").status_code == 303


@pytest.mark.parametrize(("path", "fields"), [("role", {"role": "viewer"}), ("disable", {})])
def test_last_administrator_stays(boss: FlaskClient, path: str, fields: dict[str, str]) -> None:
    response = post(boss, f"/editor/people/{path}", name="boss", **fields)
    assert response.status_code == 422
    assert "last administrator" in response.text
    assert boss.get("/editor/people").status_code == 200


@pytest.mark.parametrize("path", ["role", "disable", "enable", "link", "sign-out"])
def test_unknown_person_is_not_found(boss: FlaskClient, path: str) -> None:
    response = post(boss, f"/editor/people/{path}", name="nobody", role="viewer")
    assert (response.status_code, response.mimetype) == (404, "text/html")


def test_changes_are_on_record_by_name(boss: FlaskClient) -> None:
    post(boss, "/editor/people", name="Fatou", role="viewer")
    post(boss, "/editor/people/role", name="Fatou", role="editor")
    post(boss, "/editor/people/disable", name="Fatou")
    post(boss, "/editor/people/enable", name="Fatou")
    post(boss, "/editor/people/link", name="Fatou")
    post(boss, "/editor/people/sign-out", name="Fatou")
    entries = store_of(boss).audit.entries(AuditQuery(by="boss"), 100)
    assert [entry.subject for entry in entries] == ["Fatou"] * 7
    assert {entry.action for entry in entries} <= set(ACTIONS)
