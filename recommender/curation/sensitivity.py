"""The matrix of sensitive content: what may not stand beside what, because of the flags of the two articles.

Why there is one: to show two stories side by side says that they are related, which can prejudice a trial, name a child
by two halves of a story, or put an advertisement beside a massacre. A legal hold is not a matter of taste: it is fixed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from recommender.articles.article import FLAGS, HOLD_FLAG
from recommender.errors import FieldProblem, InvalidSignal

ANYTHING = "anything"  # every article, whatever its flags
ROWS = (*FLAGS, ANYTHING)
BITS = {flag: 1 << place for place, flag in enumerate(ROWS)}
# Cells that no editor can change: a held article has no sidebar, and stands in none.
FIXED = frozenset({(HOLD_FLAG, ANYTHING), (ANYTHING, HOLD_FLAG)})

Cell = tuple[str, str]


def bits(flags: Iterable[str]) -> int:
    """The flags of an article as bits; the one of ANYTHING is always set."""
    return sum({BITS[flag] for flag in flags}) | BITS[ANYTHING]


@dataclass(frozen=True)
class Matrix:
    """Pairs (flag of the source, flag of the target) that may not stand side by side."""

    forbidden: frozenset[Cell]

    @cached_property
    def _masks(self) -> Mapping[str, int]:
        cells = self.forbidden | FIXED
        return {row: sum(BITS[target] for source, target in cells if source == row) for row in ROWS}

    def mask(self, source: int) -> int:
        """The bits of the flags that may not stand beside a source with these bits."""
        mask = 0
        for row, bit in BITS.items():
            if source & bit:
                mask |= self._masks[row]
        return mask

    def cell(self, source: int, target: int) -> Cell | None:
        """The pair of flags that keeps a target from a source, both given as bits; the first in the order of ROWS."""
        for row in ROWS:
            hit = self._masks[row] & target if source & BITS[row] else 0
            if hit:
                return row, next(flag for flag in ROWS if hit & BITS[flag])
        return None

    def to_data(self) -> dict[str, Any]:
        """As a policy keeps it."""
        return {"forbidden": sorted(map(list, self.forbidden - FIXED))}


def parse_matrix(data: Mapping[str, Any]) -> Matrix:
    """The matrix that `to_data` wrote. Raises InvalidSignal for unknown flags."""
    cells = [tuple(cell) for cell in data["forbidden"]]
    wrong = [cell for cell in cells if len(cell) != 2 or not set(cell) <= set(ROWS)]
    if wrong:
        raise InvalidSignal([FieldProblem("matrix", str(wrong[0]), "is not a pair of flags", f"use {', '.join(ROWS)}")])
    return Matrix(frozenset(cells) | FIXED)


def _cells(source: str, *targets: str) -> list[Cell]:
    return [(source, target) for target in targets]


# A start that errs on the careful side; each newsroom sets its own.
DEFAULT_MATRIX = Matrix(
    FIXED
    | frozenset(
        [
            *_cells(ANYTHING, "sponsored"),
            *_cells("live_trial", "live_trial", "victims_named", "minor", "communal_violence", "opinion"),
            *_cells("hostage", "opinion"),
            *_cells("victims_named", "live_trial", "minor", "opinion"),
            *_cells("minor", "live_trial", "victims_named", "minor", "opinion"),
            *_cells("communal_violence", "live_trial", "opinion"),
            *_cells(
                "sponsored",
                "live_trial",
                "hostage",
                "victims_named",
                "minor",
                "communal_violence",
                "sponsored",
                "opinion",
            ),
            *_cells("opinion", "live_trial", "minor"),
        ]
    )
)
