"""Octaves that estimators mistake, mended by the partials."""

from __future__ import annotations

import numpy as np
import pytest

from ddsp.training.fit.features import Features
from ddsp.training.transcription import partials, polyphony
from ddsp.training.transcription.octaves import mend_octaves

RATE, FRAMES = 16000, 250


def features(audio, f0_hz, confidence=0.9):
    n_frames = len(audio) // 64
    full = np.ones(n_frames, np.float32)
    return Features(audio, f0_hz * full, confidence * full, -10 * full, RATE, FRAMES)


def tone(f0_hz, partial_numbers=range(1, 13), seconds=1.0):
    time = np.arange(round(seconds * RATE)) / RATE
    waves = (np.sin(2 * np.pi * h * f0_hz * time) / h for h in partial_numbers)
    return (0.2 * sum(waves)).astype(np.float32)


@pytest.mark.parametrize('told', [220.0, 440.0, 880.0, 1760.0])
def test_octaves_are_mended(told):
    f0_hz = mend_octaves(features(tone(440.0), told))[20:-20]
    np.testing.assert_allclose(f0_hz, 440.0)


@pytest.mark.parametrize('f0_hz', [98.0, 440.0, 1200.0])
def test_right_pitches_stay(f0_hz):
    # A clarinet has hardly any even partials.
    for numbers in (range(1, 13), range(1, 13, 2), (1,), (2, 3, 4, 5)):
        audio = tone(f0_hz, numbers)
        np.testing.assert_allclose(mend_octaves(features(audio, f0_hz))[20:-20], f0_hz)


def test_noise_and_silence_stay():
    noise = np.random.default_rng(0).normal(size=RATE).astype(np.float32)
    mended = mend_octaves(features(0.1 * noise, 440.0))
    assert np.mean(mended == 440.0) > 0.9
    nothing = mend_octaves(features(np.zeros(RATE, np.float32), 440.0, 0.0))
    np.testing.assert_array_equal(nothing, 440.0)


def test_power_of_partials_is_that_of_their_amplitudes():
    audio = tone(500.0, (1, 2))
    power = partials.power_spectra(audio, np.array([8000]), 2048)
    multiples = np.array([1, 2, 3, 0.5, 12])
    got = partials.partial_powers(power, np.array([500.0]), multiples, RATE / 2048)[0]
    # A Hann window of n samples gives a sine of amplitude a the peak a n / 4.
    np.testing.assert_allclose(got[:2], [(0.2 * 512) ** 2, (0.1 * 512) ** 2], rtol=1e-2)
    assert (got[2:4] < 1e-4 * got[0]).all()
    assert got[4] == 0.0  # Beyond 5 kHz nothing is looked at.


def test_other_sound_is_measured():
    one = tone(440.0)
    alone = features(one, 440.0)
    rest = polyphony.other_sound(alone, np.asarray(alone.f0_hz))[50:200]
    assert np.nanmax(rest) < 0.01
    # A sine between two partials, of half the power of all of them together.
    time = np.arange(RATE) / RATE
    amplitude = np.sqrt(np.mean(one**2))
    other = (amplitude * np.sin(2 * np.pi * 660 * time)).astype(np.float32)
    both = features(one + other, 440.0)
    rest = polyphony.other_sound(both, np.asarray(both.f0_hz))[50:200]
    np.testing.assert_allclose(rest, 1 / 3, atol=0.03)


def test_of_low_and_soft_sound_nothing_is_said():
    low = features(tone(65.0), 65.0)
    assert np.isnan(polyphony.other_sound(low, np.asarray(low.f0_hz))).all()
    assert polyphony.warn_of_voices(np.full(10, np.nan)) == []
