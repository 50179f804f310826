"""Ranking models as folders with a card."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recommender.errors import InvalidInput
from recommender.ranking_files import read_ranking, write_ranking
from recommender.scoring import DEFAULT, OPTIONAL, PARTS, RankingModel

RELEASED = Path(__file__).parent.parent / "models" / "ranking"
MODEL = RankingModel(
    "ours-2", dict(zip(PARTS, (0.1, 0, 2.5, 3, 4, 5, 6, 7), strict=True)), 8.25, dict.fromkeys(OPTIONAL, 0.5)
)


def test_written_models_are_read_again(tmp_path: Path) -> None:
    write_ranking(tmp_path / "new" / "ours-2", MODEL, {})
    assert read_ranking(tmp_path / "new" / "ours-2") == MODEL


def test_card_holds_what_is_known_of_the_model(tmp_path: Path) -> None:
    write_ranking(tmp_path, MODEL, {"learned_on": "2026-11-24", "made_with": "Ménaka 1.0"})
    text = (tmp_path / "card.json").read_text(encoding="utf-8")
    assert json.loads(text) == {
        "version": "ours-2",
        "weights": dict(MODEL.weights),
        "threshold": 8.25,
        "relief": {"names": 0.5, "tags": 0.5, "places": 0.5, "nearness": 0.5},
        "learned_on": "2026-11-24",
        "made_with": "Ménaka 1.0",
    }
    assert "Ménaka" in text


def test_released_models_are_not_written_over(tmp_path: Path) -> None:
    write_ranking(tmp_path, MODEL, {})
    with pytest.raises(InvalidInput, match="holds a model already"):
        write_ranking(tmp_path, replace(MODEL, version="other"), {})
    assert read_ranking(tmp_path) == MODEL


def test_default_is_the_released_model() -> None:
    """The weights stand in the code as well, so that a wheel needs no file for them."""
    assert read_ranking(RELEASED / DEFAULT.version) == DEFAULT


def test_missing_models_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nothing cannot be read: No such file"):
        read_ranking(tmp_path / "nothing")


GOOD: dict[str, Any] = {
    "version": "ours-2",
    "weights": dict(MODEL.weights),
    "threshold": 8.25,
    "relief": dict(MODEL.relief),
}


@pytest.mark.parametrize(
    "card",
    [
        "",
        "[]",
        "null",
        '"card"',
        "{}",
        "\udcff",
        json.dumps(GOOD | {"weights": {part: 1.0 for part in PARTS if part != "themes"}}),
        json.dumps(GOOD | {"weights": MODEL.weights | {"tags": "much"}}),
        json.dumps(GOOD | {"weights": MODEL.weights | {"tags": None}}),
        json.dumps(GOOD | {"weights": MODEL.weights | {"tags": float("nan")}}),
        json.dumps(GOOD | {"weights": MODEL.weights | {"tags": float("inf")}}),
        json.dumps(GOOD | {"weights": MODEL.weights | {"tags": 10**400}}),
        json.dumps(GOOD | {"weights": MODEL.weights | {"tags": -0.1}}),
        json.dumps(GOOD | {"weights": [1.0] * len(PARTS)}),
        json.dumps(GOOD | {"relief": {"names": 0.5}}),
        json.dumps({key: value for key, value in GOOD.items() if key != "threshold"}),
        json.dumps({key: value for key, value in GOOD.items() if key != "version"}),
    ],
)
def test_broken_cards_are_refused(tmp_path: Path, card: str) -> None:
    (tmp_path / "card.json").write_text(card, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(InvalidInput, match=r"card\.json is no card of a ranking model"):
        read_ranking(tmp_path)


def test_card_of_these_tests_is_whole(tmp_path: Path) -> None:
    """Otherwise the broken ones would be refused for another reason than theirs."""
    (tmp_path / "card.json").write_text(json.dumps(GOOD), encoding="utf-8")
    assert read_ranking(tmp_path) == MODEL
