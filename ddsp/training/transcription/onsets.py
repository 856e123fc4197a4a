"""When notes begin: where the energy of their own partials rises.

Estimators of pitch see a note when most of what they look at is that note, some 50 ms
late, and a note that is struck again without a rest is no change of pitch. Energy in
short frames tells both.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from ddsp.training.fit.features import Features
from ddsp.training.transcription.partials import (
    LOBE_BINS,
    partial_powers,
    power_spectra,
)

# Frames of 32 ms tell apart partials from here on, lower ones need longer frames.
_SHORT_FFT_SECONDS, _LONG_FFT_SECONDS, _LOW_HZ = 0.032, 0.064, 200.0
_N_PARTIALS = 12
# An onset is looked for so long before and after the change of pitch.
_EARLIER_SECONDS, _LATER_SECONDS = 0.15, 0.08
# Partials that rise by less tell nothing. They have risen when no more than the second
# is missing.
_RISE_DB, _NEARLY_DB = 7.0, 3.0
# However slow an attack is, its amplitude grows about evenly: the line through these
# parts of the rise begins where the note does.
_LOW_PART, _HIGH_PART = 0.2, 0.6
# A note is struck again where loudness falls by the first and rises by the second of
# these, and does one of both fast: released strings and tongues stop a note within
# 40 ms, while vibrato, of some 170 ms, takes twice as long from loud to soft.
_FALL_DB, _RISE_AGAIN_DB, _DIP_SECONDS = 6.0, 3.0, 0.12
_FAST_DB, _FAST_SECONDS = 6.0, 0.04
# No note is shorter, and none is shorter on the way up or down to its neighbour: a
# slide into a note leaves a trace there.
SHORTEST_SECONDS, _SLIDE_SECONDS, _SLIDE_SEMITONES = 0.05, 0.08, 2


@dataclasses.dataclass(frozen=True)
class Run:
    """A stretch of frames in which one note sounds.

    Parameters
    ----------
    start, end : frames; the end is the first one after it.
    pitch : MIDI note number.
    """

    start: int
    end: int
    pitch: int


def join_fragments(runs: list[Run], frame_rate: float) -> list[Run]:
    """Leaves out runs that are too short to be notes.

    One that passes into the next note without a rest is the way into it, whose time
    belongs to that note; and where the same note goes on after it, it was a mistake.
    """
    kept: list[Run] = []
    since = None
    for run, after in zip(runs, [*runs[1:], None]):
        begins = run.start
        if since is not None and since[1] == run.start:
            begins = since[0]
        if _is_fragment(run, after, frame_rate):
            since = (begins, run.end)
            continue
        since = None
        if kept and kept[-1].pitch == run.pitch and begins == kept[-1].end < run.start:
            kept[-1] = Run(kept[-1].start, run.end, run.pitch)
        else:
            kept.append(Run(begins, run.end, run.pitch))
    return kept


def _is_fragment(run: Run, after: Run | None, frame_rate: float) -> bool:
    seconds = (run.end - run.start) / frame_rate
    goes_on = after is not None and after.start == run.end
    near = goes_on and abs(after.pitch - run.pitch) <= _SLIDE_SEMITONES
    return seconds < (_SLIDE_SECONDS if near else SHORTEST_SECONDS)


def refine_onsets(runs: list[Run], features: Features, f0_hz: np.ndarray) -> list[Run]:
    """Moves the beginning of each note to where its partials rise.

    Parameters
    ----------
    runs : notes in order.
    features : of the recording.
    f0_hz : `[frames]`.
    """
    refined: list[Run] = []
    for index, run in enumerate(runs):
        before = runs[index - 1] if index else None
        earliest = 0
        if refined:
            shortest = round(SHORTEST_SECONDS * features.frame_rate)
            earliest = min(refined[-1].start + shortest, run.start)
        start = _onset(run, before, features, f0_hz, earliest)
        if refined:
            last = refined[-1]
            refined[-1] = Run(last.start, min(last.end, start), last.pitch)
        refined.append(Run(min(start, run.end - 1), run.end, run.pitch))
    return refined


def _onset(
    run: Run,
    before: Run | None,
    features: Features,
    f0_hz: np.ndarray,
    earliest: int,
) -> int:
    rate = features.frame_rate
    middle = run.start + (run.end - run.start) // 2
    pitch_hz = float(np.median(f0_hz[middle : run.end]))
    first = max(run.start - round(_EARLIER_SECONDS * rate), earliest)
    last = min(run.start + round(_LATER_SECONDS * rate), run.end)
    seconds = _SHORT_FFT_SECONDS if pitch_hz > _LOW_HZ else _LONG_FFT_SECONDS
    n_fft = 2 * round(seconds * features.sample_rate / 2)
    bin_hz = features.sample_rate / n_fft
    partials = np.arange(1, _N_PARTIALS + 1)
    if before is not None and before.end >= first:
        old_hz = float(np.median(f0_hz[before.start : before.end]))
        partials = _own_partials(partials, pitch_hz, old_hz, LOBE_BINS * bin_hz)
    if not len(partials):
        return run.start
    frames = np.arange(first, last)
    power = power_spectra(features.audio, frames * features.hop, n_fft)
    pitch = np.full(len(frames), pitch_hz)
    rising = partial_powers(power, pitch, partials, bin_hz).sum(axis=1)
    begin = _rise(np.sqrt(rising + 1e-12), max(run.start - first, 0))
    return run.start if begin is None else first + begin


def _rise(amplitude: np.ndarray, seen: int) -> int | None:
    """The frame where an amplitude begins to rise to what it is from `seen` on."""
    peak = amplitude[seen:].max()
    there = int(np.argmax(amplitude >= peak * 10.0 ** (-_NEARLY_DB / 20.0)))
    way = amplitude[: there + 1]
    floor = way.min()
    if peak < floor * 10.0 ** (_RISE_DB / 20.0):
        return None
    low, high = (
        np.flatnonzero(way < floor + part * (peak - floor)).max(initial=-1) + 1
        for part in (_LOW_PART, _HIGH_PART)
    )
    line = low - (high - low) * _LOW_PART / (_HIGH_PART - _LOW_PART)
    return max(round(float(line)), 0)


def _own_partials(
    partials: np.ndarray, new_hz: float, old_hz: float, apart_hz: float
) -> np.ndarray:
    """The partials of a note which another note does not have."""
    nearest = old_hz * np.maximum(np.round(partials * new_hz / old_hz), 1.0)
    return partials[np.abs(partials * new_hz - nearest) > apart_hz]


def begin_earlier(runs: list[Run], late_seconds: float, frame_rate: float) -> list[Run]:
    """Moves changes of pitch within sound to where the second note began.

    Parameters
    ----------
    runs : notes in order.
    late_seconds : how late the second is seen, while the first one rings on. The first
        one stays as long as the shortest note.
    frame_rate : frames a second.
    """
    shortest, late = (round(x * frame_rate) for x in (SHORTEST_SECONDS, late_seconds))
    moved: list[Run] = []
    for run in runs:
        start = run.start
        last = moved[-1] if moved else None
        if last is not None and last.end == run.start and last.pitch != run.pitch:
            start = min(max(last.start + shortest, run.start - late), run.start)
            moved[-1] = Run(last.start, start, last.pitch)
        moved.append(Run(start, run.end, run.pitch))
    return moved


def split_repeated(
    runs: list[Run], loudness_db: np.ndarray, frame_rate: float
) -> list[Run]:
    """Splits notes that are struck again, at the dips in loudness.

    Parameters
    ----------
    runs : notes in order.
    loudness_db : of the recording, `[frames]`.
    frame_rate : frames a second.
    """
    loudness = np.asarray(loudness_db, np.float64)
    split: list[Run] = []
    for run in runs:
        edges = [run.start, *_strikes(run, loudness, frame_rate), run.end]
        split += [Run(a, b, run.pitch) for a, b in itertools.pairwise(edges)]
    return split


def _strikes(run: Run, loudness: np.ndarray, frame_rate: float) -> list[int]:
    """Frames within a run in which its note is struck again."""
    reach, fast, shortest = (
        max(1, round(seconds * frame_rate))
        for seconds in (_DIP_SECONDS, _FAST_SECONDS, SHORTEST_SECONDS)
    )
    found: list[int] = []
    begin = run.start
    # What little is left at the end is a tail with the next note's beginning in it.
    for frame in range(run.start + shortest, run.end - 2 * shortest):
        if frame - begin < shortest:
            continue
        before = loudness[max(frame - reach, begin) : frame + 1] - loudness[frame]
        after = loudness[frame : min(frame + reach, run.end)] - loudness[frame]
        if min(before.min(), after.min()) < 0.0:
            continue
        dips = before.max() > _FALL_DB and after.max() > _RISE_AGAIN_DB
        fall = np.max(before[:-fast] - before[fast:], initial=0.0)
        rise = np.max(after[fast:] - after[:-fast], initial=0.0)
        if dips and max(fall, rise) > _FAST_DB:
            begin = frame
            found.append(begin)
    return found
