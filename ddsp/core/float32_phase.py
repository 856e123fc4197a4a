"""Harmonics as the established library plays them: phase summed up in float32.

Its phase drifts, the further the longer it plays. Here it is for those who compare with
what they rendered years ago.
"""

from __future__ import annotations

import math

import tensorflow as tf

from ddsp.core.resampling import resample
from ddsp.core.tensors import size


def drifting_harmonics(
    frequencies: tf.Tensor,
    amplitudes: tf.Tensor,
    n_samples: int | tf.Tensor,
    sample_rate: float,
    amp_resample_method: str,
) -> tf.Tensor:
    """Plays harmonics at the rate of the samples, each with a phase of its own.

    Takes `[batch, samples, harmonics]` of memory, several times over.

    Parameters
    ----------
    frequencies : `[batch, frames, 1]`, the fundamental in Hz.
    amplitudes : `[batch, frames, harmonics]`.
    n_samples : length of the audio.
    sample_rate : samples a second.
    amp_resample_method : how amplitudes go between frames.

    Returns
    -------
    float32 `[batch, n_samples]`.
    """
    numbers = tf.range(1, size(amplitudes, -1) + 1, dtype=tf.float32)
    partials = resample(frequencies * numbers, n_samples)
    envelopes = resample(amplitudes, n_samples, method=amp_resample_method)
    envelopes = tf.where(partials < sample_rate / 2.0, envelopes, 0.0)
    phase = tf.cumsum(partials * (2.0 * math.pi) / sample_rate, axis=1)
    return tf.reduce_sum(envelopes * tf.sin(phase), axis=-1)
