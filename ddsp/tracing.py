"""Compiled functions of which each model has its own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf


def compile_apart(function: Callable, **options: Any) -> Any:
    """Makes a `tf.function` whose traces are counted apart from all others.

    TensorFlow warns of a function that is traced again and again, and takes functions
    that the same lines define for one. Each model that is loaded defines its own anew,
    and traces it once: the fifth would be warned of, though nothing is traced twice.
    A function that is traced again and again itself is warned of as ever.

    Parameters
    ----------
    function : what to compile.
    **options : of `tf.function`.

    Returns
    -------
    The `tf.function`.
    """
    # What TensorFlow counts by is the code of a function; a partial object has none of
    # its own, and is counted by itself.
    return tf.function(functools.partial(function), **options)
