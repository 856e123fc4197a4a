"""Banks of oscillators and wavetables, block by block.

What sounds between two frames needs the next one, so a block's sound is later than its
frames by as many hops as the resampling method looks ahead. Phase goes from block to
block in cycles, wrapped, in float64: it is as exact after an hour as at the start.
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from ddsp.core import whole_phase
from ddsp.core.banks import Frames, Kernel, play_frames, play_portable
from ddsp.core.grids import TAP_OFFSETS, FrameGrid, frame_grid, tap_weights
from ddsp.core.phase import steps_inside_frame, sum_frames, wrap_cycles
from ddsp.core.portable import is_portable
from ddsp.core.resampling import mix_taps
from ddsp.core.streaming.memory import Memory, Span, join, last, mute
from ddsp.core.tensors import size
from ddsp.core.wavetables import find_entries, read_entries
from ddsp.core.whole_phase import sum_whole_frames, whole_frequencies


def look_around(method: str) -> tuple[int, int]:
    """How many frames before and after its own the sound of a frame needs.

    Frequency is linear whatever the method, so it is at least one after.
    """
    offsets = TAP_OFFSETS[method]
    return -min(offsets), max(1, *offsets)


def start_bank(
    batch_size: Any, n_oscillators: int, n_partials: int, method: str
) -> dict[str, tf.Tensor]:
    """The memory of a bank that has not played yet.

    Parameters
    ----------
    batch_size : a number or a scalar tensor.
    n_oscillators : frequencies a frame.
    n_partials : amplitudes a frame.
    method : how amplitudes are resampled.
    """
    kept = sum(look_around(method))
    return {
        'frequencies': tf.zeros([batch_size, kept, n_oscillators]),
        'amplitudes': tf.zeros([batch_size, kept, n_partials]),
        'cycles': tf.zeros([batch_size, 1, n_oscillators], _phase_type()),
    }


def cycles_from_radians(angle: tf.Tensor, hop: int, sample_rate: float) -> tf.Tensor:
    """A phase in radians, float32, as the memory of a bank holds it under `cycles`."""
    if is_portable():
        return whole_phase.from_radians(angle, hop, sample_rate)
    return tf.cast(angle, tf.float64) / (2.0 * math.pi)


def radians_from_cycles(cycles: tf.Tensor, hop: int, sample_rate: float) -> tf.Tensor:
    """Undoes `cycles_from_radians`; gives float32 in [-pi, pi]."""
    if is_portable():
        return whole_phase.to_radians(cycles, hop, sample_rate)
    return tf.cast(wrap_cycles(cycles) * (2.0 * math.pi), tf.float32)


def step_bank(
    frequencies: tf.Tensor,
    amplitudes: tf.Tensor,
    memory: Memory,
    span: Span,
    hop: int,
    sample_rate: float,
    method: str,
    kernel: Kernel,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Plays one block of a bank.

    Parameters
    ----------
    frequencies : float32 `[batch, frames, oscillators]`, in Hz, linear between frames.
    amplitudes : float32 `[batch, frames, partials]`.
    memory : of `start_bank`, or what the block before gave.
    span : where the block stands.
    hop : samples a frame.
    sample_rate : samples a second.
    method : how amplitudes are resampled.
    kernel : the bank.

    Returns
    -------
    audio : float32 `[batch, frames * hop]`, silent outside of the stream.
    memory : for the next block.
    """
    before, after = look_around(method)
    n_frames = size(frequencies, 1)
    all_hz = _hold_first(
        join(memory['frequencies'], frequencies), before, after, span, hop
    )
    all_amplitudes = _hold_first(
        join(memory['amplitudes'], amplitudes), before, after, span, hop
    )
    sounds = span.inside(n_frames, hop, late=after * hop)
    grid = frame_grid(n_frames, hop_size=hop)
    taps = [
        mute(_frames(all_amplitudes, before + offset, n_frames), sounds)
        for offset in TAP_OFFSETS[method]
    ]
    taps = tf.stack(taps, axis=2)
    if is_portable():
        whole = whole_frequencies(all_hz, hop, sample_rate)
        hz, slope_hz = _line(whole, before, n_frames, sounds)
        phase, cycles = sum_whole_frames(
            hz, slope_hz, grid, sample_rate, memory['cycles']
        )
        audio = play_portable(phase, taps, grid, method, kernel)
    else:
        exact = tf.cast(all_hz, tf.float64)
        hz, slope_hz = _line(exact, before, n_frames, sounds)
        starts, cycles = sum_frames(hz, slope_hz, grid, sample_rate, memory['cycles'])
        frames = Frames(starts, hz, slope_hz, taps)
        audio = play_frames(frames, grid, sample_rate, method, kernel)
        cycles = wrap_cycles(last(cycles, 1))
    return audio, {
        'frequencies': last(all_hz, before + after),
        'amplitudes': last(all_amplitudes, before + after),
        'cycles': cycles,
    }


def start_wavetable(
    batch_size: Any, n_wavetable: int, changes: bool
) -> dict[str, tf.Tensor]:
    """The memory of a wavetable that has not played yet.

    Parameters
    ----------
    batch_size : a number or a scalar tensor.
    n_wavetable : entries of a table.
    changes : whether each frame has its own table.
    """
    memory = {
        'frequencies': tf.zeros([batch_size, 1, 1]),
        'amplitudes': tf.zeros([batch_size, 1, 1]),
        'cycles': tf.zeros([batch_size, 1, 1], _phase_type()),
    }
    if changes:
        memory['wavetables'] = tf.zeros([batch_size, 1, n_wavetable])
    return memory


