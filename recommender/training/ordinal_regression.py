"""Fits the ranking model with SciPy: an all-threshold ordinal model with weights that are not negative."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from recommender.arrays import FloatArray

GRADES = (1, 2, 3)  # the steps between grades that get a threshold; 4 stands in too few pairs
SHRINKAGE = 1e-4  # ridge on the weights: little, as there are few of them


@dataclass(frozen=True)
class OrdinalFit:
    """Weights of the columns, one threshold for each of GRADES, and the relief for each column that may be missing."""

    weights: FloatArray
    thresholds: FloatArray
    relief: FloatArray


def fit(features: FloatArray, missing: FloatArray, grades: FloatArray, weight: FloatArray) -> OrdinalFit:
    """The least sum of the log losses of grade >= g over all thresholds g.

    P(grade >= g) is logistic(features @ weights - threshold_g + missing @ relief): LogisticAT of mord, after Rennie
    and Srebro (2005).

    `features` is (m, k), `missing` (m, r) with 1 where something optional is unknown, `grades` and `weight` (m,).
    One set of weights serves all steps; none is negative, so more similarity never makes a worse score.
    """
    count, relieved, total = features.shape[1], missing.shape[1], float(weight.sum())
    steps = len(GRADES)

    def loss(point: FloatArray) -> tuple[float, FloatArray]:
        weights, thresholds, relief = np.split(point, [count, count + steps])
        log_odds = features @ weights + missing @ relief
        value = SHRINKAGE * float(weights @ weights)
        slope = np.concatenate([2 * SHRINKAGE * weights, np.zeros(steps + relieved)])
        for step, least in enumerate(GRADES):
            reached = grades >= least
            logit = log_odds - thresholds[step]
            value += float(weight @ (np.logaddexp(0, logit) - reached * logit)) / total
            residual = weight * (1 / (1 + np.exp(-logit)) - reached) / total
            slope[:count] += features.T @ residual
            slope[count + step] -= residual.sum()
            slope[count + steps :] += missing.T @ residual
        return value, slope

    start = np.concatenate([np.ones(count), np.arange(steps) + 2.0, np.zeros(relieved)])
    bounds: Sequence[tuple[float | None, None]] = [(0, None)] * count + [(None, None)] * steps + [(0, None)] * relieved
    result = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2_000})
    weights, thresholds, relief = np.split(result.x, [count, count + steps])
    return OrdinalFit(weights, thresholds, relief)
