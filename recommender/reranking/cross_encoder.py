"""A cross-encoder of sentence-transformers: a small model that reads two texts at once and gives one number."""

import json
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recommender.arrays import FloatArray
from recommender.errors import InvalidInput, ModelUnavailable
from recommender.reranking.base import HIGHEST_GRADE, Reading, Verdict

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

BATCH = 32  # pairs the model reads at once
CALIBRATION = "calibration.json"
FORM = 1  # of the texts below; another form is another reading


class CrossEncoderReader:
    """`Reranker` over a `CrossEncoder` with one output, which is loaded at the first pair. It gives no reasons.

    What it gives is a number on a scale of its own, mostly the log-odds of "related". The file CALIBRATION beside the
    model's says which grade each means: `{"scores": [...], "grades": [...]}`, both rising; between two scores the grade
    is interpolated, beyond the ends it stays. Without the file the grade is four times the probability, so that
    even odds are grade 2, "related": right for a model that was trained to say so, a guess for others.
    """

    parallel = 1  # it takes all cores for one batch

    def __init__(self, folder: Path, version: str) -> None:
        """`version` names the files of `folder`, the calibration among them. Raises InvalidInput for a wrong one."""
        self._folder = folder
        self.version = f"{version} pairs/{FORM}"
        self._lock = threading.Lock()
        self._grades = _calibration(folder / CALIBRATION)

    @cached_property
    def _model(self) -> "CrossEncoder":
        # Seconds of import time, which only a process that reads must pay.
        from sentence_transformers import CrossEncoder

        try:
            model = CrossEncoder(str(self._folder), local_files_only=True, trust_remote_code=False)
        except Exception as error:
            # As for embeddings: each library that reads one of the files has errors of its own.
            raise ModelUnavailable(
                f"The cross-encoder {self.version} cannot be loaded: {type(error).__name__}: {error}"
            ) from error
        if model.num_labels != 1:
            raise ModelUnavailable(f"The cross-encoder {self.version} has {model.num_labels} outputs; one is needed.")
        return model

    def read(self, article: Reading, candidates: Sequence[Reading]) -> list[Verdict]:
        """Raises ModelUnavailable where it cannot be loaded, or gives what is not a number."""
        if not candidates:
            return []
        pairs = [(_whole(article), _teaser(candidate)) for candidate in candidates]
        with self._lock:  # tokenizers can't be used by two threads
            predicted: Any = self._model.predict(
                pairs, batch_size=BATCH, activation_fn=_as_it_is, show_progress_bar=False, convert_to_numpy=True
            )
        scores = np.asarray(predicted, dtype=np.float64).reshape(len(pairs))
        if not np.isfinite(scores).all():
            raise ModelUnavailable(f"The cross-encoder {self.version} gives what is not a number: it is damaged.")
        return [Verdict(grade) for grade in self._grades(scores).tolist()]


def _as_it_is(scores: Any) -> Any:
    """The model's number before any function of its configuration: calibrations speak of that."""
    return scores


def _calibration(file: Path) -> Callable[[FloatArray], FloatArray]:
    if not file.is_file():
        return lambda scores: HIGHEST_GRADE / (1.0 + np.exp(-np.clip(scores, -500.0, 500.0)))
    try:
        points = json.loads(file.read_text(encoding="utf-8"))
        scores, grades = (np.asarray(points[name], dtype=np.float64) for name in ("scores", "grades"))
        usable = (
            scores.ndim == 1
            and scores.shape == grades.shape
            and len(scores) > 1
            and bool(np.isfinite(scores).all())
            and bool((np.diff(scores) > 0).all())
            and bool((np.diff(grades) >= 0).all())
            and bool(((grades >= 0) & (grades <= HIGHEST_GRADE)).all())
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InvalidInput(f"{file} cannot be read as a calibration: {type(error).__name__}: {error}") from error
    if not usable:
        raise InvalidInput(
            f'{file} is not a calibration; write {{"scores": [-4, 0, 4], "grades": [0, 2, 4]}}, both lists rising, '
            f"the grades from 0 to {HIGHEST_GRADE:g}."
        )
    return lambda values: np.interp(values, scores, grades)


def _whole(article: Reading) -> str:
    return "\n".join(filter(None, (article.title, article.summary, article.lead)))


def _teaser(candidate: Reading) -> str:
    return "\n".join(filter(None, (candidate.title, candidate.summary or candidate.lead)))
