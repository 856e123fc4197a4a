"""Sums of harmonics without a sine for each: the hot path of the library.

The numbers of the harmonics are laid out around centres, `h = c + k` with k from -m to
m, and `sin(c + k) = sin(c) cos(k) + cos(c) sin(k)` is applied to each, so that

    sum_h A_h sin(h phase)
        = sum_c  sin(c phase) sum_k (A_(c + k) + A_(c - k)) cos(k phase)
               + cos(c phase) sum_k (A_(c + k) - A_(c - k)) sin(k phase)

with k from 0 to m, and 0 counted once. Some `m + H / (2 m + 1)` sines and cosines a
sample replace `H` sines, and the inner sums are a small matrix product a frame. The
amplitudes stay at the frame rate: the product is made for each of the frames that are
mixed at a sample.

A harmonic that passes the Nyquist frequency inside a frame is cut at that very sample.
There are few of them, so they are left out of the product and added as sines.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

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
    layout = _Layout.of(n_harmonics, n_taps)

    def forward(frames: Frames, places: Places) -> tf.Tensor:
        cycles = cycles_of(frames, places)[..., 0]
        below, some = _below_nyquist(frames, n_harmonics, sample_rate)
        inner, outer = layout.waves(cycles)
        even, odd = layout.inner_sums(frames.taps * below, inner)
        audio = layout.mixed(even * outer.sin + odd * outer.cos, places.weights)
        crossing = _Crossing(frames, places, below, some, sample_rate)
        return crossing.add_to(audio, cycles)

    def backward(
        frames: Frames, places: Places, upstream: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        cycles = cycles_of(frames, places)[..., 0]
        below, some = _below_nyquist(frames, n_harmonics, sample_rate)
        inner, outer = layout.waves(cycles)
        numbers = tf.range(1, n_harmonics + 1, dtype=tf.float32)
        taps = frames.taps * below * numbers
        even, odd = layout.inner_sums(taps, inner)
        slope = layout.mixed(even * outer.cos - odd * outer.sin, places.weights)
        d_taps = layout.taps_gradient(upstream, inner, outer, places.weights) * below
        crossing = _Crossing(frames, places, below, some, sample_rate)
        d_cycles, d_taps = crossing.add_gradient_to(
            TWO_PI * upstream * slope, d_taps, cycles, upstream
        )
        return d_cycles[..., tf.newaxis], d_taps

    return Kernel(forward, backward, layout.width)


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
    whole, some = tf.cast(whole, tf.float32), tf.cast(some, tf.float32)
    return whole[:, :, tf.newaxis], some[:, :, tf.newaxis]


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
        self._frames, self._fraction = frames, places.fraction[..., 0]
        self._nyquist = 0.5 * sample_rate
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
        hz = h * self._frames.hz + h * self._frames.slope_hz * self._fraction
        heard = (hz < self._nyquist) & (number <= self._last)[..., tf.newaxis]
        return number, to_radians(h * cycles), tf.cast(heard, tf.float32)

    def _amplitude(self, number: tf.Tensor) -> tf.Tensor:
        """The amplitude of a harmonic of each frame, at each sample."""
        place = tf.minimum(number, size(self._taps, 2)) - 1
        chosen = tf.gather(self._taps, place, batch_dims=2)
        return tf.reduce_sum(chosen[:, :, tf.newaxis] * self._weights, axis=-1)


class _Waves(NamedTuple):
    """Cosines and sines of multiples of the phase, `[batch, frames, hop, n]`."""

    cos: tf.Tensor
    sin: tf.Tensor


class _Layout(NamedTuple):
    """How harmonics lie around their centres.

    Attributes
    ----------
    n_harmonics : how many there are.
    n_taps : how many neighbouring frames are mixed.
    reach : how far harmonics lie from their centre, m in the formula above.
    n_centres : how many centres there are.
    """

    n_harmonics: int
    n_taps: int
    reach: int
    n_centres: int

    @classmethod
    def of(cls, n_harmonics: int, n_taps: int) -> _Layout:
        """The fastest layout, by measurement."""
        reach = min((n_harmonics - 1) // 2, round(1.2 * math.sqrt(n_harmonics)))
        return cls(n_harmonics, n_taps, reach, -(-n_harmonics // (2 * reach + 1)))

    @property
    def width(self) -> int:
        """Numbers worked on at once for each sample."""
        return 2 * (self.reach + 1 + self.n_centres * (self.n_taps + 1))

    def waves(self, cycles: tf.Tensor) -> tuple[_Waves, _Waves]:
        """Waves at multiples 0 .. m of the phase, and at the centres for each tap."""
        # Each angle is wrapped in float64 before it becomes float32: a multiple of a
        # float32 angle would multiply its rounding.
        cycles = cycles[..., tf.newaxis]
        steps = tf.range(self.reach + 1, dtype=tf.float64)
        centres = tf.range(self.n_centres, dtype=tf.float64) * (2 * self.reach + 1)
        inner = to_radians(cycles * steps)
        outer = to_radians(cycles * (centres + self.reach + 1))
        outer = [tf.concat([f(outer)] * self.n_taps, -1) for f in (tf.cos, tf.sin)]
        return _Waves(tf.cos(inner), tf.sin(inner)), _Waves(*outer)

    def inner_sums(self, taps: tf.Tensor, inner: _Waves) -> tuple[tf.Tensor, tf.Tensor]:
        """The sums of cosines and of sines, `[batch, frames, hop, taps * centres]`."""
        around = self._around(taps)
        centre, above = (
            around[..., self.reach :][..., :1],
            around[..., self.reach + 1 :],
        )
        under = tf.reverse(around[..., : self.reach], axis=[-1])
        even = tf.concat([centre, above + under], axis=-1)
        odd = tf.concat([tf.zeros_like(centre), above - under], axis=-1)
        return self._product(inner.cos, even), self._product(inner.sin, odd)

    def _product(self, waves: tf.Tensor, amplitudes: tf.Tensor) -> tf.Tensor:
        """Sums over k, for each tap and centre."""
        both = self.n_taps * self.n_centres
        shape = [size(amplitudes, 0), size(amplitudes, 1), both, self.reach + 1]
        return tf.matmul(waves, tf.reshape(amplitudes, shape), transpose_b=True)

    def mixed(self, waves: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Adds up centres, and taps by their weights, to `[batch, frames, hop]`."""
        return tf.reduce_sum(waves * self._for_centres(weights), axis=-1)

    def _for_centres(self, weights: tf.Tensor) -> tf.Tensor:
        return tf.repeat(weights, self.n_centres, axis=-1)

    def taps_gradient(
        self, upstream: tf.Tensor, inner: _Waves, outer: _Waves, weights: tf.Tensor
    ) -> tf.Tensor:
        """`sum upstream * weight * sin(h * phase)` over a frame, laid out like taps."""
        weighted = upstream[..., tf.newaxis] * self._for_centres(weights)

        def product(inner: tf.Tensor, outer: tf.Tensor) -> tf.Tensor:
            rows = tf.matmul(weighted * outer, inner, transpose_a=True)
            start = [size(rows, 0), size(rows, 1)]
            return tf.reshape(rows, [*start, self.n_taps, self.n_centres, -1])

        even, odd = product(inner.cos, outer.sin), product(inner.sin, outer.cos)
        under = tf.reverse((even - odd)[..., 1:], axis=[-1])
        around = tf.concat([under, even + odd], axis=-1)
        flat = tf.reshape(around, [*(size(around, i) for i in range(3)), -1])
        return flat[..., : self.n_harmonics]

    def _around(self, taps: tf.Tensor) -> tf.Tensor:
        """`[batch, frames, taps, centres, 2 m + 1]`, filled up with zeros."""
        shape = [self.n_centres, 2 * self.reach + 1]
        missing = shape[0] * shape[1] - self.n_harmonics
        taps = tf.pad(taps, [[0, 0], [0, 0], [0, 0], [0, missing]])
        return tf.reshape(taps, [*(size(taps, i) for i in range(3)), *shape])
