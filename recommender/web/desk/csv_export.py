"""Tables as CSV files that a spreadsheet opens."""

import csv
import io
from collections.abc import Iterable

BOM = "\ufeff"  # the mark at the beginning that Excel needs to read accents


def row(cells: Iterable[object]) -> str:
    """One line of a file. No text in it is taken for a formula: what people typed may begin as one."""
    line = io.StringIO()
    csv.writer(line).writerow(_harmless(cell) if isinstance(cell, str) else cell for cell in cells)
    return line.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
