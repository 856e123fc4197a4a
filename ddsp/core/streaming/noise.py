"""Noise of a seed that goes on from block to block."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp.core.noise import noise_from_bits

_NUMBERS_A_COUNT = 4


def noise_from(
    position: tf.Tensor, batch_size: Any, n_samples: Any, seed: int
) -> tf.Tensor:
    """Noise in [-1, 1], the same at a place of the stream however it is cut.

    Of a batch of one it is what `core.uniform_noise` gives for the seed.

    Parameters
    ----------
    position : int64 scalar, the place of the first sample, not below 0.
    batch_size, n_samples : numbers or scalar tensors.
    seed : a number.

    Returns
    -------
    float32 `[batch, samples]`.
    """
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(
        seed=tf.constant([seed, 0], tf.int64)
    )
    batch = tf.cast(batch_size, tf.int64)
    first = tf.cast(position, tf.int64) * batch
    skip = first % _NUMBERS_A_COUNT
    low = counter[0] + tf.cast(first // _NUMBERS_A_COUNT, tf.uint64)
    numbers = batch * tf.cast(n_samples, tf.int64)
    bits = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=tf.reshape(numbers + _NUMBERS_A_COUNT, [1]),
        key=key,
        counter=tf.stack([low, counter[1]]),
        alg=1,
        dtype=tf.uint32,
    )
    bits = tf.slice(bits, [skip], [numbers])
    return noise_from_bits(tf.transpose(tf.reshape(bits, [n_samples, batch_size])))
