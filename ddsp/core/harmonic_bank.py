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
from typing import Any

import tensorflow as tf

from ddsp.core.banks import TWO_PI, Frames, Kernel, Places, cycles_of
from ddsp.core.phase import to_radians
from ddsp.core.tensors import size


def harmonic_kernel(n_harmonics: int, n_taps: int, sample_rate: float) -> Kernel:
    """The bank of harmonics of one fundamental, silent at and above Nyquist.

    Parameters
    ----------
    n_harmonics : how many there are.
    n_taps : how many neighbouring frames are mixed, see `tap_weights`.
    sample_rate : samples a second.

    Returns
    -------
    A kernel with one oscillator.
    """
    rows = _rows(n_harmonics)
    columns = -(-n_harmonics // rows)

    def forward(frames: Frames, places: Places) -> tf.Tensor:
        cycles = cycles_of(frames, places)[..., 0]
        below, some = _below_nyquist(frames, n_harmonics, sample_rate)
        inner, outer = _powers(cycles, rows, columns)
        blocks = _to_blocks(frames.taps * below, rows, columns)
        audio = _imaginary_part(_mixed(inner, blocks, places.weights), outer)
        crossing = _Crossing(frames, places, below, some, sample_rate)
        return crossing.add_to(audio, cycles)

    def backward(
        frames: Frames, places: Places, upstream: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        cycles = cycles_of(frames, places)[..., 0]
        below, some = _below_nyquist(frames, n_harmonics, sample_rate)
        inner, outer = _powers(cycles, rows, columns)
        numbers = tf.range(1, n_harmonics + 1, dtype=tf.float32)
        blocks = _to_blocks(frames.taps * below * numbers, rows, columns)
        slope = _real_part(_mixed(inner, blocks, places.weights), outer)
        d_blocks = _blocks_gradient(upstream, inner, outer, places.weights)
        d_taps = _from_blocks(d_blocks, n_taps, n_harmonics, rows, columns) * below
        crossing = _Crossing(frames, places, below, some, sample_rate)
        d_cycles, d_taps = crossing.add_gradient_to(
            TWO_PI * upstream * slope, d_taps, cycles, upstream
        )
        return d_cycles[..., tf.newaxis], d_taps

    width = 2 * (rows + columns * (n_taps + 1))
    return Kernel(forward, backward, width)


def _below_nyquist(
    frames: Frames, n_harmonics: int, sample_rate: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Which harmonics sound in all of a frame and which in some of it, as 1 and 0.

    Frequency is linear inside a frame, so its two ends tell. Both are float32
    `[batch, frames, 1, harmonics]`.
    """
    ends = frames.hz, frames.hz + frames.slope_hz
    numbers = tf.range(1, n_harmonics + 1, dtype=tf.float64)
    nyquist = 0.5 * sample_rate
    whole = numbers * tf.maximum(*ends) < nyquist
    some = numbers * tf.minimum(*ends) < nyquist
    return (tf.cast(x, tf.float32)[:, :, tf.newaxis] for x in (whole, some))


class _Crossing:
    """The harmonics that pass Nyquist inside a frame, each heard until it does.

    In each frame these are the numbers after those that sound in all of it, up to the
    last that sounds in some. A loop takes the first of every frame, then the second,
    and mostly ends there.
    """

    def __init__(
        self,
        frames: Frames,
        places: Places,
        below: tf.Tensor,
        some: tf.Tensor,
        sample_rate: float,
    ) -> None:
        self._first, self._last = (
            tf.cast(tf.reduce_sum(x[:, :, 0], axis=-1), tf.int32) for x in (below, some)
        )
        self._rounds = tf.reduce_max(self._last - self._first)
        slope_hz = frames.slope_hz[:, :, tf.newaxis]
        hz = frames.hz[:, :, tf.newaxis] + slope_hz * places.fraction
        self._hz, self._nyquist = hz[..., 0], 0.5 * sample_rate
        self._taps = tf.transpose(frames.taps, [0, 1, 3, 2])
        self._weights = places.weights

    def add_to(self, audio: tf.Tensor, cycles: tf.Tensor) -> tf.Tensor:
        """Adds them to the audio, `[batch, frames, hop]`."""

        def add(i: tf.Tensor, audio: tf.Tensor) -> tuple:
            number, angle, heard = self._harmonic(i, cycles)
            return i + 1, audio + heard * self._amplitude(number) * tf.sin(angle)

        return tf.while_loop(self._go_on, add, (0, audio))[1]

    def add_gradient_to(
        self,
        d_cycles: tf.Tensor,
        d_taps: tf.Tensor,
        cycles: tf.Tensor,
        upstream: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Adds their gradients to those of the cycles and of the taps."""
        n_harmonics = size(d_taps, 3)

        def add(i: tf.Tensor, d_cycles: tf.Tensor, d_taps: tf.Tensor) -> tuple:
            number, angle, heard = self._harmonic(i, cycles)
            heard *= upstream
            h = tf.cast(number, tf.float32)[..., tf.newaxis]
            slope = TWO_PI * h * heard * self._amplitude(number) * tf.cos(angle)
            wanted = (heard * tf.sin(angle))[..., tf.newaxis] * self._weights
            place = tf.one_hot(number - 1, n_harmonics)[:, :, tf.newaxis]
            d_tap = tf.reduce_sum(wanted, axis=2)[..., tf.newaxis] * place
            return i + 1, d_cycles + slope, d_taps + d_tap

        return tf.while_loop(self._go_on, add, (0, d_cycles, d_taps))[1:]

    def _go_on(self, i: tf.Tensor, *_: Any) -> tf.Tensor:
        return i < self._rounds

    def _harmonic(self, i: tf.Tensor, cycles: tf.Tensor) -> tuple:
        """Number of the i-th, `[batch, frames]`; its angle, and 1 where it is heard."""
        number = self._first + 1 + i
        h = tf.cast(number, tf.float64)[..., tf.newaxis]
        heard = (h * self._hz < self._nyquist) & (number <= self._last)[..., tf.newaxis]
        return number, to_radians(h * cycles), tf.cast(heard, tf.float32)

    def _amplitude(self, number: tf.Tensor) -> tf.Tensor:
        """The amplitude of a harmonic of each frame, at each sample."""
        place = tf.minimum(number, size(self._taps, 2)) - 1
        chosen = tf.gather(self._taps, place, batch_dims=2)
        return tf.reduce_sum(chosen[:, :, tf.newaxis] * self._weights, axis=-1)


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
