"""The promise of approved sidebars, and of which editor looks at which article. Times are UTC."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Review:
    """An editor has approved a sidebar: which one, by the digest of what it showed."""

    article: int
    by: str
    at: datetime
    digest: str


class ReviewStore(Protocol):
    """Which sidebars have been approved, and who is looking at which article."""

    def put(self, review: Review) -> None:
        """Keeps a review; it replaces an earlier one."""
        ...

    def remove(self, article: int) -> None:
        """Forgets the review of an article."""
        ...

    def get(self, article: int) -> Review | None:
        """The review of an article."""
        ...

    def all(self) -> list[Review]:
        """Every review, by article."""
        ...

    def look(self, article: int, by: str, at: datetime, since: datetime) -> list[str]:
        """Notes that an editor looks at an article now; returns the other editors who have since a time, by name."""
        ...

    def looking(self, articles: Sequence[int], since: datetime) -> dict[int, list[str]]:
        """Which editors have looked at which of some articles since a time, by name."""
        ...
