from __future__ import annotations

import numpy as np
import pytest

from ddsp.training.fit.pure_tones import believed_from, power_around

RATE, HOP = 16000, 64
FRAMES = np.arange(200)


def sine(f0_hz=220.0, noise=0.0, overtone=0.0):
    phase = 2 * np.pi * f0_hz * np.arange(FRAMES.size * HOP) / RATE
    audio = np.sin(phase) + overtone * np.sin(2 * phase)
    return audio + noise * np.random.default_rng(0).normal(size=audio.shape)


@pytest.mark.parametrize('f0_hz', [60.0, 220.0, 1000.0, 3000.0])
def test_all_power_of_a_sine_is_around_its_f0(f0_hz):
    inner = FRAMES[8:-8] * HOP
    for shift in (-20, 0, 20):  # An estimate that is a little off, in cents.
        estimate = np.full(len(inner), f0_hz * 2 ** (shift / 1200))
        part = power_around(sine(f0_hz), RATE, inner, estimate)
        np.testing.assert_allclose(part, 1.0, atol=1e-3)


def test_power_of_overtones_and_noise_lies_elsewhere():
    inner = FRAMES[8:-8] * HOP
    part = power_around(sine(overtone=0.5), RATE, inner, np.full(len(inner), 220.0))
    np.testing.assert_allclose(part, 1 / 1.25, rtol=0.01)
    # Of white noise a band has as much as it is wide, here 0.83 * 1000 of 8000 Hz.
    noise = np.random.default_rng(1).normal(size=FRAMES.size * HOP)
    part = power_around(noise, RATE, inner, np.full(len(inner), 1000.0))
    np.testing.assert_allclose(np.mean(part), 0.104, atol=0.02)


def test_silence_has_no_power():
    part = power_around(np.zeros(1000), RATE, np.array([0, 500, 999]), np.full(3, 99.0))
    np.testing.assert_array_equal(part, 0.0)


@pytest.mark.parametrize(
    'confidence, audio, expected',
    [
        pytest.param([0.65] * 200, sine(), 0.4, id='sine'),
        pytest.param([0.45] * 110 + [0.1] * 90, sine(), 0.4, id='half of it'),
        pytest.param([0.65] * 120 + [0.95] * 80, sine(), 0.4, id='partly sure'),
        pytest.param([0.95] * 150 + [0.6] * 50, sine(), 0.9, id='mostly sure'),
        pytest.param([0.65] * 200, sine(overtone=0.5), 0.9, id='partials'),
        pytest.param([0.65] * 200, sine(noise=0.5), 0.9, id='much noise'),
        pytest.param([0.65] * 80 + [0.1] * 120, sine(), 0.9, id='hardly any pitch'),
        pytest.param([0.2] * 200, sine(), 0.9, id='no pitch'),
    ],
)
def test_how_sure_f0_must_be(confidence, audio, expected):
    f0_hz = np.full(FRAMES.size, 220.0)
    found = believed_from(audio, RATE, FRAMES * HOP, f0_hz, np.array(confidence))
    assert found == expected


def test_where_nothing_is_heard():
    nothing = np.zeros(0)
    assert believed_from(sine(), RATE, nothing.astype(int), nothing, nothing) == 0.9


def test_a_long_recording_is_looked_at_here_and_there(monkeypatch):
    looked_at = []

    def power(audio, sample_rate, middles, f0_hz):
        looked_at.append(len(middles))
        return np.ones(len(middles))

    monkeypatch.setattr('ddsp.training.fit.pure_tones.power_around', power)
    frames = np.full(150_000, 0.65)
    middles = np.zeros(frames.size, int)
    assert believed_from(sine(), RATE, middles, 300 * frames, frames) == 0.4
    assert 900 <= looked_at[0] <= 1000
