"""Conversions between harmonics and free sinusoids."""

import numpy as np
import pytest
import tensorflow as tf

from ddsp import core


def test_harmonic_frequencies():
    ours = core.get_harmonic_frequencies([[[100.0], [50.0]]], 3)
    np.testing.assert_array_equal(ours, [[[100, 200, 300], [50, 100, 150]]])


def test_nyquist_itself_is_removed():
    ours = core.remove_above_nyquist([[[7999.0, 8000.0, 9000.0]]], [[[1.0, 1.0, 1.0]]])
    np.testing.assert_array_equal(ours, [[[1.0, 0.0, 0.0]]])


def test_normalized_harmonics_sum_to_one_below_nyquist():
    distribution = np.random.default_rng(0).random([2, 5, 30])
    f0 = np.full([2, 5, 1], 1000.0)
    ours = core.normalize_harmonics(distribution, f0, 16000).numpy()
    np.testing.assert_allclose(ours.sum(-1), 1.0, atol=1e-6)
    assert np.all(ours[..., 7:] == 0.0)
    expected = distribution[..., :7] / distribution[..., :7].sum(-1, keepdims=True)
    np.testing.assert_allclose(ours[..., :7], expected, atol=1e-6)


def test_silent_harmonics_stay_silent_with_finite_gradient():
    x = tf.zeros([1, 3, 4])
    with tf.GradientTape() as tape:
        tape.watch(x)
        ours = core.normalize_harmonics(x)
    assert np.all(ours.numpy() == 0.0)
    assert np.all(np.isfinite(tape.gradient(ours, x)))


def test_harmonics_to_sinusoids_and_back():
    rng = np.random.default_rng(1)
    amplitude = rng.random([2, 6, 1])
    distribution = core.normalize_harmonics(rng.random([2, 6, 10]))
    f0 = rng.uniform(200.0, 500.0, [2, 6, 1])
    sin_amps, sin_freqs = core.harmonic_to_sinusoidal(amplitude, distribution, f0)
    back, back_distribution = core.sinusoidal_to_harmonic(
        sin_amps, sin_freqs, f0, n_harmonics=10
    )
    np.testing.assert_allclose(back, amplitude, rtol=1e-5)
    np.testing.assert_allclose(back_distribution, distribution, atol=1e-5)


def test_a_sinusoid_between_harmonics_counts_for_neither():
    amplitude, _ = core.sinusoidal_to_harmonic(
        [[[1.0]]], [[[150.0]]], [[[100.0]]], n_harmonics=5
    )
    # exp(-(0.5 / 0.1)**2) for each of its two neighbours.
    assert float(amplitude[0, 0, 0]) == pytest.approx(2 * np.exp(-25.0), rel=1e-4)


def test_a_crowd_at_one_harmonic_is_averaged_when_normalized():
    sin_amps, sin_freqs = [[[0.4, 0.6]]], [[[100.0, 100.0]]]
    added, _ = core.sinusoidal_to_harmonic(sin_amps, sin_freqs, [[[100.0]]])
    mean, _ = core.sinusoidal_to_harmonic(
        sin_amps, sin_freqs, [[[100.0]]], normalize=True
    )
    assert float(added[0, 0, 0]) == pytest.approx(1.0)
    assert float(mean[0, 0, 0]) == pytest.approx(0.5)


def test_gradients_are_finite_where_f0_is_zero():
    inputs = [tf.zeros([1, 2, 3]), tf.zeros([1, 2, 3]), tf.zeros([1, 2, 1])]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        amplitude, distribution = core.sinusoidal_to_harmonic(*inputs, n_harmonics=4)
        loss = tf.reduce_sum(amplitude) + tf.reduce_sum(distribution)
    for gradient in tape.gradient(loss, inputs):
        assert np.all(np.isfinite(gradient))
