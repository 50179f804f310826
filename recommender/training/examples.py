"""What a trainer is given: what to learn from, and an exam to sit after each epoch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.arrays import Positions, Vectors

Evidence = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    """Texts that belong together, and texts that do not belong to the anchor."""

    anchor: str
    text: str
    negatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Teaching:
    """A teacher's word on an archive: of each article its passages, its language, and its candidates with evidence.

    `candidates` and `evidence` (log-odds that the two are related) are aligned; candidates are places in `passages`.
    """

    passages: Sequence[Sequence[str]]
    languages: Sequence[str]
    candidates: Sequence[Positions]
    evidence: Sequence[Evidence]


@dataclass(frozen=True)
class Exam:
    """Texts to be embedded, (n, dimension) in their order, and what the vectors are worth: more is better."""

    texts: Sequence[str]
    score: Callable[[Vectors], float]


@dataclass(frozen=True)
class Learned:
    """How a training run went: what the exam gave before it and after each epoch, and which epoch is kept.

    Epochs count from 1; 0 is the model as it was. Without an exam the list is empty and the last epoch is kept.
    """

    scores: tuple[float, ...]
    epoch: int
    steps: int
