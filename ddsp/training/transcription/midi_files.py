"""MIDI files in and out, as notes."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ddsp.optional import import_optional
from ddsp.training.metrics.notes import Note

_TICKS_PER_BEAT, _TEMPO = 480, 120.0
_HEADER_BYTES = 14
# No file of notes is longer: pretty_midi's arrays would not fit.
_MOST_SECONDS = 24 * 3600


@dataclasses.dataclass(frozen=True)
class Track:
    """The notes of one track and channel.

    Parameters
    ----------
    name : of the track; may be empty.
    program : of General MIDI, from 0.
    notes : in order of start; those of one pitch do not overlap.
    """

    name: str
    program: int
    notes: list[Note]


@dataclasses.dataclass(frozen=True)
class Score:
    """What a MIDI file has to play.

    Parameters
    ----------
    tracks : with notes, without drums.
    warnings : what was left out, a sentence each.
    """

    tracks: list[Track]
    warnings: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """When the last note ends."""
        return max(note.end for track in self.tracks for note in track.notes)


def tidy_notes(notes: Iterable[Any]) -> list[Note]:
    """Puts notes in order, and leaves out those that cannot be played.

    Parameters
    ----------
    notes : in any order, with `start`, `end`, `pitch` and `velocity`.

    Returns
    -------
    Notes in order of start, then of pitch. Left out are notes of velocity 0, which MIDI
    takes for an end, and those that end before they begin, or as they do. A note ends
    where another of its pitch begins; of two that begin together the longer one stays.
    """
    kept: list[Note] = []
    sounding: dict[float, int] = {}
    played = (n for n in notes if n.velocity > 0 and n.end > max(n.start, 0.0))
    for note in sorted(played, key=lambda n: (n.start, n.pitch, -n.end)):
        note = Note(max(note.start, 0.0), note.end, note.pitch, note.velocity)
        index = sounding.get(note.pitch)
        if index is not None and kept[index].end > note.start:
            if kept[index].start == note.start:
                continue
            kept[index] = dataclasses.replace(kept[index], end=note.start)
        sounding[note.pitch] = len(kept)
        kept.append(note)
    return kept


def read_midi(path: str | os.PathLike[str]) -> Score:
    """Reads the notes of a MIDI file.

    Parameters
    ----------
    path : a Standard MIDI File of any type and tempo. Instruments are told apart by
        track, channel and program.

    Returns
    -------
    The tracks with their notes, and what was left out.

    Raises
    ------
    OSError, ValueError
        When there is no such file, it is no MIDI file or a damaged one, has no tracks
        or no notes, or drums only.
    ImportError
        When pretty_midi is missing.
    """
    path = Path(path)
    midi = _parse(path)
    if not midi.instruments:
        raise ValueError(
            f'{path} has no notes in any track; expected a melody or chords to play.'
        )
    drums = [part for part in midi.instruments if part.is_drum]
    tracks = [
        Track(part.name.strip('\0 '), part.program, tidy_notes(part.notes))
        for part in midi.instruments
        if not part.is_drum
    ]
    tracks = [track for track in tracks if track.notes]
    if not tracks and drums:
        raise ValueError(
            f'{path} has only drums (channel 10), which no instrument here plays; '
            'expected notes with a pitch on another channel.'
        )
    if not tracks:
        raise ValueError(
            f'{path} has no notes that sound: all are of velocity 0 or end as they '
            'begin.'
        )
    n_drums = sum(len(part.notes) for part in drums)
    said = [f'{n_drums} drum notes (channel 10) were left out.'] if n_drums else []
    score = Score(tracks, tuple(said))
    if score.seconds > _MOST_SECONDS:
        raise ValueError(
            f'{path} lasts {score.seconds / 3600:.0f} hours; expected less than a day.'
        )
    return score


def _parse(path: Path) -> Any:
    if not path.exists():
        raise FileNotFoundError(f'there is no file {path}.')
    if path.is_dir():
        raise IsADirectoryError(f'{path} is a directory, expected a MIDI file.')
    content = path.read_bytes()
    if content[:4] != b'MThd':
        raise ValueError(
            f'{path} is no MIDI file; expected a Standard MIDI File (.mid), which '
            "begins with 'MThd'."
        )
    if b'MTrk' not in content and len(content) >= _HEADER_BYTES:
        raise ValueError(
            f'{path} has no tracks; expected a MIDI file with notes to play.'
        )
    pretty_midi = import_optional('pretty_midi', 'reading MIDI files')
    try:
        with warnings.catch_warnings():
            # Tempo in a later track, which is read all the same.
            warnings.simplefilter('ignore')
            return pretty_midi.PrettyMIDI(os.fspath(path))
    except Exception as error:
        # The reader's errors are of many kinds, most of them about its own arrays.
        raise ValueError(
            f'{path} is a damaged MIDI file ({type(error).__name__}: {error}); export '
            'it again.'
        ) from error


def to_pretty_midi(
    notes: Sequence[Note], program: int = 0, name: str = '', tempo: float = _TEMPO
) -> Any:
    """Makes a `pretty_midi.PrettyMIDI` with one track of notes.

    Parameters
    ----------
    notes : see `tidy_notes`, by which they go; pitches are rounded.
    program : of General MIDI, from 0.
    name : of the track.
    tempo : beats a minute, which changes no time in seconds.

    Returns
    -------
    `pretty_midi.PrettyMIDI`.

    Raises
    ------
    ImportError
        When pretty_midi is missing.
    """
    pretty_midi = import_optional('pretty_midi', 'MIDI')
    midi = pretty_midi.PrettyMIDI(resolution=_TICKS_PER_BEAT, initial_tempo=tempo)
    part = pretty_midi.Instrument(program=program, name=name)
    part.notes = [
        pretty_midi.Note(
            velocity=min(max(round(note.velocity), 1), 127),
            pitch=min(max(round(note.pitch), 0), 127),
            start=float(note.start),
            end=float(note.end),
        )
        for note in tidy_notes(notes)
    ]
    midi.instruments.append(part)
    return midi


def write_midi(
    path: str | os.PathLike[str],
    notes: Sequence[Note],
    program: int = 0,
    name: str = '',
    tempo: float = _TEMPO,
) -> None:
    """Writes notes as a MIDI file with one track.

    Parameters
    ----------
    path : of the file.
    notes, program, name, tempo : see `to_pretty_midi`.
    """
    to_pretty_midi(notes, program, name, tempo).write(os.fspath(path))
