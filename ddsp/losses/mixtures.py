"""Mixtures of Gaussians in one dimension: how likely points are under others."""

from __future__ import annotations

import math
from typing import NamedTuple

import tensorflow as tf

# What the logarithm of no weight at all counts as: far, and still finite when squared
# distances are added to it.
_LOG_NOTHING = -1e30


class GaussianMixture(NamedTuple):
    """A weighted sum of bell curves of one width.

    Attributes
    ----------
    weights : `[..., centers]`, at least 0; divided by their sum. Weights that are all
        zero count as equal.
    centers : `[..., centers]`.
    scale : standard deviation of each curve, above 0.

    Examples
    --------
    >>> one = GaussianMixture(tf.constant([1.0]), tf.constant([60.0]), 1.0)
    >>> round(float(one.log_prob(tf.constant([60.0]))[0]), 4)
    -0.9189
    """

    weights: tf.Tensor
    centers: tf.Tensor
    scale: float

    def log_prob(self, x: tf.Tensor) -> tf.Tensor:
        """Takes the natural logarithm of the density at points.

        Parameters
        ----------
        x : `[..., points]`, the leading axes broadcast against those of the mixture.

        Returns
        -------
        `[..., points]`.
        """
        offsets = (
            x[..., :, tf.newaxis] - self.centers[..., tf.newaxis, :]
        ) / self.scale
        log_bells = -0.5 * tf.square(offsets)
        log_weights = _log_normalised(self.weights)[..., tf.newaxis, :]
        log_height = -math.log(self.scale * math.sqrt(2.0 * math.pi))
        return tf.reduce_logsumexp(log_weights + log_bells, axis=-1) + log_height


def _log_normalised(weights: tf.Tensor) -> tf.Tensor:
    """Logarithm of weights that sum to 1, with gradient 0 where a weight is 0."""
    total = tf.reduce_sum(weights, axis=-1, keepdims=True)
    weights = tf.where(total > 0.0, weights, tf.ones_like(weights))
    total = tf.reduce_sum(weights, axis=-1, keepdims=True)
    some = weights > 0.0
    log_weights = tf.math.log(tf.where(some, weights, tf.ones_like(weights)))
    log_weights = tf.where(some, log_weights, _LOG_NOTHING * tf.ones_like(weights))
    return log_weights - tf.math.log(total)
