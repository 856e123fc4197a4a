from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import ddsp

RATE, FRAMES, HOP = 16000, 250, 64


def controls(seconds=1):
    rng = np.random.default_rng(0)
    n_frames = FRAMES * seconds
    time = np.linspace(0.0, 6.0 * seconds, n_frames)
    f0_hz = 300.0 + 20.0 * np.sin(time)
    amplitudes = rng.uniform(0.1, 0.3, [n_frames, 1])
    distribution = rng.uniform(0.0, 1.0, [n_frames, 30])
    arrays = (f0_hz[:, None], amplitudes, distribution)
    return [tf.constant(x[None], tf.float32) for x in arrays]


def play(float32_phase, f0_hz, amplitudes, distribution):
    return ddsp.core.harmonic_synthesis(
        f0_hz,
        amplitudes,
        harmonic_distribution=distribution,
        n_samples=None,
        hop_size=HOP,
        sample_rate=RATE,
        float32_phase=float32_phase,
    )


def numpy_sum(f0_hz, amplitudes, distribution):
    """The same by NumPy, which sums one after the other, in float32."""
    n_samples = f0_hz.shape[1] * HOP
    numbers = np.arange(1, 31, dtype=np.float32)
    partials = ddsp.core.resample(f0_hz * numbers, n_samples).numpy()
    steps = (partials * np.float32(2.0 * np.pi) / np.float32(RATE)).astype(np.float32)
    phase = np.cumsum(steps, axis=1, dtype=np.float32)
    envelopes = ddsp.core.resample(
        amplitudes * distribution, n_samples, method='window'
    ).numpy()
    return np.sum(np.where(partials < RATE / 2, envelopes * np.sin(phase), 0), axis=-1)


def distance(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


@pytest.mark.parametrize('compiled', [False, True])
def test_it_is_the_sum_in_float32(compiled):
    given = controls()
    expected = numpy_sum(*given)
    function = tf.function(play) if compiled else play
    drifting = function(True, *given).numpy()
    exact = play(False, *given).numpy()
    assert distance(drifting, expected) < 5e-3
    # Far nearer to it than exact phase is.
    assert distance(exact, expected) > 3.0 * distance(drifting, expected)


def test_it_drifts():
    first = distance(play(True, *controls()).numpy(), play(False, *controls()).numpy())
    given = controls(seconds=4)
    later = distance(play(True, *given).numpy(), play(False, *given).numpy())
    assert 1e-3 < first < later


def test_a_synthesizer_has_it_as_an_argument():
    f0_hz, amplitudes, distribution = controls()
    synth = ddsp.synths.Harmonic(n_samples=None, float32_phase=True)
    signal = synth.get_signal(amplitudes, distribution, f0_hz).numpy()
    expected = play(True, f0_hz, amplitudes, distribution).numpy()
    np.testing.assert_allclose(signal, expected, atol=1e-6)
    assert synth.get_config()['float32_phase'] is True
    again = ddsp.synths.Harmonic.from_config(synth.get_config())
    assert again.float32_phase
    assert not ddsp.synths.Harmonic().float32_phase
