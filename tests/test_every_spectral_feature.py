"""What every spectral feature must do, whatever it measures."""

import math

import numpy as np
import pytest
import tensorflow as tf
from quiet_sounds import quiet_noise

from ddsp import spectral_ops


@pytest.fixture
def noise():
    return quiet_noise()


FEATURES = {
    'stft': lambda x: tf.abs(spectral_ops.stft(x, 256)),
    'stft_not_padded': lambda x: tf.abs(spectral_ops.stft(x, 256, pad_end=False)),
    'mag': lambda x: spectral_ops.compute_mag(x, 256),
    'mel': lambda x: spectral_ops.compute_mel(x, bins=20, fft_size=256),
    'logmag': lambda x: spectral_ops.compute_logmag(x, 256),
    'logmel': lambda x: spectral_ops.compute_logmel(x, bins=20, fft_size=256),
    'mfcc': lambda x: spectral_ops.compute_mfcc(x, fft_size=256, mel_bins=20),
    'rms': spectral_ops.compute_rms_energy,
    'power': spectral_ops.compute_power,
    'power_same': lambda x: spectral_ops.compute_power(x, padding='same'),
    'loudness': spectral_ops.compute_loudness,
    'loudness_same': lambda x: spectral_ops.compute_loudness(x, padding='same'),
    'loudness_valid': lambda x: spectral_ops.compute_loudness(x, padding='valid'),
}


@pytest.mark.parametrize('jit', [False, True])
@pytest.mark.parametrize('name', FEATURES)
def test_unknown_sizes_and_compilation_agree_with_eager(name, jit, noise):
    fn = FEATURES[name]
    signature = [tf.TensorSpec([None, None], tf.float32)]
    compiled = tf.function(fn, input_signature=signature, jit_compile=jit)
    for audio in (noise, noise[:1, :1111]):
        want = fn(audio)
        np.testing.assert_allclose(compiled(audio), want, rtol=1e-4, atol=2e-4)
        assert want.dtype == tf.float32


@pytest.mark.parametrize('name', FEATURES)
def test_audio_without_batch_or_with_a_channel(name, noise):
    fn = FEATURES[name]
    batched = fn(noise).numpy()
    np.testing.assert_allclose(fn(noise[0]), batched[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(fn(noise[..., None]), batched, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('jit', [False, True])
@pytest.mark.parametrize('name', FEATURES)
def test_gradients_are_finite_from_silence_to_full_scale(name, jit, noise):
    @tf.function(jit_compile=jit)
    def gradient(audio):
        with tf.GradientTape() as tape:
            tape.watch(audio)
            total = tf.reduce_sum(FEATURES[name](audio))
        return tape.gradient(total, audio)

    levels = np.array([0.0, 1e-30, 1e-15, 1e-5, 1.0], np.float32)
    got = gradient(tf.constant(levels[:, np.newaxis] * noise[:1, :1024] * 10)).numpy()
    assert np.isfinite(got).all()
    np.testing.assert_array_equal(got[0], 0.0)
    assert np.any(got[-1])


@pytest.mark.parametrize('name', ['mag', 'logmel', 'mfcc', 'rms', 'power', 'loudness'])
def test_gradients_agree_with_finite_differences(name, noise):
    fn = FEATURES[name]
    x = noise[0, :600]
    audio = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(audio)
        total = tf.reduce_sum(fn(audio))
    direction = np.random.default_rng(1).normal(size=x.shape).astype(np.float32)
    slope = np.sum(tape.gradient(total, audio).numpy() * direction)
    step = 1e-4
    up, down = (
        np.sum(fn(x + s * direction).numpy().astype(np.float64)) for s in (step, -step)
    )
    assert slope == pytest.approx((up - down) / (2 * step), rel=5e-3, abs=0.1)


@pytest.mark.parametrize('name', FEATURES)
def test_wrong_shapes_are_explained(name, noise):
    fn = FEATURES[name]
    with pytest.raises(ValueError, match=r'audio has shape \[1, 2, 3000\], expected'):
        fn(noise[np.newaxis])
    with pytest.raises(ValueError, match=r'audio has shape \[\], expected \[samples\]'):
        fn(0.0)
    for empty in (noise[:, :0], noise[:0], noise[0, :0]):
        with pytest.raises(ValueError, match='audio is empty'):
            fn(empty)


@pytest.mark.parametrize('name', ['rms', 'power', 'loudness'])
@pytest.mark.parametrize('bad', [math.nan, math.inf])
def test_audio_that_is_not_finite_is_refused(name, bad, noise):
    noise[1, 7] = bad
    with pytest.raises(ValueError, match='audio holds 1 values that are NaN'):
        FEATURES[name](noise)
