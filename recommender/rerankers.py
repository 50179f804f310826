"""Assembly of the reader of both texts that the settings name. Each adapter is imported where it is made."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.errors import SettingsError
from recommender.reranking.base import Reranker
from recommender.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recommender.reranking.base import Reading
    from recommender.reranking.cross_encoder import CrossEncoderReader
    from recommender.reranking.endpoint import Endpoint
    from recommender.serving.reading import Cost

# ruff: noqa: PLC0415  # imports inside functions are this module's purpose: most sites need none of the adapters

ENDPOINT, CROSS_ENCODER, RECORDED = "endpoint", "cross-encoder:", "recorded:"


@dataclass(frozen=True)
class OpenedReranker:
    """A reader, how many boxes it may be given at once, and what says what they will cost, if they cost anything."""

    reranker: Reranker
    at_once: int = 1
    cost: "Cost | None" = None


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
    if named.startswith(CROSS_ENCODER):
        cross_encoder = make_cross_encoder(named.removeprefix(CROSS_ENCODER))
        return OpenedReranker(cross_encoder, cross_encoder.parallel)
    if named == ENDPOINT:
        endpoint = make_endpoint(settings)
        return OpenedReranker(endpoint, endpoint.parallel, lambda boxes: _cost(endpoint, boxes))
    raise SettingsError(
        f"reranker: {named!r} is not a reader; write endpoint, cross-encoder:FOLDER or recorded:FILE, or leave it "
        "empty."
    )


def _cost(endpoint: "Endpoint", boxes: "Iterable[tuple[Reading, Sequence[Reading]]]") -> str:
    estimate = endpoint.estimate(boxes)
    shortage = endpoint.budget.shortage(estimate.requests, estimate.money)
    return f"{estimate}. {shortage}" if shortage else str(estimate)


def make_endpoint(settings: Settings) -> "Endpoint":
    """The language model that the settings name, with a budget of its own: make one for each build.

    Raises SettingsError where they name none.
    """
    from recommender.reranking.budget import Budget, Prices
    from recommender.reranking.endpoint import Endpoint

    if settings.reranker_url is None or not settings.reranker_model:
        raise SettingsError("No language model is named: the settings reranker_url and reranker_model say which.")
    prices = Prices(settings.reranker_price_input, settings.reranker_price_output)
    key = settings.reranker_key
    return Endpoint(
        settings.reranker_url,
        settings.reranker_model,
        key=key.get_secret_value() if key else None,
        answer_format=settings.reranker_format,
        parallel=settings.reranker_parallel,
        seconds=settings.reranker_seconds,
        budget=Budget(settings.reranker_requests, settings.reranker_budget, prices),
    )


def make_cross_encoder(model: str) -> "CrossEncoderReader":
    """A cross-encoder in a folder, or of a hub name whose files are on this machine: none is ever fetched.

    Raises ModelUnavailable for one that is not here, and InvalidInput for a calibration that is not one.
    """
    from recommender.embedding.model_files import find_model
    from recommender.reranking.cross_encoder import CrossEncoderReader

    files = find_model(model)
    return CrossEncoderReader(files.folder, files.version)
