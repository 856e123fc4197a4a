"""Notes from what a network writes in each frame: a pitch and a velocity.

Frame by frame a network writes vibrato as another pitch now and then, and rests as a
velocity only. A hidden Markov model tells notes from these; where a velocity falls and
rises fast, a note was struck again.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ddsp import core
from ddsp.training.metrics.notes import Note
from ddsp.training.transcription import hidden_markov, onsets

# Between surely silent and surely sounding.
_UNSURE_DB = 30.0
# A note has the highest velocity of its first moments.
_ATTACK_SECONDS = 0.2


@dataclasses.dataclass(frozen=True)
class Segmentation:
    """What tells notes from frames, to be chosen on recordings whose notes are known.

    Parameters
    ----------
    sounding_db : so much louder than the recording's loud parts (5 % are louder) a
        frame sounds as likely as not; below 0.
    late_seconds : how much later than it begins a note is seen while the one before
        rings on, and that one is no longer.
    """

    sounding_db: float = -25.0
    late_seconds: float = 0.044


def notes_of_frames(
    pitches: Any,
    velocities: Any,
    frame_rate: float,
    velocity_db: float,
    segmentation: Segmentation = Segmentation(),
) -> list[Note]:
    """Finds the notes of one voice.

    Parameters
    ----------
    pitches : MIDI note numbers, with fractions or without, `[frames]`.
    velocities : from 0 to 127, `[frames]`.
    frame_rate : frames a second.
    velocity_db : what a velocity is louder than the next lower one, in dB.
    segmentation : what tells notes from frames.

    Returns
    -------
    Notes in order, each with the highest velocity of its first 0.2 s.

    Examples
    --------
    >>> import numpy as np
    >>> pitches, velocities = np.repeat([60, 62], 100), np.repeat([0, 90, 90, 0], 50)
    >>> notes = notes_of_frames(pitches, velocities, 250, velocity_db=0.8)
    >>> [(note.start, note.end, note.pitch) for note in notes]
    [(0.2, 0.356, 60), (0.356, 0.6, 62)]
    """
    velocities = np.asarray(velocities, np.float64)
    sounding = segmentation.sounding_db
    runs = find_runs(pitches, velocity_db * velocities, frame_rate, sounding)
    runs = onsets.begin_earlier(runs, segmentation.late_seconds, frame_rate)
    return notes_of_runs(runs, velocities, frame_rate)


def sounding_strength(level_db: Any, sounding_db: float) -> np.ndarray:
    """How much each frame is part of a note, from 0 to 1, `[frames]`.

    Parameters
    ----------
    level_db : `[frames]`, above silence, which is 0.
    sounding_db : see `Segmentation`; the result is 0.5 there.
    """
    level_db = np.asarray(level_db, np.float64)
    low, high = sounding_db - _UNSURE_DB / 2, sounding_db + _UNSURE_DB / 2
    strength = hidden_markov.loudness_strength(level_db, low, high)
    return np.where(level_db > 0.0, strength, 0.0)


def find_runs(
    pitches: Any, level_db: Any, frame_rate: float, sounding_db: float
) -> list[onsets.Run]:
    """Finds stretches of frames with one note; see `notes_of_frames`.

    Parameters
    ----------
    pitches : MIDI note numbers `[frames]`.
    level_db : how loud each frame is, above silence, which is 0, `[frames]`.
    frame_rate : frames a second.
    sounding_db : see `Segmentation`.

    Returns
    -------
    Runs in order, with those that are too short for a note joined to what is beside
    them, and those in which it is struck again split.
    """
    level_db = np.asarray(level_db, np.float64)
    strength = sounding_strength(level_db, sounding_db)
    f0_hz = np.asarray(core.midi_to_hz(np.asarray(pitches, np.float32)))
    path = hidden_markov.find_path(f0_hz, strength, frame_rate)
    runs = [onsets.Run(*run) for run in hidden_markov.runs_of(path)]
    runs = onsets.join_fragments(runs, frame_rate)
    return onsets.split_repeated(runs, level_db, frame_rate)


def notes_of_runs(
    runs: list[onsets.Run], velocities: Any, frame_rate: float
) -> list[Note]:
    """Gives runs their time in seconds and a velocity; see `notes_of_frames`."""
    velocities = np.asarray(velocities)
    attack = max(1, round(_ATTACK_SECONDS * frame_rate))
    return [
        Note(
            run.start / frame_rate,
            run.end / frame_rate,
            run.pitch,
            int(
                np.clip(velocities[run.start : run.end][:attack].max().round(), 1, 127)
            ),
        )
        for run in runs
    ]
