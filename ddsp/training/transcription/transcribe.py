"""From a recording to notes."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ddsp import core, pitch
from ddsp.training import heuristics
from ddsp.training.fit.features import Features, measure_f0, measure_loudness
from ddsp.training.metrics.notes import Note
from ddsp.training.transcription import hidden_markov, onsets, polyphony
from ddsp.training.transcription.octaves import mend_octaves
from ddsp.training.transfer.tuning import get_tuning_factor

#: Ways to find notes, by name.
METHODS = ('hmm', 'heuristic')
SAMPLE_RATE = 16000
FRAME_RATES = (50, 1000)
_LEAST_SECONDS = 0.1
# A note is this loud in its first moments; the loudest has this velocity.
_ATTACK_SECONDS, _LOUDEST_VELOCITY = 0.2, 110
# As synthesizers of General MIDI have it: 40 dB for each factor of 10.
_DB_PER_DECADE = 40.0


@dataclasses.dataclass(frozen=True)
class Transcription:
    """The pitch of a recording, and its notes.

    Parameters
    ----------
    features : f0, confidence and loudness, frame by frame.
    notes : in order. Pitches are MIDI note numbers in the recording's own tuning.
    tuning : semitones from the keys of a piano, at A 440, to those of the recording.
    warnings : what there is to say to people, a sentence each.
    """

    features: Features
    notes: list[Note]
    tuning: float
    warnings: tuple[str, ...]


def transcribe(
    audio: Any,
    sample_rate: int = SAMPLE_RATE,
    method: str | pitch.PitchEstimator = 'swift-f0',
    notes: str = 'hmm',
    frame_rate: int = 250,
) -> Transcription:
    """Finds the notes of a recording of one voice.

    Parameters
    ----------
    audio : `[samples]`, full scale [-1, 1].
    sample_rate : in Hz; any other than 16000 is resampled.
    method : pitch estimator, see `ddsp.pitch`.
    notes : `'hmm'`, the most probable path of a hidden Markov model with onsets where
        partials rise, or `'heuristic'`, the rules of `ddsp.training.heuristics`.
    frame_rate : frames of pitch and loudness a second, 50 to 1000; divides 16000.

    Returns
    -------
    The notes, and what they were found in. A recording without any has an empty list.

    Raises
    ------
    ValueError
        For another way to find notes, less than 0.1 s of sound, audio that is no vector
        of finite floats, or rates that do not fit.
    ImportError
        When the package is missing that finds the pitch, or resamples.

    Examples
    --------
    >>> import numpy as np
    >>> from ddsp.training import transcription
    >>> hz = np.repeat([440.0, 523.25], 8000)
    >>> tone = sum(np.sin(h * 2 * np.pi * np.cumsum(hz) / 16000) / h for h in (1, 2, 3))
    >>> [note.pitch for note in transcription.transcribe(0.3 * tone, 16000).notes]
    [69, 72]
    """
    if notes not in METHODS:
        raise ValueError(f'notes is {notes!r}, expected one of {list(METHODS)}.')
    features = measure(audio, sample_rate, method, frame_rate)
    voiced = pitch.get_estimator(method).voiced_threshold
    f0_hz = mend_octaves(features)
    features = dataclasses.replace(features, f0_hz=f0_hz.astype(np.float32))
    other = polyphony.other_sound(features, f0_hz)
    warnings = polyphony.warn_of_voices(other)
    if warnings:
        # Whatever the estimator is sure of, it is sure of one voice among several.
        doubt = 1.0 - np.nan_to_num(other)
        features = dataclasses.replace(
            features, f0_confidence=(features.f0_confidence * doubt).astype(np.float32)
        )
    if features.silent:
        return Transcription(features, [], 0.0, ('the recording is silent.',))
    strength = hidden_markov.note_strength(features, voiced)
    tuning = get_tuning_factor(
        core.hz_to_midi(f0_hz), features.f0_confidence, strength > 0.5
    )
    find = _by_model if notes == 'hmm' else _by_rules
    found = _with_velocities(find(features, strength, tuning), features)
    if not found:
        warnings.append(
            'no notes were found: nothing in the recording is loud and has a clear '
            'pitch; another estimator (--method) or a recording with less noise and '
            'room may have some.'
        )
    return Transcription(features, found, tuning, tuple(warnings))


def measure(
    audio: Any, sample_rate: int, method: str | pitch.PitchEstimator, frame_rate: int
) -> Features:
    """Measures pitch and loudness, see `transcribe`."""
    audio = np.asarray(audio)
    if audio.ndim != 1 or not np.issubdtype(audio.dtype, np.floating):
        raise ValueError(
            f'the audio has shape {list(audio.shape)} and type {audio.dtype}, expected '
            'floats [samples] within [-1, 1].'
        )
    low, high = FRAME_RATES
    if not low <= frame_rate <= high or SAMPLE_RATE % frame_rate:
        raise ValueError(
            f'frame_rate is {frame_rate}, expected frames a second from {low} to '
            f'{high} that divide {SAMPLE_RATE}, such as 100, 125 or 250.'
        )
    if len(audio) < _LEAST_SECONDS * sample_rate:
        raise ValueError(
            f'the recording lasts {1000 * len(audio) / sample_rate:.0f} ms; expected '
            f'at least {1000 * _LEAST_SECONDS:.0f} ms.'
        )
    if not np.isfinite(audio).all():
        raise ValueError('the recording holds values that are NaN or infinite.')
    audio = audio.astype(np.float32)
    if sample_rate != SAMPLE_RATE:
        from ddsp.optional import import_optional

        soxr = import_optional('soxr', 'resampling', 'ddsp[audio]')
        audio = soxr.resample(audio, sample_rate, SAMPLE_RATE)
    audio = np.pad(audio, (0, -len(audio) % (SAMPLE_RATE // frame_rate)))
    f0_hz, confidence = measure_f0(audio, SAMPLE_RATE, frame_rate, method)
    return Features(
        audio=audio,
        f0_hz=f0_hz,
        f0_confidence=confidence,
        loudness_db=measure_loudness(audio, SAMPLE_RATE, frame_rate),
        sample_rate=SAMPLE_RATE,
        frame_rate=frame_rate,
    )


def _by_model(
    features: Features, strength: np.ndarray, tuning: float
) -> list[onsets.Run]:
    rate = features.frame_rate
    path = hidden_markov.find_path(features.f0_hz, strength, rate, tuning)
    runs = [onsets.Run(*run) for run in hidden_markov.runs_of(path)]
    runs = onsets.join_fragments(runs, rate)
    runs = onsets.refine_onsets(runs, features, features.f0_hz)
    # What was a note before may be the way into the next now.
    runs = onsets.join_fragments(runs, rate)
    return onsets.split_repeated(runs, features.loudness_db, rate)


def _by_rules(
    features: Features, strength: np.ndarray, tuning: float
) -> list[onsets.Run]:
    cents_off = 2.0 ** (-tuning / 12.0)
    controls = {
        # Rules take any f0 above 0 for a pitch.
        'f0_hz': np.where(strength > 0.0, features.f0_hz * cents_off, 0.0),
        'loudness_db': features.loudness_db,
    }
    found = heuristics.segment_notes(
        heuristics.midi_heuristic,
        heuristics.median_f0,
        heuristics.median_amps,
        controls,
        features.frame_rate,
    )
    rate = features.frame_rate
    return [
        onsets.Run(round(note.start * rate), round(note.end * rate), int(note.pitch))
        for note in found
    ]


def _with_velocities(runs: list[onsets.Run], features: Features) -> list[Note]:
    """Notes with the loudness that they begin with, as a velocity."""
    rate = features.frame_rate
    attack = max(1, round(_ATTACK_SECONDS * rate))
    levels = [
        float(features.loudness_db[run.start : min(run.end, run.start + attack)].max())
        for run in runs
    ]
    loudest = max(levels, default=0.0)
    velocities = [
        _LOUDEST_VELOCITY * 10.0 ** ((level - loudest) / _DB_PER_DECADE)
        for level in levels
    ]
    return [
        Note(run.start / rate, run.end / rate, run.pitch, max(1, round(velocity)))
        for run, velocity in zip(runs, velocities)
    ]
