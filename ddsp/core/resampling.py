"""From one rate to another: controls to audio rate, and back."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp.core.checks import check_not_empty, check_rank
from ddsp.core.grids import (
    TAP_OFFSETS,
    FrameGrid,
    check_method,
    frame_grid,
    neighbours,
    tap_weights,
)
from ddsp.core.tensors import size, tf_float32


def resample(
    inputs: Any, n_timesteps: Any, method: str = 'linear', add_endpoint: bool = True
) -> tf.Tensor:
    """Resamples frames to another number of time steps.

    Parameters
    ----------
    inputs : `[frames]`, `[batch, frames]`, `[batch, frames, channels]` or
        `[batch, frames, bins, channels]`.
    n_timesteps : time steps of the output, an integer or a scalar tensor.
    method : 'nearest', 'linear', 'cubic' or 'window' (raised cosine between frames;
        needs a whole number of time steps a frame).
    add_endpoint : True holds the last frame for a frame's length, so that a frame lasts
        `n_timesteps / frames` steps. False puts the last frame at the last step
        (for 'window', one step after it).

    Returns
    -------
    float32 of the same shape, but for `n_timesteps` in place of frames.

    Raises
    ------
    ValueError
        For another rank, an unknown method, or 'window' with a hop that is not whole.

    Examples
    --------
    >>> resample([0.0, 1.0], 4).numpy().tolist()
    [0.0, 0.5, 1.0, 1.0]
    >>> resample([0.0, 1.0], 3, add_endpoint=False).numpy().tolist()
    [0.0, 0.5, 1.0]
    """
    x = tf_float32(inputs)
    check_rank(x, (1, 2, 3, 4), 'inputs', 'resample', '[batch, frames, channels]')
    check_not_empty(x, 'inputs', 'resample')
    check_method(method)
    if isinstance(n_timesteps, numbers.Integral) and n_timesteps < 1:
        raise ValueError(
            f'resample: n_timesteps is {n_timesteps}, expected at least 1.'
        )
    if x.shape.rank == 1:
        return resample(x[tf.newaxis], n_timesteps, method, add_endpoint)[0]
    if method == 'window':
        return upsample_with_windows(x, n_timesteps, add_endpoint)
    n_frames = size(x, 1)
    if add_endpoint and _divides(n_frames, n_timesteps):
        return _spread(x, frame_grid(n_frames, n_timesteps), method)
    return _pick(x, n_frames, n_timesteps, method, add_endpoint)


def upsample_with_windows(
    inputs: Any, n_timesteps: Any, add_endpoint: bool = True
) -> tf.Tensor:
    """Upsamples frames by overlapping raised-cosine windows that sum to one.

    Parameters
    ----------
    inputs : `[batch, frames, channels]`; other ranks as in `resample`.
    n_timesteps : time steps of the output, a multiple of the frames (with
        `add_endpoint=False`, of frames - 1).
    add_endpoint : True holds the last frame; False ends where the last frame begins.

    Returns
    -------
    float32 `[batch, n_timesteps, channels]`.

    Raises
    ------
    ValueError
        When `n_timesteps` is not a multiple, or not more than the frames.

    Examples
    --------
    >>> upsample_with_windows([[[0.0], [1.0]]], 4).numpy().round(4).tolist()
    [[[0.0], [0.5], [1.0], [1.0]]]
    """
    x = tf_float32(inputs)
    check_rank(x, (2, 3, 4), 'inputs', 'upsample_with_windows', '[batch, frames, ...]')
    n_frames = size(x, 1)
    segments = n_frames if add_endpoint else n_frames - 1
    check_whole_hop(segments, n_timesteps)
    grid = frame_grid(segments, n_timesteps)
    return _spread(x, grid, 'window')


def check_whole_hop(n_frames: Any, n_samples: Any) -> None:
    """Refuses a known number of samples that is not a multiple of the frames.

    Raises
    ------
    ValueError
        When both are known and do not divide.
    """
    known = isinstance(n_frames, numbers.Integral)
    if not (known and isinstance(n_samples, numbers.Integral)):
        return
    if n_frames < 1 or n_samples < n_frames or n_samples % n_frames:
        raise ValueError(
            f"resampling by 'window' from {n_frames} frames to {n_samples} samples: "
            'it only goes up, by a whole number of samples a frame. '
            "Choose another length, or the method 'linear'."
        )


def center_crop(audio: Any, frame_size: int) -> tf.Tensor:
    """Takes off what centred frames added: `frame_size // 2` samples at each end.

    Parameters
    ----------
    audio : `[batch, samples]`.
    frame_size : size of the centred frames, in samples.

    Returns
    -------
    `[batch, samples - 2 * (frame_size // 2)]`.

    Raises
    ------
    ValueError
        For another rank, or audio no longer than what is taken off.

    Examples
    --------
    >>> center_crop([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]], frame_size=4).numpy().tolist()
    [[3.0, 4.0]]
    """
    audio = tf_float32(audio)
    check_rank(audio, 2, 'audio', 'center_crop', '[batch, samples]')
    padding = frame_size // 2
    if audio.shape[1] is not None and audio.shape[1] <= 2 * padding:
        raise ValueError(
            f'center_crop: audio has {audio.shape[1]} samples, not more than the '
            f'{2 * padding} that frames of {frame_size} added.'
        )
    return audio[:, padding : size(audio, 1) - padding]


def mix_taps(taps: list[tf.Tensor], grid: FrameGrid, method: str) -> tf.Tensor:
    """Interpolates frames on a grid: `[batch, frames, ...]` to `[.., frames, hop, ..]`.

    Parameters
    ----------
    taps : what `neighbours` gave.
    grid : of as many frames.
    method : the resampling method.
    """
    weights = tap_weights(grid.fraction, method)
    inner = taps[0].shape.rank - 2
    mixed = 0.0
    for i, tap in enumerate(taps):
        weight = weights[..., i]
        for _ in range(inner):
            weight = weight[..., tf.newaxis]
        mixed += tap[:, :, tf.newaxis] * weight
    return mixed


def _spread(x: tf.Tensor, grid: FrameGrid, method: str) -> tf.Tensor:
    """Upsampling frame by frame, without a gather."""
    taps = [tap[:, : grid.n_frames] for tap in neighbours(x, method)]
    return grid.flatten(mix_taps(taps, grid, method))


def _pick(
    x: tf.Tensor, n_frames: Any, n_timesteps: Any, method: str, add_endpoint: bool
) -> tf.Tensor:
    """Any length to any other, by picking the neighbours of each time step."""
    step = tf.range(tf.cast(n_timesteps, tf.int64), dtype=tf.int64)
    frames, steps = tf.cast(n_frames, tf.int64), tf.cast(n_timesteps, tf.int64)
    if not add_endpoint:
        frames, steps = frames - 1, tf.maximum(steps - 1, 1)
    numerator = step * frames
    if method == 'nearest' and not add_endpoint:
        # Rounded to the nearest frame, halves up; with an endpoint a frame is held.
        numerator = numerator + steps // 2
    frame = numerator // steps
    fraction = tf.cast(numerator - frame * steps, tf.float64)
    weights = tap_weights(fraction / tf.cast(steps, tf.float64), method)
    shape = [-1] + [1] * (x.shape.rank - 2)
    last = tf.cast(n_frames, tf.int64) - 1
    return tf.add_n(
        [
            tf.gather(x, tf.clip_by_value(frame + offset, 0, last), axis=1)
            * tf.reshape(weights[:, i], shape)
            for i, offset in enumerate(TAP_OFFSETS[method])
        ]
    )


def _divides(n_frames: Any, n_timesteps: Any) -> bool:
    known = isinstance(n_frames, int) and isinstance(n_timesteps, (int, np.integer))
    return known and n_timesteps % n_frames == 0
