"""How a long loop shows how far it is."""

from collections.abc import Callable, Iterable
from typing import Any

# Wraps a long loop to show how far it is: (items, how many, what they are) -> the same items.
Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]


def quiet(items: Iterable[Any], _total: int, _label: str) -> Iterable[Any]:
    """Progress that shows nothing."""
    return items
