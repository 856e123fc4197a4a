"""Phase against cumulative sums in extended precision."""

import hypothesis
import numpy as np
import reference
import tensorflow as tf
from hypothesis import strategies as st

from ddsp.core import grids, phase


def distance(a, b):
    """Between phases in cycles, whatever whole cycles lie between."""
    return np.abs((np.asarray(a, np.float64) - b + 0.5) % 1.0 - 0.5).max()


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(
    n_frames=st.integers(1, 20),
    n_samples=st.integers(1, 90),
    seed=st.integers(0, 1000),
    inclusive=st.booleans(),
)
def test_cycles_on_any_grid(n_frames, n_samples, seed, inclusive):
    f = np.random.default_rng(seed).uniform(0.0, 8000.0, [2, n_frames, 3])
    f = f.astype(np.float32)
    grid = grids.frame_grid(n_frames, n_samples)
    cycles = phase.cycles_on_grid(f, grid, 16000, inclusive)
    samples = reference.upsample(f, n_samples) / 16000
    expected = np.cumsum(samples, axis=1) - (0.0 if inclusive else samples)
    assert distance(grid.flatten(cycles), expected) < 1e-11
    _, _, _, final = phase.frames_of_phase(f, grid, 16000)
    assert distance(final, np.sum(samples, axis=1, keepdims=True)) < 1e-11


def test_cycles_go_on_from_where_they_were():
    f = np.full([1, 3, 1], 100.0, np.float32)
    grid = grids.frame_grid(3, 12)
    start = tf.constant([[[0.3]]], tf.float64)
    _, _, plain, _ = phase.frames_of_phase(f, grid, 16000)
    _, _, moved, final = phase.frames_of_phase(f, grid, 16000, start)
    assert distance(moved, plain.numpy() + 0.3) < 1e-12
    assert distance(final, 0.3 + 12 * 100.0 / 16000) < 1e-12


def test_radians_are_wrapped():
    radians = phase.to_radians(tf.constant([1e6 + 0.25, -0.75, 3.0], tf.float64))
    np.testing.assert_allclose(radians, [np.pi / 2, np.pi / 2, 0.0], atol=1e-6)


def test_gradient_passes_the_wrap():
    cycles = tf.constant([0.2, 1.7, -3.4], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(cycles)
        radians = phase.to_radians(cycles)
    np.testing.assert_allclose(tape.gradient(radians, cycles), 2 * np.pi, rtol=1e-6)
