"""BM25 against its formula."""

from math import log

import numpy as np
import pytest

from recommender.retrieval.bm25 import K1, B, Bm25Index

DOCUMENTS = [["junta", "accord"], ["junta", "junta", "kidal", "gold"], ["gold", "mine", "opens"]]
AVERAGE = 3


def score(term: str, document: list[str]) -> float:
    """Okapi BM25 as Lucene has it, which bm25s computes by default."""
    holding = sum(term in other for other in DOCUMENTS)
    idf = log(1 + (len(DOCUMENTS) - holding + 0.5) / (holding + 0.5))
    count = document.count(term)
    return idf * count / (count + K1 * (1 - B + B * len(document) / AVERAGE))


@pytest.mark.parametrize("query", [["junta"], ["gold", "mine"], ["junta", "gold", "opens"]])
def test_scores_follow_the_formula(query: list[str]) -> None:
    expected = [sum(score(term, document) for term in query) for document in DOCUMENTS]
    np.testing.assert_allclose(Bm25Index(DOCUMENTS).scores(query), expected, rtol=1e-5)


def test_unknown_words_score_zero() -> None:
    assert Bm25Index(DOCUMENTS).scores(["unheard"]).tolist() == [0, 0, 0]
