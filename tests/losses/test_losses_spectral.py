from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from ddsp import losses, spectral_ops
from ddsp.losses import spectral

SIZES = (64, 32)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(scale=0.1, size=shape)


def magnitudes(audio, size):
    """An independent float64 STFT: frames from sample 0, the last ones completed."""
    hop = size // 4
    n_frames = -(-audio.shape[1] // hop)
    padded = np.pad(audio, [(0, 0), (0, (n_frames - 1) * hop + size - audio.shape[1])])
    stft = scipy.signal.ShortTimeFFT(
        scipy.signal.get_window('hann', size), hop, fs=1.0, scale_to=None
    )
    # Its frame p is centred at sample p * hop.
    offset = size // 2 // hop
    spectra = stft.stft(padded, p0=offset, p1=offset + n_frames, axis=-1)
    return np.abs(spectra).swapaxes(1, 2)


VIEWS = {
    'mag': lambda m: m,
    'delta_time': lambda m: np.diff(m, axis=1),
    'delta_freq': lambda m: np.diff(m, axis=2),
    'cumsum_freq': lambda m: np.cumsum(m, axis=2),
    'logmag': lambda m: np.log(np.maximum(m, 1e-5)),
}


@pytest.mark.parametrize('loss_type', ['L1', 'L2'])
@pytest.mark.parametrize('view', VIEWS)
def test_each_view_agrees_with_scipy(view, loss_type):
    target, audio = noise(2, 500), noise(2, 500, seed=1)
    power = {'L1': 1, 'L2': 2}[loss_type]
    want = 0.0
    for size in SIZES:
        a, b = (VIEWS[view](magnitudes(x, size)) for x in (target, audio))
        want += 0.7 * np.mean(np.abs(a - b) ** power)
    weights = {'mag_weight': 0.0, f'{view}_weight': 0.7}
    loss = losses.SpectralLoss(SIZES, loss_type, **weights)
    np.testing.assert_allclose(loss(target, audio), want, rtol=2e-5)


def test_views_add_up():
    target, audio = noise(2, 500), noise(2, 500, seed=1)
    weights = {f'{view}_weight': 0.5 for view in VIEWS}
    loss = losses.SpectralLoss(SIZES, loudness_weight=0.1, **weights)
    terms = loss.get_terms(target, audio)
    assert set(terms) == {*VIEWS, 'loudness'}
    np.testing.assert_allclose(loss(target, audio), sum(terms.values()), rtol=1e-6)


def test_no_view_at_all_is_zero():
    loss = losses.SpectralLoss(mag_weight=0.0)
    assert float(loss(noise(1, 100), noise(1, 100, seed=1))) == 0.0


@pytest.mark.parametrize('size', [64, 48, 30, 17])
@pytest.mark.parametrize('n_samples', [10, 100, 257])
def test_frames_are_those_of_the_library(size, n_samples):
    target, audio = (
        tf.constant(noise(2, n_samples, seed=i), tf.float32) for i in range(2)
    )
    pair = spectral.magnitude_pair(target, audio, size)
    for got, x in zip(pair, (target, audio)):
        np.testing.assert_allclose(got, spectral_ops.compute_mag(x, size), atol=1e-6)


@pytest.mark.parametrize('size', [64, 30, 17])
@pytest.mark.parametrize('target_gradient', [False, True])
def test_gradient_of_magnitudes_agrees_with_automatic_differentiation(
    size, target_gradient
):
    target, audio = (tf.constant(noise(2, 150, seed=i), tf.float32) for i in range(2))
    upstream = tf.constant(noise(2, -(-150 // (size // 4)), size // 2 + 1), tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([target, audio])
        ours = spectral.magnitude_pair(target, audio, size, target_gradient)
        ours = tf.reduce_sum(upstream * (ours[0] + ours[1]))
        plain = [spectral_ops.compute_mag(x, size) for x in (target, audio)]
        plain = tf.reduce_sum(upstream * (plain[0] + plain[1]))
    np.testing.assert_allclose(
        tape.gradient(ours, audio), tape.gradient(plain, audio), atol=2e-6
    )
    of_target = tape.gradient(ours, target)
    if target_gradient:
        want = tape.gradient(plain, target)
        np.testing.assert_allclose(of_target, want, atol=2e-6)
    else:
        np.testing.assert_array_equal(of_target, np.zeros([2, 150]))


def test_gradient_agrees_with_finite_differences():
    target, audio = noise(1, 90), noise(1, 90, seed=1)
    loss = losses.SpectralLoss(SIZES, 'L2', logmag_weight=0.1, delta_time_weight=0.3)
    x = tf.constant(audio, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(target, x)
    gradient = tape.gradient(value, x).numpy()

    def exact(audio):
        total = 0.0
        for size in SIZES:
            pair = [magnitudes(y, size) for y in (target, audio)]
            for view, weight in (('mag', 1.0), ('logmag', 0.1), ('delta_time', 0.3)):
                a, b = (VIEWS[view](m) for m in pair)
                total += weight * np.mean((a - b) ** 2)
        return total

    for n in range(0, 90, 7):
        step = np.zeros_like(audio)
        step[0, n] = 1e-6
        slope = (exact(audio + step) - exact(audio - step)) / 2e-6
        np.testing.assert_allclose(gradient[0, n], slope, rtol=1e-3, atol=1e-5)


def test_target_has_no_gradient_unless_asked_for():
    target, audio = (tf.constant(noise(1, 200, seed=i), tf.float32) for i in range(2))
    for asked in (False, True):
        loss = losses.SpectralLoss(SIZES, target_gradient=asked)
        with tf.GradientTape() as tape:
            tape.watch([target, audio])
            value = loss(target, audio)
        of_target, of_audio = tape.gradient(value, [target, audio])
        assert (of_target is not None) == asked
        assert np.abs(of_audio).max() > 0.0


@pytest.mark.parametrize('loss_type', ['L1', 'L2', 'COSINE'])
def test_silence_gives_finite_loss_and_gradient(loss_type):
    weights = {f'{view}_weight': 1.0 for view in (*VIEWS, 'loudness')}
    loss = losses.SpectralLoss(SIZES, loss_type, **weights)
    silence = tf.zeros([2, 3000])
    for target in (silence, tf.constant(noise(2, 3000), tf.float32)):
        with tf.GradientTape() as tape:
            tape.watch(silence)
            value = loss(target, silence)
        assert np.isfinite(value)
        assert np.isfinite(tape.gradient(value, silence)).all()


def test_weights_of_examples_weigh_examples():
    target, audio = noise(3, 300), noise(3, 300, seed=1)
    loss = losses.SpectralLoss(SIZES, logmag_weight=1.0, loudness_weight=1.0)
    each = [float(loss(target[i : i + 1], audio[i : i + 1])) for i in range(3)]
    weights = np.array([0.0, 1.0, 3.0])
    want = np.mean(weights * each)
    for shape in ((3,), (3, 1), (3, 1, 1)):
        got = loss(target, audio, weights.reshape(shape))
        np.testing.assert_allclose(got, want, rtol=1e-5)
    with pytest.raises(ValueError, match='do not fit'):
        loss(target, audio, np.ones(2))


def test_loudness_is_heard_at_the_sample_rate():
    target, audio = noise(1, 6000), noise(1, 6000, seed=1) * 3.0
    for rate in (16000, 48000):
        loss = losses.SpectralLoss(
            mag_weight=0.0, loudness_weight=2.0, sample_rate=rate
        )
        levels = [
            spectral_ops.compute_loudness(x, rate, n_fft=2048) for x in (target, audio)
        ]
        want = 2.0 * np.abs(levels[0] - levels[1]).mean()
        np.testing.assert_allclose(loss(target, audio), want, rtol=1e-5)


def test_unknown_sizes_and_compilation_agree_with_eager():
    loss = losses.SpectralLoss(SIZES, logmag_weight=1.0, cumsum_freq_weight=1.0)

    def gradient(target, audio):
        with tf.GradientTape() as tape:
            tape.watch(audio)
            value = loss(target, audio)
        return value, tape.gradient(value, audio)

    spec = tf.TensorSpec([None, None], tf.float32)
    for jit in (False, True):
        compiled = tf.function(gradient, input_signature=[spec] * 2, jit_compile=jit)
        for batch, n_samples in ((1, 100), (3, 333)):
            pair = [
                tf.constant(noise(batch, n_samples, seed=i), tf.float32)
                for i in range(2)
            ]
            for got, want in zip(compiled(*pair), gradient(*pair)):
                np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_a_channel_of_one_is_dropped():
    target, audio = noise(2, 200), noise(2, 200, seed=1)
    loss = losses.SpectralLoss(SIZES)
    np.testing.assert_allclose(loss(target[..., None], audio), loss(target, audio))


@pytest.mark.parametrize(
    ('target', 'audio', 'message'),
    [
        (np.zeros([2, 100]), np.zeros([2, 99]), r'target_audio has shape \[2, 100\]'),
        (np.zeros([2, 100]), np.zeros([1, 100]), 'cut or pad them to one shape'),
        (np.zeros(100), np.zeros(100), r'expected \[batch, samples\]'),
        (np.zeros([2, 0]), np.zeros([2, 0]), 'is empty'),
        (np.zeros([2, 100]), np.full([2, 100], np.nan), 'audio holds 200 values'),
    ],
)
def test_wrong_audio_is_explained(target, audio, message):
    with pytest.raises(ValueError, match=message):
        losses.SpectralLoss(SIZES)(target, audio)


@pytest.mark.parametrize('sizes', [(), (64, 3)])
def test_wrong_sizes_are_explained(sizes):
    with pytest.raises(ValueError, match='fft_sizes'):
        losses.SpectralLoss(sizes)
