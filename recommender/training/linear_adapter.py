"""A linear layer behind a frozen embedding model: solved for, or learned in steps from vectors computed once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from recommender.arrays import Vectors
from recommender.training.examples import Example, Teaching
from recommender.training.recipes import DISTIL, FinetuneRecipe

if TYPE_CHECKING:
    import torch

BATCH = 32  # texts embedded at once
SCALE = 20.0  # of cosine similarities in a softmax, as in sentence-transformers' losses
SHRINKAGE = 5  # articles' worth of the archive's mean in that of a language, as in `vectors.Centres`
NEW_DIRECTIONS = 0.02  # spread of the adapter's first half at the start; the second half is 0, so nothing has changed


class Encoder(Protocol):
    """What is asked of a model that is only embedded with."""

    def encode(self, texts: Sequence[str], **options: Any) -> Any: ...  # as sentence-transformers does it

    def get_embedding_dimension(self) -> int | None: ...  # how long the vectors are


def embedded(model: Encoder, texts: Sequence[str]) -> Vectors:
    """(len(texts), d) unit vectors."""
    vectors: Any = model.encode(
        list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
    )
    return np.asarray(vectors, dtype=np.float32)


def whitening(model: Encoder, recipe: FinetuneRecipe, teaching: Teaching) -> Vectors:
    """(d, d): the inverse root of how passages of one article differ, which says nothing of what it is about.

    Within-class covariance normalisation (Hatch, Kajarekar and Stolcke, Interspeech 2006) with an article as a class.
    """
    vectors = embedded(model, [text for parts in teaching.passages for text in parts])
    ends = np.cumsum([len(parts) for parts in teaching.passages])[:-1]
    apart = np.concatenate([part - part.mean(axis=0) for part in np.split(vectors.astype(np.float64), ends)])
    covariance = apart.T @ apart / len(apart)
    size = len(covariance)
    spread, directions = np.linalg.eigh(covariance + recipe.ridge * np.trace(covariance) / size * np.eye(size))
    scale = (spread / spread.min()) ** -0.5  # at most 1
    return np.asarray((directions * scale) @ directions.T, dtype=np.float32)


def low_rank(
    model: Encoder, recipe: FinetuneRecipe, examples: Sequence[Example], teaching: Teaching | None
) -> "tuple[torch.Tensor, int]":
    """The identity and a change of low rank, and in how many steps it was learned."""
    import torch

    generator = torch.Generator().manual_seed(recipe.seed)
    objective = (
        _teacher_objective(model, recipe, teaching)
        if teaching is not None and recipe.loss == DISTIL
        else _contrast_objective(model, recipe, examples, generator)
    )
    size = model.get_embedding_dimension()
    first = torch.nn.Parameter(torch.randn(size, recipe.rank, generator=generator) * NEW_DIRECTIONS)
    second = torch.nn.Parameter(torch.zeros(recipe.rank, size))
    optimizer = torch.optim.AdamW([first, second], lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    steps = 0
    for _ in range(recipe.epochs):
        for loss in objective:
            optimizer.zero_grad()
            loss(torch.eye(size) + first @ second).backward()
            optimizer.step()
            steps += 1
    return (torch.eye(size) + first @ second).detach(), steps


class _Batches:
    """Losses of one epoch as functions of the layer's matrix, in an order drawn anew each time."""

    def __init__(self, losses: Any) -> None:
        self._losses = losses

    def __iter__(self) -> Any:
        return iter(self._losses())


def _teacher_objective(model: Encoder, recipe: FinetuneRecipe, teaching: Teaching) -> _Batches:
    """Among its candidates, each article's cosines, as the service computes them, shall fall as the evidence does."""
    import torch

    owners = torch.tensor([place for place, parts in enumerate(teaching.passages) for _ in parts])
    vectors = torch.from_numpy(embedded(model, [text for parts in teaching.passages for text in parts]))
    count = len(teaching.passages)
    names = sorted(set(teaching.languages))
    language = torch.tensor([names.index(one) for one in teaching.languages])
    wanted = torch.full((count, count), -torch.inf)
    for place, (others, evidence) in enumerate(zip(teaching.candidates, teaching.evidence, strict=True)):
        wanted[place, torch.from_numpy(others)] = torch.from_numpy(evidence / recipe.temperature).float()
    rows = torch.isfinite(wanted).any(dim=1)
    known = torch.isfinite(wanted)[rows]
    target = torch.softmax(wanted[rows], dim=1)

    def loss(matrix: "torch.Tensor") -> "torch.Tensor":
        parts = torch.nn.functional.normalize(vectors @ matrix)
        whole = torch.nn.functional.normalize(torch.zeros(count, parts.shape[1]).index_add(0, owners, parts))
        centred = torch.nn.functional.normalize(whole - _centres(whole, language, len(names))[language])
        cosines = (SCALE / 2 * centred @ centred.T)[rows].masked_fill(~known, -torch.inf)
        told = torch.log_softmax(cosines, dim=1).masked_fill(~known, 0.0)
        return -(target * told).sum(dim=1).mean()

    return _Batches(lambda: [loss])


def _centres(vectors: "torch.Tensor", language: "torch.Tensor", count: int) -> "torch.Tensor":
    """(count, dimension): as `vectors.Centres` has them."""
    import torch

    archive = vectors.sum(dim=0) / (len(vectors) + SHRINKAGE)
    sums = torch.zeros(count, vectors.shape[1]).index_add(0, language, vectors)
    return (sums + SHRINKAGE * archive) / (torch.bincount(language, minlength=count)[:, None] + SHRINKAGE)


def _contrast_objective(
    model: Encoder, recipe: FinetuneRecipe, examples: Sequence[Example], generator: "torch.Generator"
) -> _Batches:
    """Each anchor shall be nearer to its own text than to those of the others in its batch."""
    import torch

    anchors = torch.from_numpy(embedded(model, [one.anchor for one in examples]))
    texts = torch.from_numpy(embedded(model, [one.text for one in examples]))

    def of(batch: "torch.Tensor") -> Any:
        def loss(matrix: "torch.Tensor") -> "torch.Tensor":
            one, other = (torch.nn.functional.normalize(part[batch] @ matrix) for part in (anchors, texts))
            return torch.nn.functional.cross_entropy(SCALE * one @ other.T, torch.arange(len(batch)))

        return loss

    return _Batches(
        lambda: [of(batch) for batch in torch.randperm(len(examples), generator=generator).split(recipe.batch)]
    )
