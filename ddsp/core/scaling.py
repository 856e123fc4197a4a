"""From what a network puts out to what a synthesiser takes in."""

from __future__ import annotations

import math
from typing import Any

import gin
import numpy as np
import tensorflow as tf

from ddsp.core.checks import check_rank
from ddsp.core.tensors import size, tf_float32
from ddsp.core.units import (
    bark_to_hz,
    hz_to_bark,
    hz_to_erb,
    hz_to_mel,
    hz_to_midi,
    mel_to_hz,
    midi_to_hz,
    unit_to_hz,
)

_HEARING_SCALES = {'bark': (hz_to_bark, bark_to_hz), 'mel': (hz_to_mel, mel_to_hz)}


@gin.register(module='ddsp.core')
def exp_sigmoid(
    x: Any, exponent: float = 10.0, max_value: float = 2.0, threshold: float = 1e-7
) -> tf.Tensor:
    """Squashes any number into an amplitude: `max_value sigmoid(x)^ln(exponent)`.

    For negative `x` the result falls `ln(exponent)` times as fast as a sigmoid on a
    logarithmic scale, so that a network moves evenly through levels in dB.

    Parameters
    ----------
    x : array-like of any shape.
    exponent : steepness, above 1; each step down by 1 far below 0 divides the result by
        it.
    max_value : the upper end.
    threshold : added to the result, which keeps its logarithm finite.

    Returns
    -------
    A tensor of the same shape, in [threshold, max_value + threshold].

    Raises
    ------
    ValueError
        When the exponent is not above 1.

    Examples
    --------
    >>> low, middle, high = exp_sigmoid([-100.0, 0.0, 100.0])
    >>> round(float(low), 6), round(float(middle), 4), round(float(high), 4)
    (0.0, 0.4054, 2.0)
    """
    if exponent <= 1.0:
        raise ValueError(f'exp_sigmoid: exponent must be above 1, got {exponent}.')
    # The logarithm of a sigmoid never underflows, as its power does.
    log_sigmoid = tf.math.log_sigmoid(tf_float32(x))
    return max_value * tf.exp(math.log(exponent) * log_sigmoid) + threshold


@gin.register(module='ddsp.core')
def sym_exp_sigmoid(x: Any, width: float = 8.0) -> tf.Tensor:
    """Gives `exp_sigmoid` two sides: least at 0 and large on either side of it.

    Parameters
    ----------
    x : array-like of any shape.
    width : steepness of both flanks; half the maximum lies near |x| = 2 + 2 / width.

    Returns
    -------
    A tensor of the same shape, above 0, up to 2.

    Examples
    --------
    >>> sym_exp_sigmoid([-100.0, 0.0, 100.0]).numpy().round(3).tolist()
    [2.0, 0.0, 2.0]
    """
    return exp_sigmoid(width * (0.5 * tf.abs(tf_float32(x)) - 1.0))


@gin.register(module='ddsp.core')
def frequencies_softmax(
    freqs: Any, depth: int = 1, hz_min: float = 20.0, hz_max: float = 8000.0
) -> tf.Tensor:
    """Reads each sinusoid's frequency as a weighted mean of `depth` fixed pitches.

    The pitches are spread evenly over the range in MIDI notes; a softmax over the last
    axis weighs them.

    Parameters
    ----------
    freqs : `[batch, frames, sinusoids * depth]`, raw, as a network put it out. The
        channels of one sinusoid stand together.
    depth : channels of each sinusoid.
    hz_min, hz_max : the range in Hz.

    Returns
    -------
    Frequencies in Hz, `[batch, frames, sinusoids]`, in [hz_min, hz_max].

    Raises
    ------
    ValueError
        When the last axis is not a multiple of `depth`.

    Examples
    --------
    >>> even = [[[0.0, 0.0]]]  # Halfway from 100 to 400 Hz, an octave from both.
    >>> frequencies_softmax(even, 2, 100.0, 400.0).numpy().round(2).tolist()
    [[[200.0]]]
    """
    weights = tf.nn.softmax(_split_depth(freqs, depth, 'frequencies_softmax'), axis=-1)
    low, high = hz_to_midi(hz_min), hz_to_midi(hz_max)
    pitches = tf.linspace(low, high, depth)
    return midi_to_hz(tf.reduce_sum(weights * pitches, axis=-1))


@gin.register(module='ddsp.core')
def frequencies_sigmoid(
    freqs: Any, depth: int = 1, hz_min: float = 0.0, hz_max: float = 8000.0
) -> tf.Tensor:
    """Reads each sinusoid's frequency as a sum of `depth` ever finer parts.

    Channel i moves its part over a band, evenly in MIDI notes. The bands shrink by the
    same ratio from one channel to the next, and their widths add up to the range: the
    first channels place a sinusoid roughly and the last ones tune it.

    Parameters
    ----------
    freqs : `[batch, frames, sinusoids * depth]`, raw, as a network put it out. The
        channels of one sinusoid stand together.
    depth : channels of each sinusoid.
    hz_min, hz_max : the range in Hz. A part never falls below MIDI note 0 (8.18 Hz), so
        that the sum does not quite reach `hz_min`.

    Returns
    -------
    Frequencies in Hz, `[batch, frames, sinusoids]`, up to `hz_max`.

    Raises
    ------
    ValueError
        When the last axis is not a multiple of `depth`, or the range is empty.

    Examples
    --------
    >>> middle = [[[0.0]]]  # Halfway from 100 to 400 Hz, an octave from both.
    >>> frequencies_sigmoid(middle, 1, 100.0, 400.0).numpy().round(2).tolist()
    [[[200.0]]]
    """
    if not 0.0 <= hz_min < hz_max:
        raise ValueError(
            'frequencies_sigmoid: expected 0 <= hz_min < hz_max, '
            f'got hz_min={hz_min} and hz_max={hz_max}.'
        )
    units = tf.nn.sigmoid(_split_depth(freqs, depth, 'frequencies_sigmoid'))
    span = hz_max - hz_min
    remaining = span * span ** (-np.arange(depth) / depth)
    widths = np.append(remaining[:-1] - remaining[1:], remaining[-1])
    # The finest band carries the offset of the whole range.
    bottoms = np.append(np.zeros(depth - 1), hz_min)
    return tf.reduce_sum(unit_to_hz(units, bottoms, bottoms + widths), axis=-1)


