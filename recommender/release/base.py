"""The promise of the registry of model versions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from recommender.release.cards import HistoryEntry, ModelCard


class Registry(Protocol):
    """Model versions, by NAME/VERSION. An unknown one raises NotFound, a damaged card InvalidInput."""

    def names(self) -> list[str]: ...  # every version, in order

    def folder(self, name: str) -> Path: ...  # where its files lie

    def card(self, name: str) -> ModelCard: ...  # what is known of it

    def live(self) -> str: ...  # the version that builds build

    def put_live(self, name: str) -> None: ...  # says which that is

    def create(
        self, card: ModelCard, files: Mapping[str, bytes | Path]
    ) -> ModelCard: ...  # adds one, whole or not at all

    def record(self, name: str, entry: HistoryEntry) -> None: ...  # adds to its history

    def verify(self, name: str) -> list[str]: ...  # what is wrong with its files

    def fetch(self, name: str, source: str) -> list[str]: ...  # gets what is missing from a folder or address
