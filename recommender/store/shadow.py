"""The promise of what the model version in a shadow run would show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class ShadowSidebar:
    """What the live model version and the shadow would show beside an article, by number, as of a time."""

    article: int
    at: datetime
    live: tuple[int, ...]
    shadow: tuple[int, ...]


class ShadowStore(Protocol):
    """The sidebars of a shadow run, beside the live ones."""

    def put(self, generation: int, rows: Sequence[ShadowSidebar]) -> None:
        """Keeps rows of a shadow's generation; they replace those of the same articles."""
        ...

    def rows(self, generation: int) -> list[ShadowSidebar]:
        """All rows of a generation, by article."""
        ...

    def clear(self) -> None:
        """Forgets all rows."""
        ...
