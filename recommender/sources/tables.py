"""Tables that editors keep, as CSV."""

import csv
import io
from importlib.resources.abc import Traversable
from pathlib import Path

from recommender.articles.gazetteer import COLUMNS
from recommender.errors import InvalidInput


def read_gazetteer(file: Path | Traversable) -> list[dict[str, str]]:
    """The rows of a gazetteer. Raises InvalidInput for a file that cannot be read or lacks a column."""
    try:
        text = file.read_text(encoding="utf-8-sig")  # spreadsheets write the mark
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The gazetteer {file} cannot be read: {error}") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise InvalidInput(f"The gazetteer {file} lacks the columns {', '.join(missing)}")
    try:
        return list(reader)
    except csv.Error as error:  # such as a quotation mark that is never closed
        raise InvalidInput(f"The gazetteer {file} cannot be read after line {reader.line_num}: {error}") from error
