"""Loading a model: only when it is needed, and never from afar."""

from pathlib import Path

import pytest

from recommender.embedding import SentenceTransformerEmbedder
from recommender.errors import ModelUnavailable


def test_making_an_embedder_needs_no_model() -> None:
    embedder = SentenceTransformerEmbedder("no/such-model")
    with pytest.raises(ModelUnavailable, match="'no/such-model' is not here"):
        _ = embedder.version


def test_unusable_folders_are_unavailable(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        SentenceTransformerEmbedder(str(tmp_path)).embed(["x"])
