"""The audit trail as a page and as a file."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from recommender.store.audit import AuditEntry
from recommender.store.base import Store
from tests.web.desk.conftest import Desk, store_of

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def viewer(desk: Desk) -> FlaskClient:
    """A viewer: may read and nothing more."""
    return desk("viewer", "issa")


def keep(store: Store, by: str = "awa", action: str = "pin", **fields: object) -> int:
    """Adds an entry of the first of March 2026."""
    values = {"at": START, "subject": "blockade-1"} | fields
    return store.audit.append(AuditEntry(by=by, action=action, **values))  # type: ignore[arg-type]  # fields of Entry


def number_of(store: Store, article_id: str) -> int:
    """An article's number."""
    row = store.articles.find(article_id)
    assert row
    return row[0]


def rows(viewer: FlaskClient, query: str = "") -> list[list[str]]:
    """The file's rows, without the names of the columns."""
    text = viewer.get(f"/editor/audit.csv?{query}").get_data().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))[1:]


def test_empty_trail_says_so(viewer: FlaskClient) -> None:
    assert "Nothing has been changed yet." in viewer.get("/editor/audit").text


def test_entry_tells_all(viewer: FlaskClient) -> None:
    store = store_of(viewer)
    changes = {"before": {"slot": 1, "kept": [1]}, "after": {"slot": 2, "kept": [1], "on": True}}
    keep(store, article=number_of(store, "gold-1"), why="Asked by the desk", **changes)
    page = viewer.get("/editor/audit").text
    assert "1 Mar 2026, 09:00:00" in page
    assert all(text in page for text in ("awa", "pinned", "blockade-1", "gold-1", "Asked by the desk"))
    assert '<div>slot: <del>1</del> <span aria-hidden="true">→</span> <ins>2</ins>' in page
    assert "<ins>yes</ins>" in page
    assert "kept:" not in page


def test_nested_changes_are_text(viewer: FlaskClient) -> None:
    keep(store_of(viewer), after={"signals": [{"kind": "pin", "slot": 1}, {"kind": "off"}]})
    assert "<ins>kind pin, slot 1; kind off</ins>" in viewer.get("/editor/audit").text


def test_latest_come_first(viewer: FlaskClient) -> None:
    first, second = (keep(store_of(viewer), subject=name) for name in ("one", "two"))
    page = viewer.get("/editor/audit").text
    assert page.index(f'id="entry-{second}"') < page.index(f'id="entry-{first}"')


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("by=fatou", {"b"}),
        ("action=reject", {"b", "c"}),
        ("article=gold-1", {"c"}),
        ("article=no-such-article", set()),
        ("since=2026-03-02", {"b", "c"}),
        ("until=2026-03-01", {"a"}),
        ("since=2026-03-02&until=2026-03-02", {"b"}),
        ("action=reject&by=awa", {"c"}),
        ("by=nobody", set()),
        ("", {"a", "b", "c"}),
    ],
)
def test_filters_choose(viewer: FlaskClient, query: str, names: set[str]) -> None:
    store = store_of(viewer)
    keep(store, subject="s-a")
    keep(store, "fatou", "reject", subject="s-b", at=START + timedelta(days=1))
    keep(store, "awa", "reject", subject="s-c", at=START + timedelta(days=2), article=number_of(store, "gold-1"))
    assert {row[5].removeprefix("s-") for row in rows(viewer, query)} == names
    page = viewer.get(f"/editor/audit?{query}").text
    assert {name for name in "abc" if f"<td>s-{name}" in page} == names


@pytest.mark.parametrize(
    "query", ["since=yesterday", "until=9999-12-31", "since=2026-02-30", "before=x", "before=-1", f"before={10**30}"]
)
def test_wrong_filter_is_named(viewer: FlaskClient, query: str) -> None:
    response = viewer.get(f"/editor/audit?{query}")
    assert response.status_code == 422
    assert 'role="alert"' in response.text
    assert viewer.get(f"/editor/audit.csv?{query}").status_code == 422


@pytest.mark.parametrize("field", ["by", "action", "article"])
@pytest.mark.parametrize("value", ["%00", "%F0%9F%98%80", "%ED%A0%80", "'; DROP TABLE audit", "x" * 5000])
def test_strange_filter_finds_nothing(viewer: FlaskClient, field: str, value: str) -> None:
    keep(store_of(viewer))
    response = viewer.get(f"/editor/audit?{field}={value}")
    assert response.status_code == 200
    assert "No entry fits." in response.text


def test_pages_follow_each_other(viewer: FlaskClient) -> None:
    numbers = [keep(store_of(viewer), subject=f"s{place}", action="reject") for place in range(120)]
    seen: list[int] = []
    path = "/editor/audit?action=reject"
    while path:
        page = viewer.get(path).text
        seen += [int(part.partition('"')[0]) for part in page.split('id="entry-')[1:]]
        _, _, rest = page.partition('<a href="/editor/audit?before=')
        path = "/editor/audit?before=" + rest.partition('"')[0].replace("&amp;", "&") if rest else ""
        assert not path or "action=reject" in path
    assert seen == numbers[::-1]


def test_file_has_everything_whole(viewer: FlaskClient) -> None:
    store = store_of(viewer)
    numbers = [keep(store, subject=f"s{place}", after={"text": "é" * 2000}) for place in range(501)]
    lines = rows(viewer)
    assert [int(row[0]) for row in lines] == numbers[::-1]
    assert lines[0][1] == "2026-03-01T09:00:00+00:00"
    assert lines[0][7] == '{"text": "' + "é" * 2000 + '"}'


def test_file_is_a_download(viewer: FlaskClient) -> None:
    response = viewer.get("/editor/audit.csv")
    assert response.mimetype == "text/csv"
    assert response.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
    assert response.get_data().startswith(b"\xef\xbb\xbfnumber,at,by,")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_file_holds_no_formula(viewer: FlaskClient, text: str) -> None:
    keep(store_of(viewer), why=text, subject=text)
    row = rows(viewer)[0]
    assert (row[5], row[8]) == (f"'{text}", f"'{text}")


def test_texts_are_escaped(viewer: FlaskClient) -> None:
    markup = "<script>alert(1)</script>"
    keep(store_of(viewer), markup, markup, subject=markup, why=markup, before={markup: markup})
    assert "<script>alert" not in viewer.get("/editor/audit").text
    assert "<script>alert" not in viewer.get(f"/editor/audit?by={markup}&action={markup}").text


def test_withdrawn_article_keeps_its_entries(viewer: FlaskClient) -> None:
    store = store_of(viewer)
    keep(store, article=number_of(store, "gold-1"), subject="Gold")
    store.articles.withdraw("gold-1")
    assert "Gold" in viewer.get("/editor/audit").text
