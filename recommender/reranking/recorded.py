"""A reader that answers from a file of boxes that were read before, so that a run can be repeated and measured.

The file is JSON Lines, as `recommender teach` writes it: a box in each line, with the id of an article (`query`), the
ids of some candidates (`candidates`) and a grade for each, in the same order (`grades`, 0 to 4, -1 for another version
of the article, which counts 0). `reasons`, one for each candidate, may be there; other fields are not read. Of two
boxes of one article the later replaces what the earlier says of the same candidates.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recommender.errors import InvalidInput
from recommender.reranking.base import HIGHEST_GRADE, Reading, Verdict

LOWEST_GRADE = -1.0


class RecordedReranker:
    """`Reranker` from a file. It has nothing to say of a pair that is not in it."""

    def __init__(self, file: Path) -> None:
        """Raises InvalidInput for a file that cannot be read, or is not one of boxes."""
        try:
            data = file.read_bytes()
            lines = data.decode().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"The recorded boxes {file} cannot be read: {error}") from error
        self.version = f"recorded@{hashlib.sha256(data).hexdigest()[:12]}"
        self._verdicts: dict[str, dict[str, Verdict]] = {}
        for number, line in enumerate(lines, 1):
            try:
                query, verdicts = _box(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise InvalidInput(f"{file}, line {number} is not a box: {error}") from error
            self._verdicts.setdefault(query, {}).update(verdicts)

    def read(self, article: Reading, candidates: Sequence[Reading]) -> list[Verdict | None]:
        """What the file says of each candidate."""
        verdicts = self._verdicts.get(article.id, {})
        return [verdicts.get(candidate.id) for candidate in candidates]


def _box(data: Any) -> tuple[str, dict[str, Verdict]]:
    keys, grades = data["candidates"], data["grades"]
    reasons = data.get("reasons") or [""] * len(keys)
    return str(data["query"]), {
        str(key): Verdict(_grade(grade), str(reason)) for key, grade, reason in zip(keys, grades, reasons, strict=True)
    }


def _grade(value: Any) -> float:
    grade = float(value)
    if not LOWEST_GRADE <= grade <= HIGHEST_GRADE:
        raise ValueError(f"{value!r} is not a grade from {LOWEST_GRADE:.0f} to {HIGHEST_GRADE:.0f}")
    return max(0.0, grade)
