"""Noise that is counted, against the same arithmetic on whole numbers."""

from __future__ import annotations

import numpy as np

from ddsp.training.live import counted_noise


def by_hand(count, seed):
    whole = 2**32
    x = (count * 0x9E3779B9 + seed) % whole
    x = ((x ^ x >> 16) * 0x7FEB352D) % whole
    x = ((x ^ x >> 15) * 0x846CA68B) % whole
    return ((x ^ x >> 16) >> 8) / 2**23 - 1.0


def test_it_is_what_whole_numbers_give():
    for seed in (0, 5, 2**32 - 1):
        expected = [by_hand(n, seed) for n in range(1000, 1050)]
        np.testing.assert_array_equal(counted_noise(1000, 50, seed), expected)


def test_it_goes_on_beyond_the_last_number():
    whole = counted_noise(2**32 - 3, 6)
    np.testing.assert_array_equal(whole[3:], counted_noise(0, 3))


def test_it_is_uniform_and_white():
    noise = counted_noise(0, 2**18, seed=9).astype(np.float64)
    assert noise.dtype == np.float64 and np.abs(noise).max() <= 1.0
    # Within 5 deviations of what chance allows.
    assert abs(noise.mean()) < 5 / np.sqrt(3 * 2**18)
    counts, _ = np.histogram(noise, bins=64, range=(-1, 1))
    assert np.abs(counts - 4096).max() < 5 * np.sqrt(4096)
    power = np.abs(np.fft.rfft(noise)[1:-1]) ** 2
    bands = [part.mean() for part in np.array_split(power, 64)]
    np.testing.assert_allclose(bands / power.mean(), 1.0, atol=5 / np.sqrt(2048))
