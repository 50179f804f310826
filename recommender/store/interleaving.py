"""The promise of interleaving runs, in which two model versions share the sidebars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

LIVE, CHALLENGER = "live", "challenger"  # the teams: the models that share a sidebar


class Pick(NamedTuple):
    """One place: an article, and the team that has chosen it; None where it belongs to neither."""

    number: int
    team: str | None


@dataclass(frozen=True)
class HourCount:
    """The clicks on one article's sidebar in one hour: on the teasers of either team, and on those of neither."""

    article: int
    hour: int
    live: int
    challenger: int
    nobody: int


@dataclass(frozen=True)
class InterleavingRun:
    """A model version that shares the sidebars with the live one, both by NAME/VERSION; without `until` it is open."""

    number: int
    live: str
    challenger: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class MixedSidebar:
    """A sidebar that two models share, as it was shown beside an article in an hour (from 1970); `request` names it."""

    request: str
    run: int
    article: int
    hour: int
    picks: tuple[Pick, ...]


class InterleavingStore(Protocol):
    """Interleaving runs, and how often the teasers of the two model versions were clicked on."""

    def start(self, live: str, challenger: str, at: datetime) -> int:
        """Opens a run and returns its number; what earlier ones counted is forgotten. Is a change to readers."""
        ...

    def end(self, number: int, at: datetime) -> None:
        """Ends a run. Is a change to readers."""
        ...

    def latest(self) -> InterleavingRun | None:
        """The run that was opened last, whether it goes on or not."""
        ...

    def note(self, answers: Sequence[MixedSidebar]) -> None:
        """Keeps what was shown. What is there already stays as it is; an answer of a forgotten run is left out."""
        ...

    def shown(self, request: str) -> tuple[MixedSidebar, Mapping[int, int]] | None:
        """An answer by its name, and the clicks on each of its articles."""
        ...

    def count(self, clicks: Mapping[tuple[str, int], int], most: int) -> None:
        """Adds clicks by answer and article; none has more than `most`, and what was not shown has none."""
        ...

    def counts(self, number: int) -> list[HourCount]:
        """What a run has counted, by article and hour; those without clicks included."""
        ...
