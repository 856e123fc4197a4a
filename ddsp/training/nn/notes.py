"""Notes in the frames of a monophonic melody: where they are, what happens in them.

A region is a stretch of frames. A mask `[batch, frames, regions]` holds 1 where a frame
belongs to a region, and 0 elsewhere; no frame belongs to two of them.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp import core
from ddsp.core import checks

_FRAMES = '[batch, frames] or [batch, frames, 1]'


def get_note_mask(
    q_pitch: Any, max_regions: int = 100, note_on_only: bool = True
) -> tf.Tensor:
    """Cuts a melody where its pitch changes and gives a mask of each region.

    Parameters
    ----------
    q_pitch : quantised pitch (note numbers), velocity or the like, 0 for silence,
        `[batch, frames]` or `[batch, frames, 1]`.
    max_regions : number of regions in the mask. Frames of later ones are in none.
    note_on_only : whether the mask of a region of silence is all zeros. It keeps its
        place among the others.

    Returns
    -------
    `[batch, frames, max_regions]`.

    Raises
    ------
    ValueError
        For another rank, or `max_regions` below 1.

    Examples
    --------
    >>> mask = get_note_mask([[60, 60, 0, 62]], max_regions=3)
    >>> tf.transpose(mask[0]).numpy().tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    """
    pitch = _frames(q_pitch, 'q_pitch', 'get_note_mask')
    return _mask(pitch, _changes(pitch), max_regions, note_on_only)


def get_note_mask_from_onset(
    q_pitch: Any, onset: Any, max_regions: int = 100, note_on_only: bool = True
) -> tf.Tensor:
    """Cuts a melody where its pitch changes and where notes are struck.

    A pitch played twice without a pause becomes two regions.

    Parameters
    ----------
    q_pitch : quantised pitch (note numbers), 0 for silence, `[batch, frames]` or
        `[batch, frames, 1]`.
    onset : above 0 where a note is struck, of the same shape. Neighbouring frames above
        0 are one onset, at the first of them.
    max_regions, note_on_only : as in `get_note_mask`.

    Returns
    -------
    `[batch, frames, max_regions]`.

    Raises
    ------
    ValueError
        For another rank, or `max_regions` below 1.

    Examples
    --------
    >>> mask = get_note_mask_from_onset([[60, 60, 60]], [[1, 0, 1]], max_regions=2)
    >>> tf.transpose(mask[0]).numpy().tolist()  # One pitch, struck twice.
    [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    where = 'get_note_mask_from_onset'
    pitch = _frames(q_pitch, 'q_pitch', where)
    struck = _frames(onset, 'onset', where) > 0.0
    before = tf.pad(struck[:, :-1], [[0, 0], [1, 0]])
    edges = _changes(pitch) | (struck & ~before)
    return _mask(pitch, edges, max_regions, note_on_only)


def get_note_lengths(note_mask: Any) -> tf.Tensor:
    """Counts the frames of each region.

    Parameters
    ----------
    note_mask : `[batch, frames, regions]`.

    Returns
    -------
    Numbers of frames, float32 `[batch, regions]`.

    Examples
    --------
    >>> mask = get_note_mask([[60, 60, 0, 62]], max_regions=3)
    >>> get_note_lengths(mask).numpy().tolist()
    [[2.0, 0.0, 1.0]]
    """
    return tf.reduce_sum(_regions(note_mask, 'get_note_lengths'), axis=1)


def get_note_moments(
    x: Any, note_mask: Any, return_std: bool = True
) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
    """Takes the mean of a control over each region, and its standard deviation.

    Parameters
    ----------
    x : `[batch, frames, channels]` or `[batch, frames]`.
    note_mask : `[batch, frames, regions]`.
    return_std : whether to give standard deviations too.

    Returns
    -------
    Means, or `(means, standard deviations)`: `[batch, regions, channels]` or
    `[batch, regions]`; 0 for a region without frames. Where all frames of a region are
    equal, the gradient of the standard deviation is 0.

    Raises
    ------
    ValueError
        For tensors of another rank.
    """
    where = 'get_note_moments'
    x, mask = core.tf_float32(x), _regions(note_mask, where)
    checks.check_rank(
        x, (2, 3), 'x', where, '[batch, frames] or [batch, frames, channels]'
    )
    if x.shape.rank == 2:
        mean, std = _moments(x[..., tf.newaxis], mask)
        mean, std = mean[..., 0], std[..., 0]
    else:
        mean, std = _moments(x, mask)
    return (mean, std) if return_std else mean


def pool_over_notes(
    x: Any, note_mask: Any, return_std: bool = True
) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
    """Replaces each frame of a control by the mean over its region.

    Parameters
    ----------
    x : `[batch, frames, channels]` or `[batch, frames]`.
    note_mask : `[batch, frames, regions]`.
    return_std : whether to give standard deviations too.

    Returns
    -------
    Means, or `(means, standard deviations)`, in the shape of `x`; 0 in frames that
    belong to no region.

    Examples
    --------
    >>> mask = get_note_mask([[60, 60, 0, 62]], max_regions=3)
    >>> pool_over_notes([[1.0, 3.0, 5.0, 7.0]], mask, return_std=False).numpy().tolist()
    [[2.0, 2.0, 0.0, 7.0]]
    """
    moments = get_note_moments(x, note_mask, return_std)
    mask = core.tf_float32(note_mask)
    if return_std:
        return _to_frames(moments[0], mask), _to_frames(moments[1], mask)
    return _to_frames(moments, mask)


def get_short_note_loss_mask(
    note_mask: Any, note_lengths: Any, note_pitches: Any, min_length: int = 40
) -> tf.Tensor:
    """Marks the frames of notes that are too short.

    Parameters
    ----------
    note_mask : `[batch, frames, regions]`.
    note_lengths : frames of each region, `[batch, regions]`.
    note_pitches : MIDI note of each region, 0 for silence, `[batch, regions]`.
    min_length : a note of fewer frames is short.

    Returns
    -------
    1 in short notes, 0 in others and in silence, `[batch, frames]`.
    """
    mask = _regions(note_mask, 'get_short_note_loss_mask')
    lengths, pitches = core.tf_float32(note_lengths), core.tf_float32(note_pitches)
    is_short = (lengths < float(min_length)) & (pitches > 0.0)
    return _to_frames(tf.cast(is_short, tf.float32), mask)


def _frames(x: Any, name: str, where: str) -> tf.Tensor:
    x = core.tf_float32(x)
    checks.check_rank(x, (2, 3), name, where, _FRAMES)
    if x.shape.rank == 3 and x.shape[-1] not in (None, 1):
        raise ValueError(
            f'{where}: {name} has shape {list(x.shape)}, expected {_FRAMES}.'
        )
    return x[..., 0] if x.shape.rank == 3 else x


def _regions(note_mask: Any, where: str) -> tf.Tensor:
    mask = core.tf_float32(note_mask)
    checks.check_rank(mask, 3, 'note_mask', where, '[batch, frames, regions]')
    return mask


def _changes(pitch: tf.Tensor) -> tf.Tensor:
    """True in frames whose pitch is not that of the frame before."""
    return tf.pad(pitch[:, 1:] != pitch[:, :-1], [[0, 0], [1, 0]])


def _mask(
    pitch: tf.Tensor, edges: tf.Tensor, max_regions: int, note_on_only: bool
) -> tf.Tensor:
    if max_regions < 1:
        raise ValueError(f'max_regions is {max_regions}, expected at least 1.')
    # The first frame opens region 0, whether it is an edge or not.
    edges = tf.concat([tf.zeros_like(edges[:, :1]), edges[:, 1:]], axis=1)
    index = tf.cumsum(tf.cast(edges, tf.int32), axis=1)
    # An index past the last region makes a row of zeros.
    mask = tf.one_hot(index, max_regions, dtype=tf.float32)
    if note_on_only:
        mask *= tf.cast(pitch > 0.0, tf.float32)[..., tf.newaxis]
    return mask


def _moments(x: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and standard deviation `[batch, regions, channels]`.

    As no frame is in two regions, its deviation from its own region's mean is all that
    is needed: `[batch, frames, regions, channels]` never exists.
    """
    lengths = tf.reduce_sum(mask, axis=1)[..., tf.newaxis]
    mean = core.safe_divide(tf.matmul(mask, x, transpose_a=True), lengths)
    deviation = x - tf.matmul(mask, mean)
    squares = tf.matmul(mask, deviation**2, transpose_a=True)
    return mean, _safe_sqrt(core.safe_divide(squares, lengths))


def _to_frames(x: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Gives each frame the value of its region."""
    if x.shape.rank == 2:
        return tf.matmul(mask, x[..., tf.newaxis])[..., 0]
    return tf.matmul(mask, x)


def _safe_sqrt(x: tf.Tensor) -> tf.Tensor:
    """The slope of a root at zero is infinite: there it becomes 0."""
    is_zero = x <= 0.0
    root = tf.sqrt(tf.where(is_zero, tf.ones_like(x), x))
    return tf.where(is_zero, tf.zeros_like(x), root)
