"""Layers that a second signal tells how to scale and shift the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ddsp import registration
from ddsp.training.nn import normalization

Shape = Sequence[int | None]


@registration.register('ddsp.training.nn')
class ConditionalScaleAndShift(registration.Configured, keras.layers.Layer):
    """Scales and shifts each channel of `x` as `z` says, through a dense layer.

    Takes the list `[x, z]`. `x` is `[batch, time, channels]` or
    `[batch, time, width, channels]`. `z` has a time axis of the length of `x`, or of
    length 1, or none: `[batch, time, z_dims]` or `[batch, z_dims]`.

    Parameters
    ----------
    shift_only : whether to leave the scale alone.
    **kwargs : passed on to `keras.layers.Layer`.
    """

    def __init__(self, shift_only: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shift_only = shift_only

    def build(self, inputs_shapes: Sequence[Shape]) -> None:
        """Makes the dense layer, with two units for each channel of `x`, or one.

        Raises
        ------
        ValueError
            When the inputs are not a list of two.
        """
        x_shape, z_shape = split_pair(inputs_shapes, self.name)
        self.x_ch = int(x_shape[-1])
        units = self.x_ch if self.shift_only else 2 * self.x_ch
        self.dense = keras.layers.Dense(units, name='dense', dtype=self.dtype_policy)
        self.dense.build(tuple(z_shape))

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        """Gives a tensor of the shape of `x` for `[x, z]`.

        Raises
        ------
        ValueError
            When the inputs are not a list of two.
        """
        x, z = split_pair(inputs, self.name)
        scale_and_shift = _like(self.dense(z), x)
        if self.shift_only:
            return x + scale_and_shift
        scale, shift = tf.split(scale_and_shift, 2, axis=-1)
        return x * scale + shift

    def compute_output_shape(self, inputs_shapes: Sequence[Shape]) -> Any:
        """The shape of `x`."""
        return tuple(inputs_shapes[0])


@registration.register('ddsp.training.nn')
class ConditionalNorm(registration.Configured, keras.layers.Layer):
    """Normalises `x`, then scales and shifts it as `z` says.

    Takes the list `[x, z]`, see `ConditionalScaleAndShift`.

    Parameters
    ----------
    norm_type : see `normalize_op`.
    shift_only : whether to leave the scale alone.
    **kwargs : passed on to `keras.layers.Layer`.

    Raises
    ------
    ValueError
        For an unknown norm.
    """

    def __init__(
        self,
        norm_type: str | None = 'instance',
        shift_only: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        normalization.check_norm_type(norm_type, self.name)
        self.norm_type = norm_type
        self.shift_only = shift_only
        self.conditional_scale_and_shift = ConditionalScaleAndShift(
            shift_only, name='conditional_scale_and_shift', dtype=self.dtype_policy
        )

    def build(self, inputs_shapes: Sequence[Shape]) -> None:
        """Builds the layer inside."""
        self.conditional_scale_and_shift.build(inputs_shapes)

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        """Gives a tensor of the shape of `x` for `[x, z]`.

        Raises
        ------
        ValueError
            When the inputs are not a list of two.
        """
        x, z = split_pair(inputs, self.name)
        normalized = normalization.normalize_op(x, self.norm_type)
        return self.conditional_scale_and_shift([normalized, z])

    def compute_output_shape(self, inputs_shapes: Sequence[Shape]) -> Any:
        """The shape of `x`."""
        return tuple(inputs_shapes[0])


def get_norm(
    norm_type: str | None, conditional: bool, shift_only: bool, **kwargs: Any
) -> keras.layers.Layer:
    """Makes the norm of a network's layer.

    Parameters
    ----------
    norm_type : see `normalize_op`.
    conditional : True for a layer that takes `[x, z]`, False for one that takes `x`.
    shift_only : whether `z` only shifts.
    **kwargs : passed on to the layer.

    Returns
    -------
    A layer.
    """
    if conditional:
        return ConditionalNorm(norm_type, shift_only, **kwargs)
    return normalization.Normalize(norm_type, **kwargs)


def split_pair(inputs: Any, where: str) -> tuple[Any, Any]:
    """Takes `[x, z]`, of tensors or shapes, apart.

    Raises
    ------
    ValueError
        When the inputs are not a list of two.
    """
    if not isinstance(inputs, (list, tuple)) or len(inputs) != 2:
        raise ValueError(
            f'{where} is conditional: expected a list [x, z], of a signal and what '
            f'conditions it, got {type(inputs).__name__}.'
        )
    return inputs[0], inputs[1]


def _like(z: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Puts axes before the last one of `z` until it has as many as `x`."""
    while z.shape.rank < x.shape.rank:
        z = tf.expand_dims(z, -2)
    return z
