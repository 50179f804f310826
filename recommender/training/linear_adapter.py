"""A linear layer behind a frozen embedding model: solved for, or learned in steps from vectors computed once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from recommender.arrays import Vectors
from recommender.training.examples import Example
from recommender.training.recipes import FinetuneRecipe

if TYPE_CHECKING:
    import torch

BATCH = 32  # texts embedded at once
SCALE = 20.0  # of cosine similarities in a softmax, as in sentence-transformers' losses
NEW_DIRECTIONS = 0.02  # spread of the adapter's first half at the start; the second half is 0, so nothing has changed


class Encoder(Protocol):
    """What an embedding model must do that is not trained itself."""

    def encode(self, texts: Sequence[str], **options: Any) -> Any: ...  # as sentence-transformers does it

    def get_embedding_dimension(self) -> int | None: ...  # how long the vectors are


def embedded(model: Encoder, texts: Sequence[str]) -> Vectors:
    """(len(texts), d) unit vectors."""
    vectors: Any = model.encode(
        list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
    )
    return np.asarray(vectors, dtype=np.float32)


def whitening(model: Encoder, recipe: FinetuneRecipe, articles: Sequence[Sequence[str]]) -> Vectors:
    """(d, d): the inverse root of the covariance of passages within articles, which says nothing of their subjects.

    `articles` has the passages of each.

    Within-class covariance normalisation (Hatch, Kajarekar and Stolcke, Interspeech 2006) with an article as a class.
    """
    vectors = embedded(model, [text for passages in articles for text in passages])
    ends = np.cumsum([len(passages) for passages in articles])[:-1]
    apart = np.concatenate([part - part.mean(axis=0) for part in np.split(vectors.astype(np.float64), ends)])
    covariance = apart.T @ apart / len(apart)
    size = len(covariance)
    spread, directions = np.linalg.eigh(covariance + recipe.ridge * np.trace(covariance) / size * np.eye(size))
    scale = (spread / spread.min()) ** -0.5  # at most 1
    return np.asarray((directions * scale) @ directions.T, dtype=np.float32)


def low_rank(model: Encoder, recipe: FinetuneRecipe, examples: Sequence[Example]) -> "tuple[torch.Tensor, int]":
    """The identity and a change of low rank, and in how many steps it was learned.

    Each anchor is drawn nearer to its own text than to those of the others in its batch.
    """
    import torch

    generator = torch.Generator().manual_seed(recipe.seed)
    anchors = torch.from_numpy(embedded(model, [example.anchor for example in examples]))
    texts = torch.from_numpy(embedded(model, [example.text for example in examples]))
    size = model.get_embedding_dimension()
    first = torch.nn.Parameter(torch.randn(size, recipe.rank, generator=generator) * NEW_DIRECTIONS)
    second = torch.nn.Parameter(torch.zeros(recipe.rank, size))
    optimizer = torch.optim.AdamW([first, second], lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    steps = 0
    for _ in range(recipe.epochs):
        for batch in torch.randperm(len(examples), generator=generator).split(recipe.batch):
            matrix = torch.eye(size) + first @ second
            example, other = (torch.nn.functional.normalize(part[batch] @ matrix) for part in (anchors, texts))
            loss = torch.nn.functional.cross_entropy(SCALE * example @ other.T, torch.arange(len(batch)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps += 1
    return (torch.eye(size) + first @ second).detach(), steps
