from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp import losses
from ddsp.losses.mixtures import GaussianMixture


def uniform(low, high, *shape, seed=0):
    return np.random.default_rng(seed).uniform(low, high, size=shape)


def partials(n_a=5, n_b=7):
    """Amplitudes and frequencies in Hz of two sounds, `[batch, frames, partials]`."""
    return [
        uniform(0.1, 1.0, 2, 4, n_a, seed=0),
        uniform(100.0, 4000.0, 2, 4, n_a, seed=1),
        uniform(0.1, 1.0, 2, 4, n_b, seed=2),
        uniform(100.0, 4000.0, 2, 4, n_b, seed=3),
    ]


def midi(hz):
    return 69.0 + 12.0 * np.log2(hz / 440.0)


def gradients(fn, *inputs):
    tensors = [tf.constant(x, tf.float32) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = fn(*tensors)
    return [np.asarray(g) for g in tape.gradient(value, tensors)]


def assert_slopes(fn, reference, inputs, rtol=2e-3, atol=1e-5):
    """Our float32 gradient is that of a float64 reference, by finite differences."""
    for i, gradient in enumerate(gradients(fn, *inputs)):
        for index in list(np.ndindex(gradient.shape))[::7]:
            step = 1e-6 * max(abs(inputs[i][index]), 1.0)
            moved = [[x.copy() for x in inputs] for _ in range(2)]
            moved[0][i][index] += step
            moved[1][i][index] -= step
            slope = (reference(*moved[0]) - reference(*moved[1])) / (2 * step)
            np.testing.assert_allclose(gradient[index], slope, rtol=rtol, atol=atol)


# Amplitudes, frequencies, parameters.


def test_amp_loss_in_decades():
    amp, target = np.array([[[1.0, 0.0]]]), np.array([[[0.01, 1e-9]]])
    assert float(losses.amp_loss(amp, target)) == pytest.approx(0.495)
    assert float(losses.amp_loss(amp, target, log=True)) == pytest.approx(1.0)
    assert float(losses.amp_loss(amp, target, log=True, amin=0.1)) == pytest.approx(0.5)


def test_freq_loss_in_semitones():
    assert float(losses.freq_loss([[880.0]], [[440.0]])) == pytest.approx(12.0)
    assert float(losses.freq_loss([[880.0]], [[440.0]], 'L2')) == pytest.approx(144.0)


@pytest.mark.parametrize('log', [False, True])
def test_gradients_are_finite_at_zero_amplitude_and_frequency(log):
    zero = np.zeros([1, 3, 2])
    (of_amp,) = gradients(lambda x: losses.amp_loss(x, zero + 0.1, log=log), zero)
    (of_freq,) = gradients(lambda x: losses.freq_loss(x, zero + 100.0), zero)
    assert np.isfinite(of_amp).all()
    assert np.isfinite(of_freq).all()


def test_param_loss_is_weighted():
    pred, target = uniform(0, 1, 2, 5, 1), uniform(0, 1, 2, 5, 1, seed=1)
    weights = uniform(0, 1, 2, 5, 1, seed=2)
    loss = losses.ParamLoss(weight=50.0, loss_type='L2')
    want = 50.0 * np.mean(weights * (pred - target) ** 2)
    np.testing.assert_allclose(loss(pred, target, weights), want, rtol=1e-5)


def test_noise_consistency_resamples_another_number_of_frames():
    frames = np.linspace(0.0, 1.0, 5)[None, :, None] * np.ones([1, 1, 3])
    loss = losses.FilteredNoiseConsistencyLoss(weight=2.0)
    assert float(loss(frames, frames + 0.25)) == pytest.approx(0.5, rel=1e-5)
    constant = np.full([1, 20, 3], 0.5)
    want = 2.0 * np.abs(frames - 0.5).mean()
    assert float(loss(frames, constant)) == pytest.approx(want, rel=1e-5)


def test_harmonic_consistency_counts_only_loud_frames():
    amp = np.full([1, 4, 1], 0.5)
    amp_target = np.array([0.6, 0.6, 0.0, 0.0]).reshape(1, 4, 1)
    dist, dist_target = np.full([1, 4, 2], 0.5), np.array([[[0.7, 0.3]] * 4])
    f0, f0_target = np.full([1, 4, 1], 220.0), np.full([1, 4, 1], 440.0)
    inputs = (amp, amp_target, dist, dist_target, f0, f0_target)
    parts = (0.3, 0.1, 6.0)  # Two of four frames are loud enough for the last two.
    for i, weights in enumerate(np.eye(3)):
        loss = losses.HarmonicConsistencyLoss(*weights)
        assert float(loss(*inputs)) == pytest.approx(parts[i], rel=1e-5)
    assert float(losses.HarmonicConsistencyLoss()(*inputs)) == pytest.approx(sum(parts))


# Wasserstein.


def test_distance_is_that_of_scipy():
    u, v = uniform(0, 9, 6, 5), uniform(0, 9, 6, 8, seed=1)
    u_weights, v_weights = uniform(0, 1, 6, 5, seed=2), uniform(0, 1, 6, 8, seed=3)
    u_weights /= u_weights.sum(-1, keepdims=True)
    v_weights /= v_weights.sum(-1, keepdims=True)
    got = losses.wasserstein_distance(u, v, u_weights, v_weights)
    want = [
        scipy.stats.wasserstein_distance(*args)
        for args in zip(u, v, u_weights, v_weights)
    ]
    np.testing.assert_allclose(got, want, rtol=1e-5)
    # The energy distance is the square root of 2 times Cramer's.
    want = [
        scipy.stats.energy_distance(*args) for args in zip(u, v, u_weights, v_weights)
    ]
    got = losses.wasserstein_distance(u, v, u_weights, v_weights, p=2.0)
    np.testing.assert_allclose(np.sqrt(2.0) * got, want, rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=6),
    st.floats(-20, 20, width=32),
)
def test_moving_everything_costs_the_way(points, way):
    points = np.array(points, np.float32)
    weights = np.full(points.shape, 1.0 / points.size)
    got = losses.wasserstein_distance(points, points + way, weights, weights)
    np.testing.assert_allclose(got, abs(way), rtol=1e-3, atol=1e-3)


