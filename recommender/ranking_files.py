"""Ranking models as folders: `card.json` holds the weights, where they come from, and how good they are."""

import json
import math
from pathlib import Path
from typing import Any

from recommender.errors import InvalidInput
from recommender.scoring import OPTIONAL, PARTS, RankingModel

CARD = "card.json"


def read_ranking(folder: Path) -> RankingModel:
    """The model in a folder. Raises InvalidInput for one that is not there or not whole."""
    file = folder / CARD
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
        model = RankingModel(
            version=str(card["version"]),
            weights={part: _number(card["weights"][part]) for part in PARTS},
            threshold=_number(card["threshold"]),
            relief={part: _number(card["relief"][part]) for part in OPTIONAL},
        )
    except OSError as error:
        raise InvalidInput(f"The ranking model {folder} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise InvalidInput(f"{file} is no card of a ranking model: {error!r}") from error
    if min(model.weights.values()) < 0:
        raise InvalidInput(f"{file} is no card of a ranking model: a weight is negative")
    return model


def write_ranking(folder: Path, model: RankingModel, about: dict[str, Any]) -> None:
    """Writes a model and what is known of it. Raises InvalidInput where there is one already."""
    if (folder / CARD).exists():
        raise InvalidInput(f"{folder} holds a model already; released models are not written over")
    folder.mkdir(parents=True, exist_ok=True)
    card = {
        "version": model.version,
        "weights": dict(model.weights),
        "threshold": model.threshold,
        "relief": dict(model.relief),
        **about,
    }
    (folder / CARD).write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("a weight is not a number")
    return number
