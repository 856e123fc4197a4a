"""How samples lie between frames: the grid on which controls become audio.

Controls come at the frame rate, audio at the sample rate. Sample n stands at the
position `n * n_frames / n_samples`, counted in frames: the whole part says in which
frame, the rest how far inside. A grid holds these numbers once, as `[frames, hop]`, so
that resampling, phase and synthesis work frame by frame and nothing is stretched to
`[batch, samples, channels]` first.
"""

from __future__ import annotations

import numbers
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ddsp.core.tensors import size

# What is between frames is made from these neighbours of the frame, in this order.
TAP_OFFSETS = {
    'nearest': (0,),
    'linear': (0, 1),
    'window': (0, 1),
    'cubic': (-1, 0, 1, 2),
}


class FrameGrid(NamedTuple):
    """The samples of a signal, laid out as `[frames, hop]`.

    When every frame has the same number of samples, `fraction`, `cumulative` and
    `count` are shared by all frames and have no axis for them. Otherwise `hop` is the
    longest frame, shorter ones have unused places at their end, and `place` picks the
    used ones.

    Attributes
    ----------
    n_frames, n_samples, hop : integers, or scalar tensors where a size is unknown.
    fraction : float64 `[hop]` or `[frames, hop]`, the place inside the frame, [0, 1).
    cumulative : like `fraction`, its running sum, the sample itself included.
    count : float64 `[]` or `[frames]`, samples in a frame.
    total : float64 `[]` or `[frames]`, the sum of the fractions over a frame.
    place : int32 `[samples]` into the flattened grid, or None when all is used.
    """

    n_frames: Any
    n_samples: Any
    hop: Any
    fraction: Any
    cumulative: Any
    count: Any
    total: Any
    place: Any

    def flatten(self, x: tf.Tensor) -> tf.Tensor:
        """Turns `[batch, frames, hop, ...]` into `[batch, samples, ...]`."""
        inner = [size(x, axis) for axis in range(3, x.shape.rank)]
        if self.place is None:
            return tf.reshape(x, [size(x, 0), self.n_samples, *inner])
        x = tf.reshape(x, [size(x, 0), self.n_frames * self.hop, *inner])
        return tf.gather(x, self.place, axis=1)


