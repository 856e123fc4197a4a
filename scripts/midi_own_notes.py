"""What a model writes of a recording in each frame, and the notes in that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from midi_pairs import FLOOR_DB, FRAME_RATE, FRAMES, HOP, windows

from ddsp.training.encoders.midi import VELOCITY_DB
from ddsp.training.transcription import Segmentation, frames, notes_of_frames, onsets

# What tells notes from frames is one of these, see `transcription.Segmentation`.
SOUNDING_DB = (-50.0, -40.0, -35.0, -30.0, -25.0, -20.0, -15.0)
LATE_SECONDS = tuple(n / FRAME_RATE for n in range(21))


class Heard(NamedTuple):
    """A recording, as the model hears and plays it, frame by frame.

    Attributes
    ----------
    pitch, velocity : `[frames]`, whole numbers that the model wrote.
    synth_audio, midi_audio : `[samples]`, played from f0 and loudness, and from notes.
    """

    pitch: np.ndarray
    velocity: np.ndarray
    synth_audio: np.ndarray
    midi_audio: np.ndarray


def hear(model: Any, features: Mapping[str, np.ndarray]) -> Heard:
    """Has the model hear and play a recording of any length, 4 s at a time."""
    keys = ('audio', 'f0_hz', 'loudness_db')
    played = ('q_pitch', 'q_vel', 'synth_audio', 'midi_audio')
    n_frames = len(features['f0_hz'])
    parts: list[list[np.ndarray]] = []
    for window in windows(features, FRAMES):
        outputs = model({key: window[key][np.newaxis] for key in keys}, training=False)
        parts.append([np.ravel(outputs[key]) for key in played])
    pitch, velocity, synth, midi = (np.concatenate(x) for x in zip(*parts))
    n_samples = n_frames * HOP
    return Heard(
        pitch[:n_frames],
        velocity[:n_frames],
        synth[:n_samples],
        midi[:n_samples],
    )


def write_down(features: Mapping[str, np.ndarray]) -> Heard:
    """What a model would write that changes nothing: f0 rounded, and loudness."""
    from ddsp import core

    pitch = np.round(core.hz_to_midi(features['f0_hz']).numpy())
    velocity = (features['loudness_db'] - FLOOR_DB) / VELOCITY_DB
    silence = np.zeros_like(features['audio'])
    return Heard(pitch, np.clip(np.round(velocity), 0, 127), silence, silence)


def own_notes(heard: Heard, segmentation: Segmentation) -> list:
    """The notes that the model wrote."""
    return notes_of_frames(
        heard.pitch, heard.velocity, FRAME_RATE, VELOCITY_DB, segmentation
    )


def choose_segmentation(recordings: Sequence[tuple[list, Heard]]) -> Segmentation:
    """What tells notes from frames, so that those of these recordings are found."""
    best = -1.0, Segmentation()
    for sounding_db in SOUNDING_DB:
        runs = [_runs_of(heard, sounding_db) for _, heard in recordings]
        for late in LATE_SECONDS:
            pairs = [
                (true, _as_notes(run, heard, late))
                for run, (true, heard) in zip(runs, recordings)
            ]
            f1 = compare(pairs)['note_f1']
            if f1 > best[0]:
                best = f1, Segmentation(sounding_db, late)
    return best[1]


def _runs_of(heard: Heard, sounding_db: float) -> list[onsets.Run]:
    level_db = VELOCITY_DB * heard.velocity
    return frames.find_runs(heard.pitch, level_db, FRAME_RATE, sounding_db)


def _as_notes(runs: list[onsets.Run], heard: Heard, late: float) -> list:
    moved = onsets.begin_earlier(runs, late, FRAME_RATE)
    return frames.notes_of_runs(moved, heard.velocity, FRAME_RATE)


def compare(pairs: Sequence[tuple[list, list]]) -> dict[str, float]:
    """Precision, recall and F1 of notes (50 ms, 50 cents) and frames: true, found."""
    from ddsp.training.metrics import notes as measures

    note, frame = measures.EvalCounts(), measures.EvalCounts()
    for true, found in pairs:
        note.add(measures.compute_note_metrics(true, found))
        rolls = (measures.pianoroll_from_notes(x, FRAME_RATE) for x in (true, found))
        frame.add(measures.compute_frame_metrics(*rolls))
    return {
        f'{kind}_{name}': float(getattr(counts, name))
        for kind, counts in (('note', note), ('frame', frame))
        for name in ('precision', 'recall', 'f1')
    }
