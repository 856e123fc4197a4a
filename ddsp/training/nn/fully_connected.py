"""Stacks of dense layers, each normalised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from ddsp import registration
from ddsp.training.nn import basic
from ddsp.training.nn.layer_norm import LayerNorm

# That of established checkpoints; Keras's default, too.
_EPSILON = 1e-3


@registration.register('ddsp.training.nn')
class Fc(basic.Stack):
    """A dense layer, normalised over its channels, then a nonlinearity.

    Parameters
    ----------
    ch : number of channels.
    nonlinearity : a function, or its name in `keras.activations` or `tf.nn`.
    **kwargs : `name`, `trainable` and `dtype`.
    """

    def __init__(
        self,
        ch: int = 128,
        nonlinearity: str | Callable = 'leaky_relu',
        **kwargs: Any,
    ) -> None:
        dtype = kwargs.get('dtype')
        activation = basic.get_nonlinearity(nonlinearity)
        layers = [
            keras.layers.Dense(ch, dtype=dtype),
            LayerNorm(epsilon=_EPSILON, dtype=dtype),
            keras.layers.Activation(activation, dtype=dtype),
        ]
        super().__init__(layers, **kwargs)
        self.ch = ch
        self.nonlinearity = nonlinearity


@registration.register('ddsp.training.nn')
class FcStack(basic.Stack):
    """Several `Fc` in a row; none of them leaves the input as it is.

    Parameters
    ----------
    ch : number of channels of each.
    layers : how many; also, once made, the `Fc` themselves.
    nonlinearity : a function, or its name in `keras.activations` or `tf.nn`.
    **kwargs : `name`, `trainable` and `dtype`.
    """

    def __init__(
        self,
        ch: int = 256,
        layers: int = 2,
        nonlinearity: str | Callable = 'leaky_relu',
        **kwargs: Any,
    ) -> None:
        dtype = kwargs.get('dtype')
        stack = [Fc(ch, nonlinearity, dtype=dtype) for _ in range(layers)]
        super().__init__(stack, **kwargs)
        self.ch = ch
        self.nonlinearity = nonlinearity

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), 'layers': len(self.layers)}


@registration.register('ddsp.training.nn')
class FcStackOut(registration.Configured, keras.layers.Layer):
    """An `FcStack`, and a dense layer after it.

    Parameters
    ----------
    ch : number of channels of the stack.
    layers : number of layers of the stack.
    n_out : number of channels of the output.
    **kwargs : passed on to `keras.layers.Layer`.
    """

    def __init__(self, ch: int, layers: int, n_out: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ch, self.layers, self.n_out = ch, layers, n_out
        self.stack = FcStack(ch, layers, dtype=self.dtype_policy)
        self.dense_out = keras.layers.Dense(n_out, dtype=self.dtype_policy)

    def build(self, input_shape: Any) -> None:
        """Makes the weights."""
        self.stack.build(input_shape)
        self.dense_out.build(self.stack.compute_output_shape(input_shape))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Gives `[..., n_out]` for `[..., channels]`."""
        return self.dense_out(self.stack(x))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """The shape of the input, with `n_out` channels."""
        return (*input_shape[:-1], self.n_out)
