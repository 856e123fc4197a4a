"""Errors at the public edge say what, where and what was expected."""

import numpy as np
import pytest
import tensorflow as tf

from ddsp.core import checks


def test_rank():
    x = tf.zeros([2, 3])
    checks.check_rank(x, 2, 'audio', 'filter', '[batch, samples]')
    checks.check_rank(x, (1, 2), 'audio', 'filter', '[batch, samples]')
    message = r'filter: audio has shape \[2, 3\], expected \[batch, frames, 1\]'
    with pytest.raises(ValueError, match=message):
        checks.check_rank(x, 3, 'audio', 'filter', '[batch, frames, 1]')


def test_same_size_lets_one_and_unknown_pass():
    tensors = {'a': tf.zeros([2, 3]), 'b': tf.zeros([1, 3])}
    checks.check_same_size(tensors, 0, 'synth', 'batch')
    with pytest.raises(ValueError, match='synth: batch sizes differ: a 2, c 4'):
        checks.check_same_size({**tensors, 'c': tf.zeros([4])}, 0, 'synth', 'batch')

    @tf.function(input_signature=[tf.TensorSpec([None, 3]), tf.TensorSpec([4, 3])])
    def unknown(x, y):
        checks.check_same_size({'x': x, 'y': y}, 0, 'synth', 'batch')
        return x

    assert unknown(tf.zeros([4, 3]), tf.zeros([4, 3])).shape == (4, 3)


def test_empty():
    with pytest.raises(ValueError, match=r'audio is empty, its shape is \[1, 0\]'):
        checks.check_not_empty(tf.zeros([1, 0]), 'audio', 'loudness')


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_not_finite(bad):
    x = tf.constant([0.0, bad, bad])
    with pytest.raises(ValueError, match='audio holds 2 values that are NaN'):
        checks.check_finite(x, 'audio', 'loudness')
    # Inside a graph values cannot be seen, and nothing is added to it.
    tf.function(lambda x: checks.check_finite(x, 'audio', 'loudness') or x)(x)


@pytest.mark.parametrize(
    'x, said',
    [
        (tf.zeros([3]), r'has shape \[3\], expected \[batch, samples\]'),
        (tf.zeros([1, 0]), 'is empty'),
        (tf.constant([[np.nan]]), 'NaN or infinite'),
    ],
)
def test_values(x, said):
    checks.check_values(tf.zeros([2, 3]), 2, 'audio', 'loss', '[batch, samples]')
    with pytest.raises(ValueError, match=f'loss: audio .*{said}'):
        checks.check_values(x, 2, 'audio', 'loss', '[batch, samples]')
