"""Brings a melody to an instrument while it sounds, without knowing what comes next."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ddsp import spectral_ops
from ddsp.core.portable import log
from ddsp.core.streaming.memory import finite_or_zero
from ddsp.training.transfer.controls import CONTROLS, Controls
from ddsp.training.transfer.statistics import Statistics

Tensors = Mapping[str, tf.Tensor]

# What moves pitch is computed in it.
_EXACT = tf.float64
# A frame of the melody's level counts as a note from this confidence on.
_ENOUGH_CONFIDENCE = 0.7
# From this confidence on f0 is believed; below, the last one believed is held.
_SURE = 0.5
# For so long a note survives a frame that nobody is sure of.
_RELEASE_SECONDS = 0.05
# What notes were like is forgotten over this time, during which notes sounded.
_MEMORY_SECONDS = 10.0
_USUAL_PITCH = 60.0
# How loud recordings usually are, in dB, which counts as much as so long a note.
_USUAL_DB, _USUAL_SECONDS = -15.0, 0.5
# The first note may change the octave for so long.
_UNDECIDED_SECONDS = 0.15
# Semitones that the mean pitch must lie from where the octave brings it to change it.
_OCTAVE_SLACK = 9.0
_LEAST_SLOPE, _GREATEST_SLOPE = 0.5, 2.0
# Levels are stretched down to so many standard deviations below the mean.
_DEVIATIONS = 2.0
_TUNING_SECONDS = 0.05


class Followed(NamedTuple):
    """What the instrument is told in a block, and what was found.

    Attributes
    ----------
    f0_hz, loudness_db : `[1, frames]`, to be played.
    note : `[1, frames]`, 1 where a note sounds, 0 elsewhere.
    heard_hz : `[1, frames]`, f0 that was heard, held where nobody is sure of it; 0
        until there was any.
    """

    f0_hz: tf.Tensor
    loudness_db: tf.Tensor
    note: tf.Tensor
    heard_hz: tf.Tensor


class Follower:
    """Timbre transfer's adjustment, from frame to frame.

    `ddsp.training.transfer.adjust` looks at a whole recording. This knows only what it
    heard so far:

    - A frame is part of a note when its level above silence times the square of its
      confidence is `threshold` times what a frame of the notes' mean level and of
      confidence 0.7 has. Confidence acts at once and dies away within 50 ms.
    - Means of the notes' pitch and loudness, and the spread of loudness, forget over
      10 s in which notes sound. They begin at -15 dB, which counts as half a second.
    - The octave that brings the mean pitch nearest to the instrument's is chosen in the
      first 0.15 s of notes; later it changes between notes only, and only when the mean
      is more than 9 semitones off.
    - Loudness is moved along a straight line from the notes' mean and spread to the
      instrument's, with a slope in [0.5, 2]; what is softer than twice the spread below
      the mean keeps its distance.
    - Auto-tune draws to the semitones of 440 Hz.

    Without `statistics` pitch and loudness are only moved as the controls say.

    Parameters
    ----------
    statistics : of what the instrument was trained on, or None.
    frame_rate : frames a second.

    Examples
    --------
    >>> import tensorflow as tf
    >>> follower = Follower(None, frame_rate=125)
    >>> ones = tf.ones([1, 2])
    >>> controls = control_tensors(Controls(pitch_shift=1.0))
    >>> heard = (220.0 * ones, ones, -30.0 * ones)
    >>> followed, state = follower.step(*heard, controls, follower.initial_state())
    >>> [round(x) for x in followed.f0_hz[0].numpy().tolist()]
    [440, 440]
    """

    def __init__(self, statistics: Statistics | None, frame_rate: float) -> None:
        self.statistics = statistics
        self.frame_rate = frame_rate
        self._mean_pitch, self._mean_db, self._deviation_db = _wanted(statistics)
        # Before the first note; a pitch that the network knows.
        self._rest_hz = 440.0 * 2.0 ** ((self._mean_pitch - 69.0) / 12.0)

    def initial_state(self) -> dict[str, tf.Tensor]:
        """The state of a stream that begins, `[1, 1]` each."""
        begin = {
            'confidence': 0.0,
            'heard_hz': 0.0,
            'note': 0.0,
            'pitch_frames': 0.0,
            'pitch': self._mean_pitch,
            'level_frames': _USUAL_SECONDS * self.frame_rate,
            'level': _USUAL_DB,
            'variance': self._deviation_db**2,
            'octaves': 0.0,
            'tuning': 0.0,
        }
        return {name: tf.fill([1, 1], float(x)) for name, x in begin.items()}

    def step(
        self,
        f0_hz: tf.Tensor,
        confidence: tf.Tensor,
        loudness_db: tf.Tensor,
        controls: Tensors,
        state: Tensors,
    ) -> tuple[Followed, dict[str, tf.Tensor]]:
        """Follows the frames of a block.

        Parameters
        ----------
        f0_hz, confidence, loudness_db : `[1, frames]`, as they were heard. The
            number of frames is known when this is traced.
        controls : see `control_tensors`.
        state : of `initial_state`, or what the step before gave.

        Returns
        -------
        What to play, and the state after it.
        """
        frames, state = [], dict(state)
        for i in range(f0_hz.shape[1]):
            heard = (x[:, i : i + 1] for x in (f0_hz, confidence, loudness_db))
            frame, state = self._frame(*heard, controls, state)
            frames.append(frame)
        joined = frames[0]
        if len(frames) > 1:
            joined = Followed(*(tf.concat(parts, axis=1) for parts in zip(*frames)))
        return joined, state

    def _frame(
        self,
        f0_hz: tf.Tensor,
        confidence: tf.Tensor,
        loudness_db: tf.Tensor,
        controls: Tensors,
        state: dict[str, tf.Tensor],
    ) -> tuple[Followed, dict[str, tf.Tensor]]:
        confidence = tf.clip_by_value(finite_or_zero(confidence), 0.0, 1.0)
        loudness_db = tf.maximum(
            tf.where(tf.math.is_finite(loudness_db), loudness_db, _silence(f0_hz)),
            -spectral_ops.DB_RANGE,
        )
        sure = tf.math.is_finite(f0_hz) & (f0_hz > 0.0)
        sure &= (confidence >= _SURE) | (state['heard_hz'] <= 0.0)
        heard_hz = tf.where(sure, f0_hz, state['heard_hz'])
        released = state['confidence'] * self._kept(_RELEASE_SECONDS)
        held = tf.maximum(_risen(confidence), released)
        enough = state['level'] + spectral_ops.DB_RANGE
        enough *= _risen(_ENOUGH_CONFIDENCE)
        strength = held * (loudness_db + spectral_ops.DB_RANGE) / enough
        note = tf.cast(
            (strength >= controls['threshold']) & (heard_hz > 0.0), tf.float32
        )
        midi = _midi(heard_hz)
        learned = note * tf.cast(sure, tf.float32), tf.cast(midi, tf.float32)
        state = {
            **state,
            **self._learn(*learned, loudness_db, state),
            'confidence': held,
            'heard_hz': heard_hz,
            'note': note,
        }
        midi, state['tuning'] = self._moved(midi, controls, state)
        played_hz = _hz(midi)
        matched = self._matched(loudness_db, state)
        played_db = loudness_db + controls['adjust'] * (matched - loudness_db)
        # The weaker a frame, the less of it is a note.
        weak = (1.0 - note) * (1.0 - tf.clip_by_value(strength, 0.0, 1.0))
        played_db += controls['loudness_shift'] - controls['quiet'] * weak
        followed = Followed(
            f0_hz=tf.where(heard_hz > 0.0, played_hz, self._rest_hz),
            loudness_db=tf.maximum(played_db, -spectral_ops.DB_RANGE),
            note=note,
            heard_hz=heard_hz,
        )
        return followed, state

    def _learn(
        self,
        note: tf.Tensor,
        midi: tf.Tensor,
        loudness_db: tf.Tensor,
        state: Tensors,
    ) -> dict[str, tf.Tensor]:
        """Means of pitch and loudness with one frame more, and the octave."""
        kept = self._kept(_MEMORY_SECONDS)
        # Without a note nothing is forgotten.
        forgetting = 1.0 - note * (1.0 - kept)
        pitch_frames = state['pitch_frames'] * forgetting + note
        level_frames = state['level_frames'] * forgetting + note
        pitch_gain = note / tf.maximum(pitch_frames, 1.0)
        level_gain = note / tf.maximum(level_frames, 1.0)
        pitch = state['pitch'] + pitch_gain * (midi - state['pitch'])
        off = loudness_db - state['level']
        level = state['level'] + level_gain * off
        variance = state['variance'] + level_gain * (
            off * (loudness_db - level) - state['variance']
        )
        wanted = (self._mean_pitch - pitch) / 12.0
        between = (state['note'] < 0.5) & (
            tf.abs(wanted - state['octaves']) > _OCTAVE_SLACK / 12.0
        )
        undecided = state['pitch_frames'] < _UNDECIDED_SECONDS * self.frame_rate
        changes = (note > 0.5) & (undecided | between)
        octaves = state['octaves']
        if self.statistics is not None:
            octaves = tf.where(changes, tf.round(wanted), octaves)
        return {
            'pitch_frames': pitch_frames,
            'pitch': pitch,
            'level_frames': level_frames,
            'level': level,
            'variance': variance,
            'octaves': octaves,
        }

    def _matched(self, loudness_db: tf.Tensor, state: Tensors) -> tf.Tensor:
        """Loudness as far from the instrument's mean as it is from the notes' mean."""
        if self.statistics is None:
            return loudness_db
        deviation = tf.sqrt(tf.maximum(state['variance'], 1e-2))
        slope = self._deviation_db / deviation
        slope = tf.clip_by_value(slope, _LEAST_SLOPE, _GREATEST_SLOPE)
        lowest = -_DEVIATIONS * deviation
        off = loudness_db - state['level']
        moved = slope * tf.maximum(off, lowest) + tf.minimum(off - lowest, 0.0)
        return self._mean_db + moved

    def _moved(
        self, midi: tf.Tensor, controls: Tensors, state: Tensors
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Moves pitch by octaves and to the nearest semitone, and gives the tuning.

        The correction to a semitone does not leap.
        """
        amounts = {name: tf.cast(x, midi.dtype) for name, x in controls.items()}
        tuning, octaves = (tf.cast(state[x], midi.dtype) for x in ('tuning', 'octaves'))
        midi += 12.0 * amounts['adjust'] * octaves
        kept = self._kept(_TUNING_SECONDS)
        tuning = kept * tuning + (1.0 - kept) * (tf.round(midi) - midi)
        midi += amounts['autotune'] * tuning + 12.0 * amounts['pitch_shift']
        return midi, tf.cast(tuning, tf.float32)

    def _kept(self, seconds: float) -> float:
        """What a frame leaves of what dies away over a time."""
        return math.exp(-1.0 / (seconds * self.frame_rate))


