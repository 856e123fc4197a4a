"""From a sound file to pitch as CSV, a picture, and a MIDI file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from ddsp import core
from ddsp.training.data_preparation.reading import read_recording
from ddsp.training.output_paths import check_file, new_files
from ddsp.training.telling import tell
from ddsp.training.transcription.midi_files import write_midi
from ddsp.training.transcription.picture import SUFFIXES, write_picture
from ddsp.training.transcription.transcribe import (
    METHODS,
    SAMPLE_RATE,
    Transcription,
    transcribe,
)

_HEAD = 'time_s,f0_hz,confidence,midi'
_HEARD_CENTS = 5


def pitch_file(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    plot: str | os.PathLike[str] | None = None,
    midi: str | os.PathLike[str] | None = None,
    method: str = 'swift-f0',
    notes: str = 'hmm',
    frame_rate: int = 250,
    overwrite: bool = False,
    say: Callable[[str], None] | None = None,
    stream: TextIO | None = None,
) -> Transcription:
    """Finds pitch and notes of a sound file.

    Parameters
    ----------
    path : a sound file of any format, rate and number of channels.
    out : CSV file to write: `time_s,f0_hz,confidence,midi`, a line for each frame.
        Without it the same is printed.
    plot : picture to write, `.png`, `.svg` or `.pdf`.
    midi : MIDI file to write.
    method, notes, frame_rate : see `transcribe`.
    overwrite : whether files that are there may be replaced.
    say : is told what is going on, line by line; prints on stderr by default.
    stream : where CSV is printed to; stdout by default.

    Raises
    ------
    OSError, ValueError
        When a file cannot be read or written; when `midi` is asked for and there are no
        notes. Then nothing is written.
    """
    say = say or tell
    path = Path(path)
    if notes not in METHODS:
        raise ValueError(f'--notes is {notes!r}, expected one of {list(METHODS)}.')
    writers = _writers(path, out, plot, midi, overwrite)
    found = transcribe(
        read_recording(path, SAMPLE_RATE), SAMPLE_RATE, method, notes, frame_rate
    )
    if midi is not None and not found.notes:
        raise ValueError(
            f'{path.name}: {found.warnings[-1]} Nothing was written; without --midi '
            'the pitch of each frame is given all the same.'
        )
    for warning in found.warnings:
        say(f'note: {warning}')
    with new_files(*writers) as partial:
        for name, write in zip(partial, writers.values()):
            write(name, found)
    if out is None:
        _write_csv(stream or sys.stdout, found)
    for name in writers:
        say(f'{name} was written')
    say(summary(found))
    return found


def summary(found: Transcription) -> str:
    """What was found, in a line."""
    if not found.notes:
        return 'no notes'
    cents = round(100 * found.tuning)
    tuning = ''
    if abs(cents) >= _HEARD_CENTS:
        way = 'above' if cents > 0 else 'below'
        tuning = f', tuned {abs(cents)} cents {way} A 440'
    return f'{len(found.notes)} notes in {found.features.seconds:.1f} s{tuning}'


def csv_lines(found: Transcription) -> Iterator[str]:
    """The CSV of a recording's pitch, line by line."""
    features = found.features
    midi = np.asarray(core.hz_to_midi(features.f0_hz), np.float64)
    rows = zip(features.f0_hz, features.f0_confidence, midi)
    yield _HEAD
    for frame, (f0_hz, confidence, note) in enumerate(rows):
        seconds = frame / features.frame_rate
        yield f'{seconds:.4f},{f0_hz:.3f},{confidence:.4f},{note:.4f}'


def _writers(
    path: Path,
    out: str | os.PathLike[str] | None,
    plot: str | os.PathLike[str] | None,
    midi: str | os.PathLike[str] | None,
    overwrite: bool,
) -> dict[Path, Callable[[Path, Transcription], None]]:
    """What to write, and how, after a look whether it can be."""
    wanted: dict[Path, Callable[[Path, Transcription], None]] = {}
    for name, suffixes, write in (
        (out, ('.csv', '.txt'), _write_csv_file),
        (plot, SUFFIXES, lambda name, found: write_picture(name, found, path.name)),
        (midi, ('.mid', '.midi'), lambda name, found: write_midi(name, found.notes)),
    ):
        if name is None:
            continue
        name = Path(name)
        if name.suffix.lower() not in suffixes:
            raise ValueError(
                f'{name}: expected a name that ends with {" or ".join(suffixes)}.'
            )
        check_file(name, overwrite, path, 'recording')
        wanted[name] = write
    return wanted


def _write_csv_file(path: Path, found: Transcription) -> None:
    with path.open('w', encoding='ascii', newline='\n') as file:
        _write_csv(file, found)


def _write_csv(file: TextIO, found: Transcription) -> None:
    file.writelines(f'{line}\n' for line in csv_lines(found))
