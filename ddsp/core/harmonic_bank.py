"""Sums of harmonics without a sine for each: the hot path of the library.

With `z = exp(i * phase)` the partials of a harmonic sound are powers of `z`. Writing
the number of a harmonic as `h = 1 + b + R * a`,

    sum_h A_h sin(h * phase) = Im( sum_a z^(R a)  sum_b A_(1 + b + R a) z^(1 + b) ),

so that about `2 * sqrt(H)` powers a sample replace `H` sines, and the inner sum is a
small matrix product a frame. The amplitudes stay at the frame rate: the product is made
for each of the frames that are mixed at a sample.

A harmonic that passes the Nyquist frequency inside a frame is cut at that very sample.
There are few of them, so they are left out of the product and added as sines.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from ddsp.core.blocks import frames_in_block, map_blocks
from ddsp.core.grids import FrameGrid, neighbour, neighbours, tap_weights
from ddsp.core.phase import frequencies_on_grid, to_radians
from ddsp.core.tensors import size

TWO_PI = 2.0 * math.pi

# Numbers in the working set of a block: what is worked on stays in the cache.
BLOCK_ELEMENTS = 1 << 19


def harmonics_on_grid(
    cycles: tf.Tensor,
    f0_hz: tf.Tensor,
    amplitudes: tf.Tensor,
    grid: FrameGrid,
    sample_rate: float,
    method: str,
) -> tf.Tensor:
    """Adds up the harmonics of a fundamental, silent at and above Nyquist.

    Parameters
    ----------
    cycles : float64 `[batch, frames, hop]`, phase of the fundamental.
    f0_hz : float32 `[batch, frames, 1]`.
    amplitudes : float32 `[batch, frames, harmonics]`.
    grid : the grid of the samples.
    sample_rate : samples a second.
    method : how amplitudes are interpolated, see `tap_weights`.

    Returns
    -------
    float32 `[batch, frames, hop]`.
    """
    below, some = _below_nyquist(f0_hz, size(amplitudes, 2), sample_rate)
    weights = tap_weights(grid.fraction, method)
    taps = tf.stack(neighbours(amplitudes, method), axis=2)
    whole = taps * tf.cast(below, tf.float32)[:, :, tf.newaxis]
    audio = harmonic_bank(cycles, whole, weights)
    frequency = frequencies_on_grid(tf.stop_gradient(f0_hz), grid)[..., 0]
    first = tf.reduce_sum(tf.cast(below, tf.int32), axis=-1)
    last = tf.reduce_sum(tf.cast(some, tf.int32), axis=-1)
    audible = frequency / (0.5 * sample_rate)
    return audio + _crossing_bank(cycles, taps, weights, audible, first, last)


def harmonic_bank(cycles: tf.Tensor, taps: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Adds up harmonics whose amplitudes are mixed from neighbouring frames.

    Parameters
    ----------
    cycles : float64 `[batch, frames, hop]`, phase of the fundamental.
    taps : float32 `[batch, frames, taps, harmonics]`, amplitudes at each neighbour.
    weights : float32 `[hop, taps]` or `[frames, hop, taps]`.

    Returns
    -------
    float32 `[batch, frames, hop]`. Gradients flow to `cycles` and `taps`; the powers of
    z are made again for them rather than kept.
    """
    n_taps, n_harmonics = taps.shape[-2], taps.shape[-1]
    rows = _rows(n_harmonics)
    columns = -(-n_harmonics // rows)
    # [1, frames or 1, hop, taps], so that blocks of frames can be taken.
    shared = weights.shape.rank == 2
    weights = tf.reshape(weights, [1, -1, size(cycles, 2), n_taps])

    def in_blocks(fn: Callable, tensors: Sequence[tf.Tensor], signature: Any) -> Any:
        batch, frames, hop = (size(cycles, axis) for axis in range(3))
        width = 2 * (rows + columns * (n_taps + 1))
        block = frames_in_block(batch, frames, hop * width, BLOCK_ELEMENTS)
        if shared:
            return map_blocks(
                lambda *xs: fn(*xs, weights), tensors, frames, block, signature
            )
        return map_blocks(fn, [*tensors, weights], frames, block, signature)

    def forward(cycles: tf.Tensor, taps: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        inner, outer = _powers(cycles, rows, columns)
        sums = _mixed(inner, _to_blocks(taps, rows, columns), weights)
        return _imaginary_part(sums, outer)

    def backward(
        cycles: tf.Tensor, taps: tf.Tensor, upstream: tf.Tensor, weights: tf.Tensor
    ) -> list[tf.Tensor]:
        inner, outer = _powers(cycles, rows, columns)
        numbers = tf.range(1, n_harmonics + 1, dtype=tf.float32)
        sums = _mixed(inner, _to_blocks(taps * numbers, rows, columns), weights)
        slope = _real_part(sums, outer)
        d_blocks = _blocks_gradient(upstream, inner, outer, weights)
        d_taps = _from_blocks(d_blocks, n_taps, n_harmonics, rows, columns)
        return [tf.cast(TWO_PI * upstream * slope, tf.float64), d_taps]

    @tf.custom_gradient
    def bank(cycles: tf.Tensor, taps: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> list[tf.Tensor]:
            types = [tf.float64, tf.float32]
            return in_blocks(backward, [cycles, taps, upstream], types)

        return in_blocks(forward, [cycles, taps], tf.float32), gradient

    return bank(cycles, taps)


def _below_nyquist(
    f0_hz: tf.Tensor, n_harmonics: Any, sample_rate: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Which harmonics sound in all of a frame and which in some, by its two ends."""
    numbers = tf.range(1, n_harmonics + 1)
    later = neighbour(f0_hz, 1)
    highest = tf.cast(tf.maximum(f0_hz, later), tf.float64)
    lowest = tf.cast(tf.minimum(f0_hz, later), tf.float64)
    numbers = tf.cast(numbers, tf.float64)
    return numbers * highest < 0.5 * sample_rate, numbers * lowest < 0.5 * sample_rate


def _crossing_bank(
    cycles: tf.Tensor,
    taps: tf.Tensor,
    weights: tf.Tensor,
    audible: tf.Tensor,
    first: tf.Tensor,
    last: tf.Tensor,
) -> tf.Tensor:
    """Adds harmonics `first + 1 .. last`, one at a time, each until it passes Nyquist.

    Parameters
    ----------
    cycles, taps, weights : as in `harmonic_bank`.
    audible : `[batch, frames, hop]`; a harmonic h sounds where `h * audible < 1`.
    first, last : int32 `[batch, frames]`.
    """
    n_harmonics = size(taps, 3)
    rounds = tf.reduce_max(last - first)

    def sine(number: tf.Tensor, cycles: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        h = tf.cast(number, tf.float64)[..., tf.newaxis]
        heard = h * tf.cast(audible, tf.float64) < 1.0
        heard &= (number <= last)[..., tf.newaxis]
        return to_radians(h * cycles), tf.cast(heard, tf.float32)

    def amplitude(number: tf.Tensor, taps: tf.Tensor) -> tf.Tensor:
        place = tf.minimum(number, n_harmonics) - 1
        chosen = tf.gather(tf.transpose(taps, [0, 1, 3, 2]), place, batch_dims=2)
        return tf.reduce_sum(chosen[:, :, tf.newaxis] * weights, axis=-1)

    def forward(i: tf.Tensor, audio: tf.Tensor, cycles: Any, taps: Any) -> tuple:
        number = first + 1 + i
        angle, heard = sine(number, cycles)
        return i + 1, audio + heard * amplitude(number, taps) * tf.sin(angle)

    def backward(
        i: tf.Tensor, d_cycles: Any, d_taps: Any, cycles: Any, taps: Any, upstream: Any
    ) -> tuple:
        number = first + 1 + i
        angle, heard = sine(number, cycles)
        heard = heard * upstream
        h = tf.cast(number, tf.float32)[..., tf.newaxis]
        slope = TWO_PI * h * heard * amplitude(number, taps) * tf.cos(angle)
        wanted = (heard * tf.sin(angle))[..., tf.newaxis] * weights
        place = tf.one_hot(number - 1, n_harmonics)
        d_tap = tf.reduce_sum(wanted, axis=2)[..., tf.newaxis] * place[:, :, tf.newaxis]
        return i + 1, d_cycles + tf.cast(slope, tf.float64), d_taps + d_tap

    def go_on(i: tf.Tensor, *_: Any) -> tf.Tensor:
        return i < rounds

    @tf.custom_gradient
    def bank(cycles: tf.Tensor, taps: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            start = (0, tf.zeros_like(cycles), tf.zeros_like(taps))
            return tf.while_loop(
                go_on,
                lambda i, dc, dt: backward(i, dc, dt, cycles, taps, upstream),
                start,
            )[1:]

        start = (0, tf.zeros_like(cycles, tf.float32))
        loop = tf.while_loop(go_on, lambda i, y: forward(i, y, cycles, taps), start)
        return loop[1], gradient

    return bank(cycles, taps)


def _rows(n_harmonics: int) -> int:
    """The number of inner powers; measured, a little above the balanced square root."""
    return max(1, min(n_harmonics, round(2.0 * math.sqrt(n_harmonics))))


def _powers(cycles: tf.Tensor, rows: int, columns: int) -> tuple:
    """Cos and sin of z^(1 + b), `[batch, frames, hop, rows]`, and of z^(R a)."""
    # Each angle is wrapped in float64 before it becomes float32: powers made by
    # multiplication would lose a bit with every doubling.
    cycles = cycles[..., tf.newaxis]
    inner = to_radians(cycles * tf.range(1, rows + 1, dtype=tf.float64))
    outer = to_radians(cycles * (rows * tf.range(columns, dtype=tf.float64)))
    return (tf.cos(inner), tf.sin(inner)), (tf.cos(outer), tf.sin(outer))


def _to_blocks(taps: tf.Tensor, rows: int, columns: int) -> tf.Tensor:
    """`[batch, frames, taps, harmonics]` to `[batch, frames, rows, taps * columns]`."""
    batch, frames, n_taps, harmonics = (size(taps, axis) for axis in range(4))
    x = tf.pad(taps, [[0, 0], [0, 0], [0, 0], [0, rows * columns - harmonics]])
    x = tf.reshape(x, [batch, frames, n_taps * columns, rows])
    return tf.transpose(x, [0, 1, 3, 2])


def _from_blocks(
    blocks: tf.Tensor, n_taps: int, harmonics: int, rows: int, columns: int
) -> tf.Tensor:
    """The way back."""
    batch, frames = size(blocks, 0), size(blocks, 1)
    x = tf.transpose(blocks, [0, 1, 3, 2])
    return tf.reshape(x, [batch, frames, n_taps, rows * columns])[..., :harmonics]


def _mixed(
    inner: tuple, blocks: tf.Tensor, weights: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The inner sums, cos and sin, mixed over taps: `[batch, frames, hop, columns]`."""
    n_taps = weights.shape[-1]

    def mix(products: tf.Tensor) -> tf.Tensor:
        parts = tf.split(products, n_taps, axis=-1)
        return tf.add_n([p * weights[..., t, tf.newaxis] for t, p in enumerate(parts)])

    return mix(tf.matmul(inner[0], blocks)), mix(tf.matmul(inner[1], blocks))


def _imaginary_part(sums: tuple, outer: tuple) -> tf.Tensor:
    return tf.reduce_sum(sums[0] * outer[1] + sums[1] * outer[0], axis=-1)


def _real_part(sums: tuple, outer: tuple) -> tf.Tensor:
    return tf.reduce_sum(sums[0] * outer[0] - sums[1] * outer[1], axis=-1)


def _blocks_gradient(
    upstream: tf.Tensor, inner: tuple, outer: tuple, weights: tf.Tensor
) -> tf.Tensor:
    """`sum_j upstream * weight * sin(h * phase)`, laid out like the blocks."""
    parts = tf.split(upstream[..., tf.newaxis] * weights, weights.shape[-1], axis=-1)
    cosines = tf.concat([part * outer[0] for part in parts], axis=-1)
    sines = tf.concat([part * outer[1] for part in parts], axis=-1)
    return tf.matmul(inner[1], cosines, transpose_a=True) + tf.matmul(
        inner[0], sines, transpose_a=True
    )
