"""Sums of free sinusoids from frame-rate controls, a block of frames at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ddsp.core.blocks import frames_in_block, map_blocks
from ddsp.core.grids import FrameGrid, neighbours, tap_weights
from ddsp.core.phase import cycles_at_frames, steps_inside_frame, to_radians
from ddsp.core.tensors import size

TWO_PI = 2.0 * math.pi

# Numbers in the working set of a block: a few passes over it stay in the cache.
BLOCK_ELEMENTS = 1 << 19


def sinusoids_on_grid(
    frequencies_hz: tf.Tensor,
    amplitudes: tf.Tensor,
    grid: FrameGrid,
    sample_rate: float,
    method: str,
) -> tf.Tensor:
    """Adds up partials of any frequencies, each silent at and above Nyquist.

    Parameters
    ----------
    frequencies_hz : float32 `[batch, frames, partials]`, linear between frames.
    amplitudes : float32 `[batch, frames, partials]`.
    grid : the grid of the samples.
    sample_rate : samples a second.
    method : how amplitudes are interpolated, see `tap_weights`.

    Returns
    -------
    float32 `[batch, frames, hop]`. Gradients flow to frequencies and amplitudes; no
    `[batch, samples, partials]` tensor is kept for them.
    """
    velocity, slope, starts, _ = cycles_at_frames(frequencies_hz, grid, sample_rate)
    taps = tf.stack(neighbours(amplitudes, method), axis=2)
    return _bank(starts, velocity, slope, taps, grid, method)


def _bank(
    starts: tf.Tensor,
    velocity: tf.Tensor,
    slope: tf.Tensor,
    taps: tf.Tensor,
    grid: FrameGrid,
    method: str,
) -> tf.Tensor:
    n_taps = taps.shape[2]
    steps, sums = steps_inside_frame(grid, inclusive=True)
    # What differs between places inside a frame: [1, frames or 1, hop, ...].
    hop = grid.hop
    weights = tf.reshape(tap_weights(grid.fraction, method), [1, -1, hop, n_taps])
    sums = tf.reshape(sums, [1, -1, hop, 1])
    fraction = tf.convert_to_tensor(grid.fraction, tf.float64)
    fraction = tf.reshape(fraction, [1, -1, hop, 1])
    places = [weights, sums, fraction]
    shared = grid.place is None

    def in_blocks(fn: Callable, tensors: list[tf.Tensor], signature: Any) -> Any:
        batch, frames, partials = (size(starts, axis) for axis in range(3))
        block = frames_in_block(batch, frames, hop * partials, BLOCK_ELEMENTS)
        if shared:
            return map_blocks(
                lambda *xs: fn(*xs, *places), tensors, frames, block, signature
            )
        return map_blocks(fn, [*tensors, *places], frames, block, signature)

    def oscillate(starts, velocity, slope, sums, fraction):
        """The angle of each partial at each sample, and where it is heard."""
        velocity, slope = velocity[:, :, tf.newaxis], slope[:, :, tf.newaxis]
        cycles = starts[:, :, tf.newaxis] + velocity * steps + slope * sums
        heard = tf.cast(velocity + slope * fraction < 0.5, tf.float32)
        return to_radians(cycles), heard

    def mixed(taps, weights):
        parts = tf.unstack(taps, axis=2)
        return tf.add_n(
            [p[:, :, tf.newaxis] * weights[..., t : t + 1] for t, p in enumerate(parts)]
        )

    def forward(starts, velocity, slope, taps, weights, sums, fraction):
        angle, heard = oscillate(starts, velocity, slope, sums, fraction)
        return tf.reduce_sum(tf.sin(angle) * heard * mixed(taps, weights), axis=-1)

    def backward(starts, velocity, slope, taps, upstream, weights, sums, fraction):
        angle, heard = oscillate(starts, velocity, slope, sums, fraction)
        heard *= upstream[..., tf.newaxis]
        d_cycles = TWO_PI * tf.cos(angle) * heard * mixed(taps, weights)
        sine = tf.sin(angle) * heard
        d_taps = [
            tf.reduce_sum(sine * weights[..., t : t + 1], axis=2) for t in range(n_taps)
        ]
        moments = [
            tf.reduce_sum(d_cycles, axis=2),
            tf.reduce_sum(d_cycles * tf.cast(steps, tf.float32), axis=2),
            tf.reduce_sum(d_cycles * tf.cast(sums, tf.float32), axis=2),
        ]
        d_controls = [tf.cast(moment, tf.float64) for moment in moments]
        return [*d_controls, tf.stack(d_taps, axis=2)]

    @tf.custom_gradient
    def bank(*controls: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> list[tf.Tensor]:
            types = [tf.float64] * 3 + [tf.float32]
            return in_blocks(backward, [*controls, upstream], types)

        return in_blocks(forward, list(controls), tf.float32), gradient

    return bank(starts, velocity, slope, taps)
