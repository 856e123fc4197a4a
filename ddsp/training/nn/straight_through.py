"""Choices and roundings that training sees through.

What comes out is discrete; the gradient is that of the smooth thing behind it (Bengio,
Léonard and Courville 2013).
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp import core


def straight_through_softmax(logits: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Draws one of several classes; its gradient is that of their probabilities.

    Within `ddsp.core.reproducible_noise` the draw is the same every time.

    Parameters
    ----------
    logits : unnormalised log-probabilities along the last axis, `[..., classes]`.

    Returns
    -------
    The draw as a one-hot vector and the probabilities, both `[..., classes]`.
    """
    logits = core.tf_float32(logits)
    probabilities = tf.nn.softmax(logits)
    drawn = tf.argmax(logits + _gumbel_noise(tf.shape(logits)), axis=-1)
    one_hot = tf.one_hot(drawn, core.tensors.size(logits, -1), dtype=tf.float32)
    return _with_gradient_of(one_hot, probabilities), probabilities


def straight_through_choice(logits: Any, values: Any) -> tf.Tensor:
    """Draws one of several values, see `straight_through_softmax`.

    The gradient is that of the values' mean under the probabilities.

    Parameters
    ----------
    logits : unnormalised log-probabilities, `[..., classes]`.
    values : what there is to choose from, broadcasts against the logits.

    Returns
    -------
    The chosen values, `[..., 1]`.
    """
    one_hot, _ = straight_through_softmax(logits)
    return tf.reduce_sum(one_hot * core.tf_float32(values), axis=-1, keepdims=True)


def straight_through_int_quantization(x: Any) -> tf.Tensor:
    """Rounds to whole numbers, halves to even ones; the gradient is 1.

    Parameters
    ----------
    x : array-like of any shape.

    Returns
    -------
    float32 of the same shape.

    Examples
    --------
    >>> straight_through_int_quantization([0.4, 0.6, -1.7]).numpy().tolist()
    [0.0, 1.0, -2.0]
    """
    x = core.tf_float32(x)
    return _with_gradient_of(tf.round(x), x)


def _with_gradient_of(value: tf.Tensor, smooth: tf.Tensor) -> tf.Tensor:
    # This order gives the value to the last bit: what is added to it is exactly 0.
    return tf.stop_gradient(value) + (smooth - tf.stop_gradient(smooth))


def _gumbel_noise(shape: tf.Tensor) -> tf.Tensor:
    """The largest of logits plus such noise is a draw from their softmax (Gumbel)."""
    uniform = 0.5 * (core.uniform_noise(shape) + 1.0)
    # An end of the range would be an infinite number.
    uniform = tf.clip_by_value(uniform, 1e-30, 1.0 - 2.0**-24)
    return -tf.math.log(-tf.math.log(uniform))
