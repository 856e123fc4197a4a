"""Checks at the public edge: what was wrong, what was expected, what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf


def check_rank(
    x: tf.Tensor, rank: int | Sequence[int], name: str, where: str, expected: str
) -> None:
    """Refuses a tensor with the wrong number of axes.

    Parameters
    ----------
    x : tensor to look at; an unknown rank passes.
    rank : allowed number of axes, or several of them.
    name : the argument's name.
    where : the function or processor it was given to.
    expected : the expected shape in words, such as `'[batch, samples]'`.

    Raises
    ------
    ValueError
        When the rank is known and is not allowed.
    """
    ranks = [rank] if isinstance(rank, int) else list(rank)
    if x.shape.rank is not None and x.shape.rank not in ranks:
        raise ValueError(
            f'{where}: {name} has shape {list(x.shape)}, expected {expected}.'
        )


def check_same_size(
    tensors: Mapping[str, tf.Tensor], axis: int, where: str, what: str
) -> None:
    """Refuses tensors that disagree on an axis; size 1 broadcasts and passes.

    Raises
    ------
    ValueError
        When two known sizes differ and neither is 1.
    """
    sizes = {
        name: x.shape[axis]
        for name, x in tensors.items()
        if x.shape.rank is not None and x.shape[axis] not in (None, 1)
    }
    if len(set(sizes.values())) > 1:
        listed = ', '.join(f'{name} {size}' for name, size in sizes.items())
        raise ValueError(f'{where}: {what} sizes differ: {listed}.')


def check_not_empty(x: tf.Tensor, name: str, where: str) -> None:
    """Refuses a tensor with an axis of length 0.

    Raises
    ------
    ValueError
        When a known size is 0.
    """
    if x.shape.rank is not None and 0 in x.shape.as_list():
        raise ValueError(f'{where}: {name} is empty, its shape is {list(x.shape)}.')


def check_finite(x: Any, name: str, where: str) -> None:
    """Refuses NaN and infinity, where values can be seen: outside a `tf.function`.

    Raises
    ------
    ValueError
        When an eager tensor holds a value that is not finite.
    """
    if not tf.executing_eagerly() or not hasattr(x, 'numpy'):
        return
    bad = tf.reduce_sum(tf.cast(~tf.math.is_finite(x), tf.int32))
    if bad > 0:
        raise ValueError(
            f'{where}: {name} holds {int(bad)} values that are NaN or infinite; '
            'clean the recording or the controls first.'
        )


def check_values(x: tf.Tensor, rank: Any, name: str, where: str, expected: str) -> None:
    """Refuses what is no signal: of another rank, empty, NaN or infinite.

    Parameters
    ----------
    x, rank, name, where, expected : as for `check_rank`.

    Raises
    ------
    ValueError
        As `check_rank`, `check_not_empty` and `check_finite`.
    """
    check_rank(x, rank, name, where, expected)
    check_not_empty(x, name, where)
    check_finite(x, name, where)
