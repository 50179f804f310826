"""The promise of what a model in the shadow would show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class ShadowSidebar:
    """What the live model and the one in the shadow would show beside an article, by number, as of a time."""

    article: int
    at: datetime
    live: tuple[int, ...]
    shadow: tuple[int, ...]


class ShadowStore(Protocol):
    """The sidebars of a model that runs in the shadow, beside the live ones."""

    def put(self, generation: int, rows: Sequence[ShadowSidebar]) -> None:
        """Keeps rows of a shadow's generation in the place of those of the same articles."""
        ...

    def rows(self, generation: int) -> list[ShadowSidebar]:
        """All rows of a generation, by article."""
        ...

    def clear(self) -> None:
        """Forgets all rows."""
        ...
