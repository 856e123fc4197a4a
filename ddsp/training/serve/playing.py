"""The work behind the button: a recording in, a sound file and what to say out."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ddsp import audio_files
from ddsp.training.serve.choices import Choice
from ddsp.training.serve.limits import Limits, load_recording
from ddsp.training.transfer.instrument import Performance

#: Is told which part of the work is done, from 0 to 1, and what comes next.
Tell = Callable[[float, str], None]

# How much of the bar each part of the work gets.
_LISTENING, _PLAYING, _WRITING = 0.1, 0.3, 0.95


@dataclasses.dataclass(frozen=True)
class Played:
    """What came of it.

    Parameters
    ----------
    path : the sound, a WAV file.
    title : of the instrument.
    performance : the recording, what the instrument was told, and what it played.
    took : seconds that all of it took.
    """

    path: Path
    title: str
    performance: Performance
    took: float


def play_recording(
    recording: Path,
    choice: Choice,
    controls: Any,
    limits: Limits,
    folder: Path,
    tell: Tell = lambda part, words: None,
) -> Played:
    """Plays a recording on an instrument.

    Parameters
    ----------
    recording : a sound file of any rate and number of channels.
    choice : the instrument.
    controls : `ddsp.training.transfer.Controls`.
    limits : for the recording.
    folder : where the sound goes, into a folder of its own.
    tell : is told how far the work is.

    Raises
    ------
    ValueError
        When there is nothing to play from it, in words for people.
    """
    started = time.monotonic()
    tell(0.0, f'Unpacking the {choice.title.lower()}')
    instrument = choice.instrument()
    audio = load_recording(recording, instrument.sample_rate, limits)
    tell(_LISTENING, 'Listening for pitch and loudness')
    features = instrument.listen(audio, instrument.sample_rate)
    adjusted = instrument.adjust(features, controls)

    def progress(done: int, total: int) -> None:
        part = _PLAYING + (_WRITING - _PLAYING) * done / max(1, total)
        tell(part, f'Playing the {choice.title.lower()}')

    progress(0, 1)
    played = np.asarray(instrument.play(adjusted, features, progress=progress))
    tell(_WRITING, 'Drawing the pictures')
    played = played[: len(audio)]
    path = _write(played, instrument.sample_rate, recording.stem, choice.title, folder)
    performance = Performance(features, adjusted, played)
    took = time.monotonic() - started
    return Played(path, choice.title, performance, took)


def _write(
    audio: np.ndarray, sample_rate: int, recording: str, title: str, folder: Path
) -> Path:
    """Writes a WAV file, by a name that tells what it is when it was downloaded."""
    folder.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(dir=folder))
    name = ''.join(c if c.isalnum() or c in ' -_' else '-' for c in title.lower())
    path = place / f'{recording} - {name}.wav'
    audio_files.save_audio(path, audio, sample_rate)
    return path
