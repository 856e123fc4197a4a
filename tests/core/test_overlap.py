from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ddsp.core.overlap import overlap_add


@pytest.mark.parametrize(('size', 'hop'), [(6, 2), (6, 6), (7, 3), (4, 5), (5, 1)])
@pytest.mark.parametrize('known', [True, False])
def test_frames_are_added_where_they_lie(size: int, hop: int, known: bool) -> None:
    frames = np.random.default_rng(0).normal(size=[2, 5, size]).astype(np.float32)
    want = np.zeros([2, 4 * hop + size], np.float32)
    for i in range(5):
        want[:, i * hop : i * hop + size] += frames[:, i]
    spec = tf.TensorSpec(frames.shape if known else [None, None, size])
    got = tf.function(lambda x: overlap_add(x, hop), input_signature=[spec])(frames)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


def test_it_is_the_transpose_of_framing() -> None:
    rng = np.random.default_rng(1)
    audio = tf.constant(rng.normal(size=[1, 26]), tf.float32)
    frames = tf.constant(rng.normal(size=[1, 6, 6]), tf.float32)
    there = tf.reduce_sum(tf.signal.frame(audio, 6, 4) * frames)
    back = tf.reduce_sum(audio * overlap_add(frames, 4))
    np.testing.assert_allclose(there, back, rtol=1e-5)
