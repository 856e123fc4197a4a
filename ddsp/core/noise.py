"""Uniform noise, and how a training run makes it the same every time."""

from __future__ import annotations

import contextlib
import contextvars
import itertools
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

_SEED: contextvars.ContextVar[tuple[tf.Tensor, Iterator[int]] | None] = (
    contextvars.ContextVar('ddsp_noise_seed', default=None)
)
# Philox makes four numbers from one count.
_NUMBERS_A_COUNT = 4


@contextlib.contextmanager
def reproducible_noise(seed: Any) -> Iterator[None]:
    """Makes all unseeded noise inside a function of `seed`, a whole number.

    A training step that gives its own number here plays the same noise whether it is
    reached in one run or after a restart. Under a `tf.distribute` strategy the replicas
    play the noise that one device would give to the same rows of the whole batch.

    Examples
    --------
    >>> with reproducible_noise(7):
    ...     first = uniform_noise([2, 4])
    >>> with reproducible_noise(7):
    ...     second = uniform_noise([2, 4])
    >>> bool(tf.reduce_all(first == second))
    True
    """
    token = _SEED.set((tf.cast(seed, tf.int64), itertools.count()))
    try:
        yield
    finally:
        _SEED.reset(token)


def seed_around() -> tf.Tensor | None:
    """The seed that `reproducible_noise` gave, int64; None outside of it."""
    around = _SEED.get()
    return None if around is None else around[0]


def uniform_noise(
    shape: Any, seed: int | None = None, shared: bool = False
) -> tf.Tensor:
    """Noise in [-1, 1], float32.

    Parameters
    ----------
    shape : sizes of each axis, numbers or scalar tensors.
    seed : a number makes it the same at every call; None draws anew, within
        `reproducible_noise` from the seed given there.
    shared : whether all replicas of a distributed step draw the same noise, rather than
        that of their rows of the batch.

    Returns
    -------
    float32 of the given shape, each number from -1 to 1 as likely as any other.

    Examples
    --------
    >>> first, second = uniform_noise([4], seed=1), uniform_noise([4], seed=1)
    >>> bool(tf.reduce_all(first == second))
    True
    """
    if seed is not None:
        # Philox by name: left to choose, XLA would draw other noise.
        bits = tf.random.stateless_uniform(
            shape, [seed, 0], minval=None, maxval=None, dtype=tf.uint32, alg='philox'
        )
        return noise_from_bits(bits)
    around = _SEED.get()
    if around is None:
        return tf.random.uniform(shape, minval=-1.0, maxval=1.0)
    step, draws = around
    replica = 0 if shared else _replica()
    return _counted_noise(shape, step, next(draws), replica)


def _counted_noise(shape: Any, step: tf.Tensor, draw: int, replica: Any) -> tf.Tensor:
    """The noise of one draw of one step; each replica's follows the one's before it."""
    shape = tf.convert_to_tensor(shape, tf.int32)
    numbers = tf.cast(tf.reduce_prod(shape), tf.int64)
    counts_each = (numbers + _NUMBERS_A_COUNT - 1) // _NUMBERS_A_COUNT
    replica = tf.cast(replica, tf.int64)
    bits = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=shape,
        key=tf.bitcast(tf.reshape(step, [1]), tf.uint64),
        counter=tf.bitcast(
            tf.stack([replica * counts_each, tf.constant(draw, tf.int64)]), tf.uint64
        ),
        alg=1,
        dtype=tf.uint32,
    )
    return noise_from_bits(bits)


def noise_from_bits(bits: tf.Tensor) -> tf.Tensor:
    """Numbers in [-1, 1) of random bits; XLA would take other bits of them."""
    whole = tf.bitcast(bits & tf.constant(2**23 - 1, tf.uint32), tf.int32)
    return tf.cast(whole, tf.float32) * 2.0**-22 - 1.0


def _replica() -> Any:
    context = tf.distribute.get_replica_context()
    return 0 if context is None else context.replica_id_in_sync_group
