"""What a trainer is given: what to learn from, and what to evaluate on after each epoch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from recommender.arrays import Vectors


@dataclass(frozen=True)
class Example:
    """Texts that belong together, and texts that do not belong to the anchor."""

    anchor: str
    text: str
    negatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class EpochEvaluation:
    """Texts to be embedded, and the score of their vectors, (n, dimension) in the same order: more is better."""

    texts: Sequence[str]
    score: Callable[[Vectors], float]


@dataclass(frozen=True)
class Learned:
    """How a training run went: the scores before it and after each epoch, and which epoch is kept.

    Epochs count from 1; 0 is the model as it was. Without an evaluation the list is empty and the last epoch is kept.
    """

    scores: tuple[float, ...]
    epoch: int
    steps: int
