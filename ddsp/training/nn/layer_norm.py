"""Normalisation over the channels, with the gradient written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from ddsp import registration


@registration.register('ddsp.training.nn')
class LayerNorm(registration.Configured, keras.layers.Layer):
    """Normalises each frame over its channels; equal to `keras.layers`' own.

    Its weights have the same names, shapes and order. Between the forward pass and the
    gradient it keeps its input and two numbers a frame, where Keras keeps several
    tensors of the size of the input.

    J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", 2016.

    Parameters
    ----------
    epsilon : added to the variance.
    **kwargs : passed on to `keras.layers.Layer`.
    """

    def __init__(self, epsilon: float = 1e-3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, x_shape: Sequence[int | None]) -> None:
        """Makes `gamma` and `beta`, one number a channel."""
        shape = (x_shape[-1],)
        self.gamma = self.add_weight(shape, 'ones', autocast=False, name='gamma')
        self.beta = self.add_weight(shape, 'zeros', autocast=False, name='beta')

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Gives `[..., channels]` like the input."""
        gamma, beta = (tf.convert_to_tensor(w) for w in (self.gamma, self.beta))
        return tf.cast(layer_norm(x, gamma, beta, self.epsilon), x.dtype)

    def compute_output_shape(self, x_shape: Sequence[int | None]) -> tuple:
        """The shape of the input."""
        return tuple(x_shape)


def layer_norm(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> tf.Tensor:
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta` over the last axis.

    Parameters
    ----------
    x : `[..., channels]`, of any precision.
    gamma, beta : `[channels]`, of any precision.
    epsilon : added to the variance.

    Returns
    -------
    float64 where x is, else float32, like x. Gradients of gradients are not defined.
    """
    wide_type = tf.float64 if x.dtype == tf.float64 else tf.float32
    gamma, beta = tf.cast(gamma, wide_type), tf.cast(beta, wide_type)

    @tf.custom_gradient
    def normalize(
        x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor
    ) -> tuple[tf.Tensor, Callable]:
        wide = tf.cast(x, wide_type)
        mean = tf.reduce_mean(wide, axis=-1, keepdims=True)
        squares = tf.math.squared_difference(wide, mean)
        variance = tf.reduce_mean(squares, axis=-1, keepdims=True)
        scale = tf.math.rsqrt(variance + epsilon)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            unit = (tf.cast(x, wide_type) - mean) * scale
            over = list(range(x.shape.rank - 1))
            d_gamma = tf.reduce_sum(upstream * unit, axis=over)
            d_beta = tf.reduce_sum(upstream, axis=over)
            d_unit = upstream * gamma
            along = tf.reduce_mean(d_unit * unit, axis=-1, keepdims=True)
            d_x = d_unit - tf.reduce_mean(d_unit, axis=-1, keepdims=True)
            d_x = scale * (d_x - unit * along)
            return tf.cast(d_x, x.dtype), d_gamma, d_beta

        return (wide - mean) * scale * gamma + beta, gradient

    return normalize(x, gamma, beta)
