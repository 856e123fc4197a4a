"""Sound and notes of rendered phrases, side by side, as examples to train on."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

RATE, FRAME_RATE = 16000, 250
HOP = RATE // FRAME_RATE
# Frames of an example, 4 s, and from one to the next.
FRAMES, FRAMES_APART = 1000, 500
FLOOR_DB = -80.0


def features_of(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Sound, f0, loudness and notes of a sound file with a MIDI file beside it.

    Returns
    -------
    `audio` `[samples]`; `f0_hz`, `f0_confidence` and `loudness_db` `[frames]`;
    `note_active_velocities` and `note_onsets` `[frames, 128]`.
    """
    from ddsp import audio_files
    from ddsp.training.fit.features import extract_features
    from ddsp.training.metrics.notes import pianoroll_from_notes

    measured = extract_features(audio_files.load_audio(path, RATE), RATE, FRAME_RATE)
    notes, n_frames = true_notes(path), len(measured.f0_hz)
    short = [dataclasses.replace(n, end=n.start + 1 / FRAME_RATE) for n in notes]
    return {
        'audio': measured.audio.astype(np.float32),
        'f0_hz': measured.f0_hz,
        'f0_confidence': measured.f0_confidence,
        'loudness_db': measured.loudness_db.astype(np.float32),
        'note_active_velocities': pianoroll_from_notes(notes, FRAME_RATE, n_frames),
        'note_onsets': pianoroll_from_notes(short, FRAME_RATE, n_frames),
    }


def true_notes(path: pathlib.Path) -> list:
    """The notes of the MIDI file beside a sound file."""
    from ddsp.training.transcription import read_midi

    tracks = read_midi(path.with_suffix('.mid')).tracks
    return [note for track in tracks for note in track.notes]


def windows(
    features: Mapping[str, np.ndarray], frames_apart: int
) -> Iterator[dict[str, np.ndarray]]:
    """Cuts features into examples of 4 s; the last one is filled with silence."""
    n_frames = len(features['f0_hz'])
    for start in range(0, max(n_frames - FRAMES + frames_apart, 1), frames_apart):
        yield {key: _cut(key, value, start) for key, value in features.items()}


def _cut(key: str, value: np.ndarray, start: int) -> np.ndarray:
    frame = HOP if key == 'audio' else 1
    part = value[start * frame : (start + FRAMES) * frame]
    missing = [(0, FRAMES * frame - len(part)), *[(0, 0)] * (value.ndim - 1)]
    if key == 'f0_hz':
        return np.pad(part, missing, mode='edge')
    filling = FLOOR_DB if key == 'loudness_db' else 0.0
    return np.pad(part, missing, constant_values=filling)


def save_examples(paths: Sequence[pathlib.Path], out_dir: pathlib.Path) -> int:
    """Writes examples where `ExperimentalDataProvider` reads them; gives how many."""
    import tensorflow as tf

    examples = [x for path in paths for x in windows(features_of(path), FRAMES_APART)]
    columns = {key: np.stack([x[key] for x in examples]) for key in examples[0]}
    tf.data.Dataset.from_tensor_slices(columns).save(str(out_dir))
    return len(examples)
