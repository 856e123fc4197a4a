"""Brings a melody to the pitch and loudness of an instrument."""

from __future__ import annotations

import dataclasses

import numpy as np

from ddsp import core, spectral_ops
from ddsp.training import postprocessing
from ddsp.training.fit.features import Features
from ddsp.training.transfer.controls import Controls
from ddsp.training.transfer.info import note_name
from ddsp.training.transfer.statistics import Statistics
from ddsp.training.transfer.tuning import auto_tune, get_tuning_factor

# Confidence is averaged over this time, to find notes.
_NOTE_SECONDS = 0.16
# The part of the confidence at which f0 is believed that a frame of mean level needs.
_NOTE_CONFIDENCE = 0.7 / 0.9
# A part of the frames of notes that may lie beyond the range without a word.
_NOT_WORTH_SAYING = 0.02
# Quantiles of loudness that are matched, and by how much differences may change.
_RANKS = 201
_LEAST_SLOPE, _GREATEST_SLOPE = 0.5, 3.0
# With less than this part of what can be heard, it is hardly a melody.
_HARDLY_A_MELODY = 0.2
# Semitones beyond the range of notes which vibrato and slides need.
_MARGIN = 0.5


@dataclasses.dataclass(frozen=True)
class Adjusted:
    """What an instrument is told to play.

    Parameters
    ----------
    f0_hz : `[frames]`.
    loudness_db : `[frames]`.
    notes : bool `[frames]`, where a note was found.
    octaves : by which the melody was shifted automatically.
    warnings : what there is to say to people, a sentence each.
    """

    f0_hz: np.ndarray
    loudness_db: np.ndarray
    notes: np.ndarray
    octaves: int
    warnings: tuple[str, ...]


def adjust(
    features: Features,
    controls: Controls,
    statistics: Statistics | None,
    instrument: str = 'the instrument',
) -> Adjusted:
    """Finds notes, and moves them to where an instrument plays.

    Parameters
    ----------
    features : of a recording.
    controls : how far to go.
    statistics : of what the instrument was trained on. Without any, pitch and loudness
        are only moved as `controls` say.
    instrument : what it is called, for the warnings.
    """
    notes, strength = postprocessing.detect_notes(
        features.loudness_db,
        features.f0_confidence,
        note_threshold=controls.threshold,
        smoothing=max(1, round(_NOTE_SECONDS * features.frame_rate)),
        f0_confidence_threshold=_NOTE_CONFIDENCE * features.believed_from,
    )
    warnings = []
    if not notes.any():
        warnings.append(
            f'No notes were found at the threshold {controls.threshold:g}; a lower '
            'one finds more.'
        )
    part = 0.0 if features.silent else notes[features.audible].mean()
    if 0 < part < _HARDLY_A_MELODY:
        warnings.append(
            f'Notes were found in only {part:.0%} of the sound; expected one voice or '
            'instrument that plays one note at a time.'
        )
    midi = np.asarray(core.hz_to_midi(features.f0_hz), np.float64)
    loudness, octaves = features.loudness_db.astype(np.float64), 0
    if controls.adjust and statistics is not None and notes.any():
        octaves = _octaves(midi[notes], statistics.mean_pitch)
        loudness = match_loudness(loudness, notes, statistics)
    midi = midi + 12.0 * octaves
    if controls.autotune:
        tuning = get_tuning_factor(midi, features.f0_confidence, notes)
        midi = auto_tune(
            midi, tuning, notes, controls.autotune, True, features.frame_rate
        )
    midi += 12.0 * controls.pitch_shift
    if statistics is not None and notes.any():
        warnings += _beyond(midi[notes], statistics, instrument)
    # The weaker a frame, the less of it is a note.
    loudness -= np.where(notes, 0.0, controls.quiet * (1.0 - np.clip(strength, 0, 1)))
    loudness += controls.loudness_shift
    return Adjusted(
        f0_hz=np.asarray(core.midi_to_hz(midi), np.float32),
        loudness_db=np.maximum(loudness, -spectral_ops.DB_RANGE).astype(np.float32),
        notes=notes,
        octaves=octaves,
        warnings=tuple(warnings),
    )


def match_loudness(
    loudness_db: np.ndarray, notes: np.ndarray, statistics: Statistics
) -> np.ndarray:
    """Gives notes the distribution of loudness that an instrument was trained on.

    Ranks among the notes become ranks among those of the instrument. Where that would
    stretch differences by more than 3 or shrink them by more than 2, it does no more
    than this, around the middle of both: a level note stays level.

    A frame outside of notes goes where a note as loud would go; one that is softer
    than all notes stays as far below the softest as it was. So loudness does not leap
    where a note begins.

    Parameters
    ----------
    loudness_db : `[frames]`.
    notes : bool `[frames]`, true somewhere.
    statistics : of the instrument.
    """
    heard, _ = postprocessing.fit_quantile_transform(loudness_db, notes)
    ranks = np.linspace(0.0, 1.0, _RANKS)[:, np.newaxis]
    given = heard.inverse_transform(ranks)[:, 0]
    wanted = statistics.loudness.inverse_transform(ranks)[:, 0]
    steps = np.diff(given)
    steps = np.clip(np.diff(wanted), _LEAST_SLOPE * steps, _GREATEST_SLOPE * steps)
    moved = np.concatenate([[0.0], np.cumsum(steps)])
    moved += wanted[_RANKS // 2] - moved[_RANKS // 2]
    matched = np.interp(loudness_db, given, moved)
    return matched + np.minimum(loudness_db - given[0], 0.0)


def _octaves(midi: np.ndarray, mean_pitch: float) -> int:
    """Octaves from the mean of some pitches to the nearest place to another mean."""
    return round((mean_pitch - float(np.mean(midi))) / 12.0)


def _beyond(midi: np.ndarray, statistics: Statistics, instrument: str) -> list[str]:
    """Says which part of the notes an instrument has never played."""
    said = []
    low, high = statistics.lowest - _MARGIN, statistics.highest + _MARGIN
    sides = {'below': float(np.mean(midi < low)), 'above': float(np.mean(midi > high))}
    for side, part in sides.items():
        if part > _NOT_WORTH_SAYING:
            said.append(
                f'{part:.0%} of the notes lie {side} what {instrument} was trained on '
                f'({note_name(statistics.lowest)} to {note_name(statistics.highest)}) '
                'and may sound unlike it; pitch_shift moves them.'
            )
    return said