def step_wavetable(
    frequencies: tf.Tensor,
    amplitudes: tf.Tensor,
    wavetables: tf.Tensor,
    memory: Memory,
    span: Span,
    hop: int,
    sample_rate: float,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Plays one block of a wavetable, one hop late.

    Parameters
    ----------
    frequencies, amplitudes : float32 `[batch, frames, 1]`, the first in Hz.
    wavetables : float32 `[batch, n_wavetable]`, or `[batch, frames, n_wavetable]`.
    memory : of `start_wavetable`, or what the block before gave.
    span : where the block stands.
    hop : samples a frame.
    sample_rate : samples a second.

    Returns
    -------
    audio : float32 `[batch, frames * hop]`, silent outside of the stream.
    memory : for the next block.
    """
    n_frames = size(frequencies, 1)
    grid = frame_grid(n_frames, hop_size=hop)
    sounds = span.inside(n_frames, hop, late=hop)
    all_hz = join(memory['frequencies'], frequencies)
    all_amplitudes = join(memory['amplitudes'], amplitudes)
    entries = size(wavetables, -1)
    places = _places(all_hz, memory['cycles'], grid, sounds, sample_rate, entries)
    entry, fraction, cycles = places
    taps = [mute(_frames(all_amplitudes, i, n_frames), sounds) for i in (0, 1)]
    envelope = grid.flatten(mix_taps(taps, grid, 'window'))[..., 0]
    memory = {
        'frequencies': last(all_hz, 1),
        'amplitudes': last(all_amplitudes, 1),
        'cycles': cycles,
    } | {key: memory[key] for key in memory if key == 'wavetables'}
    if wavetables.shape.rank == 2:
        wave = read_entries(entry, fraction, wavetables[:, tf.newaxis], None)
        return envelope * wave[..., 0], memory
    all_tables = join(memory['wavetables'], wavetables)
    memory['wavetables'] = last(all_tables, 1)
    return envelope * _fading(entry, fraction, all_tables, grid), memory


def _phase_type() -> tf.DType:
    return tf.int64 if is_portable() else tf.float64


def _places(
    all_hz: tf.Tensor,
    before: tf.Tensor,
    grid: FrameGrid,
    sounds: tf.Tensor,
    sample_rate: float,
    entries: Any,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Entries of each sample, how far it is to the next, and the phase after all."""
    n_frames = grid.n_frames
    if is_portable():
        whole = whole_frequencies(all_hz, grid.hop, sample_rate)
        hz, slope_hz = _line(whole, 0, n_frames, sounds)
        phase, cycles = sum_whole_frames(hz, slope_hz, grid, sample_rate, before)
        places = phase.earlier().place(entries)
        return (*(grid.flatten(x)[..., 0] for x in places), cycles)
    hz, slope_hz = _line(tf.cast(all_hz, tf.float64), 0, n_frames, sounds)
    starts, cycles = sum_frames(hz, slope_hz, grid, sample_rate, before)
    steps, sums = steps_inside_frame(grid, inclusive=False)
    moved = hz[:, :, tf.newaxis] * steps + slope_hz[:, :, tf.newaxis] * sums
    place = starts[:, :, tf.newaxis] + moved / float(sample_rate)
    places = find_entries(grid.flatten(place)[..., 0], entries)
    return (*places, wrap_cycles(last(cycles, 1)))


def _fading(
    entry: tf.Tensor, fraction: tf.Tensor, tables: tf.Tensor, grid: FrameGrid
) -> tf.Tensor:
    """Reads tables that fade from each frame to the next."""
    pairs = tf.stack([tables[:, :-1], tables[:, 1:]], axis=-1)
    row = tf.repeat(tf.range(grid.n_frames), grid.hop)
    fade = tap_weights(grid.fraction, 'linear')[:, 1]
    fade = tf.tile(fade, [grid.n_frames])
    read = read_entries(entry, fraction, pairs, row)
    return read[..., 0] + fade * (read[..., 1] - read[..., 0])


def _frames(x: tf.Tensor, first: int, n_frames: Any) -> tf.Tensor:
    return x[:, first : first + n_frames]


def _line(
    hz: tf.Tensor, first: int, n_frames: Any, sounds: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Frequency and its change until the next frame; 0 where nothing sounds."""
    here, there = _frames(hz, first, n_frames), _frames(hz, first + 1, n_frames)
    return mute(here, sounds), mute(there - here, sounds)


def _hold_first(
    x: tf.Tensor, before: int, after: int, span: Span, hop: int
) -> tf.Tensor:
    """Puts the stream's first frame in place of those before it."""
    if before == 0:
        return x
    n = size(x, 1)
    # As many frames as there are before the stream begins.
    place = tf.range(tf.cast(n, tf.int64), dtype=tf.int64) - (before + after)
    early = tf.cast(span.position + place * hop < 0, tf.int32)
    first = tf.minimum(tf.reduce_sum(early), n - 1)
    return tf.gather(x, tf.maximum(tf.range(n), first), axis=1)
