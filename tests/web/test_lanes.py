"""Which requests share threads, and that the limits are those that are documented."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from recommender.web.lanes import (
    ARTICLES,
    DESK_PAGES,
    DRAFTS,
    EVENTS,
    LANES,
    OPERATIONS,
    PAGES,
    SIGN_IN,
    UPLOADS,
    Lane,
    lane_of,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "how-to" / "proxy.md"


@pytest.mark.parametrize(
    ("method", "path", "lane"),
    [
        ("GET", "/api/v1/recommend", PAGES),
        ("OPTIONS", "/api/v1/recommend", PAGES),
        ("HEAD", "/articles/a", PAGES),
        ("GET", "/static/sidebar.js", PAGES),
        ("GET", "/nowhere", PAGES),
        ("GET", "/metrics", OPERATIONS),
        ("GET", "/readyz", OPERATIONS),
        ("POST", "/nowhere", OPERATIONS),
        ("GET", "/editor", DESK_PAGES),
        ("POST", "/editor/undo/3", DESK_PAGES),
        ("GET", "/editor/sign-in", DESK_PAGES),
        ("POST", "/editor/sign-in", SIGN_IN),
        ("POST", "/editor/link/token", SIGN_IN),
        ("POST", "/editor/password", SIGN_IN),
        ("POST", "/editor/sign-in/code", SIGN_IN),
        ("POST", "/api/v1/recommend", DRAFTS),
        ("POST", "/editor/draft", DRAFTS),
        ("PUT", "/api/v1/articles/a", ARTICLES),
        ("DELETE", "/api/v1/articles/a/b", ARTICLES),
        ("POST", "/api/v1/articles", UPLOADS),
        ("POST", "/api/v1/events", EVENTS),
        ("POST", "/editor/language", EVENTS),  # strangers may, and a form of theirs is read
    ],
)
def test_lane_by_method_and_path(method: str, path: str, lane: Lane) -> None:
    assert lane_of(method, path) is lane


def test_only_page_views_are_in_their_lane(client: FlaskClient) -> None:
    """Whatever is added later and takes a body has a limit for it, and does not take page views' threads."""
    changing = [
        (method, rule.rule)
        for rule in client.application.url_map.iter_rules()
        for method in (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}
    ]
    assert len(changing) > 20
    assert [route for route in changing if not lane_of(*route).body_bytes] == []


def row(lane: Lane) -> str:
    size = f"{lane.body_bytes // 1024:,} KiB" if lane.body_bytes else "not read"
    time = f"{lane.body_seconds:g} s" if lane.body_bytes else "-"
    return f"| {lane.requests} | {size} | {time} | {lane.threads} | {lane.waiting} |"


def test_limits_are_documented() -> None:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    assert [line for line in map(row, LANES) if line not in lines] == []
