from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from ddsp import losses


def uniform(low, high, *shape, seed=0):
    return np.random.default_rng(seed).uniform(low, high, size=shape)


def random_inputs():
    """Candidates, frequencies and amplitudes, `[batch, frames, ...]`."""
    return [
        uniform(80.0, 900.0, 2, 4, 3, seed=1),
        uniform(100.0, 4000.0, 2, 4, 6, seed=2),
        uniform(0.1, 1.0, 2, 4, 6, seed=3),
    ]


def tone(f0_hz, n_harmonics=8, frames=3):
    """The sinusoids of a harmonic sound, amplitudes falling off."""
    numbers = np.arange(1, n_harmonics + 1)
    freqs = np.full([1, frames, 1], f0_hz) * numbers
    return freqs, np.ones_like(freqs) / numbers


def reference(f0, freqs, amps, harmonics_scale=0.2, sinusoids_scale=0.5):
    """The documented formulas in float64, by SciPy's distributions."""
    shares = (amps / amps.sum(-1, keepdims=True))[:, :, None, :]
    ratios = freqs[:, :, None, :] / f0[..., None]
    harmonics = np.arange(1, 31)
    log_bells = scipy.stats.norm.logpdf(ratios[..., None], harmonics, harmonics_scale)
    density = scipy.special.logsumexp(log_bells - np.log(30), axis=-1)
    sinusoids_loss = -np.sum(shares * density, axis=-1)

    notes = 12.0 * np.log2(f0[..., None] * np.arange(1, 11) / 440.0)
    centers = 12.0 * np.log2(freqs / 440.0)[:, :, None, None, :]
    bells = scipy.stats.norm.pdf(notes[..., None], centers, sinusoids_scale)
    met = np.sum(shares[:, :, :, None, :] * bells, axis=-1)
    audible = f0[..., None] * np.arange(1, 11) < 8000.0
    return sinusoids_loss, -np.log(1e-4 + np.sum(met * audible, axis=-1))


def softmin(sinusoids_loss, harmonics_loss):
    mismatch = sinusoids_loss + harmonics_loss
    shares = scipy.special.softmax(-mismatch, axis=-1)
    return np.mean(np.sum(shares * mismatch, axis=-1))


def test_mismatches_are_the_documented_formulas():
    inputs = random_inputs()
    loss = losses.TWMLoss()
    for got, want in zip(loss.get_loss_tensors(*inputs), reference(*inputs)):
        np.testing.assert_allclose(got, want, rtol=1e-4)
    np.testing.assert_allclose(loss(*inputs), softmin(*reference(*inputs)), rtol=1e-4)


def test_weights_and_scales_belong_to_their_sides():
    inputs = random_inputs()
    sinusoids_loss, harmonics_loss = reference(*inputs, 0.3, 0.7)
    loss = losses.TWMLoss(2.0, 0.5, sinusoids_scale=0.7, harmonics_scale=0.3)
    want = softmin(2.0 * sinusoids_loss, 0.5 * harmonics_loss)
    np.testing.assert_allclose(loss(*inputs), want, rtol=1e-4)


@pytest.mark.parametrize('f0_hz', [55.0, 220.0, 700.0])
def test_the_true_f0_beats_octaves_and_neighbours(f0_hz):
    freqs, amps = tone(f0_hz)
    factors = np.array([0.25, 0.5, 2.0, 3.0, 1.5, 2 ** (2 / 12), 1.0, 0.9])
    candidates = np.full([1, 3, 1], f0_hz) * factors
    predicted = losses.TWMLoss().predict_f0(candidates, freqs, amps)
    np.testing.assert_allclose(predicted, np.full([1, 3, 1], f0_hz), rtol=1e-6)


def test_gradient_pulls_a_candidate_to_f0():
    freqs, amps = tone(220.0)
    loss = losses.TWMLoss()
    for f0_hz, direction in ((216.0, -1.0), (224.0, 1.0)):
        f0 = tf.fill([1, 3, 1], f0_hz)
        with tf.GradientTape() as tape:
            tape.watch(f0)
            value = loss(f0, freqs, amps)
        assert np.all(np.sign(tape.gradient(value, f0)) == direction)


