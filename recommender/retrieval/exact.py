"""Exact nearest neighbours with scikit-learn."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

from recommender.arrays import Positions, Vectors


class ExactIndex:
    """`Index` over scikit-learn's NearestNeighbors.

    Euclidean distance of unit vectors gives the order of cosine similarity and is two to four times faster than
    `metric="cosine"`, which has no fast path in scikit-learn.
    """

    def __init__(self, vectors: Vectors) -> None:
        """`vectors` is (n, dimension), n at least 1, each of length 1."""
        self._vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self._search = NearestNeighbors(algorithm="brute", metric="euclidean").fit(self._vectors)

    def search(self, queries: Vectors, k: int) -> tuple[Positions, Vectors]:
        k = min(k, len(self._vectors))
        distances, positions = self._search.kneighbors(np.asarray(queries, dtype=np.float32), n_neighbors=k)
        similarities = (1 - distances**2 / 2).astype(np.float32)
        order = np.lexsort((positions, -similarities), axis=1)
        return np.take_along_axis(positions, order, axis=1), np.take_along_axis(similarities, order, axis=1)

    def similarities(self, query: Vectors) -> Vectors:
        scores: Vectors = self._vectors @ np.asarray(query, dtype=np.float32)
        return scores
