"""From a MIDI file to a sound file, on an instrument."""

from __future__ import annotations

import itertools
import math
import numbers
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ddsp import audio_files
from ddsp.training.metrics.notes import Note
from ddsp.training.midi_playing.expression import TAIL_SECONDS, shape
from ddsp.training.midi_playing.voices import changed, into_range, voices_of
from ddsp.training.output_paths import check_file, new_files
from ddsp.training.telling import tell
from ddsp.training.transcription.midi_files import Score, read_midi
from ddsp.training.transfer.instrument import Instrument
from ddsp.training.transfer.loading import load_instrument
from ddsp.training.transfer.statistics import without_statistics

TRANSPOSE, TEMPO = (-48.0, 48.0), (0.1, 10.0)
# A voice that rests so long is played in parts, and its rests cost nothing.
_LONG_REST_SECONDS = 5.0
_MOST_SECONDS = 3600.0


def play_file(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    instrument: str | os.PathLike[str] | Instrument = 'violin',
    transpose: float = 0.0,
    tempo: float = 1.0,
    overwrite: bool = False,
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Plays a MIDI file on an instrument, into a sound file.

    Parameters
    ----------
    path : MIDI file; all of its tracks are played on the one instrument, drums on none.
    out : WAV file to write, 16 bits, at the instrument's rate.
    instrument : see `load_instrument`.
    transpose : semitones, -48 to 48, before notes are moved into range.
    tempo : times as fast, 0.1 to 10.
    overwrite : whether a file that is there may be replaced.
    say : is told what is going on, line by line; prints on stderr by default.

    Returns
    -------
    `seconds` of sound, `notes`, `voices`, and the `play_seconds` it took.

    Raises
    ------
    OSError, ValueError
        When a file cannot be read or written, there is nothing to play in it, or the
        instrument is not known. Nothing is left half written.
    """
    say = say or tell
    path, out = Path(path), Path(out)
    if out.suffix.lower() != '.wav':
        raise ValueError(
            f'{out}: what is written is a WAV file; name it {out.stem}.wav.'
        )
    _check('transpose', transpose, TRANSPOSE, 'semitones')
    _check('tempo', tempo, TEMPO, 'times as fast')
    check_file(out, overwrite, path, 'MIDI file')
    score = changed(read_midi(path), transpose, tempo)
    if not isinstance(instrument, Instrument):
        instrument = load_instrument(os.fspath(instrument))
    started = time.monotonic()
    audio, voices, said = play_score(score, instrument)
    for line in (*score.warnings, *said):
        say(f'note: {line}')
    with new_files(out) as (partial,):
        audio_files.save_audio(partial, audio, instrument.sample_rate)
    return {
        'seconds': len(audio) / instrument.sample_rate,
        'notes': sum(len(track.notes) for track in score.tracks),
        'voices': voices,
        'play_seconds': time.monotonic() - started,
    }


def play_score(
    score: Score, instrument: Instrument
) -> tuple[np.ndarray, int, list[str]]:
    """Plays all voices of a score, and mixes them.

    Parameters
    ----------
    score : see `read_midi`.
    instrument : that plays all of it.

    Returns
    -------
    audio : float32 `[samples]`; what would go beyond full scale is turned down as a
        whole. The same score gives the same sound.
    voices : how many there were.
    said : what there is to say to people, a sentence each.

    Raises
    ------
    ValueError
        When it lasts more than an hour.
    """
    if score.seconds > _MOST_SECONDS:
        raise ValueError(
            f'the notes last {score.seconds / 60:.0f} minutes; expected at most '
            f'{_MOST_SECONDS / 60:.0f}. Cut the file, or raise the tempo.'
        )
    statistics, said = instrument.statistics, []
    if statistics is None:
        said.append(without_statistics(instrument.name))
    else:
        called = f'the {instrument.title.lower()}'
        score, said = into_range(score, statistics, called)
    voices = voices_of(score)
    rate = instrument.sample_rate
    audio = np.zeros(math.ceil((score.seconds + TAIL_SECONDS) * rate), np.float32)
    for voice in voices:
        for part in _parts(voice):
            _add(audio, part, instrument)
    peak = float(np.max(np.abs(audio), initial=0.0))
    return (audio / peak if peak > 1.0 else audio), len(voices), said


def _add(audio: np.ndarray, notes: Sequence[Note], instrument: Instrument) -> None:
    """Plays a part of a voice where it belongs."""
    # Frames of the part begin on a frame of the whole.
    first = math.floor(notes[0].start * instrument.frame_rate)
    start = first / instrument.frame_rate
    moved = [Note(n.start - start, n.end - start, n.pitch, n.velocity) for n in notes]
    adjusted = shape(moved, instrument.frame_rate, instrument.statistics)
    played = instrument.play(adjusted)
    begin = round(start * instrument.sample_rate)
    room = len(audio) - begin
    audio[begin : begin + len(played)] += played[:room]


def _parts(voice: Sequence[Note]) -> list[list[Note]]:
    """A voice without its long rests."""
    parts = [[voice[0]]]
    for before, note in itertools.pairwise(voice):
        if note.start - before.end > _LONG_REST_SECONDS:
            parts.append([])
        parts[-1].append(note)
    return parts


def _check(name: str, value: Any, bounds: tuple[float, float], unit: str) -> None:
    low, high = bounds
    is_number = isinstance(value, numbers.Real) and math.isfinite(value)
    if not is_number or not low <= value <= high:
        raise ValueError(
            f'{name} is {value}, expected a number from {low:g} to {high:g} {unit}.'
        )