def test_gradients_agree_with_finite_differences():
    inputs = random_inputs()
    loss = losses.TWMLoss()
    tensors = [tf.constant(x, tf.float32) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = loss(*tensors)
    for i, gradient in enumerate(tape.gradient(value, tensors)):
        for index in list(np.ndindex(inputs[i].shape))[::5]:
            step = 1e-6 * max(inputs[i][index], 1.0)
            moved = [[x.copy() for x in inputs] for _ in range(2)]
            moved[0][i][index] += step
            moved[1][i][index] -= step
            values = [softmin(*reference(*x)) for x in moved]
            slope = (values[0] - values[1]) / (2 * step)
            np.testing.assert_allclose(
                gradient.numpy()[index], slope, rtol=5e-3, atol=1e-5
            )


def test_harmonics_above_nyquist_do_not_count():
    # Sinusoids at all harmonics, of which only those below half the rate may be met.
    freqs, amps = tone(1000.0, 10)
    f0 = np.full([1, 3, 1], 1000.0)
    met = [
        losses.TWMLoss(sample_rate=rate).get_loss_tensors(f0, freqs, amps)[1]
        for rate in (4000, 64000)
    ]
    assert np.all(met[0] > met[1])
    short = losses.TWMLoss(n_harmonic_points=1).get_loss_tensors(f0, freqs, amps)[1]
    np.testing.assert_allclose(met[0], short, rtol=1e-5)


@pytest.mark.parametrize('case', ['silence', 'one silent', '0 Hz', 'no f0', 'nyquist'])
def test_loss_and_gradients_are_finite(case):
    f0, freqs, amps = random_inputs()
    if case == 'silence':
        amps[:] = 0.0
    if case == 'one silent':
        amps[..., 0] = 0.0
    if case == '0 Hz':
        freqs[:] = 0.0
    if case == 'no f0':
        f0[:] = 0.0
    if case == 'nyquist':
        f0[:] = freqs[:] = 8000.0
    tensors = [tf.constant(x, tf.float32) for x in (f0, freqs, amps)]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = losses.TWMLoss()(*tensors)
    assert np.isfinite(value)
    if case == 'silence':
        assert float(value) == 0.0
    for gradient in tape.gradient(value, tensors):
        assert np.isfinite(gradient).all()


def test_candidate_harmonics_in_both_units():
    loss = losses.TWMLoss(n_harmonic_points=3)
    hz = loss.get_candidate_harmonics([[[220.0]]], as_midi=False)
    np.testing.assert_allclose(hz, [[[[220.0, 440.0, 660.0]]]])
    midi = loss.get_candidate_harmonics([[[220.0]]])
    np.testing.assert_allclose(midi, 69 + 12 * np.log2(np.asarray(hz) / 440.0))


def test_unknown_sizes_and_compilation_agree_with_eager():
    loss = losses.TWMLoss()
    inputs = [tf.constant(x, tf.float32) for x in random_inputs()]
    spec = [tf.TensorSpec([None, None, None], tf.float32)] * 3
    for jit in (False, True):
        for method in (loss, loss.predict_f0):
            compiled = tf.function(
                lambda *x, method=method: method(*x),
                input_signature=spec,
                jit_compile=jit,
            )
            np.testing.assert_allclose(compiled(*inputs), method(*inputs), rtol=1e-5)


def test_wrong_inputs_are_explained():
    f0, freqs, amps = random_inputs()
    loss = losses.TWMLoss()
    with pytest.raises(ValueError, match=r'expected \[batch, frames, candidates\]'):
        loss(f0[..., 0], freqs, amps)
    with pytest.raises(ValueError, match='each sinusoid needs both'):
        loss(f0, freqs, amps[..., 1:])
    with pytest.raises(ValueError, match='frames sizes differ'):
        loss(f0[:, 1:], freqs, amps)
    with pytest.raises(ValueError, match='softmin_temperature is 0'):
        losses.TWMLoss(softmin_temperature=0.0)
