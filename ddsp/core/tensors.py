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

    Examples
    --------
    >>> tf_float32({'notes': [60, 64]})['notes'].numpy().tolist()
    [60.0, 64.0]
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

    Examples
    --------
    >>> make_iterable('amps'), make_iterable(['amps', 'f0_hz']), make_iterable(None)
    (['amps'], ['amps', 'f0_hz'], [])
    """
    if x is None:
        return []
    single = isinstance(x, (str, bytes, Mapping)) or hasattr(x, 'shape')
    return x if isinstance(x, Iterable) and not single else [x]


def to_dict(x: Any, keys: Sequence[str]) -> dict[str, Any]:
    """Gives names to outputs that came as a list; a dictionary passes unchanged.

    Parameters
    ----------
    x : a list or tuple of values, a single value, or a dictionary.
    keys : the names, one for each value.

    Returns
    -------
    The values by their names.

    Raises
    ------
    ValueError
        When there are not as many values as keys.

    Examples
    --------
    >>> to_dict([1, 2], ['a', 'b'])
    {'a': 1, 'b': 2}
    """
    if isinstance(x, Mapping):
        return dict(x)
    keys, values = list(make_iterable(keys)), list(make_iterable(x))
    if len(keys) != len(values):
        raise ValueError(
            f'to_dict: {len(values)} values cannot be named by {len(keys)} keys {keys}.'
        )
    return dict(zip(keys, values))


def without_channel(x: Any) -> tf.Tensor:
    """Turns an array into float32 without its third axis, where that has size 1."""
    x = tf_float32(x)
    return x[..., 0] if x.shape.rank == 3 and x.shape[-1] == 1 else x


def copy_if_tf_function(x: Any) -> Any:
    """Copies a nested dictionary while tracing, where changing an input is an error."""
    if tf.executing_eagerly() or not isinstance(x, Mapping):
        return x
    return {key: copy_if_tf_function(value) for key, value in x.items()}


def nested_keys(
    nested_dict: Mapping[str, Any], delimiter: str = '/', prefix: str = ''
) -> list[str]:
    """Lists the leaves of a nested dictionary as paths.

    Parameters
    ----------
    nested_dict : a dictionary whose values may be dictionaries.
    delimiter : what to put between the parts of a path.
    prefix : what each path begins with, before a delimiter; empty for none.

    Returns
    -------
    One path for each leaf, in the order of the dictionary.

    Examples
    --------
    >>> nested_keys({'a': {'b': 1, 'c': 2}, 'd': 3})
    ['a/b', 'a/c', 'd']
    """
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

    Parameters
    ----------
    nested_key : the path of what to find.
    nested_dict : a dictionary whose values may be dictionaries.
    delimiter : what stands between the parts of the path.

    Returns
    -------
    The value there: a leaf, or a dictionary.

    Raises
    ------
    KeyError
        When a part of the path is missing; the message lists what there is.

    Examples
    --------
    >>> nested_lookup('a/b', {'a': {'b': 1, 'c': 2}})
    1
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
    """Takes the last part of a path.

    Parameters
    ----------
    nested_key : a path, such as `'a/b'`.
    delimiter : what stands between its parts.

    Returns
    -------
    What follows the last delimiter, or the whole path without one.

    Examples
    --------
    >>> leaf_key('a/b')
    'b'
    """
    return nested_key.split(delimiter)[-1]


def map_shape(x: Mapping[str, Any]) -> dict[str, Any]:
    """Replaces each tensor of a nested dictionary by its shape, as a list.

    An axis of unknown size is `None` there.

    Examples
    --------
    >>> map_shape({'audio': [[0.0, 0.1, 0.2]]})
    {'audio': [1, 3]}
    """
    return {
        key: map_shape(value)
        if isinstance(value, Mapping)
        else tf.convert_to_tensor(value).shape.as_list()
        for key, value in x.items()
    }


def pad_axis(
    x: Any, padding: Sequence[int] = (0, 0), axis: int = 0, **pad_kwargs: Any
) -> tf.Tensor:
    """Pads one axis of a tensor.

    Parameters
    ----------
    x : array-like of any shape but a scalar's.
    padding : how many entries to add, before and after.
    axis : the axis to pad; a negative one counts from the last.
    **pad_kwargs : for `tf.pad`: `mode` and `constant_values`, zeros without.

    Returns
    -------
    A tensor of the same type and shape, but for the axis that has grown.

    Examples
    --------
    >>> pad_axis([1, 2], (1, 2)).numpy().tolist()
    [0, 1, 2, 0, 0]
    """
    x = tf.convert_to_tensor(x)
    axis = axis % x.shape.rank
    paddings = [[0, 0]] * x.shape.rank
    paddings[axis] = list(padding)
    return tf.pad(x, paddings, **pad_kwargs)


def diff(x: Any, axis: int = -1) -> tf.Tensor:
    """Takes the first difference along an axis, which becomes one shorter.

    Parameters
    ----------
    x : array-like of any shape but a scalar's.
    axis : where neighbours are; a negative one counts from the last.

    Returns
    -------
    Each entry less the one before it: a tensor of the same type and shape, but for
    that axis.

    Raises
    ------
    ValueError
        When `x` has no such axis.

    Examples
    --------
    >>> diff([1, 4, 9]).numpy().tolist()
    [3, 5]
    """
    x = tf.convert_to_tensor(x)
    if not -x.shape.rank <= axis < x.shape.rank:
        raise ValueError(f'diff: axis {axis} is not one of the {x.shape.rank} of x.')
    axis = axis % x.shape.rank
    later = [slice(None)] * axis + [slice(1, None)]
    earlier = [slice(None)] * axis + [slice(None, -1)]
    return x[tuple(later)] - x[tuple(earlier)]


def size(x: tf.Tensor, axis: int) -> int | tf.Tensor:
    """Gives the length of an axis, even where it is unknown when a graph is made.

    Parameters
    ----------
    x : tensor of any shape but a scalar's.
    axis : the axis; a negative one counts from the last.

    Returns
    -------
    A Python integer where the length is known, else an int32 scalar tensor.
    """
    static = x.shape[axis]
    return tf.shape(x)[axis] if static is None else static