def frame_grid(n_frames: Any, n_samples: Any = None, hop_size: int | None = None):
    """Lays `n_samples` samples on `n_frames` frames, the last frame held.

    Parameters
    ----------
    n_frames : number of frames, an integer or a scalar tensor.
    n_samples : number of samples, likewise; None means `n_frames * hop_size`.
    hop_size : samples a frame, for when `n_samples` is None.

    Returns
    -------
    A `FrameGrid`.

    Raises
    ------
    ValueError
        When neither `n_samples` nor `hop_size` is given.
    """
    if n_samples is None:
        if hop_size is None:
            raise ValueError(
                'n_samples is None, so the samples of a frame must be known: give '
                'hop_size, or a sample_rate that is a multiple of the frame_rate.'
            )
        return _even_grid(n_frames, n_frames * hop_size, hop_size)
    if isinstance(n_samples, numbers.Integral):
        n_samples = int(n_samples)
    known = isinstance(n_frames, int) and isinstance(n_samples, int)
    if known and n_samples and n_samples % n_frames == 0:
        return _even_grid(n_frames, n_samples, n_samples // n_frames)
    return _uneven_grid(n_frames, n_samples)


def _even_grid(n_frames: Any, n_samples: Any, hop: int) -> FrameGrid:
    fraction = np.arange(hop, dtype=np.float64) / hop
    return FrameGrid(
        n_frames,
        n_samples,
        hop,
        fraction=fraction,
        cumulative=np.cumsum(fraction),
        count=np.float64(hop),
        total=np.float64((hop - 1) / 2),
        place=None,
    )


def _uneven_grid(n_frames: Any, n_samples: Any) -> FrameGrid:
    """The general case; integers are exact in int64 up to 2**63 / samples."""
    frames, samples = tf.cast(n_frames, tf.int64), tf.cast(n_samples, tf.int64)
    frame = tf.range(frames, dtype=tf.int64)
    # Ceiling division: the first sample at or after the start of each frame.
    first = -((-frame * samples) // frames)
    count = -((-(frame + 1) * samples) // frames) - first
    hop = -(-samples // frames)
    sample = first[:, None] + tf.range(hop, dtype=tf.int64)
    inside = sample * frames - frame[:, None] * samples
    used = tf.range(hop, dtype=tf.int64) < count[:, None]
    fraction = tf.cast(inside, tf.float64) / tf.cast(samples, tf.float64)
    fraction = tf.where(used, fraction, 0.0)
    cumulative = tf.cumsum(fraction, axis=1)
    n = tf.range(samples, dtype=tf.int64)
    frame_of_n = n * frames // samples
    place = frame_of_n * hop + n - tf.gather(first, frame_of_n)
    return FrameGrid(
        n_frames,
        n_samples,
        tf.cast(hop, tf.int32),
        fraction=fraction,
        cumulative=cumulative,
        count=tf.cast(count, tf.float64),
        total=cumulative[:, -1],
        place=tf.cast(place, tf.int32),
    )


def check_method(method: str) -> None:
    """Refuses a method of resampling that is not known.

    Raises
    ------
    ValueError
        When there is no such method.
    """
    if method not in TAP_OFFSETS:
        raise ValueError(
            f'there is no resampling method {method!r}; known: {sorted(TAP_OFFSETS)}.'
        )


def tap_weights(fraction: Any, method: str) -> tf.Tensor:
    """Weighs the neighbouring frames at each position between two frames.

    Parameters
    ----------
    fraction : float64 positions inside a frame, [0, 1), of any shape.
    method : 'nearest', 'linear', 'window' (raised cosine) or 'cubic' (Keys 1981, with
        a = -0.75).

    Returns
    -------
    float32 weights `[..., taps]` for the frames at `TAP_OFFSETS[method]`, summing to 1.

    Raises
    ------
    ValueError
        When there is no such method.
    """
    check_method(method)
    x = tf.convert_to_tensor(fraction, tf.float64)
    if method == 'nearest':
        weights = [tf.ones_like(x)]
    elif method == 'linear':
        weights = [1.0 - x, x]
    elif method == 'window':
        rise = 0.5 - 0.5 * tf.cos(np.pi * x)
        weights = [1.0 - rise, rise]
    else:
        # Existing programs hold positions of 1/1024 frame; finer ones are not audible.
        x = tf.round(x * 1024.0) / 1024.0
        weights = [_keys(1.0 + x), _keys(x), _keys(1.0 - x), _keys(2.0 - x)]
    return tf.cast(tf.stack(weights, axis=-1), tf.float32)


def _keys(distance: tf.Tensor, a: float = -0.75) -> tf.Tensor:
    """The cubic convolution kernel of Keys (1981) at distances from 0 to 2."""
    d = distance
    near = ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0
    far = ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a
    return tf.where(d <= 1.0, near, far)


def neighbour(x: tf.Tensor, offset: int) -> tf.Tensor:
    """The frames `offset` later on axis 1, the first and the last frame held."""
    if offset == 0:
        return x
    # A signal shorter than the offset is all held ends, so cut to its own length.
    if offset > 0:
        return tf.concat([x[:, offset:]] + [x[:, -1:]] * offset, 1)[:, -size(x, 1) :]
    return tf.concat([x[:, :1]] * -offset + [x[:, :offset]], 1)[:, : size(x, 1)]


def neighbours(x: tf.Tensor, method: str) -> list[tf.Tensor]:
    """What `tap_weights` weighs: one tensor like `x` for each tap."""
    check_method(method)
    return [neighbour(x, offset) for offset in TAP_OFFSETS[method]]
