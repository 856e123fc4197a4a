"""Phase in whole numbers against exact fractions."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import tensorflow as tf

from ddsp.core import whole_phase
from ddsp.core.grids import frame_grid


def _fractions(hz, hop, sample_rate):
    """Cycles at each sample of frames, frequency linear between them, exactly."""
    cycles, total = [], Fraction(0)
    for here, there in itertools.pairwise(hz):
        for j in range(hop):
            at = Fraction(float(here)) + (
                Fraction(float(there)) - Fraction(float(here))
            ) * Fraction(j, hop)
            total += at / sample_rate
            cycles.append(total)
    return cycles


def _whole(hz, hop, sample_rate, before=None):
    grid = frame_grid(len(hz) - 1, hop_size=hop)
    x = tf.constant(hz[np.newaxis, :, np.newaxis], tf.float32)
    whole = whole_phase.whole_frequencies(x, hop, sample_rate)
    if before is None:
        before = tf.zeros([1, 1, 1], tf.int64)
    return whole_phase.sum_whole_frames(
        whole[:, :-1], whole[:, 1:] - whole[:, :-1], grid, sample_rate, before
    )


@pytest.mark.parametrize(('hop', 'rate'), [(1, 16000), (64, 16000), (960, 48000)])
def test_the_phase_is_exact(hop, rate):
    hz = np.random.default_rng(0).uniform(30.0, 0.6 * rate, 6).astype(np.float32)
    phase, _ = _whole(hz, hop, rate)
    cycles = _fractions(hz, hop, rate)
    given = phase.position.numpy().ravel()
    expected = [cycle % 1 * phase.modulus for cycle in cycles]
    assert [Fraction(int(x)) for x in given] == expected


def test_an_hour_later_it_is_as_exact():
    hop, rate, f0_hz = 64, 16000, np.float32(440.123)
    hz = np.full(11, f0_hz)
    phase, after = _whole(hz, hop, rate)
    steps = 360000  # Of 10 frames, 40 ms: four hours.
    before = tf.constant(int(after[0, 0, 0]) * steps % phase.modulus, tf.int64)
    late, _ = _whole(hz, hop, rate, tf.reshape(before, [1, 1, 1]))
    n = steps * 10 * hop + 1
    exact = Fraction(float(f0_hz)) / rate * n % 1
    assert Fraction(int(late.position[0, 0, 0, 0]), phase.modulus) == exact


@pytest.mark.parametrize('multiple', [1, 5, 100])
def test_angles_are_rounded_once(multiple):
    hz = np.linspace(100.0, 7000.0, 5).astype(np.float32)
    phase, _ = _whole(hz, 64, 16000)
    cycles = [
        float((x * multiple + Fraction(1, 2)) % 1) for x in _fractions(hz, 64, 16000)
    ]
    expected = 2.0 * math.pi * (np.array(cycles) - 0.5)
    given = phase.angle(multiple).numpy().ravel()
    np.testing.assert_allclose(given, expected, atol=4e-7)


def test_below_nyquist_is_exact():
    # Of 2000 Hz, the fourth harmonic is at 8000 Hz; a step of float32 lower it is not.
    low = np.nextafter(np.float32(2000.0), np.float32(0.0))
    for hz, expected in ((2000.0, [True, False]), (low, [True, True])):
        phase, _ = _whole(np.full(3, hz, np.float32), 64, 16000)
        heard = phase.below_nyquist(np.array([3, 4], np.int64)).numpy()
        assert (heard == expected).all()


def test_radians_go_there_and_back():
    angle = tf.constant(np.linspace(-3.14, 3.14, 999), tf.float32)
    whole = whole_phase.from_radians(angle, 320, 16000)
    back = whole_phase.to_radians(whole, 320, 16000)
    np.testing.assert_allclose(back, angle, atol=3e-7)


def test_nothing_overflows_at_large_rates_and_hops():
    hop, rate = 19200, 192000
    hz = np.array([192000.0, 0.0, 192000.0, 1e9], np.float32)
    phase, after = _whole(hz, hop, rate)
    clipped = np.minimum(hz, rate)
    exact = _fractions(clipped[:2], hop, rate)[-1] % 1 * phase.modulus
    assert Fraction(int(phase.position[0, 0, -1, 0])) == exact
    assert 0 <= int(after[0, 0, 0]) < phase.modulus
