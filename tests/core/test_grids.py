"""Where samples lie between frames."""

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from ddsp.core import grids


@hypothesis.settings(max_examples=80, deadline=None)
@hypothesis.given(n_frames=st.integers(1, 30), n_samples=st.integers(1, 100))
def test_every_sample_has_its_place(n_frames, n_samples):
    grid = grids.frame_grid(n_frames, n_samples)
    fraction = np.broadcast_to(grid.fraction, [n_frames, int(grid.hop)])
    position = np.arange(n_frames)[:, None] + fraction
    flat = grid.flatten(tf.constant(position[None, ..., None]))[0, :, 0]
    expected = np.arange(n_samples) * n_frames / n_samples
    np.testing.assert_allclose(flat, expected, atol=1e-12)
    counts = np.broadcast_to(grid.count, [n_frames])
    np.testing.assert_array_equal(
        counts, np.bincount(np.int64(expected + 1e-9), minlength=n_frames)
    )


def test_unknown_sizes_give_the_same_grid():
    known = grids.frame_grid(7, 40)

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32)] * 2)
    def fraction(n_frames, n_samples):
        grid = grids.frame_grid(n_frames, n_samples)
        return grid.fraction, grid.place

    ours, place = fraction(7, 40)
    np.testing.assert_array_equal(ours, known.fraction)
    np.testing.assert_array_equal(place, known.place)


@hypothesis.settings(max_examples=50, deadline=None)
@hypothesis.given(
    method=st.sampled_from(sorted(grids.TAP_OFFSETS)),
    fraction=st.floats(0.0, 1.0, exclude_max=True),
)
def test_weights_sum_to_one(method, fraction):
    weights = grids.tap_weights(fraction, method)
    assert weights.shape == (len(grids.TAP_OFFSETS[method]),)
    assert float(tf.reduce_sum(weights)) == pytest.approx(1.0, abs=1e-6)


def test_neighbours_hold_the_ends():
    x = tf.reshape(tf.range(4.0), [1, 4, 1])
    shifted = [n[0, :, 0].numpy().tolist() for n in grids.neighbours(x, 'cubic')]
    assert shifted == [[0, 0, 1, 2], [0, 1, 2, 3], [1, 2, 3, 3], [2, 3, 3, 3]]
    one = grids.neighbours(x[:, :1], 'cubic')
    assert [float(n[0, 0, 0]) for n in one] == [0.0] * 4


def test_a_grid_needs_samples_or_a_hop():
    with pytest.raises(ValueError, match='n_samples is None'):
        grids.frame_grid(10)
