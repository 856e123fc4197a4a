"""Which note sounds in each frame, by a hidden Markov model."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from scipy import ndimage

from ddsp import core, losses
from ddsp.training.fit.features import Features

# Mean length of a note: at 120 beats a minute an eighth. The model asks little of it:
# ten times as much makes a change of note only 2.3 nepers dearer.
NOTE_SECONDS = 0.25
# Vibrato of half a semitone to either side stays within one note.
PITCH_STD = 0.4
# Strength, see `note_strength`, is 1 of a note and 0 of silence, give or take this.
STRENGTH_STD = 0.25
# How far below the recording's loud parts strength begins and is complete.
_NOTHING_DB, _CERTAIN_DB = -50.0, -20.0
_LOUD_PERCENTILE = 95
# Estimators see about so much at once: leaps that are shorter are mistakes.
_MEDIAN_SECONDS = 0.044


def note_strength(features: Features, voiced: float) -> np.ndarray:
    """How much each frame is part of a note, from 0 to 1, `[frames]`.

    Loudness, from 50 to 20 dB below the loud parts of the recording, times confidence,
    up to where the estimator itself takes a frame for voiced.

    Parameters
    ----------
    features : of a recording.
    voiced : the confidence of a pitch, `PitchEstimator.voiced_threshold`.
    """
    level = loudness_strength(features.loudness_db, _NOTHING_DB, _CERTAIN_DB)
    return level * np.clip(features.f0_confidence / voiced, 0.0, 1.0)


def loudness_strength(
    loudness_db: Any, nothing_db: float, certain_db: float
) -> np.ndarray:
    """How sure each frame sounds, from 0 to 1, by loudness alone, `[frames]`.

    Parameters
    ----------
    loudness_db : `[frames]`.
    nothing_db, certain_db : where strength begins and is complete, relative to the loud
        parts of the recording: 5 % of its frames are louder.
    """
    loudness = np.asarray(loudness_db, np.float64)
    below = loudness - np.percentile(loudness, _LOUD_PERCENTILE)
    return np.clip((below - nothing_db) / (certain_db - nothing_db), 0.0, 1.0)


def find_path(
    f0_hz: np.ndarray, strength: np.ndarray, frame_rate: float, tuning: float = 0.0
) -> np.ndarray:
    """Finds the most probable note of each frame.

    Parameters
    ----------
    f0_hz : `[frames]`.
    strength : `[frames]`, see `note_strength`.
    frame_rate : frames a second.
    tuning : semitones from the keys of a piano to those of the recording.

    Returns
    -------
    Note numbers, int `[frames]`; 0 is silence.
    """
    midi = np.asarray(core.hz_to_midi(f0_hz), np.float64) - tuning
    width = round(_MEDIAN_SECONDS * frame_rate) | 1
    midi = ndimage.median_filter(midi, width, mode='nearest')
    model = losses.HmmTranscriber(
        avg_length=max(NOTE_SECONDS * frame_rate, 2.0),
        midi_std=PITCH_STD,
        amps_on_center=1.0,
        amps_on_scale=STRENGTH_STD,
        amps_off_center=0.0,
        amps_off_scale=STRENGTH_STD,
    )
    path = model.predict_midi(midi[np.newaxis], strength[np.newaxis], False)
    return path.numpy()[0].astype(int)


def runs_of(path: np.ndarray) -> list[tuple[int, int, int]]:
    """Start, end and note of each stretch of frames with one note, in order."""
    edges = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    return [(a, b, int(path[a])) for a, b in itertools.pairwise(edges) if path[a] > 0]
