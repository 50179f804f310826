"""The fit of a proportional-odds model, on data simulated from known weights."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.training.ordinal_regression import GRADES, OrdinalFit, fit

FloatArray = npt.NDArray[np.float64]

WEIGHTS = np.array([1.5, 0.0, 3.0])
THRESHOLDS = np.array([1.0, 2.0, 3.5])
RELIEF = np.array([0.8, 0.3])


def logistic(values: FloatArray) -> FloatArray:
    return 1 / (1 + np.exp(-values))


def simulated(size: int, seed: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Pairs with three similarities, of which the first and third are sometimes unknown, and grades drawn for them."""
    random = np.random.default_rng(seed)
    features = random.uniform(0, 1, (size, 3)) * [3, 3, 1]
    missing = (random.random((size, 2)) < 0.3).astype(float)
    features[:, 0] *= 1 - missing[:, 0]
    features[:, 2] *= 1 - missing[:, 1]
    log_odds = features @ WEIGHTS + missing @ RELIEF
    luck = random.random(size)
    grades = sum((logistic(log_odds - threshold) > luck).astype(float) for threshold in THRESHOLDS)
    return features, missing, np.asarray(grades), np.ones(size)


def test_known_weights_are_recovered() -> None:
    fitted = fit(*simulated(40_000, 1))
    np.testing.assert_allclose(fitted.weights, WEIGHTS, atol=0.12)
    np.testing.assert_allclose(fitted.thresholds, THRESHOLDS, atol=0.12)
    np.testing.assert_allclose(fitted.relief, RELIEF, atol=0.12)


def test_similarity_that_speaks_against_gets_no_weight() -> None:
    """What lowers the grades in the data would make more similarity a worse score."""
    features, missing, grades, weight = simulated(2_000, 2)
    fitted = fit(np.column_stack([features, -grades]), missing, grades, weight)
    assert fitted.weights[3] == 0
    assert (fitted.weights[[0, 2]] > 1).all()


def test_lack_that_speaks_against_gets_no_relief() -> None:
    features, missing, grades, weight = simulated(2_000, 3)
    fitted = fit(features, np.column_stack([missing, grades == 0]), grades, weight)
    assert fitted.relief[2] == 0


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.integers(5, 60), st.integers(1, 5))
def test_no_data_gives_a_negative_weight(seed: int, size: int, columns: int) -> None:
    """Grades that have nothing to do with the similarities."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(size, columns))
    fitted = fit(features, features[:, :1] < 0, random.integers(-1, 5, size).astype(float), random.random(size) + 0.1)
    assert (fitted.weights >= 0).all()
    assert (fitted.relief >= 0).all()
    assert np.isfinite([*fitted.weights, *fitted.thresholds, *fitted.relief]).all()


def shares(features: FloatArray, missing: FloatArray, fitted: OrdinalFit) -> list[FloatArray]:
    """The probability of each of GRADES or better."""
    log_odds = features @ fitted.weights + missing @ fitted.relief
    return [logistic(log_odds - threshold) for threshold in fitted.thresholds]


def test_as_many_reach_each_grade_as_expected() -> None:
    """What maximum likelihood means for a threshold."""
    features, missing, grades, weight = simulated(3_000, 4)
    weight = np.random.default_rng(5).uniform(0.1, 2, len(weight))
    for grade, share in zip(GRADES, shares(features, missing, fit(features, missing, grades, weight)), strict=True):
        assert np.average(share, weights=weight) == pytest.approx(np.average(grades >= grade, weights=weight), abs=1e-3)


def test_thresholds_rise_with_the_grades() -> None:
    for seed in range(5):
        assert (np.diff(fit(*simulated(500, seed)).thresholds) > 0).all()


def test_weight_counts_as_that_many_pairs() -> None:
    features, missing, grades, _ = simulated(400, 6)
    times = np.random.default_rng(7).integers(1, 4, 400)
    weighted = fit(features, missing, grades, times.astype(float))
    repeated = fit(*(np.repeat(values, times, axis=0) for values in (features, missing, grades)), np.ones(times.sum()))
    np.testing.assert_allclose(weighted.weights, repeated.weights, atol=0.01)
    np.testing.assert_allclose(weighted.thresholds, repeated.thresholds, atol=0.01)


def test_grade_four_counts_as_three() -> None:
    features, missing, grades, weight = simulated(500, 8)
    best = np.where(grades == 3, 4.0, grades)
    np.testing.assert_array_equal(
        fit(features, missing, best, weight).weights, fit(features, missing, grades, weight).weights
    )


def test_separable_data_stay_finite() -> None:
    """A similarity that tells the grades without fail would have an endless weight; the ridge holds it."""
    grades = np.repeat([0.0, 1.0, 2.0, 3.0], 10)
    fitted = fit(grades[:, None], np.zeros((40, 0)), grades, np.ones(40))
    assert 1 < fitted.weights[0] < 100
    assert (np.diff(fitted.thresholds) > 0).all()