def test_weights_are_taken_as_they_are():
    # Half a unit more on the left is carried to the outermost point.
    got = losses.wasserstein_distance([0.0], [4.0], [1.0], [0.5])
    assert float(got) == 4.0
    doubled = losses.wasserstein_distance([0.0], [4.0], [2.0], [1.0])
    assert float(doubled) == 8.0


@pytest.mark.parametrize('p', [1.0, 2.0, 3.0])
def test_wasserstein_gradients_are_finite_in_degenerate_cases(p):
    def distance(*args):
        return tf.reduce_sum(losses.wasserstein_distance(*args, p=p))

    points = np.array([[1.0, 1.0, 2.0]])
    for weights in (np.full([1, 3], 1 / 3), np.zeros([1, 3])):
        for gradient in gradients(distance, points, points, weights, weights):
            assert np.isfinite(gradient).all()


def test_wasserstein_gradient_agrees_with_finite_differences():
    a, f, b, g = partials()

    def reference(u, v, uw, vw):
        points = np.concatenate([u, v], -1)
        order = np.argsort(points, -1)
        weights = np.take_along_axis(np.concatenate([uw, -vw], -1), order, -1)
        gaps = np.diff(np.take_along_axis(points, order, -1), axis=-1)
        return np.sum(np.abs(np.cumsum(weights, -1))[..., :-1] * gaps)

    inputs = [midi(f), midi(g), a, b]
    assert_slopes(
        lambda *x: tf.reduce_sum(losses.wasserstein_distance(*x)), reference, inputs
    )


def test_wasserstein_explains_what_it_cannot_do():
    with pytest.raises(ValueError, match=r'p is 0\.5'):
        losses.wasserstein_distance([0.0], [1.0], [1.0], [1.0], p=0.5)
    with pytest.raises(ValueError, match='each point needs one weight'):
        losses.wasserstein_distance([0.0, 1.0], [1.0], [1.0], [1.0])
    with pytest.raises(ValueError, match='u_values is empty'):
        losses.wasserstein_distance([], [1.0], [], [1.0])


@pytest.mark.parametrize('in_midi', [True, False])
def test_wasserstein_loss_is_the_mean_over_frames(in_midi):
    a, f, b, g = partials(5, 5)
    a /= a.sum(-1, keepdims=True)
    b /= b.sum(-1, keepdims=True)
    scale = midi if in_midi else lambda x: x
    want = np.mean(
        [
            scipy.stats.wasserstein_distance(
                scale(f[i, j]), scale(g[i, j]), a[i, j], b[i, j]
            )
            for i, j in np.ndindex(2, 4)
        ]
    )
    loss = losses.WassersteinConsistencyLoss(weight=0.5, midi=in_midi)
    np.testing.assert_allclose(loss(a, f, b, g), 0.5 * want, rtol=1e-4)


# Densities of partials.


def log_density(x, weights, centers, scale):
    """A float64 mixture of Gaussians by SciPy, for `x` of `[..., points]`."""
    bells = scipy.stats.norm.logpdf(x[..., :, None], centers[..., None, :], scale)
    shares = weights / weights.sum(-1, keepdims=True)
    return scipy.special.logsumexp(bells, -1, b=shares[..., None, :])


