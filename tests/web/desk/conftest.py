"""Browsers of people who are signed in, on an application over a copy of the toy archive."""

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from recommender.desk.accounts import SESSION, hash_token
from recommender.store.accounts import Account
from recommender.store.base import Store
from tests.web.conftest import MakeClient, context_of

Desk = Callable[..., FlaskClient]

PAGE = {"Accept": "text/html"}


def store_of(client: FlaskClient) -> Store:
    """The store of the application that a client talks to."""
    return context_of(client.application).store


@pytest.fixture
def stranger(make_client: MakeClient) -> FlaskClient:
    """A browser without a session."""
    client = make_client()
    client.environ_base["HTTP_ACCEPT"] = PAGE["Accept"]
    return client


@pytest.fixture
def desk(stranger: FlaskClient) -> Desk:
    """Gives the browser of a signed-in account; all on one application, the same name has one account."""

    def signed_in(role: str = "editor", name: str = "awa") -> FlaskClient:
        client = stranger.application.test_client()
        client.environ_base["HTTP_ACCEPT"] = PAGE["Accept"]
        enter(client, role, name)
        return client

    return signed_in


def enter(client: FlaskClient, role: str, name: str, *, pending: bool = False) -> None:
    """Signs an account in without a password, which would take a tenth of a second to hash.

    `pending`: as far as the password does where a second factor is still to come.
    """
    accounts, now, token = store_of(client).accounts, datetime.now(UTC), secrets.token_urlsafe(8)
    account = accounts.by_name(name)
    number = account.number if account else accounts.add(Account(name, role, now))
    accounts.open_session(hash_token(token), number, now, now + SESSION, pending=pending)
    with client.session_transaction(path="/editor/") as session:
        session["pending" if pending else "_user_id"] = token


def csrf_token(client: FlaskClient, path: str = "/editor/password") -> str:
    """What the hidden field of a page's form holds."""
    match = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert match, f"{path} has no form"
    return match[1]


def post(client: FlaskClient, path: str, **fields: object) -> TestResponse:
    """Sends a form with the CSRF token, and with a request key of its own unless `request` is given."""
    own = {"csrf_token": csrf_token(client), "request": secrets.token_urlsafe(8)}
    return client.post(path, data=own | fields)
