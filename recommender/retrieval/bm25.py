"""BM25 with bm25s: a baseline for evaluation, each article's full text as the query."""

from collections.abc import Sequence

import bm25s
import numpy as np

from recommender.arrays import Vectors

K1 = 1.2
B = 0.75


class Bm25Index:
    """Okapi BM25 over tokenised texts."""

    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        self._index = bm25s.BM25(k1=K1, b=B)
        self._index.index([list(document) for document in documents], show_progress=False)

    def scores(self, query: Sequence[str]) -> Vectors:
        """(n,) scores of every document for the words of a query, in the order given."""
        return np.asarray(self._index.get_scores(list(query)), dtype=np.float32)
