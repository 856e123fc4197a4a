"""Blocks of frames give what all frames at once would give."""

import subprocess
import sys

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from ddsp.core import blocks


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(n_frames=st.integers(1, 20), block=st.integers(1, 25))
def test_any_block_size(n_frames, block):
    rng = np.random.default_rng(n_frames)
    x = tf.constant(rng.normal(size=[2, n_frames, 3]))
    row = tf.constant(rng.normal(size=[1, n_frames, 1]))

    def fn(x, row):
        return [x * row, tf.reduce_sum(x, axis=-1)]

    ours = blocks.map_blocks(fn, [x, row], n_frames, block, [tf.float64] * 2)
    for a, b in zip(ours, fn(x, row)):
        np.testing.assert_allclose(a, b)


@pytest.mark.parametrize('jit', [False, True])
def test_unknown_number_of_frames(jit):
    @tf.function(input_signature=[tf.TensorSpec([None, None, 2])], jit_compile=jit)
    def squares(x):
        n_batch, n_frames = tf.shape(x)[0], tf.shape(x)[1]
        block = blocks.frames_in_block(n_batch, n_frames, 2, 12)
        return blocks.map_blocks(tf.square, [x], n_frames, block)

    x = np.random.default_rng(0).normal(size=[3, 11, 2]).astype(np.float32)
    np.testing.assert_allclose(squares(x), x**2, rtol=1e-6)


def test_frames_in_block():
    assert blocks.frames_in_block(2, 100, 5, 200) == 20
    assert blocks.frames_in_block(2, 100, 5, 1) == 1
    assert blocks.frames_in_block(2, 100, 5, 10**6) == 100


def test_blocks_outside_a_graph_make_no_warning():
    # In a process of its own: TensorFlow gives this warning once.
    code = (
        'import tensorflow as tf; from ddsp.core import blocks; '
        'blocks.map_blocks(tf.square, [tf.ones([1, 9, 2])], 9, 2)'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True
    )
    assert 'WARNING:tensorflow' not in done.stderr
