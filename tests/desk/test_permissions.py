"""Which role may do what: the table of docs/reference/accounts.md."""

from pathlib import Path

import pytest

from recommender.desk.permissions import PERMISSIONS, ROLES, permitted

TABLE = {
    "viewer": {"read"},
    "editor": {"read", "decide", "grade", "rules"},
    "data-scientist": {"read", "grade", "rules", "tune", "panels"},
    "administrator": {"read", "decide", "grade", "rules", "tune", "panels", "accounts"},
}


@pytest.mark.parametrize("role", ROLES)
def test_role_has_its_permissions(role: str) -> None:
    assert {permission for permission in PERMISSIONS if permitted(role, permission)} == TABLE[role]


@pytest.mark.parametrize("role", ["", "Editor", "root"])
def test_unknown_role_may_nothing(role: str) -> None:
    assert not any(permitted(role, permission) for permission in PERMISSIONS)


def test_unknown_permission_is_in_no_role() -> None:
    assert not any(permitted(role, "delete") for role in ROLES)


def test_table_stands_in_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "accounts.md").read_text(encoding="utf-8")
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| ")]
    names = next(row for row in rows if row[0] == "role")[1:]
    table = {
        row[0]: {name for name, cell in zip(names, row[1:], strict=True) if cell} for row in rows if row[0] in ROLES
    }
    assert names == list(PERMISSIONS)
    assert table == TABLE
