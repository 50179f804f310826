"""Tables of token vectors, on data whose right answer is known."""

import numpy as np
import pytest

from recommender.training.static_distillation import axes, fit, start


def test_axes_are_the_widest_first() -> None:
    """Points along the second direction, with a little spread along the third."""
    vectors = np.array([[1, 5, 0.5], [1, -5, 0.5], [1, 2, -0.5], [1, -2, -0.5]], dtype=np.float32)
    mean, main = axes(vectors, 2)
    np.testing.assert_allclose(mean, [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(main, [[0, 0], [1, 0], [0, 1]], atol=1e-6)


def test_axes_keep_their_sign() -> None:
    """Mirrored data have the same axes, so no machine mirrors a model."""
    vectors = np.random.default_rng(1).normal(size=(50, 6)).astype(np.float32)
    np.testing.assert_allclose(axes(vectors, 3)[1], axes(-vectors, 3)[1], atol=1e-6)


def test_common_tokens_weigh_less() -> None:
    tokens = np.array([[1, 0], [-1, 0], [1, 0], [-1, 0]], dtype=np.float32)
    lengths = np.linalg.norm(start(tokens, np.eye(2), 0.1), axis=1)
    assert (np.diff(lengths) > 0).all()
    share = (1 / 2) / sum(1 / place for place in range(2, 6))  # Zipf's law of the most common of four
    assert lengths[0] == pytest.approx(0.1 / (0.1 + share))


RANDOM = np.random.default_rng(2)
TRUTH = RANDOM.normal(size=(12, 3))
TEXTS = [RANDOM.integers(0, 10, RANDOM.integers(1, 9)).tolist() for _ in range(200)]
TARGETS = np.stack([TRUTH[text].mean(axis=0) for text in TEXTS])


def test_known_table_is_recovered() -> None:
    table = fit(RANDOM.normal(size=(12, 3)) * 0.01, TEXTS, TARGETS, 1e-6)
    np.testing.assert_allclose(table[:10], TRUTH[:10], atol=1e-3)


def test_tokens_that_no_text_has_keep_their_rows() -> None:
    """But for one factor for all rows: the start is brought to the size of the targets."""
    begin = RANDOM.normal(size=(12, 3))
    table = fit(begin, TEXTS, TARGETS, 1.0)
    factor = table[10, 0] / begin[10, 0]
    np.testing.assert_allclose(table[10:], factor * begin[10:])


def test_more_ridge_moves_less() -> None:
    begin = TRUTH + RANDOM.normal(size=(12, 3))
    moved = [
        np.linalg.norm(fit(begin, TEXTS, TARGETS, ridge) - fit(begin, TEXTS, TARGETS, 1e6)) for ridge in (0.1, 1.0, 10)
    ]
    assert moved[0] > moved[1] > moved[2]


def test_texts_without_tokens_are_zero() -> None:
    table = fit(TRUTH, [*TEXTS, []], np.vstack([TARGETS, np.ones((1, 3))]), 1.0)
    np.testing.assert_allclose(table, fit(TRUTH, TEXTS, TARGETS, 201 / 200), atol=0.05)
    assert np.isfinite(table).all()