def kde_reference(a, f, b, g, scale=0.1):
    def nll(amps, freqs, amps_target, freqs_target):
        surprise = -log_density(midi(freqs), amps_target, midi(freqs_target), scale)
        return np.mean(amps / amps.sum(-1, keepdims=True) * surprise)

    means = np.abs(a.mean(-1) - b.mean(-1)).mean()
    return nll(a, f, b, g) + nll(b, g, a, f) + means


def test_mixture_is_that_of_scipy_and_integrates_to_one():
    weights, centers = uniform(0, 1, 2, 3), uniform(40, 80, 2, 3, seed=1)
    x = np.linspace(20.0, 100.0, 4001)[None] * np.ones([2, 1])
    mixture = GaussianMixture(
        tf.constant(weights, tf.float32), tf.constant(centers, tf.float32), 0.5
    )
    got = mixture.log_prob(tf.constant(x, tf.float32))
    np.testing.assert_allclose(
        got, log_density(x, weights, centers, 0.5), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(np.exp(got).sum(-1) * 0.02, 1.0, rtol=1e-3)


def test_kde_loss_is_the_closed_form():
    inputs = partials()
    got = losses.KDEConsistencyLoss()(*inputs)
    np.testing.assert_allclose(got, kde_reference(*inputs), rtol=1e-5)


def test_kde_weights_and_scales_belong_to_their_sides():
    a, f, b, g = partials()
    only_a = losses.KDEConsistencyLoss(2.0, 0.0, 0.0, scale_a=9.0, scale_b=0.5)
    want = 2.0 * losses.KDEConsistencyLoss().nll(a, f, b, g, 0.5)
    np.testing.assert_allclose(only_a(a, f, b, g), want, rtol=1e-6)
    only_b = losses.KDEConsistencyLoss(0.0, 2.0, 0.0, scale_a=0.5, scale_b=9.0)
    np.testing.assert_allclose(only_b(b, g, a, f), want, rtol=1e-6)


def test_kde_gradient_agrees_with_finite_differences():
    inputs = partials()
    loss = losses.KDEConsistencyLoss(scale_a=2.0, scale_b=2.0)
    assert_slopes(loss, lambda *x: kde_reference(*x, scale=2.0), inputs)


@pytest.mark.parametrize('silent', ['a', 'b', 'both', 'one partial', 'all at 0 Hz'])
def test_kde_is_finite_in_silence(silent):
    a, f, b, g = partials(4, 4)
    if silent in ('a', 'both'):
        a[:] = 0.0
    if silent in ('b', 'both'):
        b[:] = 0.0
    if silent == 'one partial':
        a[..., 0] = b[..., 0] = 0.0
    if silent == 'all at 0 Hz':
        f[:] = g[:] = 0.0
    loss = losses.KDEConsistencyLoss()
    assert np.isfinite(loss(a, f, b, g))
    for gradient in gradients(loss, a, f, b, g):
        assert np.isfinite(gradient).all()


def test_kde_of_silence_surprises_nobody():
    a, f, b, g = partials()
    loss = losses.KDEConsistencyLoss(weight_mean_amp=0.0)
    assert float(loss(0.0 * a, f, b, g)) == 0.0
    # A silent frame changes nothing but the number of frames.
    half = np.concatenate([a, 0.0 * a], axis=1)
    twice = [np.concatenate([x, x], axis=1) for x in (f, b, g)]
    np.testing.assert_allclose(loss(half, *twice), loss(a, f, b, g) / 2, rtol=1e-5)


LOSSES = [losses.KDEConsistencyLoss(), losses.WassersteinConsistencyLoss()]


@pytest.mark.parametrize('loss', LOSSES, ids=lambda x: x.name)
def test_partials_in_functions_of_unknown_sizes(loss):
    inputs = [tf.constant(x, tf.float32) for x in partials()]
    spec = [tf.TensorSpec([None, None, None], tf.float32)] * 4
    for jit in (False, True):
        compiled = tf.function(
            lambda *x: loss(*x), input_signature=spec, jit_compile=jit
        )
        np.testing.assert_allclose(compiled(*inputs), loss(*inputs), rtol=1e-5)


@pytest.mark.parametrize('loss', LOSSES, ids=lambda x: x.name)
def test_wrong_partials_are_explained(loss):
    a, f, b, g = partials()
    with pytest.raises(ValueError, match=r'amps_a has shape \[2, 4\]'):
        loss(a[..., 0], f, b, g)
    with pytest.raises(ValueError, match='each partial needs both'):
        loss(a, f, b[..., 1:], g)
    with pytest.raises(ValueError, match='freqs_b holds 56 values'):
        loss(a, f, b, g * np.nan)
