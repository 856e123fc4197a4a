"""Sums of free sinusoids: a sine for each partial."""

from __future__ import annotations

import tensorflow as tf

from ddsp.core.banks import TWO_PI, Frames, Kernel, Places, cycles_of, mixed_taps
from ddsp.core.phase import to_radians
from ddsp.core.whole_phase import WholePhase


def sinusoid_kernel(n_partials: int | tf.Tensor, sample_rate: float) -> Kernel:
    """The bank of free sinusoids, each silent at and above Nyquist.

    Parameters
    ----------
    n_partials : how many there are.
    sample_rate : samples a second.

    Returns
    -------
    A kernel with as many oscillators as partials.
    """
    nyquist = 0.5 * sample_rate

    def strength(frames: Frames, places: Places) -> tf.Tensor:
        """The amplitude of each partial at each sample, 0 where it is not heard."""
        hz, slope_hz = frames.hz[:, :, tf.newaxis], frames.slope_hz[:, :, tf.newaxis]
        heard = hz + slope_hz * places.fraction < nyquist
        amplitude = mixed_taps(frames.taps, places.weights)
        return tf.where(heard, amplitude, 0.0)

    def forward(frames: Frames, places: Places) -> tf.Tensor:
        sine = tf.sin(to_radians(cycles_of(frames, places)))
        return tf.reduce_sum(sine * strength(frames, places), axis=-1)

    def backward(
        frames: Frames, places: Places, upstream: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        angle = to_radians(cycles_of(frames, places))
        amplitude = strength(frames, places)
        upstream = upstream[..., tf.newaxis]
        d_cycles = TWO_PI * upstream * amplitude * tf.cos(angle)
        hz, slope_hz = frames.hz[:, :, tf.newaxis], frames.slope_hz[:, :, tf.newaxis]
        heard = hz + slope_hz * places.fraction < nyquist
        sine = tf.where(heard, upstream * tf.sin(angle), 0.0)
        return d_cycles, tf.matmul(places.weights, sine, transpose_a=True)

    def portable(phase: WholePhase, taps: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        heard = phase.below_nyquist(1)
        amplitude = tf.where(heard, mixed_taps(taps, weights), 0.0)
        return tf.reduce_sum(tf.sin(phase.angle()) * amplitude, axis=-1)

    return Kernel(forward, backward, n_partials, portable)
