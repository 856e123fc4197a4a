"""Arithmetic that stays finite: division, logarithms, limits, and their gradients."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from ddsp.core.tensors import tf_float32


def nan_to_num(x: Any, value: float = 0.0) -> tf.Tensor:
    """Replaces every NaN by a value; infinities stay.

    Parameters
    ----------
    x : array-like of any shape.
    value : what stands where NaN stood.

    Returns
    -------
    A tensor of the same shape. Gradients pass where `x` is a number and are zero
    elsewhere.

    Examples
    --------
    >>> nan_to_num([float('nan'), 1.0]).numpy().tolist()
    [0.0, 1.0]
    """
    x = tf_float32(x)
    return tf.where(tf.math.is_nan(x), tf.cast(value, x.dtype), x)


def safe_divide(numerator: Any, denominator: Any, eps: float = 1e-7) -> tf.Tensor:
    """Divides, with `eps` standing in for a denominator of exactly zero.

    Every other denominator divides exactly, however small, so that a quiet
    distribution still normalises to 1.

    Parameters
    ----------
    numerator : array-like of any shape.
    denominator : array-like that broadcasts against the numerator.
    eps : replaces 0 in the denominator.

    Returns
    -------
    A tensor of the broadcast shape. At a zero denominator its gradient with respect to
    the denominator is zero.

    Examples
    --------
    >>> safe_divide([1.0, 0.0], [2.0, 0.0]).numpy().tolist()
    [0.5, 0.0]
    """
    numerator, denominator = tf_float32(numerator), tf_float32(denominator)
    is_zero = tf.equal(denominator, 0.0)
    return numerator / tf.where(is_zero, tf.cast(eps, tf.float32), denominator)


def safe_log(x: Any, eps: float = 1e-5) -> tf.Tensor:
    """Takes the natural logarithm of `max(x, eps)`.

    Parameters
    ----------
    x : array-like of any shape, negative numbers included.
    eps : the floor; it keeps the logarithm of silence finite and monotonic.

    Returns
    -------
    A tensor of the same shape. Below the floor its gradient is zero.

    Examples
    --------
    >>> round(float(safe_log(0.0)), 4) == round(float(safe_log(1e-5)), 4)
    True
    """
    return tf.math.log(tf.maximum(tf_float32(x), eps))


def logb(x: Any, base: Any = 2.0, eps: float = 1e-5) -> tf.Tensor:
    """Takes the logarithm of `max(x, eps)` to any base.

    Parameters
    ----------
    x : array-like of any shape.
    base : number or array-like above 0 other than 1, broadcasts against `x`.
    eps : the floor of `x`.

    Returns
    -------
    A tensor of the broadcast shape.

    Examples
    --------
    >>> round(float(logb(8.0)), 5)
    3.0
    """
    return safe_log(x, eps) / _log_of(base)


def _log_of(x: Any) -> Any:
    """The logarithm of a number, exact in float64, or of a tensor."""
    if isinstance(x, (int, float)):
        return math.log(x)
    return tf.math.log(tf_float32(x))


def log10(x: Any, eps: float = 1e-5) -> tf.Tensor:
    """Takes the logarithm of `max(x, eps)` to base 10.

    Parameters
    ----------
    x : array-like of any shape.
    eps : the floor of `x`.

    Returns
    -------
    A tensor of the same shape.

    Examples
    --------
    >>> round(float(log10(1000.0)), 4), round(float(log10(0.0)), 4)
    (3.0, -5.0)
    """
    return logb(x, base=10.0, eps=eps)


def log_scale(x: Any, min_x: Any, max_x: Any) -> tf.Tensor:
    """Maps [-1, 1] to [min_x, max_x] with equal steps for equal ratios.

    Parameters
    ----------
    x : array-like of any shape, in [-1, 1]; beyond it the curve goes on.
    min_x : result at -1, above 0.
    max_x : result at 1, above 0.

    Returns
    -------
    A tensor of the same shape.

    Raises
    ------
    ValueError
        When a limit is not above 0, where ratios mean nothing.

    Examples
    --------
    >>> round(float(log_scale(0.0, 10.0, 1000.0)), 3)
    100.0
    """
    if any(isinstance(limit, (int, float)) and limit <= 0 for limit in (min_x, max_x)):
        raise ValueError(
            f'log_scale: limits must be above 0, got min_x={min_x}, max_x={max_x}.'
        )
    position = 0.5 * (tf_float32(x) + 1.0)
    low, high = _log_of(min_x), _log_of(max_x)
    return tf.exp(low + position * (high - low))


def soft_limit(x: Any, x_min: float = 0.0, x_max: float = 1.0) -> tf.Tensor:
    """Bends the straight line `x_min + x` smoothly to stay between two limits.

    The formula is `x_min + softplus(x) - softplus(x - (x_max - x_min))`: slope near 1
    in the middle of a wide range, and exponentially fast approach to both limits.

    Parameters
    ----------
    x : array-like of any shape, counted from the lower limit.
    x_min, x_max : the limits.

    Returns
    -------
    A tensor of the same shape, in [x_min, x_max].

    Raises
    ------
    ValueError
        When the limits are not in order.

    Examples
    --------
    >>> soft_limit([-100.0, 0.5, 100.0]).numpy().round(3).tolist()
    [0.0, 0.5, 1.0]
    """
    if x_min > x_max:
        raise ValueError(
            f'soft_limit: x_min={x_min} must not be above x_max={x_max}; swap them.'
        )
    x = tf_float32(x)
    bent = x_min + tf.nn.softplus(x) - tf.nn.softplus(x - (x_max - x_min))
    # Two large softplus values differ by more than the range when rounded.
    return tf.clip_by_value(bent, x_min, x_max)


@tf.custom_gradient
def _reverse(x: tf.Tensor) -> tuple[tf.Tensor, Any]:
    return tf.identity(x), tf.negative


def gradient_reversal(x: Any) -> tf.Tensor:
    """Passes a tensor unchanged and its gradient with the sign turned round.

    What stands before it learns to make worse what stands behind it: the layer of
    domain-adversarial training (Ganin and Lempitsky 2015).

    Parameters
    ----------
    x : array-like of any shape.

    Returns
    -------
    float32 of the same shape, the same numbers.

    Examples
    --------
    >>> import tensorflow as tf
    >>> x = tf.Variable(3.0)
    >>> with tf.GradientTape() as tape:
    ...     y = gradient_reversal(x) ** 2
    >>> float(y), float(tape.gradient(y, x))
    (9.0, -6.0)
    """
    return _reverse(tf_float32(x))
