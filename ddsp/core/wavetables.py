"""Wavetables: one period of a waveform, read at the pace of the fundamental."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp.core.checks import check_not_empty, check_rank, check_same_size
from ddsp.core.grids import frame_grid, neighbour
from ddsp.core.phase import cycles_on_grid
from ddsp.core.resampling import resample
from ddsp.core.tensors import size, tf_float32


def linear_lookup(phase: Any, wavetables: Any) -> tf.Tensor:
    """Reads wavetables at a phase, linear between entries, the last next to the first.

    By picking two entries a sample, where the established library compares with all.

    Parameters
    ----------
    phase : `[batch, samples, 1]`, in cycles; whole cycles do not matter.
    wavetables : `[batch, n_wavetable]`, or `[batch, samples, n_wavetable]` for a table
        at each sample.

    Returns
    -------
    float32 `[batch, samples]`.

    Raises
    ------
    ValueError
        For other ranks, or batches that differ.

    Examples
    --------
    >>> linear_lookup([[[0.0], [0.125], [0.25]]], [[0.0, 1.0, 0.0, -1.0]]).numpy()
    array([[0. , 0.5, 1. ]], dtype=float32)
    """
    phase, tables = tf_float32(phase), tf_float32(wavetables)
    where = 'linear_lookup'
    check_rank(phase, 3, 'phase', where, '[batch, samples, 1]')
    _check_tables(tables, where)
    check_same_size({'phase': phase, 'wavetables': tables}, 0, where, 'batch')
    cycles = tf.cast(phase[..., 0], tf.float64)
    if tables.shape.rank == 2:
        return read_tables(cycles, tables[:, tf.newaxis], None)[..., 0]
    row = tf.range(size(tables, 1))
    return read_tables(cycles, tables, row)[..., 0]


def harmonic_distribution_to_wavetable(
    harmonic_distribution: Any, n_wavetable: int = 2048
) -> tf.Tensor:
    """Draws the waveform of harmonics that all start at their crest.

    Parameters
    ----------
    harmonic_distribution : `[batch, frames, harmonics]`.
    n_wavetable : entries of the table.

    Returns
    -------
    float32 `[batch, frames, n_wavetable]`, `sum_h d_h cos(2 pi h n / n_wavetable)`.
    Harmonics above half the entries have no place in the table and are left out.

    Raises
    ------
    ValueError
        When `harmonic_distribution` is not of rank 3.

    Examples
    --------
    >>> table = harmonic_distribution_to_wavetable([[[1.0]]], n_wavetable=4)
    >>> (table.numpy().round(3) + 0.0).tolist()
    [[[1.0, 0.0, -1.0, 0.0]]]
    """
    distribution = tf_float32(harmonic_distribution)
    check_rank(
        distribution,
        3,
        'harmonic_distribution',
        'harmonic_distribution_to_wavetable',
        '[batch, frames, harmonics]',
    )
    distribution = distribution[..., : n_wavetable // 2]
    numbers = np.arange(1, n_wavetable // 2 + 1)
    steps = np.outer(numbers, np.arange(n_wavetable)) % n_wavetable
    cosines = np.cos(2.0 * math.pi / n_wavetable * steps).astype(np.float32)
    return tf.matmul(distribution, cosines[: distribution.shape[-1]])


def wavetable_synthesis(
    frequencies: Any,
    amplitudes: Any,
    wavetables: Any,
    n_samples: int | None = 64000,
    sample_rate: float = 16000,
    hop_size: int | None = None,
) -> tf.Tensor:
    """Plays wavetables that may change from frame to frame.

    Phase does not drift, as the established library's does in float32.

    Parameters
    ----------
    frequencies : `[batch, frames, 1]`, the fundamental in Hz, linear between frames.
    amplitudes : `[batch, frames, 1]`, mixed between frames by windows.
    wavetables : `[batch, n_wavetable]`, or `[batch, frames, n_wavetable]` with linear
        fades from each to the next.
    n_samples : length of the audio; None means frames * hop_size.
    sample_rate : samples a second.
    hop_size : samples a frame, for when `n_samples` is None.

    Returns
    -------
    float32 `[batch, n_samples]`. The first sample is read at phase 0. A table is not
    band-limited: what it holds above Nyquist folds back.

    Raises
    ------
    ValueError
        For shapes that do not fit each other, or when `n_samples` is not a multiple of
        the frames of the amplitudes.

    Examples
    --------
    >>> f0_hz, ones = tf.fill([1, 1, 1], 4000.0), tf.ones([1, 1, 1])
    >>> table = [[0.0, 1.0, 0.0, -1.0]]  # One cycle, read a quarter each sample.
    >>> audio = wavetable_synthesis(f0_hz, ones, table, n_samples=4)
    >>> (audio.numpy().round(3) + 0.0).tolist()
    [[0.0, 1.0, 0.0, -1.0]]
    """
    where = 'wavetable_synthesis'
    frequencies, amplitudes = tf_float32(frequencies), tf_float32(amplitudes)
    tables = tf_float32(wavetables)
    check_rank(frequencies, 3, 'frequencies', where, '[batch, frames, 1]')
    check_rank(amplitudes, 3, 'amplitudes', where, '[batch, frames, 1]')
    check_not_empty(frequencies, 'frequencies', where)
    _check_tables(tables, where)
    check_same_size(
        {'frequencies': frequencies, 'amplitudes': amplitudes, 'wavetables': tables},
        0,
        where,
        'batch',
    )
    grid = frame_grid(size(frequencies, 1), n_samples, hop_size)
    cycles = cycles_on_grid(frequencies, grid, sample_rate, inclusive=False)
    cycles = grid.flatten(cycles)[..., 0]
    envelope = resample(amplitudes, grid.n_samples, method='window')[..., 0]
    if tables.shape.rank == 2:
        return envelope * read_tables(cycles, tables[:, tf.newaxis], None)[..., 0]
    n_rows = size(tables, 1)
    row, fraction = _rows_at_samples(n_rows, grid.n_samples)
    # Both tables of a fade lie side by side, so that one read fetches both.
    pairs = tf.stack([tables, neighbour(tables, 1)], axis=-1)
    read = read_tables(cycles, pairs, row)
    return envelope * (read[..., 0] + fraction * (read[..., 1] - read[..., 0]))


def _rows_at_samples(n_rows: int, n_samples: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Which table each sample comes from, and how far it has faded into the next."""
    position = tf.range(tf.cast(n_samples, tf.int64), dtype=tf.int64)
    position *= tf.cast(n_rows, tf.int64)
    samples = tf.cast(n_samples, tf.int64)
    row = position // samples
    fraction = tf.cast(position - row * samples, tf.float64)
    fraction /= tf.cast(samples, tf.float64)
    return tf.cast(row, tf.int32), tf.cast(fraction, tf.float32)