@gin.register(module='ddsp.core')
def frequencies_critical_bands(
    freqs: Any,
    depth: int = 1,
    depth_scale: float = 10.0,
    bandwidth_scale: float = 1.0,
    hz_min: float = 20.0,
    hz_max: float = 8000.0,
    scale: str = 'bark',
) -> tf.Tensor:
    """Gives each sinusoid a band of hearing of its own, in which it moves.

    Centres are spread evenly over a scale of hearing and raised by `hz_min`. A sinusoid
    departs from its centre by up to about `bandwidth_scale` equivalent rectangular
    bandwidths; each further channel refines that by a factor of `depth_scale`.

    Parameters
    ----------
    freqs : `[batch, frames, sinusoids * depth]`, raw, as a network put it out. The
        channels of one sinusoid stand together.
    depth : channels of each sinusoid.
    depth_scale : how much finer one channel is than the one before.
    bandwidth_scale : reach in equivalent rectangular bandwidths.
    hz_min, hz_max : the range in Hz.
    scale : `'bark'` or `'mel'`.

    Returns
    -------
    Frequencies in Hz, `[batch, frames, sinusoids]`, in [hz_min, hz_max].

    Raises
    ------
    ValueError
        For an unknown scale, or when the last axis is not a multiple of `depth`.

    Examples
    --------
    >>> raw = tf.zeros([1, 1, 2])  # Each stays at the centre of its band.
    >>> freqs = frequencies_critical_bands(raw, hz_min=0.0, hz_max=1000.0)
    >>> freqs.numpy().round(2).tolist()
    [[[0.0, 1000.0]]]
    """
    if scale not in _HEARING_SCALES:
        raise ValueError(
            f'frequencies_critical_bands: unknown scale {scale!r}, '
            f'choose one of {sorted(_HEARING_SCALES)}.'
        )
    channels = _split_depth(freqs, depth, 'frequencies_critical_bands')
    from_hz, to_hz = _HEARING_SCALES[scale]
    n_sinusoids = size(channels, 2)
    centres_hz = to_hz(tf.linspace(from_hz(hz_min), from_hz(hz_max), n_sinusoids))
    fineness = tf_float32(float(depth_scale) ** -np.arange(depth))
    deviation = tf.reduce_sum(fineness * tf.tanh(channels), axis=-1)
    reach_hz = bandwidth_scale * hz_to_erb(centres_hz)
    return tf.clip_by_value(centres_hz + hz_min + reach_hz * deviation, hz_min, hz_max)


@gin.register(module='ddsp.core')
def frequencies_linear_bands(
    freqs: Any, reach: float = 1.5, hz_min: float = 0.0, hz_max: float = 8000.0
) -> tf.Tensor:
    """Gives each sinusoid a band of equal width in Hz, in which it moves.

    Parameters
    ----------
    freqs : `[batch, frames, sinusoids]`, what a network put out, no Hz yet; 0 is
        the middle of a band.
    reach : how far a sinusoid may go from there, in half widths of a band. Above 1,
        neighbours overlap, so that one at an edge can be followed.
    hz_min, hz_max : the range in Hz that the bands share.

    Returns
    -------
    Frequencies in Hz, `[batch, frames, sinusoids]`, in [hz_min, hz_max].

    Raises
    ------
    ValueError
        When `freqs` has another rank.

    Examples
    --------
    >>> frequencies_linear_bands([[[0.0, 0.0, 99.0]]], reach=1.0, hz_max=600.0).numpy()
    array([[[100., 300., 600.]]], dtype=float32)
    """
    freqs = tf_float32(freqs)
    check_rank(
        freqs,
        3,
        'freqs',
        'frequencies_linear_bands',
        '[batch, frames, sinusoids]',
    )
    n_sinusoids = tf.cast(size(freqs, 2), tf.float32)
    width = (hz_max - hz_min) / n_sinusoids
    centres = hz_min + width * (tf.range(n_sinusoids) + 0.5)
    moved = centres + 0.5 * reach * width * tf.tanh(freqs)
    return tf.clip_by_value(moved, hz_min, hz_max)


def _split_depth(freqs: Any, depth: int, where: str) -> tf.Tensor:
    """`[batch, frames, sinusoids * depth]` as `[batch, frames, sinusoids, depth]`."""
    freqs = tf_float32(freqs)
    check_rank(freqs, 3, 'freqs', where, '[batch, frames, sinusoids * depth]')
    channels = freqs.shape[-1]
    if depth < 1 or (channels is not None and channels % depth):
        raise ValueError(
            f'{where}: {channels} channels cannot be shared out among sinusoids of '
            f'depth {depth}; give sinusoids * depth channels.'
        )
    n_sinusoids = size(freqs, 2) // depth
    shape = [size(freqs, 0), size(freqs, 1), n_sinusoids, depth]
    return tf.reshape(freqs, shape)
