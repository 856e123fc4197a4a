"""Few long rows are transformed together: the sound and the gradients stay the same."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from ddsp.core import fft_convolve

SAMPLES, TAPS = 17000, 9000


def make(batch, responses):
    rng = np.random.default_rng(batch)
    audio = rng.normal(size=[batch, SAMPLES])
    response = rng.normal(size=[responses, TAPS]) * np.exp(-np.arange(TAPS) / 800.0)
    return audio, response


def convolve(audio, response):
    return fft_convolve(audio, response, padding='valid', delay_compensation=0)


@pytest.mark.parametrize('compiled', [False, True])
@pytest.mark.parametrize(
    'batch, responses', [(1, 1), (2, 1), (3, 1), (4, 1), (7, 1), (8, 1), (4, 4), (5, 5)]
)
def test_any_number_of_rows(batch, responses, compiled):
    audio, response = make(batch, responses)
    expected = scipy.signal.fftconvolve(audio, response, axes=1)
    function = tf.function(convolve) if compiled else convolve
    given = [tf.constant(x, tf.float32) for x in (audio, response)]
    with tf.GradientTape() as tape:
        tape.watch(given)
        heard = function(*given)
        loss = tf.reduce_sum(heard * tf.constant(expected, tf.float32))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(heard, expected, atol=2e-6 * scale)
    # The gradient of a convolution is a correlation, in float64 by SciPy.
    for_audio, for_response = tape.gradient(loss, given)
    back = scipy.signal.fftconvolve(expected, response[:, ::-1], axes=1)
    back = back[:, TAPS - 1 : TAPS - 1 + SAMPLES]
    np.testing.assert_allclose(for_audio, back, atol=4e-6 * np.abs(back).max())
    back = scipy.signal.fftconvolve(expected, audio[:, ::-1], axes=1)
    back = back[:, SAMPLES - 1 : SAMPLES - 1 + TAPS]
    if responses == 1:
        back = back.sum(axis=0, keepdims=True)
    np.testing.assert_allclose(for_response, back, atol=4e-6 * np.abs(back).max())


def test_unknown_sizes_are_the_same():
    audio, response = (tf.constant(x, tf.float32) for x in make(3, 1))
    spec = tf.TensorSpec([None, None], tf.float32)
    function = tf.function(convolve, input_signature=[spec, spec])
    np.testing.assert_allclose(
        function(audio, response), convolve(audio, response), atol=1e-4
    )
