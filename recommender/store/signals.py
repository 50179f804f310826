"""The promise of editors' signals."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from recommender.curation.signals import Signal


class SignalStore(Protocol):
    """Signals and policies, those of the past included."""

    def add(self, signals: Sequence[Signal]) -> list[int]:
        """Keeps new signals and returns their numbers. Counts as a change for every reader."""
        ...

    def end(self, numbers: Sequence[int], at: datetime, by: str) -> None:
        """Ends those that are not ended yet. Counts as a change for every reader."""
        ...

    def get(self, numbers: Sequence[int]) -> dict[int, Signal]:
        """Signals by number."""
        ...

    def changed_since(self, revision: int) -> list[Signal]:
        """Those kept or ended after `revision`; -1 gives all that are not ended."""
        ...

    def touched_since(self, revision: int) -> dict[int, int]:
        """By article the revision of the last change of any of its signals, for those changed after `revision`."""
        ...

    def policy_revision(self) -> int:
        """The revision of the last change of any policy; -1 before the first."""
        ...

    def about(self, article: int) -> list[Signal]:
        """Every signal of an article, as source or as target, ended ones included; the latest first."""
        ...

    def at(self, moment: datetime, kinds: Sequence[str]) -> list[Signal]:
        """Those of some kinds that were in force at a time, the latest first."""
        ...

    def of_kinds(self, kinds: Sequence[str], limit: int) -> list[Signal]:
        """Those of some kinds, ended ones and those to come included; the latest first."""
        ...
