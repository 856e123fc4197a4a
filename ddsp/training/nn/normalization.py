"""Layers that bring activations near 0 ± 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ddsp import core, registration
from ddsp.training.nn import splits

_GROUPS = 32
NORM_TYPES = ('instance', 'layer', 'group')


def normalize_op(
    x: Any, norm_type: str | None = 'layer', eps: float = 1e-5
) -> tf.Tensor:
    """Takes off the mean and divides by the standard deviation.

    Each example of the batch is normalised by itself, over its whole time: `'layer'`
    over all of it, `'instance'` each channel by itself, `'group'` each of 32 groups of
    neighbouring channels by itself (Wu and He 2018). A network with it hears the whole
    recording at once.

    Parameters
    ----------
    x : `[batch, channels]`, `[batch, time, channels]` or
        `[batch, time, width, channels]`.
    norm_type : `'layer'`, `'instance'`, `'group'`, or None for none.
    eps : added to the variance.

    Returns
    -------
    A tensor of the same shape, and of the type of `x` if that is one.

    Raises
    ------
    ValueError
        For an unknown norm, or channels that 32 groups cannot share.
    """
    check_norm_type(norm_type, 'normalize_op')
    # Activations keep their precision; what is no tensor becomes float32.
    x = x if tf.is_tensor(x) else core.tf_float32(x)
    if norm_type is None:
        return x
    n_dims = x.shape.rank
    as_4d = splits.ensure_4d(x)
    # The variance of a long recording is too much for half precision.
    y = tf.cast(as_4d, tf.float32)
    if norm_type == 'group':
        y = _normalize(_in_groups(y), [1, 2, 4], eps)
        y = tf.reshape(y, tf.shape(as_4d))
        y = tf.ensure_shape(y, as_4d.shape)
    else:
        y = _normalize(y, [1, 2] if norm_type == 'instance' else [1, 2, 3], eps)
    return splits.inv_ensure_4d(tf.cast(y, x.dtype), n_dims)


def check_norm_type(norm_type: str | None, where: str) -> None:
    """Refuses names of norms that there are not.

    Raises
    ------
    ValueError
        For anything but `'layer'`, `'instance'`, `'group'` and None.
    """
    if norm_type is not None and norm_type not in NORM_TYPES:
        raise ValueError(
            f'{where}: norm_type is {norm_type!r}, expected None or one of '
            f'{list(NORM_TYPES)}.'
        )


def _normalize(x: tf.Tensor, axes: Sequence[int], eps: float) -> tf.Tensor:
    mean = tf.reduce_mean(x, axes, keepdims=True)
    # From the deviations: a difference of large squares would lose the variance.
    deviation = x - mean
    variance = tf.reduce_mean(deviation**2, axes, keepdims=True)
    return deviation * tf.math.rsqrt(variance + eps)


def _in_groups(x: tf.Tensor) -> tf.Tensor:
    channels = x.shape[-1]
    if channels % _GROUPS:
        raise ValueError(
            f"normalize_op: norm_type 'group' shares channels among {_GROUPS} groups, "
            f'but there are {channels}; take a multiple of {_GROUPS}.'
        )
    shape = tf.concat([tf.shape(x)[:3], [_GROUPS, channels // _GROUPS]], axis=0)
    return tf.reshape(x, shape)


@registration.register('ddsp.training.nn')
class Normalize(registration.Configured, keras.layers.Layer):
    """Normalises, see `normalize_op`, then scales and shifts each channel as learned.

    Parameters
    ----------
    norm_type : `'layer'`, `'instance'`, `'group'`, or None to scale and shift only.
    **kwargs : passed on to `keras.layers.Layer`.

    Raises
    ------
    ValueError
        For an unknown norm.

    Examples
    --------
    >>> x = tf.constant([[[1.0, 10.0], [3.0, 30.0]]])
    >>> Normalize('instance')(x).numpy().round(3).tolist()
    [[[-1.0, -1.0], [1.0, 1.0]]]
    """

    def __init__(self, norm_type: str | None = 'layer', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_norm_type(norm_type, self.name)
        self.norm_type = norm_type

    def build(self, x_shape: Sequence[int | None]) -> None:
        """Makes one scale and one shift a channel."""
        shape = (1, 1, 1, int(x_shape[-1]))
        self.scale = self.add_weight(shape=shape, initializer='ones', name='scale')
        self.shift = self.add_weight(shape=shape, initializer='zeros', name='shift')

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Normalises, scales and shifts.

        Parameters
        ----------
        x : `[batch, channels]`, `[batch, time, channels]` or
            `[batch, time, width, channels]`.

        Returns
        -------
        The same shape.
        """
        y = splits.ensure_4d(normalize_op(x, self.norm_type))
        return splits.inv_ensure_4d(y * self.scale + self.shift, x.shape.rank)

    def compute_output_shape(self, x_shape: Sequence[int | None]) -> Any:
        """The shape of the input."""
        return tuple(x_shape)
