"""The promise of the verdicts of readers of both texts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from recommender.reranking.base import Verdict

# What a reader has said of the candidates beside one text, by the hash of each; None where it said nothing.
Verdicts = Mapping[str, Verdict | None]


@dataclass(frozen=True)
class Failure:
    """When a reader last gave no answer, and why."""

    at: datetime
    message: str


class VerdictStore(Protocol):
    """What readers have said, by their version and the hashes of what they were given: see `Reading.text_hash`.

    To readers of the site nothing of it is a change: the lists of a generation say which grades count.
    """

    def put(self, reranker: str, article: str, verdicts: Verdicts) -> None:
        """Keeps what a version said of candidates beside a text; it replaces what it said before."""
        ...

    def grades(self, reranker: str, articles: Sequence[str]) -> dict[str, dict[str, float | None]]:
        """The grades that a version gave beside some texts, by candidate; texts without any are left out."""
        ...

    def verdicts(self, reranker: str, article: str, candidates: Sequence[str]) -> dict[str, Verdict]:
        """What a version said of some candidates beside a text, with reasons; those without a verdict are left out."""
        ...

    def of(self, reranker: str) -> Iterator[tuple[str, Verdicts]]:
        """Everything that a version has said, text by text."""
        ...

    def count(self, reranker: str) -> int:
        """How many pairs a version has read."""
        ...

    def versions(self) -> list[str]:
        """The versions that verdicts are kept of, in order."""
        ...

    def prune(self, rerankers: Sequence[str], texts: Sequence[str]) -> int:
        """Drops the verdicts of other versions than these, and those of other texts; says how many."""
        ...

    def note_failure(self, reranker: str, failure: Failure) -> None:
        """Keeps that a version gave no answer, in place of the failure before."""
        ...

    def last_failure(self, reranker: str) -> Failure | None:
        """When a version last gave no answer; None where it never failed."""
        ...
