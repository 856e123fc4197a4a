"""Long responses are convolved in parts: the sound and the gradients stay the same."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from ddsp.core import convolution, fft_convolve
from ddsp.core.partitions import convolve_in_parts

SAMPLES, TAPS = 36000, 33000


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape)


def first_samples(audio: np.ndarray, response: np.ndarray, length: int) -> np.ndarray:
    """The start of a convolution in float64, with silence behind it."""
    whole = np.convolve(audio, response)
    return np.pad(whole, (0, max(0, length - len(whole))))[:length]


@pytest.mark.parametrize('hop', [1, 4, 8])
@pytest.mark.parametrize('samples', [1, 7, 8, 20, 33])
@pytest.mark.parametrize('taps', [1, 8, 9, 25])
def test_parts_agree_with_the_direct_sum(samples: int, taps: int, hop: int) -> None:
    audio, response = noise(2, samples), noise(2, taps)
    given = [tf.constant(x, tf.float32) for x in (audio, response)]
    whole = samples + taps - 1
    for length in (1, samples, whole, whole + 9):
        expected = [first_samples(a, r, length) for a, r in zip(audio, response)]
        heard = convolve_in_parts(*given, length, 2 * hop)
        np.testing.assert_allclose(heard, expected, atol=1e-5)


@pytest.mark.parametrize('samples, taps', [(20, 25), (33, 9), (7, 8)])
@pytest.mark.parametrize('batches', [(2, 2), (3, 1), (1, 3)])
@pytest.mark.parametrize('lost', [-9, 0, 5])
def test_gradients_are_the_transposed_filter(
    samples: int, taps: int, batches: tuple[int, int], lost: int
) -> None:
    audio, response = noise(batches[0], samples), noise(batches[1], taps)
    length = samples + taps - 1 - lost
    weights = noise(max(batches), length)
    given = [tf.constant(x, tf.float32) for x in (audio, response)]
    with tf.GradientTape() as tape:
        tape.watch(given)
        heard = convolve_in_parts(*given, length, 16)
        loss = tf.reduce_sum(heard * tf.constant(weights, tf.float32))
    for_audio, for_response = tape.gradient(loss, given)
    # What each sample and each tap adds to the loss is a correlation.
    padded = np.pad(weights, [[0, 0], [0, samples + taps]])
    for x, other, got in [
        (audio, response, for_audio),
        (response, audio, for_response),
    ]:
        other = np.broadcast_to(other, [max(batches), other.shape[1]])
        rows = [
            [w[i : i + len(o)] @ o for i in range(x.shape[1])]
            for w, o in zip(padded, other)
        ]
        expected = np.sum(rows, axis=0, keepdims=True) if len(x) == 1 else rows
        np.testing.assert_allclose(got, expected, atol=3e-5)


def convolve(audio: tf.Tensor, response: tf.Tensor) -> tf.Tensor:
    return fft_convolve(audio, response, padding='valid', delay_compensation=0)


@pytest.mark.parametrize('how', ['eager', 'graph', 'jit'])
@pytest.mark.parametrize('batch, responses', [(3, 1), (2, 2), (9, 1)])
def test_reverb_of_a_room(batch: int, responses: int, how: str) -> None:
    audio = noise(batch, SAMPLES)
    response = noise(responses, TAPS) * np.exp(-np.arange(TAPS) / 800.0)
    expected = scipy.signal.fftconvolve(audio, response, axes=1)
    function = convolve
    if how != 'eager':
        function = tf.function(convolve, jit_compile=how == 'jit')
    given = [tf.constant(x, tf.float32) for x in (audio, response)]
    with tf.GradientTape() as tape:
        tape.watch(given)
        heard = function(*given)
        loss = tf.reduce_sum(heard * tf.constant(expected, tf.float32))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(heard, expected, atol=2e-6 * scale)
    for_audio, for_response = tape.gradient(loss, given)
    back = scipy.signal.fftconvolve(expected, response[:, ::-1], axes=1)
    back = back[:, TAPS - 1 : TAPS - 1 + SAMPLES]
    np.testing.assert_allclose(for_audio, back, atol=4e-6 * np.abs(back).max())
    back = scipy.signal.fftconvolve(expected, audio[:, ::-1], axes=1)
    back = back[:, SAMPLES - 1 : SAMPLES - 1 + TAPS]
    if responses == 1:
        back = back.sum(axis=0, keepdims=True)
    np.testing.assert_allclose(for_response, back, atol=4e-6 * np.abs(back).max())


def test_unknown_sizes_are_the_same() -> None:
    audio = tf.constant(noise(3, SAMPLES), tf.float32)
    response = tf.constant(noise(1, TAPS), tf.float32)
    spec = tf.TensorSpec([None, None], tf.float32)
    function = tf.function(convolve, input_signature=[spec, spec])
    expected = convolve(audio, response)
    np.testing.assert_allclose(function(audio, response), expected, atol=2e-3)


@pytest.mark.parametrize('samples, taps', [(500, TAPS), (SAMPLES, TAPS)])
@pytest.mark.parametrize('delay', [-1, 0, 300])
def test_only_what_is_wanted_is_computed(samples: int, taps: int, delay: int) -> None:
    audio, response = noise(2, samples), noise(1, taps)
    heard = fft_convolve(audio, response, 'same', delay)
    start = taps // 2 if delay < 0 else delay
    whole = scipy.signal.fftconvolve(audio, response, axes=1)
    expected = np.pad(whole, [[0, 0], [0, start]])[:, start : start + samples]
    np.testing.assert_allclose(heard, expected, atol=1e-3)


@pytest.mark.parametrize(
    'rows, taps, in_parts',
    [(4, 48000, True), (1, 48000, False), (16, 48000, False), (4, 2000, False)],
)
def test_parts_are_for_long_responses_and_a_few_rows(
    rows: int, taps: int, in_parts: bool
) -> None:
    audio, response = tf.zeros([rows, 64000]), tf.zeros([1, 1, taps])
    size = convolution._size_in_parts(audio, response, 64000)
    assert size == (32000 if in_parts else None)
