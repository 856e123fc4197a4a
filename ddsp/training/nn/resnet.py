"""Residual networks over time and frequency, with norms before nonlinearities.

They are those of He et al. (2016), with bottlenecks. Only frequency is made coarser:
one frame comes out for each that goes in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from ddsp import registration
from ddsp.training.nn import basic, conditional, normalization

# Channels at the narrowest, layers of the first three blocks, layers of the last.
_SIZES = {
    'tiny': (16, (1, 1, 2), 1),
    'small': (32, (2, 3, 4), 3),
    'medium': (32, (3, 4, 6), 3),
    'large': (64, (3, 4, 6), 3),
}
# A bottleneck widens again by this.
_EXPANSION = 4


def split_condition(inputs: Any, is_conditional: bool, where: str) -> tuple[Any, Any]:
    """Takes `[x, z]` apart where a layer is conditional; else `z` is None.

    Shapes pass as well as tensors.

    Raises
    ------
    ValueError
        When a condition is missing.
    """
    if not is_conditional:
        return inputs, None
    return conditional.split_pair(inputs, where)


@registration.register('ddsp.training.nn')
class NormReluConv(basic.Stack):
    """Normalises, sets what is negative to 0, convolves.

    Parameters
    ----------
    ch : channels that come out.
    k : size of the kernel, in time and in frequency.
    s : stride in frequency.
    norm_type : see `normalize_op`.
    **kwargs : `name`, `trainable` and `dtype`.
    """

    def __init__(
        self, ch: int, k: int, s: int, norm_type: str | None, **kwargs: Any
    ) -> None:
        dtype = kwargs.get('dtype')
        layers = [
            normalization.Normalize(norm_type, dtype=dtype),
            keras.layers.Activation('relu', dtype=dtype),
            keras.layers.Conv2D(ch, (k, k), (1, s), padding='same', dtype=dtype),
        ]
        super().__init__(layers, **kwargs)
        self.ch, self.k, self.s, self.norm_type = ch, k, s, norm_type


@registration.register('ddsp.training.nn')
class ResidualLayer(registration.Configured, keras.layers.Layer):
    """Adds to its input what a bottleneck of three convolutions makes of it.

    Takes `[batch, time, frequency, channels]` and gives `4 * ch` channels and the
    frequency divided by the stride; `[x, z]` where it is conditional.

    Parameters
    ----------
    ch : channels of the bottleneck.
    stride : of the frequency.
    shortcut : whether a convolution fits the input to what is added to it. Without it,
        the input must have `4 * ch` channels and the stride be 1.
    norm_type : see `normalize_op`.
    conditional : whether `z` scales and shifts the first norm.
    shift_only : whether `z` only shifts.
    **kwargs : passed on to `keras.layers.Layer`.
    """

    def __init__(
        self,
        ch: int,
        stride: int,
        shortcut: bool,
        norm_type: str | None,
        conditional: bool,
        shift_only: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.ch, self.stride, self.shortcut = ch, stride, shortcut
        self.norm_type = norm_type
        self.conditional, self.shift_only = conditional, shift_only
        self._make_layers()

    def _make_layers(self) -> None:
        dtype = self.dtype_policy
        self.norm_input = conditional.get_norm(
            self.norm_type, self.conditional, self.shift_only, dtype=dtype
        )
        ch_out = _EXPANSION * self.ch
        if self.shortcut:
            self.conv_proj = keras.layers.Conv2D(
                ch_out,
                (1, 1),
                (1, self.stride),
                padding='same',
                name='conv_proj',
                dtype=dtype,
            )
        layers = [
            keras.layers.Conv2D(self.ch, (1, 1), padding='same', dtype=dtype),
            NormReluConv(self.ch, 3, self.stride, self.norm_type, dtype=dtype),
            NormReluConv(ch_out, 1, 1, self.norm_type, dtype=dtype),
        ]
        self.bottleneck = basic.Stack(layers, name='bottleneck', dtype=dtype)

    def build(self, inputs_shape: Any) -> None:
        """Builds the layers inside.

        Raises
        ------
        ValueError
            When the condition is missing. Without a shortcut, when the stride is not 1
            or the channels are not `4 * ch`.
        """
        x_shape, _ = split_condition(inputs_shape, self.conditional, self.name)
        self._check(x_shape)
        self.norm_input.build(inputs_shape)
        if self.shortcut:
            self.conv_proj.build(x_shape)
        self.bottleneck.build(x_shape)

    def _check(self, x_shape: Sequence[int | None]) -> None:
        ch_out = _EXPANSION * self.ch
        if not self.shortcut and (self.stride != 1 or x_shape[-1] != ch_out):
            raise ValueError(
                f'{self.name}: without a shortcut the stride must be 1, it is '
                f'{self.stride}, and the input must have 4 * ch = {ch_out} channels, '
                f'it has {x_shape[-1]}.'
            )

    def call(self, inputs: Any) -> tf.Tensor:
        """Gives `[batch, time, frequency / stride, 4 * ch]`."""
        x, _ = split_condition(inputs, self.conditional, self.name)
        y = tf.nn.relu(self.norm_input(inputs))
        if self.shortcut:
            x = self.conv_proj(y)
        return x + self.bottleneck(y)

    def compute_output_shape(self, inputs_shape: Any) -> tuple:
        """The shape of what `call` gives."""
        x_shape, _ = split_condition(inputs_shape, self.conditional, self.name)
        return self.bottleneck.compute_output_shape(tuple(x_shape))


class _Chain(registration.Configured, keras.layers.Layer):
    """Layers in a row in `self.layers`, of which some take `[x, z]`."""

    conditional = False

    def build(self, inputs_shape: Any) -> None:
        """Builds the layers inside."""
        x_shape, z_shape = split_condition(inputs_shape, self.conditional, self.name)
        for layer in self.layers:
            shapes = self._inputs_of(layer, tuple(x_shape), z_shape)
            layer.build(shapes)
            x_shape = layer.compute_output_shape(shapes)

    def call(self, inputs: Any) -> tf.Tensor:
        """Passes `x`, or `[x, z]`, through the layers."""
        x, z = split_condition(inputs, self.conditional, self.name)
        for layer in self.layers:
            x = layer(self._inputs_of(layer, x, z))
        return x

    def _inputs_of(self, layer: keras.layers.Layer, x: Any, z: Any) -> Any:
        return [x, z] if getattr(layer, 'conditional', False) else x

    def compute_output_shape(self, inputs_shape: Any) -> tuple:
        """The shape of what `call` gives."""
        x_shape, z_shape = split_condition(inputs_shape, self.conditional, self.name)
        for layer in self.layers:
            x_shape = layer.compute_output_shape(
                self._inputs_of(layer, tuple(x_shape), z_shape)
            )
        return tuple(x_shape)


@registration.register('ddsp.training.nn')
class ResidualStack(_Chain):
    """Blocks of residual layers, then a norm and a nonlinearity.

    Takes `[batch, time, frequency, channels]`, or `[x, z]` where it is conditional.

    Parameters
    ----------
    filters : channels of the bottlenecks of each block; 4 times as many come out.
    block_sizes : number of layers of each block.
    strides : of the frequency, in the first layer of each block.
    norm_type : see `normalize_op`.
    conditional : whether `z` scales and shifts the norms.
    shift_only : whether `z` only shifts.
    nonlinearity : the last one, see `get_nonlinearity`.
    **kwargs : passed on to `keras.layers.Layer`.

    Raises
    ------
    ValueError
        When the three lists differ in length.
    """

    def __init__(
        self,
        filters: Sequence[int],
        block_sizes: Sequence[int],
        strides: Sequence[int],
        norm_type: str | None,
        conditional: bool = False,
        shift_only: bool = False,
        nonlinearity: str | Callable = 'relu',
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters, self.block_sizes = list(filters), list(block_sizes)
        self.strides = list(strides)
        self.norm_type = norm_type
        self.conditional, self.shift_only = conditional, shift_only
        self.nonlinearity = nonlinearity
        if not len(self.filters) == len(self.block_sizes) == len(self.strides):
            raise ValueError(
                f'{self.name}: filters {self.filters}, block_sizes {self.block_sizes} '
                f'and strides {self.strides} must have one entry for each block.'
            )
        dtype = self.dtype_policy
        activation = basic.get_nonlinearity(nonlinearity)
        self.layers = [
            *self._residual_layers(),
            normalization.Normalize(norm_type, dtype=dtype),
            keras.layers.Activation(activation, dtype=dtype),
        ]

    def _residual_layers(self) -> list[ResidualLayer]:
        """The first layer of each block makes the input fit."""
        return [
            ResidualLayer(
                ch,
                stride if i == 0 else 1,
                i == 0,
                self.norm_type,
                self.conditional,
                self.shift_only,
                dtype=self.dtype_policy,
            )
            for ch, size, stride in zip(self.filters, self.block_sizes, self.strides)
            for i in range(size)
        ]


@registration.register('ddsp.training.nn')
class ResNet(_Chain):
    """A residual network that reads spectrograms.

    Takes `[batch, time, frequency, channels]`, or `[x, z]` where it is conditional, and
    gives `[batch, time, frequency / 32, channels]`, with 512 channels (`'tiny'`), 1024
    (`'small'`, `'medium'`) or 2048 (`'large'`).

    Parameters
    ----------
    size : `'tiny'`, `'small'`, `'medium'` or `'large'`.
    norm_type : see `normalize_op`.
    conditional : whether `z` scales and shifts the norms.
    shift_only : whether `z` only shifts.
    **kwargs : passed on to `keras.layers.Layer`.

    Raises
    ------
    ValueError
        For an unknown size.
    """

    def __init__(
        self,
        size: str = 'large',
        norm_type: str | None = 'layer',
        conditional: bool = False,
        shift_only: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if size not in _SIZES:
            raise ValueError(
                f'{self.name}: size is {size!r}, expected one of {list(_SIZES)}.'
            )
        self.size, self.norm_type = size, norm_type
        self.conditional, self.shift_only = conditional, shift_only
        self._make_layers()

    def _make_layers(self) -> None:
        ch, blocks, last_block = _SIZES[self.size]
        dtype = self.dtype_policy
        shared = (self.norm_type, self.conditional, self.shift_only)
        self.layers = [
            keras.layers.Conv2D(64, (7, 7), (1, 2), padding='same', dtype=dtype),
            keras.layers.MaxPool2D((1, 3), (1, 2), padding='same', dtype=dtype),
            ResidualStack(
                [ch, 2 * ch, 4 * ch], blocks, [1, 2, 2], *shared, dtype=dtype
            ),
            ResidualStack([8 * ch], [last_block], [2], *shared, dtype=dtype),
        ]
