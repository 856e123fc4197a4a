"""Resampling as sound comes, against sines."""

from __future__ import annotations

import numpy as np
import pytest

from ddsp.training.live.resampling import StreamResampler

RATES = [(48000, 16000), (16000, 48000), (44100, 16000), (16000, 44100), (8000, 16000)]


def resample(given, wanted, audio, block):
    resampler = StreamResampler(given, wanted)
    parts = [
        resampler.process(audio[i : i + block]) for i in range(0, len(audio), block)
    ]
    return np.concatenate(parts), resampler.delay


@pytest.mark.parametrize(('given', 'wanted'), RATES)
@pytest.mark.parametrize('part', [0.05, 0.4, 0.8])
def test_sines_pass(given, wanted, part):
    f0_hz = part * min(given, wanted) / 2
    audio = np.sin(2 * np.pi * f0_hz * np.arange(given // 2) / given)
    played, delay = resample(given, wanted, audio, given // 50)
    assert len(played) == wanted // 2
    expected = np.sin(2 * np.pi * f0_hz * (np.arange(len(played)) / wanted - delay))
    assert np.abs(played - expected)[wanted // 20 :].max() < 2e-4  # -74 dB
    assert delay <= 0.0031


@pytest.mark.parametrize(('given', 'wanted'), [(48000, 16000), (44100, 16000)])
def test_what_the_lower_rate_cannot_hold_is_gone(given, wanted):
    f0_hz = 1.1 * wanted / 2
    audio = np.sin(2 * np.pi * f0_hz * np.arange(given // 2) / given)
    played, _ = resample(given, wanted, audio, 960)
    assert np.abs(played[wanted // 20 :]).max() < 3e-4


def test_blocks_do_not_matter():
    audio = np.random.default_rng(0).standard_normal(4410)
    whole, _ = resample(44100, 16000, audio, 4410)
    for block in (1, 7, 441, 1000):
        # Sums of another order.
        np.testing.assert_allclose(
            resample(44100, 16000, audio, block)[0], whole, atol=1e-6
        )
