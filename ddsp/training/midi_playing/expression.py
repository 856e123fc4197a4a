"""From notes to pitch and loudness, frame by frame, as a player would shape them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ddsp import core, spectral_ops
from ddsp.training.metrics.notes import Note
from ddsp.training.transfer.adjust import Adjusted
from ddsp.training.transfer.statistics import Statistics

_SILENCE_DB = -spectral_ops.DB_RANGE
# Velocities from 1 to 127 are the loudness of an instrument's notes between these
# ranks: its softest and loudest frames belong to beginnings and ends.
_SOFTEST_RANK, _LOUDEST_RANK = 0.15, 0.95
# Without statistics: loudness of velocity 127, and of 1.
_LOUDEST_DB, _SOFTEST_DB = -5.0, -35.0
# A note comes from this far below its loudness within the attack.
_ATTACK_DB, _ATTACK_SECONDS = -30.0, 0.04
# A detached note falls by this within the release, and goes on falling.
_RELEASE_DB, _RELEASE_SECONDS = -30.0, 0.1
# With a shorter rest between them notes are legato: bow and breath go on. Loudness
# gives way a little where another note begins, more where the same one does.
_LEGATO_SECONDS = 0.03
_CHANGE_DB, _AGAIN_DB, _CHANGE_SECONDS = -3.0, -9.0, 0.04
# The fingers of legato; a detached note has its pitch from the beginning.
_GLIDE_SECONDS = 0.03
# Long notes grow a little, and then fade.
_SWELL_DB, _FADE_DB, _SWELL_SECONDS = 1.5, -3.0, 1.2
# Vibrato sets in late, in long notes only.
_VIBRATO_SEMITONES, _VIBRATO_HZ, _VIBRATO_DB = 0.18, 5.5, 0.6
_VIBRATO_NOTE, _VIBRATO_DELAY, _VIBRATO_GROWS = 0.4, 0.2, 0.35
# What sounds on after the last note.
TAIL_SECONDS = 0.6


def shape(
    notes: Sequence[Note], frame_rate: int, statistics: Statistics | None
) -> Adjusted:
    """Makes the pitch and loudness of one voice.

    Parameters
    ----------
    notes : one after the other, see `voices.split_voices`; the first frame is at 0 s.
    frame_rate : frames a second.
    statistics : of the instrument, whose loudness the notes get. Without any they are
        from -35 to -5 dB.

    Returns
    -------
    What `Instrument.play` plays: up to 0.6 s after the last note's end.
    """
    n_frames = round((notes[-1].end + TAIL_SECONDS) * frame_rate)
    time = np.arange(n_frames) / frame_rate
    midi = np.full(n_frames, float(notes[0].pitch))
    loudness = np.full(n_frames, _SILENCE_DB)
    sounding = np.zeros(n_frames, bool)
    for index, note in enumerate(notes):
        before = notes[index - 1] if index else None
        after = notes[index + 1] if index + 1 < len(notes) else None
        first = round(note.start * frame_rate)
        last = n_frames if after is None else round(after.start * frame_rate)
        since = time[first:last] - note.start
        midi[first:last] = _pitch(since, note, before)
        level = _level(note.velocity, statistics)
        loudness[first:last] = level + _contour(since, note, before, after)
        sounding[first : round(note.end * frame_rate)] = True
    return Adjusted(
        f0_hz=np.asarray(core.midi_to_hz(midi), np.float32),
        loudness_db=np.maximum(loudness, _SILENCE_DB).astype(np.float32),
        notes=sounding,
        octaves=0,
        warnings=(),
    )


def _is_legato(before: Note | None, note: Note | None) -> bool:
    if before is None or note is None:
        return False
    return note.start - before.end < _LEGATO_SECONDS


def _level(velocity: float, statistics: Statistics | None) -> float:
    """Loudness of a velocity, in dB."""
    part = (min(max(velocity, 1), 127) - 1) / 126
    if statistics is None:
        return _SOFTEST_DB + part * (_LOUDEST_DB - _SOFTEST_DB)
    rank = _SOFTEST_RANK + part * (_LOUDEST_RANK - _SOFTEST_RANK)
    return float(statistics.loudness.inverse_transform([[rank]])[0, 0])


def _pitch(since: np.ndarray, note: Note, before: Note | None) -> np.ndarray:
    """Pitch of the frames of a note, in MIDI note numbers."""
    pitch = np.full(len(since), float(note.pitch))
    if _is_legato(before, note):
        way = 0.5 + 0.5 * np.cos(np.pi * np.clip(since / _GLIDE_SECONDS, 0.0, 1.0))
        pitch += way * (before.pitch - note.pitch)
    return pitch + _VIBRATO_SEMITONES * _vibrato(since, note)


def _vibrato(since: np.ndarray, note: Note) -> np.ndarray:
    """From -1 to 1, growing after the beginning of long notes; 0 in short ones."""
    if note.end - note.start < _VIBRATO_NOTE:
        return np.zeros(len(since))
    depth = np.clip((since - _VIBRATO_DELAY) / _VIBRATO_GROWS, 0.0, 1.0)
    return depth * np.sin(2.0 * np.pi * _VIBRATO_HZ * (since - _VIBRATO_DELAY))


def _contour(
    since: np.ndarray, note: Note, before: Note | None, after: Note | None
) -> np.ndarray:
    """How far below its loudness the frames of a note are, in dB."""
    length = note.end - note.start
    part = np.clip(since / length, 0.0, 1.0)
    # Short notes have no time to grow.
    amount = min(length / _SWELL_SECONDS, 1.0)
    body = amount * (
        _SWELL_DB * np.sin(np.pi * part) + _FADE_DB * np.maximum(2.0 * part - 1.0, 0.0)
    )
    body += _VIBRATO_DB * _vibrato(since, note)
    if _is_legato(before, note):
        again = round(before.pitch) == round(note.pitch)
        dip = _AGAIN_DB if again else _CHANGE_DB
        body += dip * np.clip(1.0 - since / _CHANGE_SECONDS, 0.0, 1.0)
    else:
        body += _ATTACK_DB * np.clip(1.0 - since / _ATTACK_SECONDS, 0.0, 1.0)
    if not _is_legato(note, after):
        body += _RELEASE_DB * np.maximum(since - length, 0.0) / _RELEASE_SECONDS
    return body
