"""Impressions and clicks as CSV."""

from pathlib import Path

import pytest

from recommender.errors import InvalidInput
from recommender.training.click_log import read_events
from recommender.training.clicks import Clicks

HEAD = "source,article,position,impressions,clicks\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.csv"


def test_lines_are_read_in_their_order(file: Path) -> None:
    file.write_text("\ufeffclicks,impressions,position,article,source,extra\n3,100, 2 ,b,a,x\n0,5,1,c,a,\n")
    assert read_events(file) == [Clicks("a", "b", 2, 100, 3), Clicks("a", "c", 1, 5, 0)]


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("a,b,0,10,1", "position: is 0"),
        ("a,b,1,10,11", "clicks: 11 of 10"),
        ("a,,1,10,1", "one is empty"),
        ("a,b,first,10,1", "position: is not a whole number"),
        ("a,b,1,-5,1", "impressions: is not a whole number"),
        ("a,b,1,1e9,1", "impressions: is not a whole number"),
        ("a,b,1,٣,1", "impressions: is not a whole number"),
        ("a,b,1,9999999999999999,1", "impressions: is not a whole number"),
        ("a,b,1", "impressions: is not a whole number"),
    ],
)
def test_wrong_line_is_named(file: Path, line: str, hint: str) -> None:
    file.write_text(f"{HEAD}a,b,1,10,1\n{line}\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=f"line 3: .*{hint}"):
        read_events(file)


def test_missing_column_is_named(file: Path) -> None:
    file.write_text("source,article,clicks\n")
    with pytest.raises(InvalidInput, match="lack the columns position, impressions"):
        read_events(file)


def test_file_that_is_not_there_is_reported(file: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_events(file)


def test_open_quotation_is_reported(file: Path) -> None:
    file.write_text(f'{HEAD}"a,b,1,10,1\n')
    with pytest.raises(InvalidInput, match="cannot be read after line"):
        read_events(file)


def test_other_encodings_are_reported(file: Path) -> None:
    file.write_bytes(HEAD.encode() + b"\xe9,b,1,1,1\n")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_events(file)
