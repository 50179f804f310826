"""JSON from outside, refused before it is parsed where parsing it would take all memory or all of the stack.

A body of some megabytes can hold millions of keys or lists, each of which takes a hundred times its text in memory.
"""

import json
import re
from typing import Any

MAX_DEPTH = 20  # an article has two levels
MAX_PARTS = 20_000  # keys, values and brackets; an article with all its labels has less than a thousand

# A string as a whole, closed or not, or one mark between values. Possessive: nothing is read twice.
_PART = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},:]', re.DOTALL)
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


class OversizedJson(ValueError):
    """JSON that is nested too deeply, or has too many parts."""


def loads(text: str) -> Any:
    """The value of a JSON text. Raises OversizedJson, or another ValueError where it is not JSON."""
    _check(text)
    return json.loads(text, parse_constant=_refuse_constant)


def _check(text: str) -> None:
    depth = 0
    for number, part in enumerate(_PART.finditer(text)):
        if number >= MAX_PARTS:
            raise OversizedJson(f"has more than {MAX_PARTS:,} keys and values")
        depth += _STEPS.get(part[0], 0)
        if depth > MAX_DEPTH:
            raise OversizedJson(f"is nested too deeply, in more than {MAX_DEPTH} levels")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
