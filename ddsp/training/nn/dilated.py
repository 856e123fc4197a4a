"""Stacks of dilated convolutions along time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ddsp import core, registration
from ddsp.training.nn import basic, conditional, normalization, splits, weights
from ddsp.training.nn.resnet import split_condition
from ddsp.training.nn.spectral_norm import SpectralNormalization

_RESAMPLE_TYPES = (None, 'downsample', 'upsample')


@registration.register('ddsp.training.nn')
class DilatedConvStack(registration.Configured, keras.layers.Layer):
    """Residual convolutions that hear ever further, and may change the frame rate.

    Takes `[batch, time, channels]`, or `[x, z]` where it is conditional, and gives
    `[batch, time, ch]`. Each layer hears frames before and after its own.

    Parameters
    ----------
    ch : channels of each convolution.
    layers_per_stack : layers of a stack. Layer i has dilation `dilation**i`.
    stacks : number of stacks.
    kernel_size : frames that a convolution joins.
    dilation : growth of the dilation from one layer to the next. Below 0 it shrinks
        instead, and layer i has `(-dilation)**(layers_per_stack - i - 1)`.
    norm_type : of each layer after its convolution, see `normalize_op`.
    resample_type : `'downsample'`, `'upsample'`, or None to keep the frame rate.
    resample_stride : factor of each change of rate.
    stacks_per_resample : stacks for each change of rate.
    resample_after_convolve : whether rates change after these stacks or before them.
    spectral_norm : whether kernels are normalised, see `SpectralNormalization`.
    ortho_init : whether kernels start orthogonal.
    shift_only : whether `z` only shifts.
    conditional : whether `z`, `[batch, time, z_dims]` or `[batch, z_dims]`, scales and
        shifts each layer. It is resampled where the frame rate changes.
    **kwargs : passed on to `keras.layers.Layer`.

    Raises
    ------
    ValueError
        For a number below 1, a dilation of 0, or an unknown type.
    """

    def __init__(
        self,
        ch: int = 256,
        layers_per_stack: int = 5,
        stacks: int = 2,
        kernel_size: int = 3,
        dilation: int = 2,
        norm_type: str | None = None,
        resample_type: str | None = None,
        resample_stride: int = 1,
        stacks_per_resample: int = 1,
        resample_after_convolve: bool = True,
        spectral_norm: bool = False,
        ortho_init: bool = False,
        shift_only: bool = False,
        conditional: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.ch, self.kernel_size, self.dilation = ch, kernel_size, dilation
        self.layers_per_stack, self.stacks = layers_per_stack, stacks
        self.norm_type = norm_type
        self.resample_type, self.resample_stride = resample_type, resample_stride
        self.stacks_per_resample = stacks_per_resample
        self.resample_after_convolve = resample_after_convolve
        self.spectral_norm, self.ortho_init = spectral_norm, ortho_init
        self.shift_only, self.conditional = shift_only, conditional
        self._check()
        self._make_layers()

    def _check(self) -> None:
        normalization.check_norm_type(self.norm_type, self.name)
        for key in (
            'ch',
            'layers_per_stack',
            'stacks',
            'kernel_size',
            'resample_stride',
            'stacks_per_resample',
        ):
            if getattr(self, key) < 1:
                raise ValueError(
                    f'{self.name}: {key} is {getattr(self, key)}, expected at least 1.'
                )
        if self.dilation == 0:
            raise ValueError(f'{self.name}: dilation is 0, expected 1, 2, -2 or such.')
        if self.resample_type not in _RESAMPLE_TYPES:
            raise ValueError(
                f'{self.name}: resample_type is {self.resample_type!r}, expected one '
                f'of {list(_RESAMPLE_TYPES)}.'
            )

    def _make_layers(self) -> None:
        self.conv_in = self._conv(self.kernel_size)
        self.layers: list[keras.layers.Layer] = []
        self.norms: list[keras.layers.Layer] = []
        self.resample_layers: list[keras.layers.Layer] = []
        for _ in range(self.stacks):
            for i in range(self.layers_per_stack):
                self.layers.append(self._dilated_conv(i))
                self.norms.append(
                    conditional.get_norm(
                        self.norm_type,
                        self.conditional,
                        self.shift_only,
                        dtype=self.dtype_policy,
                    )
                )
        if self.resample_type:
            # Before the first stack of each group, or after the last.
            offset = self.stacks_per_resample - 1
            n_resamples = (
                self.stacks // self.stacks_per_resample
                if self.resample_after_convolve
                else (self.stacks + offset) // self.stacks_per_resample
            )
            self.resample_layers += [self._resample() for _ in range(n_resamples)]

    def _conv(
        self, size: int, stride: int = 1, dilation: int = 1, transpose: bool = False
    ) -> keras.layers.Layer:
        make = keras.layers.Conv2DTranspose if transpose else keras.layers.Conv2D
        start = weights.orthogonal if self.ortho_init else 'glorot_uniform'
        layer = make(
            self.ch,
            (size, 1),
            (stride, 1),
            dilation_rate=(dilation, 1),
            padding='same',
            kernel_initializer=start,
            dtype=self.dtype_policy,
        )
        if self.spectral_norm:
            return SpectralNormalization(layer, dtype=self.dtype_policy)
        return layer

    def _dilated_conv(self, i: int) -> keras.layers.Layer:
        """The i-th layer of a stack."""
        rate = self.dilation**i
        if self.dilation < 0:
            rate = (-self.dilation) ** (self.layers_per_stack - i - 1)
        relu = keras.layers.Activation('relu', dtype=self.dtype_policy)
        conv = self._conv(self.kernel_size, dilation=rate)
        return basic.Stack([relu, conv], dtype=self.dtype_policy)

    def _resample(self) -> keras.layers.Layer:
        stride = self.resample_stride
        if self.resample_type == 'downsample':
            return self._conv(stride, stride)
        return self._conv(2 * stride, stride, transpose=True)

    def build(self, inputs_shape: Any) -> None:
        """Builds the layers inside.

        Raises
        ------
        ValueError
            When `x` is not of rank 3, or the condition is missing.
        """
        x_shape, z_shape = split_condition(inputs_shape, self.conditional, self.name)
        if len(x_shape) != 3:
            raise ValueError(
                f'{self.name}: x has shape {tuple(x_shape)}, expected '
                '[batch, time, channels].'
            )
        self.conv_in.build((x_shape[0], None, 1, x_shape[-1]))
        shape = (x_shape[0], None, 1, self.ch)
        for layer in (*self.layers, *self.resample_layers):
            layer.build(shape)
        for norm in self.norms:
            norm.build([shape, z_shape] if self.conditional else shape)

    def call(self, inputs: Any) -> tf.Tensor:
        """Gives `[batch, time, ch]`, or that at another frame rate."""
        x, z = split_condition(inputs, self.conditional, self.name)
        x = self.conv_in(splits.ensure_4d(x))
        before = self.resample_type and not self.resample_after_convolve
        after = self.resample_type and self.resample_after_convolve
        every = self.layers_per_stack * self.stacks_per_resample
        for i, (layer, norm) in enumerate(zip(self.layers, self.norms)):
            if before and i % every == 0:
                x = self.resample_layers[i // every](x)
            y = layer(x)
            x += norm([y, self._at_rate_of(z, x)] if self.conditional else y)
            if after and (i + 1) % every == 0:
                x = self.resample_layers[i // every](x)
        return splits.inv_ensure_4d(x, 3)

    def _at_rate_of(self, z: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """A condition with as many frames as `x`."""
        has_time = z.shape.rank > 2 and z.shape[1] != 1
        if not self.resample_type or not has_time:
            return z
        n_frames = core.tensors.size(x, 1)
        if z.shape[1] is not None and z.shape[1] == x.shape[1]:
            return z
        return tf.cast(core.resample(z, n_frames), z.dtype)

    def compute_output_shape(self, inputs_shape: Any) -> tuple:
        """The shape of what `call` gives."""
        x_shape, _ = split_condition(inputs_shape, self.conditional, self.name)
        shape: Sequence[int | None] = (x_shape[0], x_shape[1], 1, self.ch)
        for layer in self.resample_layers:
            shape = layer.compute_output_shape(shape)
        return (*shape[:2], self.ch)