def control_tensors(controls: Controls) -> dict[str, tf.Tensor]:
    """Controls as float32 scalars, to be given to each step."""
    return {
        name: tf.constant(x, tf.float32) for name, x in control_values(controls).items()
    }


def within_ranges(controls: Tensors) -> dict[str, tf.Tensor]:
    """Controls that are none, or out of their range, brought into it.

    Where numbers come straight from sliders of another program, nobody can be told.
    """
    ranges = {control.name: (control.low, control.high) for control in CONTROLS}
    ranges['adjust'] = (0.0, 1.0)
    usual = control_values(Controls())
    good = {}
    for name, (low, high) in ranges.items():
        value = tf.cast(controls[name], tf.float32)
        value = tf.where(tf.math.is_finite(value), value, usual[name])
        good[name] = tf.clip_by_value(value, low, high)
    return good


def control_values(controls: Controls) -> dict[str, float]:
    """Controls by name, `adjust` as 0 or 1, in the order of a step's inputs."""
    names = ['adjust', *(control.name for control in CONTROLS)]
    return {name: float(getattr(controls, name)) for name in names}


def _wanted(statistics: Statistics | None) -> tuple[float, float, float]:
    """Mean pitch in MIDI notes, mean and deviation of loudness in dB, of notes."""
    if statistics is None:
        return _USUAL_PITCH, _USUAL_DB, 10.0
    ranks = (np.arange(200) + 0.5)[:, np.newaxis] / 200
    loudness = statistics.loudness.inverse_transform(ranks)
    return statistics.mean_pitch, float(loudness.mean()), float(loudness.std())


def _midi(f0_hz: tf.Tensor) -> tf.Tensor:
    """`core.hz_to_midi` in float64, which is as good as the same in every runtime."""
    audible = tf.cast(tf.where(f0_hz > 0.0, f0_hz, 440.0 * tf.ones_like(f0_hz)), _EXACT)
    notes = 69.0 + log(audible / 440.0) * (12.0 / math.log(2.0))
    return tf.where(f0_hz > 0.0, notes, tf.zeros_like(notes))


def _hz(midi: tf.Tensor) -> tf.Tensor:
    """Undoes `_midi`."""
    octaves = (midi - 69.0) / 12.0
    return tf.cast(440.0 * tf.exp(math.log(2.0) * octaves), tf.float32)


def _risen(confidence: Any) -> Any:
    """What a confidence counts for in the strength of a frame: its square."""
    return confidence * confidence


def _silence(like: tf.Tensor) -> tf.Tensor:
    return tf.fill(tf.shape(like), -spectral_ops.DB_RANGE)
