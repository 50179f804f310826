"""Loading a model: only when it is needed, never from afar, and no error of a library comes through."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from recommender.embedding.pooling import vector_version
from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
from recommender.errors import ModelUnavailable
from recommender.store.base import Store
from tests.factories import make_article, make_builder, stored
from tests.tiny import make_model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("tiny") / "tiny", ["gold", "mine"])


def test_making_an_embedder_needs_no_model() -> None:
    embedder = SentenceTransformerEmbedder("no/such-model")
    with pytest.raises(ModelUnavailable, match="'no/such-model' is not here"):
        _ = embedder.version


def test_unusable_folders_are_unavailable(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        SentenceTransformerEmbedder(str(tmp_path)).embed(["x"])


@pytest.mark.parametrize(
    ("file", "content", "error"),
    [
        ("model.safetensors", "no weights", "SafetensorError"),
        ("modules.json", "null", "TypeError"),
        ("1_Pooling/config.json", '{"unknown": 1}', "TypeError"),
        ("config.json", '{"model_type": "bert", "hidden_size": "x"}', "StrictDataclassFieldValidationError"),
    ],
)
def test_whatever_loading_raises_is_reported(tiny: Path, tmp_path: Path, file: str, content: str, error: str) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny, broken)
    (broken / file).write_text(content)
    with pytest.raises(ModelUnavailable, match=f"The model broken@.* cannot be loaded: {error}"):
        SentenceTransformerEmbedder(str(broken)).embed(["gold"])


def test_text_without_a_token_has_a_vector_of_zeros() -> None:
    """A static model's vector is the mean of its tokens; one article without text must not stop the build of all."""
    folder = Path(__file__).parents[2] / "models" / "static" / "1" / "embedding"
    empty, text = SentenceTransformerEmbedder(str(folder)).embed(["", "gold mine"])
    assert not empty.any()
    assert np.linalg.norm(text) == pytest.approx(1, abs=1e-3)


def test_vectors_that_are_no_numbers_stop_a_build(tiny: Path, tmp_path: Path, store: Store) -> None:
    from safetensors.numpy import load_file, save_file

    broken = tmp_path / "broken"
    shutil.copytree(tiny, broken)
    weights = load_file(broken / "model.safetensors")
    nothing = {name: np.full_like(values, np.nan) for name, values in weights.items()}
    save_file(nothing, broken / "model.safetensors", metadata={"format": "pt"})
    embedder = SentenceTransformerEmbedder(str(broken))
    articles = [make_article("a"), make_article("b")]
    stored(store, articles)
    with pytest.raises(ModelUnavailable, match=r"The model broken@.* gives vectors that are not numbers"):
        make_builder(store, embedder).build()
    keys = [article.text_key for article in articles]
    assert store.generations.vectors(vector_version(embedder), keys) == {}
