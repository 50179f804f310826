"""Impressions and clicks as CSV, one line for each story beside an article at a position."""

import csv
import io
from pathlib import Path

from recommender.errors import InvalidInput
from recommender.training.clicks import Clicks

COLUMNS = ("source", "article", "position", "impressions", "clicks")


def read_events(path: Path) -> list[Clicks]:
    """The lines of a file in their order. Raises InvalidInput with the line and the field that is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets write the mark
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The events {path} cannot be read: {error}") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise InvalidInput(
                f"The events {path} lack the columns {', '.join(missing)}; they need {', '.join(COLUMNS)}"
            )
        return [_event(row, f"{path}, line {reader.line_num}") for row in reader]
    except csv.Error as error:  # such as a quotation mark that is never closed
        raise InvalidInput(f"The events {path} cannot be read after line {reader.line_num}: {error}") from error


def _event(row: dict[str, str | None], where: str) -> Clicks:
    numbers = {column: _number(row[column], column, where) for column in COLUMNS[2:]}
    if numbers["position"] < 1:
        raise InvalidInput(f"{where}: position: is {numbers['position']}; positions count from 1")
    if numbers["clicks"] > numbers["impressions"]:
        raise InvalidInput(
            f"{where}: clicks: {numbers['clicks']} of {numbers['impressions']} impressions; give each click once"
        )
    source, article = ((row[column] or "").strip() for column in COLUMNS[:2])
    if not source or not article:
        raise InvalidInput(f"{where}: source and article: one is empty; give the ids of two articles")
    return Clicks(source, article, numbers["position"], numbers["impressions"], numbers["clicks"])


def _number(value: str | None, column: str, where: str) -> int:
    text = (value or "").strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 15:  # what float64 counts without a gap
        raise InvalidInput(f"{where}: {column}: is not a whole number (got {value!r}); give one from 0 on")
    return int(text)
