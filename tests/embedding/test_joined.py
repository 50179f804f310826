"""Models that are joined: one vector of all, in which each counts as far as it knows the words."""

import numpy as np
import pytest

from recommender.arrays import Vectors
from recommender.embedding.input_form import InputForm
from recommender.embedding.joined import JoinedEmbedder


class Plain:
    """An embedder with one vector for every text, and its own knowledge of words."""

    def __init__(self, name: str, vector: list[float], pieces: float = 1.0) -> None:
        self.version = f"{name}@1"
        self.input_form = InputForm("", 180)
        self._vector = vector
        self._pieces = pieces

    def embed(self, texts: list[str]) -> Vectors:
        return np.array([self._vector] * len(texts), dtype=np.float32).reshape(len(texts), len(self._vector))

    def pieces_per_word(self, texts: list[str]) -> float:
        return self._pieces


def test_vectors_stand_one_behind_the_other() -> None:
    joined = JoinedEmbedder([Plain("a", [1, 0]), Plain("b", [0, 0, 1])])
    assert joined.embed(["x"]) == pytest.approx(np.array([[0.5**0.5, 0, 0, 0, 0.5**0.5]]))


def test_no_text_gives_no_vector() -> None:
    assert JoinedEmbedder([Plain("a", [1, 0]), Plain("b", [0, 1])]).embed([]).shape == (0, 4)


def test_model_counts_as_far_as_it_knows_the_words() -> None:
    vector = JoinedEmbedder([Plain("english", [1.0], pieces=5.6), Plain("all", [1.0])]).embed(["نص"])[0]
    assert np.linalg.norm(vector) == pytest.approx(1)
    assert vector[0] / vector[1] == pytest.approx(1 / 16)


def test_version_names_every_model_in_order() -> None:
    assert JoinedEmbedder([Plain("a", [1]), Plain("b", [1])]).version == "a@1+b@1"


def test_passages_are_as_long_as_all_of_them_read() -> None:
    short, long = Plain("a", [1]), Plain("b", [1])
    short.input_form, long.input_form = InputForm("", 90), InputForm("query: ", 180)
    assert JoinedEmbedder([short, long]).input_form == InputForm("query: ", 90)


def test_language_is_known_where_one_model_knows_it() -> None:
    assert JoinedEmbedder([Plain("a", [1], pieces=4.0), Plain("b", [1], pieces=1.2)]).pieces_per_word(["x"]) == 1.2
