"""Times of blocks, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from ddsp.training.live.timing import Clock


def test_quantiles_are_right_to_a_percent():
    times = np.random.default_rng(0).lognormal(1.0, 0.5, 20000)
    clock = Clock(block_ms=10.0)
    for ms in times:
        clock.add(ms)
    timings = clock.timings()
    assert timings.median_ms == pytest.approx(np.median(times), rel=0.01)
    assert timings.most_ms == pytest.approx(np.quantile(times, 0.999), rel=0.015)
    assert timings.longest_ms == times.max()
    assert timings.late == np.sum(times > 10.0)
    assert (timings.blocks, timings.seconds) == (20000, 200.0)


def test_blocks_that_the_device_lost_are_late():
    clock = Clock(block_ms=10.0)
    clock.add(1.0)
    clock.lost += 2
    assert clock.timings().late == 2


def test_nothing_yet_and_times_beyond_all_classes():
    clock = Clock(block_ms=10.0)
    assert clock.timings().median_ms == 0.0
    clock.add(0.0)
    assert 0.0 <= clock.timings().longest_ms <= clock.timings().median_ms + 1e-3
    clock.add(1e9)
    assert clock.timings().longest_ms == 1e9
