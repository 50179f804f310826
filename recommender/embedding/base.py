"""The promise of an embedding model."""

from collections.abc import Sequence
from typing import Protocol

from recommender.arrays import Vectors
from recommender.embedding.input_form import InputForm


class Embedder(Protocol):
    """Texts to unit vectors by one fixed embedding model."""

    @property
    def version(self) -> str:
        """Names the model and its files: equal versions give equal vectors for equal texts. Loads no model."""
        ...

    @property
    def input_form(self) -> InputForm:
        """What it puts before each text by itself, and how long a passage may be. Loads no model."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), dimension) unit vectors, in the order of the texts. Raises ModelUnavailable."""
        ...

    def pieces_per_word(self, texts: Sequence[str]) -> float:
        """How many pieces the model cuts a word of some texts into on average, 1 or more.

        They are few where it was made for the language of the texts, and many where it cannot read their script.
        """
        ...
