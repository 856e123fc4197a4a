"""Auto-tune: draws notes to the nearest semitone of the recording's own tuning."""

from __future__ import annotations

from typing import Any

import numpy as np

# What is rounded leaps where a glide passes between two semitones; corrections are
# averaged over so many frames.
_SMOOTHING_SECONDS = 0.05
# Semitones above C of the major scale.
_MAJOR = np.array([0, 2, 4, 5, 7, 9, 11])


def get_tuning_factor(f0_midi: Any, f0_confidence: Any, mask_on: Any) -> float:
    """How far a recording is tuned from the keys of a piano.

    The circular mean of where pitches lie between two keys, weighted by confidence.

    Parameters
    ----------
    f0_midi : `[frames]`, in MIDI note numbers.
    f0_confidence : `[frames]`, in [0, 1].
    mask_on : bool `[frames]`, where notes sound. Others count for nothing.

    Returns
    -------
    Semitones, in [-0.5, 0.5]; 0 without a note.

    Examples
    --------
    >>> round(get_tuning_factor([60.2, 64.2, 67.2], [1, 1, 1], [True] * 3), 3)
    0.2
    """
    f0_midi, weights = np.asarray(f0_midi, float), np.asarray(f0_confidence, float)
    mask_on = np.asarray(mask_on, bool)
    around = np.exp(2j * np.pi * f0_midi[mask_on])
    mean = np.sum(weights[mask_on] * around)
    return float(np.angle(mean) / (2.0 * np.pi))


def auto_tune(
    f0_midi: Any,
    tuning_factor: float,
    mask_on: Any,
    amount: float = 0.0,
    chromatic: bool = False,
    frame_rate: float = 250.0,
) -> np.ndarray:
    """Draws pitches to those of a scale.

    Parameters
    ----------
    f0_midi : `[frames]`, in MIDI note numbers.
    tuning_factor : semitones from the keys of a piano to those of this recording, see
        `get_tuning_factor`.
    mask_on : bool `[frames]`, where notes sound; they decide on the scale.
    amount : 0 leaves pitches where they are, 1 moves them all the way.
    chromatic : whether to draw to all semitones, rather than to those of the major
        scale that fits best.
    frame_rate : frames a second; leaps of the correction are rounded off over 50 ms.

    Returns
    -------
    float64 `[frames]`, in MIDI note numbers.

    Examples
    --------
    >>> auto_tune([60.2] * 3, 0.0, [True] * 3, amount=0.5).round(3).tolist()
    [60.1, 60.1, 60.1]
    """
    f0_midi = np.asarray(f0_midi, np.float64)
    tuned = f0_midi - tuning_factor
    scale = np.arange(12)
    if not chromatic:
        scale = _best_scale(tuned[np.asarray(mask_on, bool)])
    correction = _nearest(tuned, scale) - tuned
    width = max(1, round(_SMOOTHING_SECONDS * frame_rate)) | 1
    padded = np.pad(correction, width // 2, mode='edge')
    smoothed = np.convolve(padded, np.full(width, 1.0 / width), mode='valid')
    return f0_midi + amount * smoothed


def _best_scale(tuned: np.ndarray) -> np.ndarray:
    """The major scale whose tones are nearest, as semitones above C."""
    scales = [(_MAJOR + key) % 12 for key in range(12)]
    if not len(tuned):
        return scales[0]
    return min(scales, key=lambda s: np.mean(np.abs(_nearest(tuned, s) - tuned)))


def _nearest(f0_midi: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The nearest pitches of a scale that repeats in every octave."""
    octave = np.floor(f0_midi / 12.0)[:, np.newaxis]
    tones = np.concatenate([scale - 12, scale, scale + 12])
    candidates = 12.0 * octave + tones
    best = np.argmin(np.abs(candidates - f0_midi[:, np.newaxis]), axis=1)
    return candidates[np.arange(len(f0_midi)), best]
