"""What a program may do with its key, and what it is told where it may not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from recommender.desk.keys import SCOPES, Keys
from recommender.store.audit import AuditQuery
from recommender.store.base import Store
from recommender.wiring import utc_now
from tests.web.conftest import MakeClient
from tests.web.test_security import GATED
from tests.web.toy import ARCHIVE, KEY, YESTERDAY

AHEAD = replace(ARCHIVE[0], posted_on=YESTERDAY + timedelta(days=2))
SIDEBAR = "/api/v1/recommend?article_id=blockade-1"
DRAFT = "/api/v1/recommend"
EVENT = {"request_id": "e62b2373d98d586d", "article_id": "blockade-1"}


@pytest.fixture
def keys(other_worker: Store) -> Keys:
    """The keys, kept by another process."""
    return Keys(other_worker, utc_now)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def put(client: FlaskClient, key: str, title: str = "Market of Gao reopens") -> int:
    """The status of publishing an article that needs no place in the index: a draft."""
    body = {"title": title, "summary": "Traders are back.", "status": "draft"}
    return client.put("/api/v1/articles/gao", json=body, headers=bearer(key)).status_code


def test_named_key_publishes_where_the_settings_have_none(make_client: MakeClient, keys: Keys) -> None:
    assert put(make_client(), keys.add("cms", ["articles"], "awa")) == 201


@pytest.mark.parametrize(("method", "path"), [(method, path) for (method, _), path in GATED.items()])
@pytest.mark.parametrize("scope", [scope for scope in SCOPES if scope != "articles"])
def test_writing_needs_its_scope(make_client: MakeClient, keys: Keys, method: str, path: str, scope: str) -> None:
    response = make_client().open(path, method=method, headers=bearer(keys.add("cms", [scope], "awa")))
    assert (response.status_code, response.mimetype) == (403, "application/problem+json")
    assert response.json["detail"] == (
        f"The key 'cms' may not read, publish, change and withdraw articles: it has the scopes {scope}."
    )


@pytest.mark.parametrize(("method", "path"), [(method, path) for (method, _), path in GATED.items()])
def test_ended_key_is_refused_with_the_next_request(
    make_client: MakeClient, keys: Keys, method: str, path: str
) -> None:
    client, key = make_client(), keys.add("cms", ["articles"], "awa")
    keys.add("other", ["articles"], "awa")
    assert put(client, key) == 201
    keys.end("cms", "awa")
    response = client.open(path, method=method, headers=bearer(key))
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_trail_names_the_key(make_client: MakeClient, keys: Keys, other_worker: Store) -> None:
    client = make_client(api_keys=(KEY,))
    named = keys.add("cms", ["articles"], "awa")
    put(client, named)
    put(client, named, "Market of Gao closes")
    put(client, KEY, "Market of Gao opens again")
    client.delete("/api/v1/articles/gao", headers=bearer(named))
    entries = [entry for entry in other_worker.audit.entries(AuditQuery(), 9) if entry.subject == "gao"]
    assert [entry.by for entry in entries] == ["API (cms)", "API (settings)", "API (cms)"]


class TestWhatIsNotPublic:
    """A program with the scope `drafts` may ask for it; nobody else learns of it by that."""

    def test_sidebar_is_given_to_the_scope(self, make_client: MakeClient, keys: Keys, other_worker: Store) -> None:
        other_worker.articles.upsert([AHEAD])
        client, key = make_client(), keys.add("cms", ["drafts"], "awa")
        for path in (SIDEBAR, f"{SIDEBAR}&fallback=latest", f"/api/v1/recommend?url={AHEAD.url}"):
            response = client.get(path, headers=bearer(key))
            assert response.json["article"]["title"] == AHEAD.title
            assert response.headers["Cache-Control"] == "no-store"
            assert AHEAD.title not in client.get(path).text

    def test_settings_key_has_the_scope(self, make_client: MakeClient, other_worker: Store) -> None:
        other_worker.articles.upsert([AHEAD])
        client = make_client(api_keys=(KEY,))
        assert client.get(SIDEBAR, headers=bearer(KEY)).status_code == 200
        assert client.get(SIDEBAR).status_code == 404

    def test_other_scopes_and_wrong_keys_are_told_so(
        self, make_client: MakeClient, keys: Keys, other_worker: Store
    ) -> None:
        other_worker.articles.upsert([AHEAD])
        client, key = make_client(), keys.add("cms", ["articles"], "awa")
        assert client.get(SIDEBAR, headers=bearer(key)).status_code == 403
        assert client.get(SIDEBAR, headers=bearer(f"{key}0")).status_code == 401

    @pytest.mark.parametrize("authorization", ["Basic YWxhZGRpbg==", "Bearer eyJhbGciOiJub25lIn0.e30.", "Bearer"])
    def test_what_is_not_ours_does_not_matter(
        self, make_client: MakeClient, other_worker: Store, authorization: str
    ) -> None:
        other_worker.articles.upsert([AHEAD])
        client, headers = make_client(), {"Authorization": authorization}
        assert client.get(SIDEBAR, headers=headers).json == client.get(SIDEBAR).json
        assert client.get("/api/v1/recommend?article_id=lone", headers=headers).status_code == 200

    def test_public_sidebar_is_the_same_with_a_key(self, make_client: MakeClient, keys: Keys) -> None:
        client, key = make_client(), keys.add("cms", ["drafts"], "awa")
        assert client.get(SIDEBAR, headers=bearer(key)).data == client.get(SIDEBAR).data


@pytest.mark.parametrize(("path", "scope"), [(DRAFT, "drafts"), ("/api/v1/events", "events")])
def test_key_that_is_sent_must_hold_and_fit(make_client: MakeClient, keys: Keys, path: str, scope: str) -> None:
    """These take requests without a key as well; a program that sends one believes that it counts."""
    client, body = make_client(), EVENT if scope == "events" else {"title": ""}  # so that no model is loaded
    fitting = keys.add("fitting", [scope], "awa")
    other = keys.add("other", [name for name in SCOPES if name != scope], "awa")
    without = client.post(path, json=body).status_code
    assert without not in (401, 403)
    assert client.post(path, json=body, headers=bearer(fitting)).status_code == without
    assert client.post(path, json=body, headers=bearer(other)).status_code == 403
    assert client.post(path, json=body, headers=bearer(f"{fitting}0")).status_code == 401


def test_page_views_look_no_key_up(make_client: MakeClient, keys: Keys, other_worker: Store) -> None:
    """A sidebar that is kept is answered before any key is read, and so leaves no use behind."""
    client, key = make_client(), keys.add("cms", ["drafts"], "awa")
    for _ in range(2):
        client.get(SIDEBAR, headers=bearer(key))
    assert other_worker.keys.listing()[0].used is None


def test_openapi_names_scopes_and_refusals(client: FlaskClient) -> None:
    spec = client.get("/openapi.json").json
    scheme = spec["components"]["securitySchemes"]["ApiKey"]
    assert all(f"`{scope}`" in scheme["description"] for scope in SCOPES)
    expected = {
        "/api/v1/recommend": [{}, {"ApiKey": ["drafts"]}],
        "/api/v1/events": [{}, {"ApiKey": ["events"]}],
        "/api/v1/articles": [{"ApiKey": ["articles"]}],
        "/api/v1/articles/{article_id}": [{"ApiKey": ["articles"]}],
        "/api/v1/reads": [{"ApiKey": ["articles"]}],
    }
    for path, security in expected.items():
        for method, operation in spec["paths"][path].items():
            reading = method == "get" and "articles" in path  # strangers get what is public
            assert operation["security"] == ([{}, *security] if reading else security)
            assert {"401", "403"} <= operation["responses"].keys()
