"""Who may call what; which pages may read the API; which headers protect readers."""

import pytest
from flask.testing import FlaskClient

from tests.web.conftest import MakeClient
from tests.web.toy import KEY

SIDEBAR = "/api/v1/recommend?article_id=blockade-1"
SITE = "https://news.example"

# Every route with a path to try it: what a stranger may reach, and what asks for a key.
PUBLIC = {
    ("GET", "/static/<path:filename>"): "/static/site.css",
    ("GET", "/static/sidebar.js"): "/static/sidebar.js",
    ("GET", "/static/sidebar.css"): "/static/sidebar.css",
    ("GET", "/static/<int:version>/<name>"): "/static/1/sidebar.css",
    ("GET", "/api/v1/recommend"): SIDEBAR,
    ("POST", "/api/v1/recommend"): "/api/v1/recommend",
    ("POST", "/api/v1/events"): "/api/v1/events",
    ("GET", "/api/v1/stories/<path:article_id>"): "/api/v1/stories/blockade-1",
    ("GET", "/api/v1/articles"): "/api/v1/articles",
    ("GET", "/api/v1/articles/<path:article_id>"): "/api/v1/articles/blockade-1",
    ("GET", "/healthz"): "/healthz",
    ("GET", "/readyz"): "/readyz",
    ("GET", "/metrics"): "/metrics",
    ("GET", "/openapi.json"): "/openapi.json",
    ("GET", "/docs"): "/docs",
    ("GET", "/"): "/",
    ("GET", "/editions/<slug>"): "/editions/sahel",
    ("GET", "/editions/<slug>/<int:page>"): "/editions/all/1",
    ("GET", "/articles/<path:article_id>"): "/articles/blockade-1",
    ("GET", "/stories/<path:article_id>"): "/stories/blockade-1",
}
# How a request without a body is refused; the others are answered.
EMPTY = {"/api/v1/recommend": 415, "/api/v1/events": 400}
GATED = {
    ("PUT", "/api/v1/articles/<path:article_id>"): "/api/v1/articles/new",
    ("PATCH", "/api/v1/articles/<path:article_id>"): "/api/v1/articles/blockade-1",
    ("POST", "/api/v1/reads"): "/api/v1/reads",
    ("DELETE", "/api/v1/articles/<path:article_id>"): "/api/v1/articles/blockade-1",
    ("POST", "/api/v1/articles"): "/api/v1/articles",
}


# What the key opens says of a body that is not JSON.
OPENED = {
    ("PUT", "/api/v1/articles/new"): 415,
    ("PATCH", "/api/v1/articles/blockade-1"): 415,
    ("POST", "/api/v1/reads"): 415,
    ("DELETE", "/api/v1/articles/blockade-1"): 204,
    ("POST", "/api/v1/articles"): 422,
}


@pytest.fixture(scope="module")
def routes(client: FlaskClient) -> set[tuple[str, str]]:
    """Every (method, rule) of the application."""
    rules = client.application.url_map.iter_rules()
    return {(method, rule.rule) for rule in rules for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}


def test_tables_name_every_route(routes: set[tuple[str, str]]) -> None:
    """The editors' desk has tables of its own: tests/web/desk/test_access.py."""
    assert {route for route in routes if not route[1].startswith("/editor")} == PUBLIC.keys() | GATED.keys()


@pytest.mark.parametrize(("method", "path"), [(method, path) for (method, _), path in PUBLIC.items()])
def test_stranger_reaches_public_routes(client: FlaskClient, method: str, path: str) -> None:
    with client.open(path, method=method) as response:
        assert response.status_code == (EMPTY[path] if method == "POST" else 200)


