"""Other rates of time without filters: phases of time become channels, and back."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ddsp import core, registration
from ddsp.core import checks
from ddsp.training.nn import splits

_RESAMPLE_TYPES = ('down', 'up')
_TRIM_OR_PAD = ('trim', 'pad')


def polyphase_resample(
    x: Any, stride: int = 2, resample_type: str = 'down', trim_or_pad: str = 'pad'
) -> tf.Tensor:
    """Turns `stride` neighbouring frames into channels of one frame, or back.

    `'down'` gives `time / stride` frames of `stride * channels` channels: those of the
    first frame, then of the second. `'up'` undoes it: `stride * time` frames of
    `channels / stride` channels. Nothing is lost where the sizes divide.

    Parameters
    ----------
    x : `[batch, time, channels]` or `[batch, time, width, channels]`.
    stride : frames that become one, or that one becomes.
    resample_type : `'down'` or `'up'`.
    trim_or_pad : what to do about frames (down) or channels (up) that are no multiple
        of the stride: leave out the last ones, or append zeros.

    Returns
    -------
    `[batch, time / stride, channels * stride]` for `'down'`, and
    `[batch, time * stride, channels / stride]` for `'up'`; a width stays.

    Raises
    ------
    ValueError
        For another rank, a stride below 1, an unknown type, or fewer channels than
        `'up'` with `'trim'` can share out.

    Examples
    --------
    >>> x = tf.constant([[[1.0], [2.0], [3.0]]])
    >>> polyphase_resample(x).numpy().tolist()
    [[[1.0, 2.0], [3.0, 0.0]]]
    """
    x = tf.convert_to_tensor(x)
    where = 'polyphase_resample'
    checks.check_rank(x, (3, 4), 'x', where, '[batch, time, channels]')
    _check(stride, resample_type, trim_or_pad, where)
    as_4d = splits.ensure_4d(x)
    fn = _down if resample_type == 'down' else _up
    return splits.inv_ensure_4d(fn(as_4d, stride, trim_or_pad), x.shape.rank)


def _check(stride: int, resample_type: str, trim_or_pad: str, where: str) -> None:
    if stride < 1:
        raise ValueError(f'{where}: stride is {stride}, expected at least 1.')
    for name, value, known in (
        ('resample_type', resample_type, _RESAMPLE_TYPES),
        ('trim_or_pad', trim_or_pad, _TRIM_OR_PAD),
    ):
        if value not in known:
            raise ValueError(
                f'{where}: {name} is {value!r}, expected one of {list(known)}.'
            )


def _down(x: tf.Tensor, stride: int, trim_or_pad: str) -> tf.Tensor:
    x = _to_multiple(x, 1, stride, trim_or_pad)
    batch, time, width, channels = (core.tensors.size(x, axis) for axis in range(4))
    x = tf.reshape(x, [batch, time // stride, stride, width, channels])
    x = tf.transpose(x, [0, 1, 3, 2, 4])
    return tf.reshape(x, [batch, time // stride, width, stride * channels])


def _up(x: tf.Tensor, stride: int, trim_or_pad: str) -> tf.Tensor:
    if trim_or_pad == 'trim' and (x.shape[-1] or stride) < stride:
        raise ValueError(
            f'polyphase_resample: {x.shape[-1]} channels cannot become {stride} frames.'
        )
    x = _to_multiple(x, 3, stride, trim_or_pad)
    batch, time, width, channels = (core.tensors.size(x, axis) for axis in range(4))
    x = tf.reshape(x, [batch, time, width, stride, channels // stride])
    x = tf.transpose(x, [0, 1, 3, 2, 4])
    return tf.reshape(x, [batch, time * stride, width, channels // stride])


def _to_multiple(x: tf.Tensor, axis: int, stride: int, trim_or_pad: str) -> tf.Tensor:
    """Makes the length of an axis a multiple of the stride."""
    length = core.tensors.size(x, axis)
    if trim_or_pad == 'pad':
        return core.pad_axis(x, (0, -length % stride), axis)
    whole = length - length % stride
    return x[(slice(None),) * axis + (slice(whole),)]


@registration.register('ddsp.training.nn')
class PolyphaseResample(registration.Configured, keras.layers.Layer):
    """Does `polyphase_resample` as a layer.

    Parameters
    ----------
    stride, resample_type, trim_or_pad : see there.
    **kwargs : passed on to `keras.layers.Layer`.

    Raises
    ------
    ValueError
        For a stride below 1 or an unknown type.
    """

    def __init__(
        self,
        stride: int = 2,
        resample_type: str = 'down',
        trim_or_pad: str = 'pad',
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _check(stride, resample_type, trim_or_pad, self.name)
        self.stride = stride
        self.resample_type = resample_type
        self.trim_or_pad = trim_or_pad

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Resamples `[batch, time, channels]`, or the same with a width."""
        return polyphase_resample(x, self.stride, self.resample_type, self.trim_or_pad)
