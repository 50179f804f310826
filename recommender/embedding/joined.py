"""Several embedding models as one: each gives its part of a vector."""

from collections.abc import Sequence

import numpy as np

from recommender.arrays import Vectors
from recommender.embedding.base import Embedder
from recommender.embedding.input_form import InputForm
from recommender.embedding.pooling import familiarity, unit


class JoinedEmbedder:
    """`Embedder` whose vectors are those of others, one behind the other.

    So a cosine is a mean of theirs. In each text a model counts as far as it knows the text's words: one made for
    English says little of Arabic, and would drown one that reads it.
    """

    def __init__(self, embedders: Sequence[Embedder]) -> None:
        self._embedders = tuple(embedders)

    @property
    def version(self) -> str:
        return "+".join(embedder.version for embedder in self._embedders)

    @property
    def input_form(self) -> InputForm:
        """Each puts its own prompt before a text; passages are as long as all of them can read."""
        forms = [embedder.input_form for embedder in self._embedders]
        return InputForm("+".join(form.prompt for form in forms).strip("+"), min(form.passage_words for form in forms))

    def embed(self, texts: Sequence[str]) -> Vectors:
        return unit(np.concatenate([self._weighed(embedder, texts) for embedder in self._embedders], axis=1))

    @staticmethod
    def _weighed(embedder: Embedder, texts: Sequence[str]) -> Vectors:
        weights = np.array([familiarity(embedder, [text]) for text in texts], dtype=np.float32)
        return weights[:, np.newaxis] * embedder.embed(texts)

    def pieces_per_word(self, texts: Sequence[str]) -> float:
        """Those of the model that knows the words best: it was made for the language, if any of them was."""
        return min(embedder.pieces_per_word(texts) for embedder in self._embedders)
