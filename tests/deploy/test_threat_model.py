"""The threat model names, for everything that is stopped, tests that are there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "threat-model.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if re.match(r"\| (?!who \|)\w", line)]


@cache
def names_in(file: str) -> set[str]:
    """The names of the tests of a file."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2:60])
def test_row_names_tests_that_are_there(row: str) -> None:
    who, what, how, shown = [cell.strip() for cell in row.strip("|").split(" | ")]
    assert who
    assert what
    assert how
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", shown)
    assert named
    assert [name for file, name in named if name not in names_in(file)] == []
    assert shown == ", ".join(f"`{file}::{name}`" for file, name in named)
