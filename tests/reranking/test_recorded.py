"""A recorded reader answers from its file, and says what is wrong with one that it cannot read."""

import json
from pathlib import Path
from typing import Any

import pytest

from recommender.errors import InvalidInput, SettingsError
from recommender.rerankers import open_reranker
from recommender.reranking.base import LEAD_WORDS, Verdict
from recommender.reranking.readings import reading_of
from recommender.reranking.recorded import RecordedReranker
from recommender.settings import Settings
from tests.factories import make_article

BOX = {"query": "a", "candidates": ["b", "c", "d"], "grades": [4, -1, 0], "order": ["b", "c", "d"]}
A, B, C, D, OTHER = (reading_of(make_article(key)) for key in ("a", "b", "c", "d", "other"))


def recorded(folder: Path, *boxes: Any) -> RecordedReranker:
    file = folder / "boxes.jsonl"
    file.write_text("".join(json.dumps(box) + "\n" for box in boxes))
    return RecordedReranker(file)


def test_answers_are_those_of_the_file(tmp_path: Path) -> None:
    """Whatever the order and number of those that it is asked about; a version of the article has grade 0."""
    assert recorded(tmp_path, BOX).read(A, [D, OTHER, B, C]) == [Verdict(0), None, Verdict(4), Verdict(0)]
    assert recorded(tmp_path, BOX).read(B, [A]) == [None]


def test_later_box_replaces_what_it_speaks_of(tmp_path: Path) -> None:
    later = {"query": "a", "candidates": ["b"], "grades": [1.5], "reasons": ["Only the country is the same."]}
    verdicts = recorded(tmp_path, BOX, later).read(A, [B, D])
    assert verdicts == [Verdict(1.5, "Only the country is the same."), Verdict(0)]


def test_version_names_the_content(tmp_path: Path) -> None:
    first, second = recorded(tmp_path, BOX), recorded(tmp_path, BOX, BOX)
    assert first.version == recorded(tmp_path, BOX).version
    assert first.version != second.version


@pytest.mark.parametrize(
    "box",
    [
        "text",
        {},
        BOX | {"grades": [1, 2]},
        BOX | {"grades": [1, 2, 5]},
        BOX | {"grades": [1, 2, -2]},
        BOX | {"grades": [1, 2, "many"]},
        BOX | {"grades": [1, 2, float("nan")]},
        BOX | {"reasons": ["one"]},
    ],
)
def test_what_is_not_a_box_is_refused_by_line(tmp_path: Path, box: Any) -> None:
    with pytest.raises(InvalidInput, match="line 2 is not a box"):
        recorded(tmp_path, BOX, box)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"none\.jsonl cannot be read"):
        open_reranker(Settings(reranker=f"recorded:{tmp_path}/none.jsonl"))


def test_no_setting_opens_no_reader() -> None:
    assert open_reranker(Settings()) is None


def test_unknown_reader_is_refused() -> None:
    with pytest.raises(SettingsError, match="'oracle' is not a reader"):
        open_reranker(Settings(reranker="oracle"))


def test_reading_is_of_title_summary_and_lead() -> None:
    """Its hash changes with each of them, and with nothing else."""
    body = " ".join(f"word{number}" for number in range(2 * LEAD_WORDS))
    article = make_article("a", title="T", summary="S", body=body, language="fr")
    reading = reading_of(article)
    assert (reading.title, reading.summary, reading.language, reading.id) == ("T", "S", "fr", "a")
    assert reading.lead.split() == body.split()[:LEAD_WORDS]
    same = [make_article("b", title="T", summary="S", body=f"{body} and more", tags=("x",))]
    others = [
        make_article("a", title="T2", summary="S", body=body),
        make_article("a", title="T", summary="", body=body),
        make_article("a", title="T", summary="S", body=f"other {body}"),
        make_article("a", title="", summary="T S", body=body),
    ]
    assert {reading_of(other).text_hash for other in same} == {reading.text_hash}
    assert len({reading.text_hash, *(reading_of(other).text_hash for other in others)}) == 1 + len(others)
