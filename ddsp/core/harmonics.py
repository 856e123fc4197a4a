"""Harmonics as numbers: their frequencies, and the way to free sinusoids and back."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp.core.checks import check_rank, check_same_size
from ddsp.core.math import safe_divide
from ddsp.core.tensors import size, tf_float32


def get_harmonic_frequencies(frequencies: Any, n_harmonics: Any) -> tf.Tensor:
    """Multiplies a fundamental by 1, 2, ... n_harmonics.

    Parameters
    ----------
    frequencies : `[batch, frames, 1]`, in Hz.
    n_harmonics : how many.

    Returns
    -------
    float32 `[batch, frames, n_harmonics]`, in Hz.

    Raises
    ------
    ValueError
        When `frequencies` is not of rank 3.

    Examples
    --------
    >>> get_harmonic_frequencies([[[100.0]]], 3).numpy().tolist()
    [[[100.0, 200.0, 300.0]]]
    """
    frequencies = tf_float32(frequencies)
    check_rank(
        frequencies, 3, 'frequencies', 'get_harmonic_frequencies', '[batch, frames, 1]'
    )
    return frequencies * tf.range(1, n_harmonics + 1, dtype=tf.float32)


def remove_above_nyquist(
    frequency_envelopes: Any, amplitude_envelopes: Any, sample_rate: float = 16000
) -> tf.Tensor:
    """Silences what lies at or above half the sample rate.

    Parameters
    ----------
    frequency_envelopes : `[batch, time, partials]`, in Hz.
    amplitude_envelopes : of the same shape.
    sample_rate : samples a second.

    Returns
    -------
    float32 amplitudes of the same shape.

    Examples
    --------
    >>> remove_above_nyquist([[[7999.0, 8000.0]]], [[[1.0, 1.0]]]).numpy().tolist()
    [[[1.0, 0.0]]]
    """
    frequency_envelopes = tf_float32(frequency_envelopes)
    amplitude_envelopes = tf_float32(amplitude_envelopes)
    audible = frequency_envelopes < sample_rate / 2.0
    return tf.where(audible, amplitude_envelopes, tf.zeros_like(amplitude_envelopes))


def normalize_harmonics(
    harmonic_distribution: Any, f0_hz: Any = None, sample_rate: float | None = None
) -> tf.Tensor:
    """Makes the harmonics of each frame sum to one.

    Parameters
    ----------
    harmonic_distribution : `[batch, frames, harmonics]`, not negative.
    f0_hz : `[batch, frames, 1]`, in Hz; with `sample_rate`, harmonics at or above
        Nyquist are silenced first.
    sample_rate : samples a second.

    Returns
    -------
    float32 of the same shape; frames that are all zero stay zero.

    Examples
    --------
    >>> normalize_harmonics([[[1.0, 3.0]]]).numpy().tolist()
    [[[0.25, 0.75]]]
    >>> f0_hz = [[[5000.0]]]  # The second harmonic is above 8 kHz.
    >>> normalize_harmonics([[[1.0, 3.0]]], f0_hz, 16000).numpy().tolist()
    [[[1.0, 0.0]]]
    """
    distribution = tf_float32(harmonic_distribution)
    if f0_hz is not None and sample_rate is not None:
        frequencies = get_harmonic_frequencies(f0_hz, size(distribution, -1))
        distribution = remove_above_nyquist(frequencies, distribution, sample_rate)
    total = tf.reduce_sum(distribution, axis=-1, keepdims=True)
    return safe_divide(distribution, total)


def harmonic_to_sinusoidal(
    harm_amp: Any, harm_dist: Any, f0_hz: Any, sample_rate: float = 16000
) -> tuple[tf.Tensor, tf.Tensor]:
    """Writes harmonics as free sinusoids.

    The distribution is normalised over the harmonics below Nyquist, as in `Harmonic`.

    Parameters
    ----------
    harm_amp : `[batch, frames, 1]`.
    harm_dist : `[batch, frames, harmonics]`.
    f0_hz : `[batch, frames, 1]`, in Hz.
    sample_rate : samples a second.

    Returns
    -------
    sin_amps, sin_freqs : float32 `[batch, frames, harmonics]`; amplitudes at and above
    Nyquist are 0, frequencies are in Hz.

    Examples
    --------
    >>> amps, freqs = harmonic_to_sinusoidal([[[2.0]]], [[[0.25, 0.75]]], [[[100.0]]])
    >>> amps.numpy().tolist(), freqs.numpy().tolist()
    ([[[0.5, 1.5]]], [[[100.0, 200.0]]])
    """
    distribution = normalize_harmonics(harm_dist, f0_hz, sample_rate)
    frequencies = get_harmonic_frequencies(f0_hz, size(distribution, -1))
    return tf_float32(harm_amp) * distribution, frequencies


def sinusoidal_to_harmonic(
    sin_amps: Any,
    sin_freqs: Any,
    f0_hz: Any,
    harmonic_width: float = 0.1,
    n_harmonics: int = 100,
    sample_rate: float = 16000,
    normalize: bool = False,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Gathers free sinusoids into the harmonics of a fundamental they lie near.

    Each sinusoid counts for a harmonic by a Gaussian of its distance to it, measured in
    fundamentals.

    Parameters
    ----------
    sin_amps, sin_freqs : `[batch, frames, sinusoids]`, frequencies in Hz.
    f0_hz : `[batch, frames, 1]`, in Hz.
    harmonic_width : width of the Gaussian, in fundamentals.
    n_harmonics : how many harmonics.
    sample_rate : samples a second.
    normalize : whether sinusoids that crowd at one harmonic are averaged, not added.

    Returns
    -------
    harm_amp : float32 `[batch, frames, 1]`.
    harm_dist : float32 `[batch, frames, n_harmonics]`, summing to one.

    Raises
    ------
    ValueError
        When the sinusoids' amplitudes and frequencies differ in number.
    """
    amplitudes, frequencies = tf_float32(sin_amps), tf_float32(sin_freqs)
    fundamental = tf_float32(f0_hz)
    check_same_size(
        {'sin_amps': amplitudes, 'sin_freqs': frequencies},
        -1,
        'sinusoidal_to_harmonic',
        'sinusoids',
    )
    harmonics = get_harmonic_frequencies(fundamental, n_harmonics)
    distance = frequencies[:, :, tf.newaxis] - harmonics[..., tf.newaxis]
    distance = safe_divide(distance, fundamental[..., tf.newaxis])
    weights = tf.exp(-tf.square(distance / harmonic_width))
    if normalize:
        crowd = tf.reduce_sum(weights, axis=-1, keepdims=True)
        weights = weights / tf.maximum(crowd, 1.0)
    gathered = tf.reduce_sum(weights * amplitudes[:, :, tf.newaxis], axis=-1)
    gathered = remove_above_nyquist(harmonics, gathered, sample_rate)
    total = tf.reduce_sum(gathered, axis=-1, keepdims=True)
    return total, safe_divide(gathered, total)
