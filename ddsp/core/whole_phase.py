"""Exact phase in whole numbers, for runtimes without float64.

Frequencies are whole multiples of a fraction of a Hz, `1 / grid`; a float32 of at
least 1 Hz is one without rounding. With the frequency `F` of a frame, its change `S`
until the next, and j samples after the frame's first, the phase is

    start + (F (j + 1) + S j (j + 1) / (2 hop)) / (grid sample_rate)  cycles.

Multiplied by `2 hop grid sample_rate`, the `modulus`, all of it is whole: sums do not
round, and a cycle ends where the remainder is 0. So a stream does not drift at all.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ddsp.core.grids import FrameGrid

# float32 has 23 bits behind the point from 1 Hz on.
_MOST_BITS = 23
_LARGEST_BITS = 62
# Steps a radian in which the greater part of an angle is counted.
_COARSE = 1 << 12


class WholePhase(NamedTuple):
    """The phase of each sample of some frames.

    Attributes
    ----------
    position : int64 `[batch, frames, hop, oscillators]`, in `[0, modulus)`.
    frequency : likewise, in units of `modulus / 4` for the Nyquist frequency.
    modulus : what a cycle is.
    """

    position: tf.Tensor
    frequency: tf.Tensor
    modulus: int

    def angle(self, multiple: int = 1) -> tf.Tensor:
        """A multiple of the phase, in radians, float32 in [-pi, pi]."""
        half = self.modulus // 2
        whole = tf.math.floormod(self.position * multiple + half, self.modulus) - half
        return tf.cast(whole, tf.float32) * (2.0 * math.pi / self.modulus)

    def earlier(self) -> WholePhase:
        """The phase one sample earlier, so that the first sample has that before it."""
        # In onnxruntime the remainder of a negative number is negative.
        position = self.position - 2 * self.frequency + 2 * self.modulus
        return self._replace(position=tf.math.floormod(position, self.modulus))

    def place(self, entries: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Where a table of one cycle is read.

        Parameters
        ----------
        entries : of the table, at most a million.

        Returns
        -------
        The entry, int32, and float32 in [0, 1], how far it is to the next.
        """
        step = self.modulus // entries
        rest = tf.math.floormod(self.position, step)
        # Runtimes do not divide int64. The quotient is whole, and so small that float32
        # is far from the next one.
        entry = tf.cast(self.position - rest, tf.float32) * (1.0 / step) + 0.5
        entry = tf.cast(entry, tf.int32)
        # Where `entries` do not divide the cycle, its last moment is the next one's.
        entry = tf.where(entry < entries, entry, tf.zeros_like(entry))
        return entry, tf.cast(rest, tf.float32) * (1.0 / step)

    def below_nyquist(self, multiples: tf.Tensor | int) -> tf.Tensor:
        """Whether multiples of the frequency are, at each sample."""
        return self.frequency * (4 * multiples) < self.modulus


def whole_frequencies(hz: tf.Tensor, hop: int, sample_rate: float) -> tf.Tensor:
    """Frequencies as whole numbers, int64; those above the sample rate become it."""
    bits = _grid_bits(hop, sample_rate)
    hz = tf.clip_by_value(hz, -float(sample_rate), float(sample_rate))
    return tf.cast(hz * float(1 << bits), tf.int64)


def sum_whole_frames(
    here: tf.Tensor,
    slope: tf.Tensor,
    grid: FrameGrid,
    sample_rate: float,
    before: tf.Tensor,
) -> tuple[WholePhase, tf.Tensor]:
    """The phase at each sample of frames.

    Parameters
    ----------
    here, slope : int64 `[batch, frames, oscillators]`, of `whole_frequencies`: those of
        each frame, and their change until the next.
    grid : of as many frames of one length.
    sample_rate : samples a second.
    before : int64 `[batch, 1, oscillators]`, the phase before the first sample.

    Returns
    -------
    The phase, and what is `before` the frames that follow.
    """
    hop, modulus = grid.hop, _modulus(grid.hop, sample_rate)
    # Each frame is wrapped before they are summed, or many would overflow.
    whole = tf.math.floormod(
        here * (2 * hop * hop) + slope * (hop * (hop - 1)), modulus
    )
    ends = tf.math.floormod(tf.cumsum(whole, axis=1) + before, modulus)
    starts = tf.concat([before, ends[:, :-1]], axis=1)
    j = np.arange(hop, dtype=np.int64)[:, np.newaxis]
    here, slope, starts = (x[:, :, tf.newaxis] for x in (here, slope, starts))
    moved = here * (2 * hop * (j + 1)) + slope * (j * (j + 1))
    position = tf.math.floormod(starts + moved, modulus)
    phase = WholePhase(position, here * hop + slope * j, modulus)
    return phase, ends[:, -1:]


def from_radians(angle: tf.Tensor, hop: int, sample_rate: float) -> tf.Tensor:
    """A phase in radians as what `sum_whole_frames` takes as `before`."""
    modulus = _modulus(hop, sample_rate)
    per_radian = modulus / (2.0 * math.pi)
    # Only the small rest of the angle is multiplied in float32, whose rounding would
    # else be one more beside that of the angle.
    coarse = tf.cast(angle * float(_COARSE), tf.int64)
    rest = angle - tf.cast(coarse, tf.float32) / float(_COARSE)
    whole = coarse * round(per_radian / _COARSE) + tf.cast(rest * per_radian, tf.int64)
    return tf.math.floormod(whole, modulus)


def to_radians(whole: tf.Tensor, hop: int, sample_rate: float) -> tf.Tensor:
    """Undoes `from_radians`; float32 in [-pi, pi]."""
    modulus = _modulus(hop, sample_rate)
    return WholePhase(whole, whole, modulus).angle()


def _modulus(hop: int, sample_rate: float) -> int:
    return (2 * hop * int(sample_rate)) << _grid_bits(hop, sample_rate)


def _grid_bits(hop: int, sample_rate: float) -> int:
    """How fine frequencies can be, so that no sum exceeds int64.

    The largest are the sums over a frame, of `F` up to the sample rate and `S` up to
    twice that.
    """
    largest = math.ceil(math.log2(sample_rate * 4 * hop * hop))
    return max(0, min(_MOST_BITS, _LARGEST_BITS - largest))
