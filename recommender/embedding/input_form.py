"""How a model wants its texts, by its own files: what stands before each, and how long one may be."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recommender.articles.text import PASSAGE_WORDS

# all-MiniLM-L6-v2 reads 256 tokens, in which passages of PASSAGE_WORDS words fit with title and summary before them.
_TOKENS = 256
# A text beside a text, neither of which asks for the other. Models name such a prompt differently.
_BETWEEN_EQUALS = ("sts", "similarity", "clustering")
# What a model's description says where its settings do not: Each input text should start with "query: ".
_DESCRIBED = re.compile(r"(?:start|begin|prefix(?:ed)?)\s+with\s+[\"'“‘`](query: ?)[\"'”’`]", re.IGNORECASE)  # noqa: RUF001  # quotes of any kind


@dataclass(frozen=True)
class InputForm:
    """`prompt` stands before each text, and is empty for most models.

    `passage_words` is how many words a passage may have so that the model reads all of it, from 1 to PASSAGE_WORDS.
    """

    prompt: str
    passage_words: int


def input_form(folder: Path) -> InputForm:
    """The form that the files in a model's folder ask for.

    Of the prompts in its settings: the one that it takes by default, else one for texts that are alike, else the one
    for questions where it has one for passages as well (such models compare like with like so: multilingual-e5), else
    the one for documents. A model without prompts may name its own in its README.

    Raises ValueError, TypeError, KeyError, IndexError or AttributeError for files of another shape.
    """
    modules = folder / "modules.json"
    first = json.loads(modules.read_text(encoding="utf-8"))[0]["path"] if modules.is_file() else ""
    tokens = _json(folder / first / "sentence_bert_config.json").get("max_seq_length")
    if tokens is None:
        tokens = _json(folder / first / "config.json").get("max_position_embeddings")
    words = PASSAGE_WORDS if tokens is None else max(1, min(PASSAGE_WORDS, int(tokens) * PASSAGE_WORDS // _TOKENS))
    return InputForm(_prompt(folder), words)


def _prompt(folder: Path) -> str:
    settings = _json(folder / "config_sentence_transformers.json")
    prompts: dict[str, str] = {name.lower(): text for name, text in (settings.get("prompts") or {}).items() if text}
    if default := settings.get("default_prompt_name"):
        return prompts.get(default.lower(), "")
    if fitting := [prompts[name] for name in _BETWEEN_EQUALS if name in prompts]:
        return fitting[0]
    if prompts:
        return prompts["query"] if prompts.keys() >= {"query", "passage"} else prompts.get("document", "")
    readme = folder / "README.md"
    described = _DESCRIBED.search(readme.read_text(encoding="utf-8", errors="replace")) if readme.is_file() else None
    return described[1] if described else ""


def _json(file: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return read
