"""Tensors, nested dictionaries of them, and the shapes they have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf


def tf_float32(x: Any) -> Any:
    """Turns anything array-like into float32 tensors.

    Parameters
    ----------
    x : array-like of any shape, or a dictionary of them, nested as you like.

    Returns
    -------
    A `tf.Tensor` of the same shape, or the same dictionary with tensors in it.
    """
    if isinstance(x, Mapping):
        return {key: tf_float32(value) for key, value in x.items()}
    if tf.is_tensor(x) or isinstance(x, tf.Variable):
        return tf.cast(x, tf.float32)
    # A Python float must not pass through float64 arithmetic of TensorFlow's choosing.
    return tf.convert_to_tensor(x, tf.float32)


def make_iterable(x: Any) -> Any:
    """Wraps a single thing in a list; leaves lists, tuples and iterators alone.

    A string is a single thing, and so is a tensor, an array or a dictionary.
    `None` becomes an empty list.
    """
    if x is None:
        return []
    single = isinstance(x, (str, bytes, Mapping)) or hasattr(x, 'shape')
    return x if isinstance(x, Iterable) and not single else [x]


def to_dict(x: Any, keys: Sequence[str]) -> dict[str, Any]:
    """Gives names to outputs that came as a list; a dictionary passes unchanged.

    Raises
    ------
    ValueError
        When there are not as many values as keys.
    """
    if isinstance(x, Mapping):
        return dict(x)
    keys, values = list(make_iterable(keys)), list(make_iterable(x))
    if len(keys) != len(values):
        raise ValueError(
            f'to_dict: {len(values)} values cannot be named by {len(keys)} keys {keys}.'
        )
    return dict(zip(keys, values))


def copy_if_tf_function(x: Any) -> Any:
    """Copies a nested dictionary while tracing, where changing an input is an error."""
    if tf.executing_eagerly() or not isinstance(x, Mapping):
        return x
    return {key: copy_if_tf_function(value) for key, value in x.items()}


def nested_keys(
    nested_dict: Mapping[str, Any], delimiter: str = '/', prefix: str = ''
) -> list[str]:
    """Lists the leaves of a nested dictionary as paths: `['a/b', 'a/c']`."""
    keys = []
    for key, value in nested_dict.items():
        path = f'{prefix}{delimiter}{key}' if prefix else str(key)
        if isinstance(value, Mapping):
            keys.extend(nested_keys(value, delimiter, path))
        else:
            keys.append(path)
    return keys


def nested_lookup(
    nested_key: str, nested_dict: Mapping[str, Any], delimiter: str = '/'
) -> Any:
    """Finds `'a/b'` in `{'a': {'b': value}}`.

    Raises
    ------
    KeyError
        When a part of the path is missing; the message lists what there is.
    """
    value: Any = nested_dict
    for part in nested_key.split(delimiter):
        if not isinstance(value, Mapping) or part not in value:
            raise KeyError(
                f"there is no '{nested_key}' here; "
                f'known keys: {nested_keys(nested_dict, delimiter)}'
            )
        value = value[part]
    return value


def leaf_key(nested_key: str, delimiter: str = '/') -> str:
    """Takes the last part of a path: `'a/b'` gives `'b'`."""
    return nested_key.split(delimiter)[-1]


def map_shape(x: Mapping[str, Any]) -> dict[str, Any]:
    """Replaces each tensor of a nested dictionary by its shape, as a list."""
    return {
        key: map_shape(value)
        if isinstance(value, Mapping)
        else tf.convert_to_tensor(value).shape.as_list()
        for key, value in x.items()
    }


def pad_axis(
    x: Any, padding: Sequence[int] = (0, 0), axis: int = 0, **pad_kwargs: Any
) -> tf.Tensor:
    """Pads one axis by `padding = (before, after)`; keywords go to `tf.pad`."""
    x = tf.convert_to_tensor(x)
    axis = axis % x.shape.rank
    paddings = [[0, 0]] * x.shape.rank
    paddings[axis] = list(padding)
    return tf.pad(x, paddings, **pad_kwargs)


def diff(x: Any, axis: int = -1) -> tf.Tensor:
    """Takes the first difference along an axis, which becomes one shorter.

    Raises
    ------
    ValueError
        When `x` has no such axis.
    """
    x = tf.convert_to_tensor(x)
    if not -x.shape.rank <= axis < x.shape.rank:
        raise ValueError(f'diff: axis {axis} is not one of the {x.shape.rank} of x.')
    axis = axis % x.shape.rank
    later = [slice(None)] * axis + [slice(1, None)]
    earlier = [slice(None)] * axis + [slice(None, -1)]
    return x[tuple(later)] - x[tuple(earlier)]


def size(x: tf.Tensor, axis: int) -> int | tf.Tensor:
    """The length of an axis: a Python integer where known, else a scalar tensor."""
    static = x.shape[axis]
    return tf.shape(x)[axis] if static is None else static
