"""A table of token vectors that imitates an embedding model: its start from the model's own words, its fit with SciPy.

The vector of a text is the mean of its tokens' rows, so a text costs a look-up for each token and no network at all.
The start is model2vec's recipe (Tulkens and van Dongen, 2024): the teacher's output for each token alone, on its main
axes, with rare tokens weighing more. The fit is a ridge regression towards that start, so a token that the archive
never uses keeps the row it had.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

from recommender.arrays import Vectors

Table = npt.NDArray[np.float64]


def axes(vectors: Vectors, dimensions: int) -> tuple[Table, Table]:
    """Mean (d,) of some vectors and their main axes (d, dimensions), the widest first, each with its largest part
    positive: so they are the same on every machine.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    centred = vectors - mean
    _, directions = np.linalg.eigh(centred.T @ centred)
    main = directions[:, ::-1][:, :dimensions]
    signs = np.sign(main[np.abs(main).argmax(axis=0), np.arange(main.shape[1])])
    return mean, main * signs


def start(tokens: Vectors, main: Table, rarity: float) -> Table:
    """(vocabulary, dimensions): the teacher's vectors of single tokens on its axes, weighted by rarity / (rarity + p).

    p follows Zipf's law, as vocabularies list their tokens by how common they are.
    """
    share = 1.0 / (np.arange(len(tokens)) + 2.0)
    share /= share.sum()
    weighted: Table = ((tokens - tokens.mean(axis=0)) @ main) * (rarity / (rarity + share))[:, None]
    return weighted


def fit(table: Table, texts: Sequence[Sequence[int]], targets: Table, ridge: float) -> Table:
    """The table (vocabulary, dimensions) nearest to the one given whose means over `texts` come near `targets`.

    `texts` are token numbers, `targets` (len(texts), dimensions). `ridge` is the cost of moving a row, as a share of
    the weight of an average text.
    """
    shares = _shares(texts, len(table))
    predicted = shares @ table
    scale = float((predicted * targets).sum() / max(float((predicted * predicted).sum()), np.finfo(float).tiny))
    table = table * scale
    kernel = (shares @ shares.T).toarray()
    kernel[np.diag_indices_from(kernel)] += ridge * float(kernel.diagonal().mean())
    moved: Table = table + shares.T @ np.linalg.solve(kernel, targets - shares @ table)
    return moved


def _shares(texts: Sequence[Sequence[int]], vocabulary: int) -> "sparse.csr_matrix":
    """(len(texts), vocabulary): which part of each text is which token."""
    ends = np.cumsum([0, *map(len, texts)])
    values = np.concatenate([np.full(len(text), 1.0 / max(1, len(text))) for text in texts])
    tokens = np.concatenate([np.asarray(text, dtype=np.int64) for text in texts])
    matrix = sparse.csr_matrix((values, tokens, ends), shape=(len(texts), vocabulary))
    matrix.sum_duplicates()
    return matrix
