"""Every part of the score has what the desk shows of it."""

import re
from pathlib import Path

import pytest

from recommender.ranking.scoring import PARTS, SIGNALS
from recommender.web.desk import policies, ui_labels

CSS = (Path(ui_labels.__file__).parents[1] / "static" / "editor.css").read_text(encoding="utf-8")


def test_parts_have_names_in_their_order() -> None:
    assert tuple(ui_labels.PARTS) == (*PARTS, SIGNALS)


def test_parts_have_meanings_in_their_order() -> None:
    assert tuple(policies.PART_MEANINGS) == PARTS


@pytest.mark.parametrize("part", PARTS)
def test_part_has_colours_for_day_and_night(part: str) -> None:
    assert len(set(re.findall(rf"--part-{part}: (#\w+);", CSS))) == 2
    assert f".part-{part} {{\n  --part: var(--part-{part});" in CSS