@pytest.mark.parametrize(("method", "path"), [(method, path) for (method, _), path in GATED.items()])
class TestGate:
    """Routes that write."""

    @pytest.mark.parametrize(
        "authorization",
        [
            None,
            "",
            "Bearer",
            "Bearer ",
            f"Bearer {KEY}x",
            f"Bearer {KEY[:-1]}",
            "Bearer é",
            f"Basic {KEY}",
            f"Token {KEY}",
            KEY,
            f"Bearer, {KEY}",
        ],
    )
    def test_wrong_key_is_refused(
        self, make_client: MakeClient, method: str, path: str, authorization: str | None
    ) -> None:
        headers = {} if authorization is None else {"Authorization": authorization}
        response = make_client(api_keys=("another-key-of-the-tests", KEY)).open(path, method=method, headers=headers)
        assert (response.status_code, response.mimetype) == (401, "application/problem+json")
        assert response.headers["WWW-Authenticate"] == "Bearer"

    def test_no_key_closes_writing(self, client: FlaskClient, method: str, path: str) -> None:
        response = client.open(path, method=method, headers={"Authorization": f"Bearer {KEY}"})
        assert (response.status_code, response.mimetype) == (403, "application/problem+json")

    @pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
    def test_each_key_opens(self, make_client: MakeClient, method: str, path: str, scheme: str) -> None:
        client = make_client(api_keys=("another-key-of-the-tests", KEY))
        response = client.open(path, method=method, headers={"Authorization": f"{scheme} {KEY}"}, data=b"[]")
        assert response.status_code == OPENED[method, path]

    def test_refusal_reads_no_body(self, make_client: MakeClient, method: str, path: str) -> None:
        response = make_client(api_keys=(KEY,)).open(path, method=method, data=b"{", content_type="application/json")
        assert response.status_code == 401


def test_allowed_origin_may_read(make_client: MakeClient) -> None:
    response = make_client(cors_origins=(SITE, "https://other.example")).get(SIDEBAR, headers={"Origin": SITE})
    assert response.headers["Access-Control-Allow-Origin"] == SITE
    assert "Origin" in response.vary
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://news.example", "https://news.example.evil.example", "null"]
)
def test_other_origin_may_not_read(make_client: MakeClient, origin: str) -> None:
    response = make_client(cors_origins=(SITE,)).get(SIDEBAR, headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in response.headers


def test_no_origin_is_allowed_by_default(client: FlaskClient) -> None:
    assert "Access-Control-Allow-Origin" not in client.get(SIDEBAR, headers={"Origin": SITE}).headers


def test_star_allows_every_origin(make_client: MakeClient) -> None:
    response = make_client(cors_origins=("*",)).get(SIDEBAR, headers={"Origin": "https://any.example"})
    assert response.headers["Access-Control-Allow-Origin"] in ("*", "https://any.example")


def test_pages_may_read_refusals(make_client: MakeClient) -> None:
    response = make_client(cors_origins=(SITE,)).get("/api/v1/recommend", headers={"Origin": SITE})
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (422, SITE)


def test_preflight_allows_posting_drafts(make_client: MakeClient) -> None:
    response = make_client(cors_origins=(SITE,)).options(
        "/api/v1/recommend",
        headers={
            "Origin": SITE,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == SITE
    assert "POST" in response.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("path", ["/api/v1/articles", "/api/v1/stories/blockade-1", "/metrics", "/"])
def test_only_sidebars_cross_origins(make_client: MakeClient, path: str) -> None:
    response = make_client(cors_origins=(SITE,)).get(path, headers={"Origin": SITE})
    assert "Access-Control-Allow-Origin" not in response.headers


def test_pages_load_only_their_own(client: FlaskClient) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy


@pytest.mark.parametrize("path", ["/", SIDEBAR, "/static/sidebar.js", "/no-page"])
def test_types_are_not_guessed(client: FlaskClient, path: str) -> None:
    with client.get(path) as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/articles/blockade-1", "/stories/blockade-1", "/docs"])
def test_pages_hold_no_inline_script(client: FlaskClient, path: str) -> None:
    page = client.get(path).text
    assert "<script>" not in page
    assert " onclick=" not in page


def test_scripts_lie_inside_their_folder(client: FlaskClient) -> None:
    assert client.get("/static/../app.py").status_code == 404
    assert client.get("/static/%2e%2e/app.py").status_code == 404
