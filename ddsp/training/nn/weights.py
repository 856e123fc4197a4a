"""Weights that Keras alone does not make: statistics, and orthogonal matrices."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import keras


def add_statistic(
    layer: keras.layers.Layer, shape: Sequence[int], initializer: Any, name: str
) -> keras.Variable:
    """Adds a float32 weight that a layer updates itself, under any strategy.

    Replicas of a distributed step must agree on what they write, or on the first one's.
    """
    kwargs = {'aggregation': 'only_first_replica', 'autocast': False}
    # The first versions of Keras 3 have neither of the two.
    known = inspect.signature(layer.add_weight).parameters
    return layer.add_weight(
        shape=tuple(shape),
        initializer=initializer,
        dtype='float32',
        trainable=False,
        name=name,
        **{key: value for key, value in kwargs.items() if key in known},
    )


def orthogonal(shape: Sequence[int], dtype: Any = None) -> Any:
    """Starts a weight, `[..., columns]`, as an orthogonal matrix, in any precision.

    TensorFlow finds none in bfloat16, so that one of float32 is rounded there.
    """
    exact = 'float32' if keras.backend.standardize_dtype(dtype) == 'bfloat16' else dtype
    matrix = keras.initializers.Orthogonal()(shape, exact)
    return keras.ops.cast(matrix, dtype)
