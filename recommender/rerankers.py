"""Assembly of the reader of both texts that the settings name. Each adapter is imported where it is made."""

from dataclasses import dataclass
from pathlib import Path

from recommender.errors import SettingsError
from recommender.reranking.base import Reranker
from recommender.settings import Settings

# ruff: noqa: PLC0415  # imports inside functions are this module's purpose: most sites need none of the adapters

RECORDED = "recorded:"


@dataclass(frozen=True)
class OpenedReranker:
    """A reader, and how many boxes it may be given at once."""

    reranker: Reranker
    at_once: int = 1


def open_reranker(settings: Settings) -> OpenedReranker | None:
    """The reader of the settings, None where they name none. Nothing is sent or loaded yet.

    Raises SettingsError for one that is not known, and InvalidInput or ModelUnavailable where its files are wrong.
    """
    named = settings.reranker
    if not named:
        return None
    if named.startswith(RECORDED):
        from recommender.reranking.recorded import RecordedReranker

        return OpenedReranker(RecordedReranker(Path(named.removeprefix(RECORDED))))
    raise SettingsError(f"reranker: {named!r} is not a reader; write recorded:FILE, or leave it empty.")
