"""Small parts: nonlinearities, layers in a row, embeddings, Keras's layers in gin."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import gin
import keras
import tensorflow as tf

from ddsp import registration

_SLOPE = 0.2


@keras.saving.register_keras_serializable('ddsp')
@tf.custom_gradient
def leaky_relu(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """`x` above 0, `0.2 * x` below, as Keras has it.

    For the gradient it keeps its output, which the next layer keeps as well, and not
    its input: both have one sign.
    """
    out = tf.nn.leaky_relu(x, _SLOPE)

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.LeakyReluGrad(gradients=upstream, features=out, alpha=_SLOPE)

    return out, gradient


def get_nonlinearity(nonlinearity: str | Callable | None) -> Callable:
    """Finds a nonlinearity by its name in `keras.activations` or `tf.nn`.

    A function passes unchanged; `None` is the identity. The slope of `'leaky_relu'`
    below 0 is 0.2.

    Raises
    ------
    ValueError
        When there is no such function.
    """
    if nonlinearity == 'leaky_relu':
        return leaky_relu
    try:
        return keras.activations.get(nonlinearity)
    except ValueError:
        found = getattr(tf.nn, str(nonlinearity), None)
        if not callable(found):
            raise ValueError(
                f'nonlinearity is {nonlinearity!r}, expected the name of a function of '
                'keras.activations or tf.nn, or a function.'
            ) from None
        return found


class Stack(registration.Configured, keras.Sequential):
    """Layers in a row, whose constructor's arguments are its configuration.

    Unlike a plain `keras.Sequential` it may be empty, which leaves its input as it is,
    and has a `dtype`; subclasses hand theirs on to their layers.
    """

    def __init__(self, layers: Sequence[keras.layers.Layer], **kwargs: Any) -> None:
        dtype = kwargs.pop('dtype', None)  # The constructor of Sequential refuses it.
        super().__init__(name=kwargs.pop('name', None), **kwargs)
        if dtype is not None:
            self.dtype_policy = dtype
        for layer in layers:
            self.add(layer, rebuild=False)

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Makes the weights of all layers for an input of this shape."""
        for layer in self.layers:
            if not layer.built:
                layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)
        self.built = True

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Passes `x` through the layers in order."""
        for layer in self.layers:
            x = layer(x)
        return x

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The shape and dtype of the output, found as for any layer."""
        # That of keras.Sequential needs at least one layer inside.
        return keras.layers.Layer.compute_output_spec(self, *args, **kwargs)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple:
        """The shape of the output for an input of a shape."""
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor; the layers follow from them."""
        config = {**keras.layers.Layer.get_config(self), **super().get_config()}
        names = [
            *inspect.signature(type(self).__init__).parameters,
            'name',
            'trainable',
            'dtype',
        ]
        return {k: v for k, v in config.items() if k in names}


@registration.register('ddsp.training.nn')
class Identity(registration.Configured, keras.layers.Layer):
    """Gives what it is given."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Gives `x`, of any shape, as it is."""
        return x

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output is that of the input."""
        return input_shape


def get_embedding(vocab_size: int = 1024, n_dims: int = 256) -> keras.layers.Embedding:
    """Makes a table of vectors, one for each of some numbers.

    Parameters
    ----------
    vocab_size : how many numbers, from 0 on.
    n_dims : length of each vector.

    Returns
    -------
    A layer from integers `[...]` to vectors `[..., n_dims]`.

    Examples
    --------
    >>> get_embedding(128, n_dims=8)(tf.constant([[60, 62]])).shape
    TensorShape([1, 2, 8])
    """
    return keras.layers.Embedding(vocab_size, n_dims)


@functools.cache
def gin_register_keras_layers() -> None:
    """Lets gin files name Keras's layers: `@tf.keras.layers.Dense()`.

    `ddsp.training.nn` does it when it loads; once is enough, and again does no harm.
    """
    gin.external_configurable(keras.Sequential, 'tf.keras.Sequential')
    for name, cls in inspect.getmembers(keras.layers, inspect.isclass):
        if issubclass(cls, keras.layers.Layer):
            gin.external_configurable(cls, f'tf.keras.layers.{name}')
