"""Where a block stands in its stream, and the last of one block before the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from ddsp.core.tensors import pad_axis, size

#: The end of a stream of which no end is known.
NO_END = 1 << 62

Memory = Mapping[str, tf.Tensor]


class Span(NamedTuple):
    """Where a block stands in its stream.

    Attributes
    ----------
    position : int64 scalar, the place of the block's first sample. It is below 0 where
        other processors hold a signal back before it begins.
    end : int64 scalar, the place where the stream ends.
    """

    position: tf.Tensor
    end: tf.Tensor

    def inside(self, n: Any, step: int = 1, late: int = 0) -> tf.Tensor:
        """Which of `n` frames, each of `step` samples, lie in the stream.

        Parameters
        ----------
        n : how many, an integer or a scalar tensor.
        step : samples from one to the next.
        late : how many samples before the block the first of them stands.

        Returns
        -------
        bool `[n_frames]`, of `n` frames.
        """
        place = tf.range(tf.cast(n, tf.int64), dtype=tf.int64) * step
        place += self.position - late
        return (place >= 0) & (place < self.end)


def mute(x: tf.Tensor, sounds: tf.Tensor) -> tf.Tensor:
    """Makes 0 what does not sound, and is not a number maybe, on axis 1."""
    shape = [1, -1] + [1] * (x.shape.rank - 2)
    return tf.where(tf.reshape(sounds, shape), x, tf.zeros_like(x))


def finite_or_zero(x: tf.Tensor) -> tf.Tensor:
    """Puts 0 in place of NaN and infinity, which a memory would never lose."""
    return tf.where(tf.math.is_finite(x), x, tf.zeros_like(x))


def join(kept: tf.Tensor, new: tf.Tensor) -> tf.Tensor:
    """A block after what was kept, on axis 1; a batch or channels of 1 grow."""
    kept, new = _same_axes(kept, new)
    return tf.concat([kept, new], axis=1)


def last(x: tf.Tensor, n: Any) -> tf.Tensor:
    """The last `n` of axis 1, of which there are as many."""
    rest = x[:, size(x, 1) - n :]
    if isinstance(n, int):
        rest.set_shape([x.shape[0], n, *x.shape[2:]])
    return rest


def fit(x: tf.Tensor, n: Any) -> tf.Tensor:
    """Cuts off the end of the last axis, or fills it up with zeros, to length `n`."""
    length = size(x, -1)
    if isinstance(length, int) and isinstance(n, int):
        missing = max(n - length, 0)
    else:
        missing = tf.maximum(n - length, 0)
    if not isinstance(missing, int) or missing:
        x = pad_axis(x, (0, missing), axis=-1)
    return x[..., :n]


def delay(x: tf.Tensor, waiting: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Gives axis 1 later by what waits.

    Parameters
    ----------
    x : `[batch, time, ...]`.
    waiting : `[batch, delay, ...]`.

    Returns
    -------
    What comes out, like `x`, and what waits now, like `waiting`.
    """
    held = size(waiting, 1)
    joined = join(waiting, x)
    return joined[:, : size(joined, 1) - held], last(joined, held)


def _same_axes(kept: tf.Tensor, new: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Repeats axes of size 1, all but the second; what was not known is added."""
    if kept.shape.rank != new.shape.rank:
        kept = kept[..., 0] if kept.shape.rank > new.shape.rank else kept[..., None]
    axes = [i for i in range(new.shape.rank) if i != 1]
    if [kept.shape[i] for i in axes] == [new.shape[i] for i in axes]:
        return kept, new
    kept = kept + tf.zeros_like(new[:, :1])
    new = new + tf.zeros_like(kept[:, :1]) if kept.shape[1] != 0 else new
    return kept, new
