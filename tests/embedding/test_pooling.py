"""Article vectors, the centres of languages, and how far a model's similarities are trusted."""

import numpy as np
import pytest

from recommender.articles.article import Article
from recommender.embedding.pooling import Centres, Geometry, article_vectors, trust, unit, vector_version
from tests.embedder import DIMENSION, SpellingEmbedder, ToyEmbedder, place

# -- vectors -----------------------------------------------------------------------------------------------------------


def test_version_names_model_and_preparation() -> None:
    assert vector_version(ToyEmbedder("toy@7")) == "toy@7/passages180-mean"


def test_article_vector_is_mean_of_passages() -> None:
    long = Article(id="a", title="Junta", body="\n\n".join(["kidal " * 180, "accord " * 180]))
    (vector,) = article_vectors(ToyEmbedder(), [long])
    first, second = ToyEmbedder().embed([f"Junta. {'kidal ' * 180}", f"Junta. {'accord ' * 180}"])
    np.testing.assert_allclose(vector, (first + second) / np.linalg.norm(first + second), rtol=1e-6)


def test_vectors_keep_order_of_articles() -> None:
    articles = [
        Article(id=word, title=word, body="kidal " * length) for word, length in (("a", 900), ("b", 1), ("c", 400))
    ]
    together = article_vectors(ToyEmbedder(), articles)
    alone = [article_vectors(ToyEmbedder(), [article])[0] for article in articles]
    np.testing.assert_array_equal(together, alone)


def test_articles_that_say_nothing_lie_nowhere() -> None:
    """Else pictures without words would be each other's nearest."""
    pictures = [Article(id=title, title=title, body="") for title in ("…", "???", "Untitled")]
    vectors = article_vectors(SpellingEmbedder(), pictures)
    assert not vectors.any()
    assert not Centres.of(np.ones((3, DIMENSION), np.float32), ["en"] * 3).centred(vectors[0], "en").any()


def test_no_articles_give_no_vectors() -> None:
    assert article_vectors(ToyEmbedder(), []).shape == (0, DIMENSION)


def test_rows_of_zeros_stay() -> None:
    np.testing.assert_allclose(unit(np.array([[3, 4], [0, 0]], np.float32)), [[0.6, 0.8], [0, 0]])


def test_toy_words_are_far_apart() -> None:
    """The tests that work out cosines by hand use words of different dimensions."""
    assert len({place(word) for word in ("junta", "kidal", "accord")}) == 3


# -- trust -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["xa xb xc xd"], 0.49),  # two pieces a word
        (["xa known", "xb known"], (1.4 / 1.5) ** 2),
        (["known words only"], 1.0),
        (["xabc xabc xabc xa"], 0.16),  # three and a half
        ([], 1.0),
    ],
)
def test_trust_falls_with_the_pieces_of_a_word(texts: list[str], expected: float) -> None:
    assert trust(SpellingEmbedder(), "de", texts) == pytest.approx(expected)


def test_embedding_abstains_in_languages_that_were_not_measured() -> None:
    """However many borrowed words and names it knows."""
    assert trust(SpellingEmbedder(), "bm", ["known words only"]) == 0


# -- centres -----------------------------------------------------------------------------------------------------------


def test_centres_are_shrunken_means() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    centres = Centres.of(vectors, ["en", "en", "fr"])
    archive = np.array([2, 1]) / 8  # the sum over 3 + 5
    english = (np.array([2, 0]) + 5 * archive) / 7
    vector = np.array([0.6, 0.8], dtype=np.float32)
    for language, mean in (("en", english), ("de", archive)):
        expected = (vector - mean) / np.linalg.norm(vector - mean)
        np.testing.assert_allclose(centres.centred(vector, language), expected, rtol=1e-6)


def test_vector_at_its_centre_has_no_direction() -> None:
    """Themes have it: an article whose words the archive does not know."""
    nothing = np.zeros((3, 2), dtype=np.float32)
    assert Centres.of(nothing, ["en"] * 3).centred(nothing[0], "en").tolist() == [0, 0]


def test_geometry_survives_its_bytes() -> None:
    random = np.random.default_rng(0)
    dense, themes = (unit(random.normal(size=(9, size)).astype(np.float32)) for size in (5, 3))
    languages = ["en", "fr", "en"] * 3
    geometry = Geometry(Centres.of(dense, languages), Centres.of(themes, languages), {"en": 1.0, "fr": 0.5625})
    again = Geometry.from_bytes(geometry.to_bytes())
    assert again.trust == {"en": 1.0, "fr": 0.5625}
    for language in ("en", "fr", "de"):
        for vectors, old, new in (
            (dense, geometry.embeddings, again.embeddings),
            (themes, geometry.themes, again.themes),
        ):
            np.testing.assert_array_equal(new.centred(vectors[0], language), old.centred(vectors[0], language))
