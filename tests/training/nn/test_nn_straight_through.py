"""Discrete values with the gradients of smooth ones."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ddsp import core
from ddsp.training import nn

LOGITS = np.log([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]).astype(np.float32)


def test_draws_have_the_probabilities_of_the_softmax() -> None:
    n_draws = 4000
    logits = np.repeat(LOGITS[np.newaxis], n_draws, axis=0)
    with core.reproducible_noise(1):
        draws, probabilities = nn.straight_through_softmax(logits)
    np.testing.assert_allclose(probabilities[0], np.exp(LOGITS), rtol=1e-5)
    assert set(np.unique(draws)) == {0.0, 1.0}
    np.testing.assert_array_equal(tf.reduce_sum(draws, axis=-1), 1.0)
    # Five standard deviations of a mean of so many draws.
    np.testing.assert_allclose(
        tf.reduce_mean(draws, axis=0), np.exp(LOGITS), atol=2.5 / np.sqrt(n_draws)
    )


def test_draws_are_reproducible_and_anew_each_time() -> None:
    logits = np.zeros([50, 8], np.float32)
    with core.reproducible_noise(1):
        first, second = (nn.straight_through_softmax(logits)[0] for _ in range(2))
    with core.reproducible_noise(1):
        again = nn.straight_through_softmax(logits)[0]
    np.testing.assert_array_equal(first, again)
    assert np.any(first != second)


def test_gradient_is_that_of_the_probabilities() -> None:
    logits = tf.constant(LOGITS)
    weights = tf.constant([1.0, -2.0, 3.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        draw, probabilities = nn.straight_through_softmax(logits)
        drawn, smooth = weights * draw, weights * probabilities
    np.testing.assert_allclose(
        tape.gradient(drawn, logits), tape.gradient(smooth, logits), atol=1e-6
    )


def test_choice_gives_one_of_the_values() -> None:
    logits = tf.constant([[-100.0, 100.0, -100.0], [100.0, -100.0, -100.0]])
    values = [0.1, 0.7, 0.9]
    with tf.GradientTape() as tape:
        tape.watch(logits)
        choice = nn.straight_through_choice(logits, values)
    np.testing.assert_allclose(choice, [[0.7], [0.1]])
    assert np.isfinite(tape.gradient(choice, logits)).all()


def test_rounding() -> None:
    x = tf.constant([0.4, 2.6, -1.7, 1000.49, 1e-7])
    with tf.GradientTape() as tape:
        tape.watch(x)
        rounded = nn.straight_through_int_quantization(x)
    np.testing.assert_array_equal(rounded, [0.0, 3.0, -2.0, 1000.0, 0.0])
    np.testing.assert_array_equal(tape.gradient(rounded, x), np.ones(5))


def test_compiled_draws_are_one_hot() -> None:
    draw = tf.function(
        nn.straight_through_softmax,
        jit_compile=True,
        input_signature=[tf.TensorSpec([None, 3])],
    )
    one_hot, _ = draw(LOGITS)
    np.testing.assert_array_equal(np.sort(one_hot, axis=-1), [[0, 0, 1]] * 2)
