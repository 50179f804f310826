"""A model is read to as its own files ask for: prompts, and passages that it reads to their end."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recommender.embedding.input_form import InputForm, input_form
from recommender.embedding.model_files import DEFAULT_MODEL, find_model
from recommender.embedding.pooling import article_vectors, vector_version
from recommender.embedding.sentence_transformer import SentenceTransformerEmbedder
from recommender.errors import ModelUnavailable
from tests.embedder import ToyEmbedder
from tests.factories import make_article
from tests.tiny import make_model


def folder(at: Path, **files: Any) -> Path:
    for name, content in files.items():
        (at / f"{name}.json").write_text(json.dumps(content))
    return at


@pytest.mark.parametrize(
    ("settings", "prompt"),
    [
        ({}, ""),
        ({"prompts": {}}, ""),
        ({"prompts": None}, ""),
        ({"prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": "passage"}, "passage: "),
        ({"prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": None}, "query: "),
        ({"prompts": {"query": "Find: ", "document": ""}}, ""),
        ({"prompts": {"query": "search: ", "document": "title: none | text: "}}, "title: none | text: "),
        ({"prompts": {"query": "Represent: "}}, ""),
        ({"prompts": {"query": "q: ", "document": "d: ", "STS": "task: alike | "}}, "task: alike | "),
    ],
)  # fmt: skip
def test_prompt_is_the_one_for_texts_that_are_alike(tmp_path: Path, settings: dict[str, Any], prompt: str) -> None:
    assert input_form(folder(tmp_path, config_sentence_transformers=settings)).prompt == prompt


@pytest.mark.parametrize(
    ("readme", "prompt"),
    [
        ('# Each input text should start with "query: " or "passage: ", even for non-English texts.', "query: "),
        ("Texts are prefixed with 'query: '.", "query: "),
        ("A model for search. The query: what you look for.", ""),
    ],
)
def test_description_may_name_the_prompt(tmp_path: Path, readme: str, prompt: str) -> None:
    (tmp_path / "README.md").write_text(readme)
    assert input_form(tmp_path).prompt == prompt
    folder(tmp_path, config_sentence_transformers={"prompts": {"document": "d: "}})
    assert input_form(tmp_path).prompt == "d: "


@pytest.mark.parametrize(("tokens", "words"), [(128, 90), (256, 180), (512, 180), (1, 1)])
def test_passages_fit_into_what_the_model_reads(tmp_path: Path, tokens: int, words: int) -> None:
    folder(tmp_path, sentence_bert_config={"max_seq_length": tokens})
    assert input_form(tmp_path).passage_words == words


def test_first_module_may_lie_in_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "0_Transformer").mkdir()
    folder(tmp_path, modules=[{"path": "0_Transformer"}, {"path": "1_Pooling"}])
    folder(tmp_path / "0_Transformer", config={"max_position_embeddings": 128})
    assert input_form(tmp_path).passage_words == 90


def test_default_model_takes_whole_passages_as_they_are() -> None:
    assert input_form(find_model(DEFAULT_MODEL).folder) == InputForm("", 180)


def test_prompt_stands_before_each_text(tmp_path: Path) -> None:
    model = make_model(tmp_path / "tiny", ["gold", "mine", "query"])
    plain = SentenceTransformerEmbedder(str(model)).embed(["query gold"])
    settings = json.loads((model / "config_sentence_transformers.json").read_text())
    prompts = {"query": "query ", "passage": "passage "}
    folder(model, config_sentence_transformers=settings | {"prompts": prompts, "default_prompt_name": None})
    assert np.allclose(SentenceTransformerEmbedder(str(model)).embed(["gold"]), plain, atol=1e-6)


def test_broken_files_are_unavailable(tmp_path: Path) -> None:
    (tmp_path / "sentence_bert_config.json").write_text("[]")
    with pytest.raises(ModelUnavailable, match="cannot be loaded: AttributeError"):
        vector_version(SentenceTransformerEmbedder(str(tmp_path)))


def test_vectors_are_known_by_how_texts_were_read() -> None:
    """Or a model whose prompt has come to be used would be mixed with vectors of before."""
    toy, other = ToyEmbedder(), ToyEmbedder()
    assert vector_version(toy) == "toy@1/passages180-mean"
    other.input_form = InputForm("", 90)
    prompted = ToyEmbedder()
    prompted.input_form = InputForm("query: ", 180)
    assert len({vector_version(one) for one in (toy, other, prompted)}) == 3


def test_no_passage_is_longer_than_the_model_reads() -> None:
    short, seen = ToyEmbedder(), list[str]()
    short.input_form = InputForm("", 5)
    embed = short.embed
    short.embed = lambda texts: (seen.extend(texts), embed(texts))[1]  # type: ignore[method-assign]
    article_vectors(short, [make_article("a", title="", summary="", body="gold mine " * 10)])
    assert max(len(text.split()) for text in seen) <= 7