def read_tables(
    cycles: tf.Tensor, tables: tf.Tensor, row: tf.Tensor | None
) -> tf.Tensor:
    """Picks two entries a sample and mixes them.

    Parameters
    ----------
    cycles : float64 `[batch, samples]`.
    tables : float32 `[batch, rows, entries]` or `[batch, rows, entries, n]`.
    row : int32 `[samples]`; None reads row 0.

    Returns
    -------
    float32 `[batch, samples, n]`.
    """
    entry, fraction = find_entries(cycles, size(tables, 2))
    return read_entries(entry, fraction, tables, row)


def find_entries(cycles: tf.Tensor, entries: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Where a table of so many entries is read.

    Parameters
    ----------
    cycles : float64 `[batch, samples]`.
    entries : of the table.

    Returns
    -------
    The entry, int32, and float32 in [0, 1], how far it is to the next.
    """
    place = (cycles - tf.floor(cycles)) * tf.cast(entries, tf.float64)
    entry = tf.minimum(tf.cast(place, tf.int32), entries - 1)
    return entry, tf.cast(place - tf.cast(entry, tf.float64), tf.float32)


def read_entries(
    entry: tf.Tensor, fraction: tf.Tensor, tables: tf.Tensor, row: Any
) -> tf.Tensor:
    """`read_tables` at entries, and so far on the way to the next ones.

    Parameters
    ----------
    entry, fraction : int32 and float32 `[batch, samples]`.
    tables : float32 `[batch, rows, entries]` or `[batch, rows, entries, n]`.
    row : int32 `[samples]`; None reads row 0.

    Returns
    -------
    float32 `[batch, samples, n]`.
    """
    if tables.shape.rank == 3:
        tables = tables[..., tf.newaxis]
    entries, fraction = size(tables, 2), fraction[..., tf.newaxis]
    after = tf.where(entry + 1 == entries, 0, entry + 1)
    start = 0 if row is None else row * entries
    flat = tf.reshape(
        tables, [size(tables, 0), size(tables, 1) * entries, size(tables, 3)]
    )
    flat = tf.broadcast_to(flat, [size(entry, 0), size(flat, 1), size(flat, 2)])
    here = tf.gather(flat, start + entry, axis=1, batch_dims=1)
    there = tf.gather(flat, start + after, axis=1, batch_dims=1)
    return here + fraction * (there - here)


def _check_tables(tables: tf.Tensor, where: str) -> None:
    expected = '[batch, n_wavetable] or [batch, frames, n_wavetable]'
    check_rank(tables, (2, 3), 'wavetables', where, expected)
    check_not_empty(tables, 'wavetables', where)
