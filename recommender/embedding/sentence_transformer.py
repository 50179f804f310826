"""Embeddings with sentence-transformers."""

import os
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from recommender.arrays import Vectors
from recommender.embedding.input_form import InputForm, input_form
from recommender.embedding.model_files import ModelFiles, find_model
from recommender.errors import ModelUnavailable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_WORD = re.compile(r"\w+")
PIECES_WORDS = 100  # words of a text that are cut into pieces: the tokenizer warns of more than the model reads
UNKNOWN_PIECES = 20  # a word of which a model reads nothing counts as so many pieces: as one no model knows
BATCH = 32  # passages the model reads at once; sentence-transformers' own default


class SentenceTransformerEmbedder:
    """`Embedder` over a sentence-transformers model, which is loaded when the first text comes."""

    def __init__(self, model: str, *, name: str | None = None, download: bool = False) -> None:
        """`model` as `find_model` takes it; `name` is what a folder is called in its version."""
        self._model_name = model
        self._called = name
        self._download = download

    @property
    def version(self) -> str:
        """Name and digest of the model's files."""
        return self._files.version

    @cached_property
    def input_form(self) -> InputForm:
        try:
            return input_form(self._files.folder)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            raise self._broken(error) from error

    @cached_property
    def _files(self) -> ModelFiles:
        return find_model(self._model_name, called=self._called, download=self._download)

    @cached_property
    def _model(self) -> "SentenceTransformer":
        files = self._files
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the files are here: no library must ask the hub about them
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # our own progress says what is going on
        # Seconds of import time, which only a process that embeds must pay.
        from sentence_transformers import SentenceTransformer

        try:
            return SentenceTransformer(str(files.folder), local_files_only=True, trust_remote_code=False)
        except Exception as error:
            # Each library that reads one of the files has errors of its own: safetensors, tokenizers, torch, the hub.
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> ModelUnavailable:
        return ModelUnavailable(f"The model {self.version} cannot be loaded: {type(error).__name__}: {error}")

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Texts are read in the order of their length, so batches pad little.

        A text without a token may have a vector of zeros. Raises ModelUnavailable also where vectors are no numbers.
        """
        if not texts:
            return self.embed([""])[:0]  # the model knows its dimension, but not in every release by the same name
        encoded: Any = self._model.encode(
            list(texts),
            prompt=self.input_form.prompt or None,
            batch_size=BATCH,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        vectors = np.asarray(encoded, dtype=np.float32).reshape(len(texts), -1)
        wrong = np.flatnonzero(~np.isfinite(vectors).all(axis=1)).tolist()
        for row in wrong:
            if not self._cut(texts[row]):
                vectors[row] = 0.0  # the mean of no token, which a static model gives for an empty text
        if not np.isfinite(vectors).all():  # they would be stored, and stop every build in the middle
            raise ModelUnavailable(
                f"The model {self.version} gives vectors that are not numbers: its weights are damaged, or its "
                "training went wrong. Use another one."
            )
        return vectors

    def pieces_per_word(self, texts: Sequence[str]) -> float:
        words = pieces = 0
        cut = self._cut
        for text in texts:
            text_words = _WORD.findall(text)[:PIECES_WORDS]
            words += len(text_words)
            cut_words = cut(" ".join(text_words))
            pieces += len(cut_words) + (UNKNOWN_PIECES - 1) * sum(piece == self._unknown for piece in cut_words)
        return max(1.0, pieces / words) if words else 1.0

    @property
    def _unknown(self) -> str | None:
        """What stands for a word that the model has no pieces of, as in a script that it cannot read."""
        token: str | None = getattr(self._model.tokenizer, "unk_token", None)
        return token

    @property
    def _cut(self) -> Callable[[str], Sequence[str]]:
        """The tokenizer's way to cut a text: static models have a bare one, of another library."""
        tokenizer = self._model.tokenizer
        if hasattr(tokenizer, "tokenize"):
            return tokenizer.tokenize  # type: ignore[no-any-return]  # the library has no types
        return lambda text: tokenizer.encode(text, add_special_tokens=False).tokens
