from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ddsp.core.filters import (
    apply_window_to_impulse_response,
    frequency_filter,
    frequency_impulse_response,
    sinc,
    sinc_filter,
    sinc_impulse_response,
)

RNG = np.random.default_rng(21)
WINDOWS = [0, 1, 2, 3, 4, 5, 16, 17, 31, 32, 33, 63, 64, 65, 128, 129, 257]


def uniform(*shape: int) -> np.ndarray:
    return RNG.uniform(size=shape).astype(np.float32)


def gains(response: np.ndarray, n_fft: int = 8192) -> np.ndarray:
    return np.abs(np.fft.rfft(np.asarray(response, np.float64), n_fft))


# Windows on responses.


def hann(lags: np.ndarray, period: int) -> np.ndarray:
    return 0.5 + 0.5 * np.cos(2 * np.pi * lags / period)


@pytest.mark.parametrize('taps', [32, 33])
@pytest.mark.parametrize('window_size', [1, 3, 9, 31])
@pytest.mark.parametrize('causal', [False, True])
def test_odd_window_is_centred_on_lag_0(
    taps: int, window_size: int, causal: bool
) -> None:
    centred = uniform(2, taps)
    given = centred if causal else np.fft.ifftshift(centred, -1)
    got = apply_window_to_impulse_response(given, window_size, causal)
    lags = np.arange(window_size) - window_size // 2
    want = centred[:, taps // 2 + lags] * hann(lags, window_size)
    np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize('taps', [8, 9])
@pytest.mark.parametrize('window_size', [-1, 0, 9, 100])
@pytest.mark.parametrize('causal', [False, True])
def test_long_window_is_as_long_as_the_response(
    taps: int, window_size: int, causal: bool
) -> None:
    centred = uniform(taps)
    given = centred if causal else np.fft.ifftshift(centred)
    got = apply_window_to_impulse_response(given, window_size, causal)
    lags = np.arange(taps) - taps // 2
    np.testing.assert_allclose(got, centred * hann(lags, taps), atol=1e-6)


@pytest.mark.parametrize('window_size', [4, 6, 20])
def test_even_window_has_lag_0_where_documented(window_size: int) -> None:
    centred = uniform(32)
    got = apply_window_to_impulse_response(centred, window_size, causal=True)
    lags = np.arange(window_size - 1) - (window_size // 2 - 2)
    want = centred[16 + lags] * hann(lags, window_size)
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_window_needs_a_known_number_of_taps() -> None:
    traced = tf.function(
        apply_window_to_impulse_response, input_signature=[tf.TensorSpec([2, None])]
    )
    with pytest.raises(ValueError, match='number of taps must be known'):
        traced(uniform(2, 8))


# Design by magnitudes.


@pytest.mark.parametrize('bins', [2, 3, 16, 65])
def test_full_response_agrees_with_numpy(bins: int) -> None:
    magnitudes = uniform(2, 3, bins)
    taps = 2 * (bins - 1)
    lags = np.arange(taps) - taps // 2
    want = np.fft.fftshift(np.fft.irfft(magnitudes.astype('d')), -1) * hann(lags, taps)
    got = frequency_impulse_response(magnitudes)
    assert got.shape == (2, 3, taps)
    np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize('window_size', [0, 31, 65, 127])
def test_response_has_no_phase(window_size: int) -> None:
    response = frequency_impulse_response(uniform(65), window_size).numpy()
    centre = len(response) // 2
    odd = response[1:] if len(response) % 2 == 0 else response
    np.testing.assert_allclose(odd, odd[::-1], atol=1e-7)
    assert np.argmax(response) == centre


@pytest.mark.parametrize('window_size', WINDOWS)
@pytest.mark.parametrize('bins', [2, 3, 16, 33, 65])
@pytest.mark.parametrize('frames', [None, 1, 5])
def test_impulse_through_a_flat_filter_stays(
    bins: int, window_size: int, frames: int | None
) -> None:
    magnitudes = np.ones([2, bins] if frames is None else [2, frames, bins])
    audio = np.zeros([2, 100])
    audio[0, 43], audio[1, 99] = 1.0, 1.0
    for crossfade in (False, True):
        got = frequency_filter(audio, magnitudes, window_size, crossfade=crossfade)
        np.testing.assert_allclose(got, audio, atol=1e-6)


@pytest.mark.parametrize('window_size', WINDOWS)
def test_filter_moves_no_phase(window_size: int) -> None:
    # Whatever the magnitudes, an impulse comes out symmetrical around its sample.
    audio = np.zeros([1, 301])
    audio[0, 150] = 1.0
    got = frequency_filter(audio, uniform(1, 65), window_size)[0].numpy()
    np.testing.assert_allclose(got, got[::-1], atol=1e-6)


@pytest.mark.parametrize(
    'window_size, size', [(0, 128), (64, 63), (65, 65), (257, 128)]
)
def test_valid_padding_keeps_the_tail(window_size: int, size: int) -> None:
    got = frequency_filter(uniform(2, 100), uniform(2, 4, 65), window_size, 'valid')
    assert got.shape == (2, 100 + size - 1)


def test_gain_of_a_smooth_filter_is_its_magnitudes() -> None:
    # A raised cosine over frequency has three taps, which a long window barely touches.
    frequency = np.linspace(0.0, 1.0, 513)
    magnitudes = 1.0 + 0.5 * np.cos(np.pi * frequency)
    n = np.arange(4096)
    for part in (0.1, 0.5, 0.9):
        sine = np.sin(np.pi * part * n)[None]
        got = frequency_filter(sine, magnitudes[None])[0, 1024:-1024]
        want = (1.0 + 0.5 * np.cos(np.pi * part)) * sine[0, 1024:-1024]
        np.testing.assert_allclose(got, want, atol=2e-5)


@pytest.mark.parametrize('jit', [False, True])
def test_frequency_filter_with_unknown_batch_and_time(jit: bool) -> None:
    specs = [tf.TensorSpec([None, None]), tf.TensorSpec([None, None, 17])]

    def filtered(audio: tf.Tensor, magnitudes: tf.Tensor) -> tf.Tensor:
        return frequency_filter(audio, magnitudes, 21, crossfade=True)

    traced = tf.function(filtered, input_signature=specs, jit_compile=jit)
    for frames in (4, 6):
        audio, magnitudes = uniform(2, 120), uniform(2, frames, 17)
        want = filtered(audio, magnitudes)
        np.testing.assert_allclose(traced(audio, magnitudes), want, atol=1e-5)


def test_gradient_of_magnitudes_by_differences() -> None:
    audio, magnitudes, weights = uniform(1, 24), uniform(1, 3, 5), uniform(1, 24)

    def objective(magnitudes: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(weights * frequency_filter(audio, magnitudes, 5))

    with tf.GradientTape() as tape:
        given = tf.constant(magnitudes)
        tape.watch(given)
        value = objective(given)
    grad = tape.gradient(value, given).numpy()
    for index in np.ndindex(magnitudes.shape):
        moved = magnitudes.copy()
        moved[index] += 1.0  # The filter is linear in its magnitudes.
        np.testing.assert_allclose(grad[index], objective(moved) - value, atol=1e-5)


@pytest.mark.parametrize('shape', [(2, 1), (2, 0), ()])
def test_too_few_bins(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match='at least 2 bins'):
        frequency_filter(np.ones([2, 10]), np.ones(shape))


# Sinc.


def test_sinc_agrees_with_numpy() -> None:
    x = np.concatenate(
        [np.linspace(-5, 5, 1001), np.logspace(-30, 0, 301), [0.0, -1e-3]]
    )
    np.testing.assert_allclose(sinc(x.astype(np.float32)), np.sinc(x), atol=3e-7)
    np.testing.assert_allclose(sinc(x), np.sinc(x), atol=1e-14)


def test_sinc_has_a_gradient_everywhere() -> None:
    x = np.concatenate(
        [np.linspace(-3, 3, 601), [0.0, 1e-25, 1e-19, 9.99e-4, 1.001e-3]]
    )
    given = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(given)
        out = sinc(given)
    small = np.abs(x) < 1e-2
    y = np.pi * np.where(small, 1.0, x)
    slope = np.pi * (np.cos(y) / y - np.sin(y) / y**2)
    series = -(np.pi**2) * x / 3 * (1 - (np.pi * x) ** 2 / 10)
    want = np.where(small, series, slope)
    np.testing.assert_allclose(tape.gradient(out, given), want, atol=1e-7)


@pytest.mark.parametrize('high_pass', [False, True])
@pytest.mark.parametrize('window_size', [0, 1, 8, 9])
def test_sinc_response_agrees_with_numpy(window_size: int, high_pass: bool) -> None:
    cutoff = np.array([[[1000.0], [3000.0]]])
    half = window_size // 2
    lags = np.arange(-half, half + 1)
    want = np.sinc(cutoff / 8000.0 * lags) * np.hamming(2 * half + 1)
    want /= want.sum(-1, keepdims=True)
    want = (lags == 0) - want if high_pass else want
    got = sinc_impulse_response(cutoff, window_size, 16000, high_pass)
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_sinc_response_leaves_its_argument_alone() -> None:
    cutoff = np.full([2, 3, 1], 1000.0, np.float32)
    sinc_impulse_response(cutoff, 32, sample_rate=16000)
    assert (cutoff == 1000.0).all()


def test_sinc_response_takes_parts_of_nyquist() -> None:
    np.testing.assert_allclose(
        sinc_impulse_response(0.25, 32),
        sinc_impulse_response([2000.0], 32, sample_rate=16000),
        atol=1e-7,
    )


def test_sinc_response_passes_and_stops() -> None:
    low = gains(sinc_impulse_response(2000.0, 512, 16000).numpy())
    high = gains(sinc_impulse_response(2000.0, 512, 16000, high_pass=True).numpy())
    hz = np.linspace(0.0, 8000.0, len(low))
    below, above = hz < 1900.0, hz > 2100.0
    # The side lobes of a Hamming window lie 53 dB down, ripples in the passband too.
    assert np.abs(low[below] - 1.0).max() < 3e-3 and low[above].max() < 3e-3
    assert np.abs(high[above] - 1.0).max() < 3e-3 and high[below].max() < 3e-3


@pytest.mark.parametrize('window_size', [1, 2, 64, 65, 512])
def test_sinc_filter_has_no_delay(window_size: int) -> None:
    audio = np.zeros([1, 601])
    audio[0, 300] = 1.0
    got = sinc_filter(audio, [[0.3]], window_size)[0].numpy()
    np.testing.assert_allclose(got, got[::-1], atol=1e-6)
    assert got.argmax() == 300


def test_low_and_high_pass_sum_to_the_audio() -> None:
    audio, cutoff = uniform(2, 200), np.array([[[500.0], [3000.0]]])
    low = sinc_filter(audio, cutoff, 64, 16000)
    high = sinc_filter(audio, cutoff, 64, 16000, high_pass=True)
    np.testing.assert_allclose(low + high, audio, atol=1e-5)


@pytest.mark.parametrize('jit', [False, True])
def test_sinc_filter_with_unknown_sizes_and_gradient(jit: bool) -> None:
    specs = [tf.TensorSpec([None, None]), tf.TensorSpec([None, None, 1])]

    def grad(audio: tf.Tensor, cutoff: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(cutoff)
            y = tf.reduce_sum(sinc_filter(audio, cutoff, 16) ** 2)
        return tape.gradient(y, cutoff)

    audio, cutoff = uniform(2, 40), uniform(2, 4, 1)
    cutoff[0, 0] = 0.0
    got = tf.function(grad, input_signature=specs, jit_compile=jit)(audio, cutoff)
    assert np.isfinite(got).all() and np.abs(got).max() > 0
    np.testing.assert_allclose(
        got, grad(audio, tf.constant(cutoff)), rtol=1e-3, atol=1e-4
    )


def test_sinc_response_refuses_channels() -> None:
    with pytest.raises(ValueError, match=r'expected \[..., 1\]'):
        sinc_impulse_response(np.ones([2, 3]))
