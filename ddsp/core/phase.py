"""Exact phase: frequency summed over samples, in cycles, without drift.

Frequency is linear between frames, so its sum inside a frame is a quadratic in the
sample index and only whole frames need a running sum. That sum is done in float64 and
wrapped, so the phase of a note is as exact after an hour as at its start.
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from ddsp.core.grids import FrameGrid, neighbour


def wrap_cycles(cycles: tf.Tensor) -> tf.Tensor:
    """Takes whole cycles away: any number of cycles to [-0.5, 0.5]."""
    return cycles - tf.stop_gradient(tf.round(cycles))


def to_radians(cycles: tf.Tensor) -> tf.Tensor:
    """Turns float64 cycles into a float32 angle in [-pi, pi]."""
    return tf.cast(wrap_cycles(cycles), tf.float32) * (2.0 * math.pi)


def cycles_from_envelope(frequencies: Any, sample_rate: float) -> tf.Tensor:
    """Sums a frequency given at every sample, that sample included.

    Parameters
    ----------
    frequencies : float32 `[batch, samples, ...]`, in Hz.
    sample_rate : samples a second.

    Returns
    -------
    float64 cycles of the same shape, in [-0.5, 0.5].
    """
    velocity = tf.cast(frequencies, tf.float64) / float(sample_rate)
    return wrap_cycles(tf.cumsum(velocity, axis=1))


def cycles_on_grid(
    frequencies: tf.Tensor,
    grid: FrameGrid,
    sample_rate: float,
    inclusive: bool = True,
) -> tf.Tensor:
    """Sums frame-rate frequencies, linear between frames, over the samples of a grid.

    Parameters
    ----------
    frequencies : float32 `[batch, frames, channels]`, in Hz.
    grid : of as many frames.
    sample_rate : samples a second.
    inclusive : whether the phase of a sample has that sample's own step in it.

    Returns
    -------
    float64 cycles `[batch, frames, hop, channels]`, wrapped to [-0.5, 0.5].
    """
    hz, slope_hz, starts, _ = frames_of_phase(frequencies, grid, sample_rate)
    steps, sums = steps_inside_frame(grid, inclusive)
    moved = hz[:, :, tf.newaxis] * steps + slope_hz[:, :, tf.newaxis] * sums
    return wrap_cycles(starts[:, :, tf.newaxis] + moved / float(sample_rate))


def frames_of_phase(
    frequencies: tf.Tensor,
    grid: FrameGrid,
    sample_rate: float,
    initial_cycles: Any = None,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """What is needed of each frame to know the phase at any of its samples.

    Parameters
    ----------
    frequencies : float32 `[batch, frames, channels]`, in Hz.
    grid : of as many frames.
    sample_rate : samples a second.
    initial_cycles : float64 `[batch, 1, channels]`, the phase before the first sample.

    Returns
    -------
    hz : float64 `[batch, frames, channels]`, the frequencies.
    slope_hz : likewise, their change until the next frame.
    starts : likewise, the phase in cycles before the frame's first sample.
    final_cycles : float64 `[batch, 1, channels]`, after the last sample.
    """
    hz = tf.cast(frequencies, tf.float64)
    slope_hz = neighbour(hz, 1) - hz
    return hz, slope_hz, *sum_frames(hz, slope_hz, grid, sample_rate, initial_cycles)


def sum_frames(
    hz: tf.Tensor,
    slope_hz: tf.Tensor,
    grid: FrameGrid,
    sample_rate: float,
    initial_cycles: Any = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Sums frequency over whole frames.

    Parameters
    ----------
    hz, slope_hz : float64 `[batch, frames, channels]`, see `frames_of_phase`.
    grid : of as many frames.
    sample_rate : samples a second.
    initial_cycles : float64 `[batch, 1, channels]`, the phase before the first sample.

    Returns
    -------
    starts, final_cycles : see `frames_of_phase`.
    """
    whole = hz * _per_frame(grid.count) + slope_hz * _per_frame(grid.total)
    ends = wrap_cycles(tf.cumsum(whole / float(sample_rate), axis=1))
    starts = tf.concat([tf.zeros_like(ends[:, :1]), ends[:, :-1]], axis=1)
    if initial_cycles is not None:
        starts, ends = starts + initial_cycles, ends + initial_cycles
    return starts, ends[:, -1:]


def steps_inside_frame(grid: FrameGrid, inclusive: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """What multiplies frequency and slope at each sample of a frame: `[.., hop, 1]`."""
    steps = tf.range(1, grid.hop + 1)
    sums = tf.convert_to_tensor(grid.cumulative, tf.float64)
    if not inclusive:
        steps = steps - 1
        sums = sums - tf.convert_to_tensor(grid.fraction, tf.float64)
    return tf.cast(steps, tf.float64)[:, tf.newaxis], sums[..., tf.newaxis]


def _per_frame(x: Any) -> tf.Tensor:
    """A number for all frames, or `[frames]`, made to multiply `[batch, frames, c]`."""
    x = tf.convert_to_tensor(x, tf.float64)
    return x[:, tf.newaxis] if x.shape.rank else x
