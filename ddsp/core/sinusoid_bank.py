"""Sums of free sinusoids: a sine for each partial."""

from __future__ import annotations

import tensorflow as tf

from ddsp.core.banks import TWO_PI, Frames, Kernel, Places, cycles_of
from ddsp.core.phase import to_radians


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
        amplitude = _mixed(frames.taps, places.weights)
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

    return Kernel(forward, backward, n_partials)


def _mixed(taps: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Amplitudes at each sample, `[batch, frames, hop, partials]`."""
    # Weights sum to one, so the first tap is what the others differ from.
    first, *others = tf.unstack(taps[:, :, tf.newaxis], axis=3)
    mixed = first
    for tap, other in enumerate(others, start=1):
        mixed += weights[..., tap, tf.newaxis] * (other - first)
    return mixed
