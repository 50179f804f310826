"""Dot products of weighted terms with SciPy's sparse matrices."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, vstack

from recommender.arrays import Positions, Vectors
from recommender.retrieval.terms import TERM_FIELDS, TermRow

_BODY = TERM_FIELDS[0]


class SparseTermIndex:
    """`TermIndex` over one sparse matrix for each field, a row for each article."""

    def __init__(self, rows: Sequence[TermRow]) -> None:
        self._set({field: _matrix(rows, field, _width(rows, field)) for field in TERM_FIELDS})

    def _set(self, matrices: Mapping[str, csr_array]) -> None:
        self._matrices = matrices
        self._widths = {field: matrix.shape[1] for field, matrix in matrices.items()}
        self._size = matrices[_BODY].shape[0]
        self._by_term = matrices[_BODY].T.tocsr()

    def replaced(self, keep: npt.NDArray[np.bool_], rows: Sequence[TermRow]) -> "SparseTermIndex":
        matrices = {}
        for field, matrix in self._matrices.items():
            width = max(matrix.shape[1], _width(rows, field))
            remaining = matrix[np.flatnonzero(keep)]
            remaining.resize((remaining.shape[0], width))
            matrices[field] = vstack([remaining, _matrix(rows, field, width)], format="csr")
        index = SparseTermIndex.__new__(SparseTermIndex)
        index._set(matrices)
        return index

    def search(self, rows: Sequence[TermRow], k: int) -> Positions:
        scores = (_matrix(rows, _BODY, self._widths[_BODY]) @ self._by_term).toarray()
        best = _best(scores, min(k, self._size))
        order = np.lexsort((best, -np.take_along_axis(scores, best, axis=1)), axis=1)
        return np.take_along_axis(best, order, axis=1)

    def similarities(self, row: TermRow) -> Vectors:
        scores: Vectors = self._matrices[_BODY] @ _dense(row, _BODY, self._widths[_BODY])
        return scores

    def similar(self, first: Positions, second: Positions) -> Vectors:
        products = self._matrices[_BODY][first] * self._matrices[_BODY][second]
        return np.asarray(products.sum(axis=1), dtype=np.float32).ravel()

    def pairs(self, rows: Sequence[TermRow], query: Positions, other: Positions) -> Mapping[str, Vectors]:
        return {field: self._pairs(rows, query, other, field) for field in TERM_FIELDS}

    def _pairs(self, rows: Sequence[TermRow], query: Positions, other: Positions, field: str) -> Vectors:
        matrix = self._matrices[field]
        products = _matrix(rows, field, self._widths[field])[query] * matrix[other]
        scores = np.asarray(products.sum(axis=1), dtype=np.float32).ravel()
        empty = np.array([not len(row[field][0]) for row in rows], dtype=bool)
        scores[empty[query] | (np.diff(matrix.indptr)[other] == 0)] = np.nan
        return scores


def _best(scores: Vectors, k: int) -> Positions:
    """(q, k) positions of the highest scores of each row, in no order; the last places go by position."""
    if k == scores.shape[1]:
        return np.broadcast_to(np.arange(k), scores.shape)
    best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    least = np.take_along_axis(scores, best, axis=1).min(axis=1, keepdims=True)
    for row in np.flatnonzero(np.count_nonzero(scores >= least, axis=1) > k):
        above, tied = np.flatnonzero(scores[row] > least[row]), np.flatnonzero(scores[row] == least[row])
        best[row] = np.concatenate([above, tied])[:k]
    return best


def _width(rows: Sequence[TermRow], field: str) -> int:
    return 1 + max((int(row[field][0][-1]) for row in rows if len(row[field][0])), default=0)


def _matrix(rows: Sequence[TermRow], field: str, width: int) -> csr_array:
    inside = [row[field][0] < width for row in rows]  # a term beyond the width is in no indexed article
    terms = [row[field][0][keep] for row, keep in zip(rows, inside, strict=True)]
    weights = [row[field][1][keep] for row, keep in zip(rows, inside, strict=True)]
    ends = np.cumsum([0, *(len(part) for part in terms)])
    return csr_array(
        (np.concatenate([*weights, np.empty(0, np.float32)]), np.concatenate([*terms, np.empty(0, np.int32)]), ends),
        shape=(len(rows), width),
    )


def _dense(row: TermRow, field: str, width: int) -> Vectors:
    terms, weights = row[field]
    inside = terms < width
    dense = np.zeros(width, dtype=np.float32)
    dense[terms[inside]] = weights[inside]
    return dense
