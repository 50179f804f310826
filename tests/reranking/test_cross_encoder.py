"""A cross-encoder as a reader: its number becomes a grade."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from recommender.errors import InvalidInput, ModelUnavailable
from recommender.rerankers import make_cross_encoder
from recommender.reranking.base import Reading
from recommender.reranking.cross_encoder import CrossEncoderReader
from tests.tiny import make_cross_encoder_model

ARTICLE = Reading("a", "raid on gao", "army post attacked", "the post was attacked", "en", None)
CANDIDATES = [Reading(text, text, "", "", "en", None) for text in ("gold prices", "army post raid", "gao")]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = "raid on gao army post attacked the was gold prices".split()
    return make_cross_encoder_model(tmp_path_factory.mktemp("cross") / "tiny", words)


def calibrated(model: Path, tmp_path: Path, calibration: object) -> Path:
    folder = tmp_path / "calibrated"
    shutil.copytree(model, folder)
    (folder / "calibration.json").write_text(json.dumps(calibration))
    return folder


def raw_scores(model: Path) -> list[float]:
    """The model's numbers, worked out from the grades that a straight line over all of them gives."""
    grades = np.array([verdict.grade for verdict in make_cross_encoder(str(model)).read(ARTICLE, CANDIDATES)])
    return np.log(grades / (4 - grades)).tolist()


def test_default_is_four_times_the_probability(model: Path) -> None:
    from sentence_transformers import CrossEncoder

    pairs = [("raid on gao\narmy post attacked\nthe post was attacked", candidate.title) for candidate in CANDIDATES]
    probabilities = CrossEncoder(str(model), local_files_only=True).predict(pairs)
    verdicts = make_cross_encoder(str(model)).read(ARTICLE, CANDIDATES)
    assert [verdict.grade for verdict in verdicts] == pytest.approx((4 * probabilities).tolist(), abs=1e-5)
    assert {verdict.reason for verdict in verdicts} == {""}


def test_each_pair_is_read_alone(model: Path) -> None:
    """So order and company change nothing."""
    reader = make_cross_encoder(str(model))
    together = [verdict.grade for verdict in reader.read(ARTICLE, CANDIDATES * 20)]
    alone = [reader.read(ARTICLE, [candidate])[0].grade for candidate in CANDIDATES]
    assert together == pytest.approx(alone * 20, abs=1e-5)
    assert len({round(grade, 5) for grade in alone}) == 3


def test_calibration_says_which_grade_a_score_means(model: Path, tmp_path: Path) -> None:
    scores = raw_scores(model)
    low, middle, high = sorted(scores)
    folder = calibrated(model, tmp_path, {"scores": [low, (low + high) / 2], "grades": [1, 3]})
    grades = [verdict.grade for verdict in make_cross_encoder(str(folder)).read(ARTICLE, CANDIDATES)]
    expected = np.interp(scores, [low, (low + high) / 2], [1, 3])
    assert grades == pytest.approx(expected.tolist(), abs=1e-4)
    assert max(grades) == 3.0  # beyond the ends it stays
    assert low < middle < high


@pytest.mark.parametrize(
    "calibration",
    [
        {"scores": [0, 1], "grades": [3, 1]},
        {"scores": [1, 0], "grades": [1, 3]},
        {"scores": [0, 0], "grades": [1, 3]},
        {"scores": [0, 1], "grades": [1, 5]},
        {"scores": [0], "grades": [1]},
        {"scores": [0, 1], "grades": [1]},
        {"scores": [0, None], "grades": [1, 2]},
        {"scores": [0, 1]},
        [],
        "x",
    ],
)
def test_wrong_calibration_is_refused(model: Path, tmp_path: Path, calibration: object) -> None:
    with pytest.raises(InvalidInput, match=r"calibration\.json"):
        make_cross_encoder(str(calibrated(model, tmp_path, calibration)))


def test_version_follows_the_files(model: Path, tmp_path: Path) -> None:
    first = make_cross_encoder(str(model)).version
    assert make_cross_encoder(str(model)).version == first
    folder = calibrated(model, tmp_path, {"scores": [0, 1], "grades": [1, 3]})
    assert make_cross_encoder(str(folder)).version.split("@")[1] != first.split("@")[1]


def test_no_candidates_load_nothing(tmp_path: Path) -> None:
    assert CrossEncoderReader(tmp_path, "none").read(ARTICLE, []) == []


def test_missing_model_is_unavailable(tmp_path: Path) -> None:
    """A name of the hub is looked for on this machine alone."""
    with pytest.raises(ModelUnavailable, match="is not here"):
        make_cross_encoder("cross-encoder/not-on-this-machine")
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        CrossEncoderReader(tmp_path, "empty").read(ARTICLE, CANDIDATES)


def test_several_outputs_are_refused(tmp_path: Path) -> None:
    folder = make_cross_encoder_model(tmp_path / "three", ["gao"], outputs=3)
    with pytest.raises(ModelUnavailable, match="3 outputs"):
        make_cross_encoder(str(folder)).read(ARTICLE, CANDIDATES)
