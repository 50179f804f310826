"""A small deterministic embedder: tests can work out its vectors by hand, and it loads nothing."""

import re
import zlib
from collections.abc import Sequence

import numpy as np

from recommender.arrays import Vectors
from recommender.articles.text import PASSAGE_WORDS
from recommender.embedding.input_form import InputForm

DIMENSION = 64
_WORD = re.compile(r"\w+")


class ToyEmbedder:
    """`Embedder` that counts words: each word adds 1 in the dimension of its hash; then the vector is scaled to 1.

    So two texts have the cosine of their word counts, as long as no two of their words share a dimension: see `place`.
    A text without a word lies in dimension 0.
    """

    def __init__(self, version: str = "toy@1") -> None:
        self.version = version
        self.input_form = InputForm("", PASSAGE_WORDS)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), DIMENSION) unit vectors."""
        vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in _WORD.findall(text.lower()) or [""]:
                vector[place(word)] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def pieces_per_word(self, texts: Sequence[str]) -> float:
        """It reads every language alike: a word is a piece."""
        return 1.0


def place(word: str) -> int:
    """The dimension of a word; crc32 of nothing is 0."""
    return zlib.crc32(word.encode()) % DIMENSION


class SpellingEmbedder(ToyEmbedder):
    """Knows no word that begins with x: it cuts each into its letters, as models do with languages they do not know."""

    def pieces_per_word(self, texts: Sequence[str]) -> float:
        """1 where every word is known, or there is none."""
        words = [word for text in texts for word in _WORD.findall(text.lower())]
        pieces = [len(word) if word.startswith("x") else 1 for word in words]
        return sum(pieces) / len(pieces) if pieces else 1.0


class BlindEmbedder(ToyEmbedder):
    """Finds nothing: the vector of a text is random, the same one each time."""

    def __init__(self, version: str = "blind@1") -> None:
        super().__init__(version)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), DIMENSION) unit vectors that have nothing to do with the words."""
        drawn = [np.random.default_rng(zlib.crc32(text.encode())).normal(size=DIMENSION) for text in texts]
        vectors = np.array(drawn, dtype=np.float32).reshape(len(texts), DIMENSION)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class RecordingEmbedder(ToyEmbedder):
    """Remembers every text it was given, and can fail when it comes to one."""

    def __init__(self, version: str = "toy@1", fails_at: str = "") -> None:
        super().__init__(version)
        self.fails_at = fails_at
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        """As ToyEmbedder; raises RuntimeError for a text that holds `fails_at`."""
        if self.fails_at and any(self.fails_at in text for text in texts):
            raise RuntimeError("the machine was switched off")
        self.seen += texts
        return super().embed(texts)
