"""Tensors cut into named parts, and axes put in and taken out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gin
import tensorflow as tf


def check_splits(splits: Any, where: str) -> list[tuple[str, int]]:
    """Writes splits as a list of `(name, number of channels)`.

    Raises
    ------
    ValueError
        When they are not pairs of a name and a number above 0, or there are none.
    """
    try:
        pairs = [(str(name), int(size)) for name, size in splits]
    except (TypeError, ValueError):
        pairs = []
    if not pairs or any(size < 1 for _, size in pairs):
        raise ValueError(
            f'{where}: output_splits is {splits!r}, expected names and numbers of '
            "channels such as (('amps', 1), ('harmonic_distribution', 60))."
        )
    return pairs


@gin.register(module='ddsp.training.nn')
def split_to_dict(
    tensor: tf.Tensor, tensor_splits: Sequence[tuple[str, int]]
) -> dict[str, tf.Tensor]:
    """Cuts the last axis of a tensor into named parts.

    Parameters
    ----------
    tensor : `[..., channels]`.
    tensor_splits : names and numbers of channels, in order, which sum to `channels`.

    Returns
    -------
    A dictionary of tensors `[..., size of the split]`.

    Raises
    ------
    ValueError
        When the numbers do not sum to `channels`.

    Examples
    --------
    >>> parts = split_to_dict(tf.zeros([2, 5, 3]), (('a', 1), ('b', 2)))
    >>> {key: part.shape.as_list() for key, part in parts.items()}
    {'a': [2, 5, 1], 'b': [2, 5, 2]}
    """
    pairs = check_splits(tensor_splits, 'split_to_dict')
    sizes = [size for _, size in pairs]
    channels = tensor.shape[-1]
    if channels is not None and channels != sum(sizes):
        raise ValueError(
            f'split_to_dict: the splits {pairs} sum to {sum(sizes)}, '
            f'but the tensor has {channels} channels.'
        )
    return dict(zip([key for key, _ in pairs], tf.split(tensor, sizes, axis=-1)))


def ensure_4d(x: tf.Tensor) -> tf.Tensor:
    """Gives a tensor four axes, `[batch, time, 1, channels]`, as convolutions want.

    `[batch, channels]` becomes `[batch, 1, 1, channels]`; four axes stay.

    Raises
    ------
    ValueError
        When the tensor has other numbers of axes.

    Examples
    --------
    >>> ensure_4d(tf.zeros([2, 5, 3])).shape
    TensorShape([2, 5, 1, 3])
    """
    if x.shape.rank == 4:
        return x
    if x.shape.rank == 2:
        return x[:, tf.newaxis, tf.newaxis, :]
    if x.shape.rank == 3:
        return x[:, :, tf.newaxis, :]
    raise ValueError(f'ensure_4d: x has shape {x.shape}, expected 2, 3 or 4 axes.')


def inv_ensure_4d(x: tf.Tensor, n_dims: int) -> tf.Tensor:
    """Takes out the axes that `ensure_4d` put into a tensor.

    Parameters
    ----------
    x : `[batch, time, width, channels]`.
    n_dims : how many axes there were, 2, 3 or 4.

    Returns
    -------
    `[batch, channels]`, `[batch, time, channels]`, or `x` as it is.

    Raises
    ------
    ValueError
        When `n_dims` is not 2, 3 or 4.
    """
    if n_dims == 4:
        return x
    if n_dims == 2:
        return x[:, 0, 0, :]
    if n_dims == 3:
        return x[:, :, 0, :]
    raise ValueError(f'inv_ensure_4d: n_dims is {n_dims}, expected 2, 3 or 4.')
