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
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ddsp.core.banks import TWO_PI, Frames, Kernel, Places, cycles_of, mixed_taps
from ddsp.core.phase import to_radians
from ddsp.core.tensors import size
from ddsp.core.whole_phase import WholePhase

Angle = Callable[[int], tf.Tensor]

# With vibrato a tenth of the frames has a harmonic that passes Nyquist.
FRAMES_A_HANDFUL = 8


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
        cycles = tf.squeeze(cycles_of(frames, places), -1)
        below, some = _below_nyquist(frames, n_harmonics, sample_rate)
        inner, outer = layout.waves(cycles)
        even, odd = layout.inner_sums(frames.taps * below, inner)
        audio = layout.mixed(even * outer.sin + odd * outer.cos, places.weights)
        crossing = _Crossing(frames, places, below, some, sample_rate)
        return crossing.add_to(audio, cycles)

    def backward(
        frames: Frames, places: Places, upstream: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        cycles = tf.squeeze(cycles_of(frames, places), -1)
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

    def portable(phase: WholePhase, taps: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        return _every_harmonic(layout, phase, taps, weights)

    return Kernel(forward, backward, layout.width, portable)


def _every_harmonic(
    layout: _Layout, phase: WholePhase, taps: tf.Tensor, weights: tf.Tensor
) -> tf.Tensor:
    """Plays all harmonics at the rate of the samples, `[batch, frames, hop]`.

    One that passes Nyquist inside a frame is then cut like the others, without a loop.
    """
    inner, centres = layout.wave_lists(lambda multiple: phase.angle(multiple)[..., 0])
    # At the offsets from a centre, from -m to m, and at the centres.
    before, after = inner[:0:-1], inner
    cos = tf.stack([wave.cos for wave in before + after], axis=-1)
    sin = [-wave.sin for wave in before] + [wave.sin for wave in after]
    sin = tf.stack(sin, axis=-1)
    centre_cos = tf.stack([wave.cos for wave in centres], axis=-1)
    centre_sin = tf.stack([wave.sin for wave in centres], axis=-1)
    sines = centre_sin[..., tf.newaxis] * cos[..., tf.newaxis, :]
    sines += centre_cos[..., tf.newaxis] * sin[..., tf.newaxis, :]
    shape = [size(sines, axis) for axis in range(3)]
    sines = tf.reshape(sines, [*shape, -1])[..., : layout.n_harmonics]
    numbers = np.arange(1, layout.n_harmonics + 1, dtype=np.int64)
    heard = phase.below_nyquist(numbers)
    amplitudes = tf.where(heard, mixed_taps(taps, weights), 0.0)
    return tf.reduce_sum(amplitudes * sines, axis=-1)


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
    last that sounds in some. Few frames have any, so a loop takes a handful of frames
    at a time, one harmonic of each, until none waits.
    """

    def __init__(
        self,
        frames: Frames,
        places: Places,
        below: tf.Tensor,
        some: tf.Tensor,
        sample_rate: float,
    ) -> None:
        self._frames, self._places = frames, places
        self._nyquist = 0.5 * sample_rate
        self._n_frames = size(below, 1)
        # One row a frame of any example. Counts are float32, which XLA sorts faster.
        self._last = tf.reshape(tf.reduce_sum(some, axis=-1), [-1])
        self._waiting = self._last - tf.reshape(tf.reduce_sum(below, axis=-1), [-1])
        self._handful = -(-size(below, 0) * self._n_frames // FRAMES_A_HANDFUL)

    def add_to(self, audio: tf.Tensor, cycles: tf.Tensor) -> tf.Tensor:
        """Adds them to the audio, `[batch, frames, hop]`."""
        cycles = _rows(cycles)

        def add(waiting: tf.Tensor, audio: tf.Tensor) -> tuple:
            waiting, harmonics = self._next(waiting, cycles)
            sound = harmonics.heard * harmonics.amplitude * tf.sin(harmonics.angle)
            return waiting, tf.tensor_scatter_nd_add(audio, harmonics.rows, sound)

        state = self._waiting, _rows(audio)
        return tf.reshape(tf.while_loop(_any, add, state)[1], tf.shape(audio))

    def add_gradient_to(
        self,
        d_cycles: tf.Tensor,
        d_taps: tf.Tensor,
        cycles: tf.Tensor,
        upstream: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Adds their gradients to those of the cycles and of the taps."""
        cycles, upstream = _rows(cycles), _rows(upstream)

        def add(waiting: tf.Tensor, d_cycles: tf.Tensor, d_taps: tf.Tensor) -> tuple:
            waiting, harmonics = self._next(waiting, cycles)
            heard = harmonics.heard * tf.gather_nd(upstream, harmonics.rows)
            slope = TWO_PI * harmonics.number * heard * harmonics.amplitude
            slope *= tf.cos(harmonics.angle)
            d_tap = (heard * tf.sin(harmonics.angle))[..., tf.newaxis]
            d_tap = tf.reduce_sum(d_tap * harmonics.weights, axis=1)
            place = tf.one_hot(harmonics.index, size(d_taps, 2))[:, tf.newaxis]
            d_tap = d_tap[..., tf.newaxis] * place
            return (
                waiting,
                tf.tensor_scatter_nd_add(d_cycles, harmonics.rows, slope),
                tf.tensor_scatter_nd_add(d_taps, harmonics.rows, d_tap),
            )

        state = self._waiting, _rows(d_cycles), _rows(d_taps)
        ends = tf.while_loop(_any, add, state)[1:]
        return tuple(
            tf.reshape(x, tf.shape(like)) for x, like in zip(ends, (d_cycles, d_taps))
        )

    def _next(
        self, waiting: tf.Tensor, cycles: tf.Tensor
    ) -> tuple[tf.Tensor, _Harmonics]:
        """What waits after the next round, and the harmonics of that round."""
        left, rows = tf.math.top_k(waiting, self._handful, sorted=False)
        one_each = rows[:, tf.newaxis]
        waiting = tf.tensor_scatter_nd_sub(waiting, one_each, tf.minimum(left, 1.0))
        taps = tf.gather(_rows(self._frames.taps), rows)
        # Rows for which none waits are counted but not heard.
        number = tf.gather(self._last, rows) - left + 1.0
        number = tf.minimum(number, tf.cast(size(taps, 2), tf.float32))
        index = tf.cast(number, tf.int32) - 1
        weights, fraction = (
            self._of_frames(x, rows)
            for x in (self._places.weights, self._places.fraction[..., 0])
        )
        h = tf.cast(number, tf.float64)[:, tf.newaxis]
        hz, slope_hz = (
            tf.gather(tf.reshape(x, [-1, 1]), rows)
            for x in (self._frames.hz, self._frames.slope_hz)
        )
        below = h * hz + h * slope_hz * fraction < self._nyquist
        amplitude = tf.gather(taps, index, axis=2, batch_dims=1)
        return waiting, _Harmonics(
            rows=one_each,
            index=index,
            number=number[:, tf.newaxis],
            angle=to_radians(h * tf.gather(cycles, rows)),
            heard=tf.cast(below & (left > 0.0)[:, tf.newaxis], tf.float32),
            amplitude=tf.reduce_sum(amplitude[:, tf.newaxis] * weights, axis=-1),
            weights=weights,
        )

    def _of_frames(self, x: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """What is the same in all frames, or one row for each, at these rows."""
        return tf.gather(x[0], tf.minimum(rows % self._n_frames, size(x, 1) - 1))


class _Harmonics(NamedTuple):
    """One harmonic of each of some frames, `[rows, hop]` where it is not said.

    Attributes
    ----------
    rows : `[rows, 1]`, where the frames are among all.
    index, number : `[rows]` from 0, and `[rows, 1]` from 1: which harmonic.
    angle : in radians.
    heard : 1 while it is below Nyquist, then 0.
    amplitude : mixed from the neighbouring frames by `weights`, `[rows, hop, taps]`.
    """

    rows: tf.Tensor
    index: tf.Tensor
    number: tf.Tensor
    angle: tf.Tensor
    heard: tf.Tensor
    amplitude: tf.Tensor
    weights: tf.Tensor


def _rows(x: tf.Tensor) -> tf.Tensor:
    """`[batch, frames, ...]` to `[batch * frames, ...]`."""
    return tf.reshape(x, [-1, *(size(x, axis) for axis in range(2, x.shape.rank))])


def _any(waiting: tf.Tensor, *_: Any) -> tf.Tensor:
    return tf.reduce_any(waiting > 0.0)


class _Wave(NamedTuple):
    """Cosine and sine of one angle, or of several along an axis."""

    cos: tf.Tensor
    sin: tf.Tensor

    @classmethod
    def of(cls, angle: tf.Tensor) -> _Wave:
        """The wave at an angle in radians."""
        return cls(tf.cos(angle), tf.sin(angle))

    @classmethod
    def stack(cls, waves: Sequence[_Wave]) -> _Wave:
        """Several waves along the axis before the last."""
        return cls(*(tf.stack(xs, axis=-2) for xs in zip(*waves)))

    def plus(self, other: _Wave) -> _Wave:
        """The wave of the sum of the angles."""
        return _Wave(
            self.cos * other.cos - self.sin * other.sin,
            self.sin * other.cos + self.cos * other.sin,
        )

    def minus_and_plus(self, other: _Wave) -> tuple[_Wave, _Wave]:
        """The waves of the difference and of the sum, for little more than one."""
        cos_cos, sin_sin = self.cos * other.cos, self.sin * other.sin
        sin_cos, cos_sin = self.sin * other.cos, self.cos * other.sin
        return (
            _Wave(cos_cos + sin_sin, sin_cos - cos_sin),
            _Wave(cos_cos - sin_sin, sin_cos + cos_sin),
        )


def _multiples(angle: Angle, n: int) -> list[_Wave]:
    """The waves at multiples 0 .. n of the phase, of which `angle` makes angles.

    Few are computed from their angle. The others are sums of at most a few of those:
    longer chains would add up rounding.
    """
    one = _Wave.of(angle(1))
    waves = [_Wave(tf.ones_like(one.cos), tf.zeros_like(one.sin)), one, one.plus(one)]
    if n <= 2:
        return waves[: n + 1]
    near = waves[1:]
    five = centre = _Wave.of(angle(5))
    while len(waves) <= n:
        pairs = [centre.minus_and_plus(wave) for wave in near]
        under = [minus for minus, _ in reversed(pairs)]
        waves += [*under, centre, *(plus for _, plus in pairs)]
        centre = centre.plus(five)
    return waves[: n + 1]


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

    def waves(self, cycles: tf.Tensor) -> tuple[_Wave, _Wave]:
        """Waves at multiples 0 .. m of the phase, and at the centres for each tap.

        `[batch, frames, m + 1, hop]` and `[batch, frames, taps * centres, hop]`.
        """

        def angle(multiple: int) -> tf.Tensor:
            # Wrapped in float64 before it becomes float32: a multiple of a float32
            # angle would multiply its rounding.
            return to_radians(cycles * tf.constant(multiple, tf.float64))

        inner, centres = self.wave_lists(angle)
        return _Wave.stack(inner), _Wave.stack(centres * self.n_taps)

    def wave_lists(self, angle: Angle) -> tuple[list[_Wave], list[_Wave]]:
        """Waves at multiples 0 .. m of the phase, and at the centres."""
        inner = _multiples(angle, self.reach)
        centres = [_Wave.of(angle(self.reach + 1))]
        if self.n_centres > 1:
            step = _Wave.of(angle(2 * self.reach + 1))
            for _ in range(self.n_centres - 1):
                centres.append(centres[-1].plus(step))
        return inner, centres

    def inner_sums(self, taps: tf.Tensor, inner: _Wave) -> tuple[tf.Tensor, tf.Tensor]:
        """The sums of cosines and of sines, `[batch, frames, taps * centres, hop]`."""
        around = self._around(taps)
        even, odd = (tf.constant(x, tf.float32) for x in self._folds())
        return (
            self._product(tf.matmul(around, even), inner.cos),
            self._product(tf.matmul(around, odd), inner.sin),
        )

    def _folds(self) -> tuple[np.ndarray, np.ndarray]:
        """What makes `A_(c + k) + A_(c - k)`, and the difference, of `A_(c - m ..)`.

        A small matrix product, since reversing and joining short rows takes longer.
        """
        offsets = np.arange(-self.reach, self.reach + 1)[:, np.newaxis]
        even = (np.abs(offsets) == np.arange(self.reach + 1)).astype(np.float32)
        return even, even * np.sign(offsets)

    def _product(self, amplitudes: tf.Tensor, waves: tf.Tensor) -> tf.Tensor:
        """Sums over k, for each tap and centre."""
        both = self.n_taps * self.n_centres
        shape = [size(waves, 0), size(waves, 1), both, self.reach + 1]
        return tf.matmul(tf.reshape(amplitudes, shape), waves)

    def mixed(self, waves: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Adds up centres, and taps by their weights, to `[batch, frames, hop]`."""
        return tf.reduce_sum(waves * self._for_centres(weights), axis=-2)

    def _for_centres(self, weights: tf.Tensor) -> tf.Tensor:
        """`[..., hop, taps]` to `[..., taps * centres, hop]`."""
        weights = tf.linalg.matrix_transpose(weights)
        return tf.repeat(weights, self.n_centres, axis=-2)

    def taps_gradient(
        self, upstream: tf.Tensor, inner: _Wave, outer: _Wave, weights: tf.Tensor
    ) -> tf.Tensor:
        """`sum upstream * weight * sin(h * phase)` over a frame, laid out like taps."""
        weighted = upstream[:, :, tf.newaxis] * self._for_centres(weights)

        def product(inner: tf.Tensor, outer: tf.Tensor) -> tf.Tensor:
            rows = tf.matmul(weighted * outer, inner, transpose_b=True)
            start = [size(rows, 0), size(rows, 1)]
            return tf.reshape(rows, [*start, self.n_taps, self.n_centres, -1])

        even, odd = product(inner.cos, outer.sin), product(inner.sin, outer.cos)
        under = tf.reverse((even - odd)[..., 1:], axis=[-1])
        around = tf.concat([under, even + odd], axis=-1)
        flat = tf.reshape(around, [*(size(around, i) for i in range(3)), -1])
        return flat[..., : self.n_harmonics]

    def _around(self, taps: tf.Tensor) -> tf.Tensor:
        """`[batch * frames * taps * centres, 2 m + 1]`, filled up with zeros."""
        around = 2 * self.reach + 1
        missing = self.n_centres * around - self.n_harmonics
        taps = tf.pad(taps, [[0, 0], [0, 0], [0, 0], [0, missing]])
        return tf.reshape(taps, [-1, around])
