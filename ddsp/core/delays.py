"""Delays whose length changes from sample to sample."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp.core import checks, tensors


def variable_length_delay(phase: Any, audio: Any, max_length: int = 512) -> tf.Tensor:
    """Delays audio by an amount that may change at every sample.

    Sample n of the output is the audio at time `n - phase[n] * max_length`, read by
    linear interpolation between its two neighbours. Before the start there is silence.
    Unlike the established library's, phase 1 is the longest delay and not none.

    Parameters
    ----------
    phase : `[batch, samples, 1]`, the delay as a part of `max_length`, in [0, 1];
        0 is no delay, 1 the whole of it. Values outside are clipped.
    audio : `[batch, samples]`. Either batch may be 1.
    max_length : the longest delay, in samples.

    Returns
    -------
    Delayed audio, `[batch, samples]`.

    Raises
    ------
    ValueError
        For other ranks, sizes that differ, or a `max_length` below 1.

    Examples
    --------
    >>> phase, audio = [[[0.5]] * 4], [[1.0, 2.0, 3.0, 4.0]]
    >>> variable_length_delay(phase, audio, max_length=2).numpy().tolist()
    [[0.0, 1.0, 2.0, 3.0]]

    """
    where = 'variable_length_delay'
    phase, audio = tensors.tf_float32(phase), tensors.tf_float32(audio)
    checks.check_rank(phase, 3, 'phase', where, '[batch, samples, 1]')
    checks.check_rank(audio, 2, 'audio', where, '[batch, samples]')
    if phase.shape[-1] not in (None, 1):
        raise ValueError(
            f'{where}: phase has shape {list(phase.shape)}, expected one channel, '
            '[batch, samples, 1].'
        )
    if max_length < 1:
        raise ValueError(f'{where}: max_length is {max_length}, expected at least 1.')
    phase = phase[..., 0]
    both = {'phase': phase, 'audio': audio}
    checks.check_same_size(both, 0, where, 'batch')
    if (
        None not in (phase.shape[1], audio.shape[1])
        and phase.shape[1] != audio.shape[1]
    ):
        raise ValueError(
            f'{where}: phase has {phase.shape[1]} samples, audio {audio.shape[1]}; '
            'resample phase to the rate of the audio first.'
        )
    # A phase that is NaN stays so, also where a compiler's clipping would hide it.
    inside = tf.clip_by_value(phase, 0.0, 1.0)
    phase = tf.where(tf.math.is_nan(phase), phase, inside)
    # One more zero than the longest delay: its earlier neighbour is read too.
    padded = tf.pad(audio, [[0, 0], [max_length + 1, 0]])
    return read_back(padded, phase * max_length, max_length)


def read_back(padded: tf.Tensor, delay: tf.Tensor, max_length: int) -> tf.Tensor:
    """Reads audio `delay` samples ago, linear between samples.

    Parameters
    ----------
    padded : `[batch, max_length + 1 + samples]`, the audio after what was before it.
    delay : `[batch, samples]`, in samples, in [0, max_length].
    max_length : the longest delay, in samples.

    Returns
    -------
    `[batch, samples]`.
    """
    # Clipping keeps a phase that is NaN from reading outside: it gives NaN instead.
    whole = tf.clip_by_value(tf.cast(delay, tf.int32), 0, max_length)
    fraction = delay - tf.cast(whole, tf.float32)
    n_samples = tensors.size(padded, 1) - (max_length + 1)
    later = tf.range(n_samples) + max_length + 1 - whole
    now, before = _gather_pair(padded, later)
    return now + fraction * (before - now)


def _gather_pair(padded: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Takes samples `index` and `index - 1` of each row, `[batch, samples]` both."""
    batch = _broadcast_size(tensors.size(padded, 0), tensors.size(index, 0))
    padded = tf.broadcast_to(padded, [batch, tensors.size(padded, 1)])
    index = tf.broadcast_to(index, [batch, tensors.size(index, 1)])
    now = tf.gather(padded, index, batch_dims=1)
    before = tf.gather(padded, index - 1, batch_dims=1)
    return now, before


def _broadcast_size(a: int | tf.Tensor, b: int | tf.Tensor) -> int | tf.Tensor:
    if isinstance(a, int) and isinstance(b, int):
        return max(a, b)
    return tf.maximum(a, b)
