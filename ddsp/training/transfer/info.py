"""What there is to tell of an instrument, without loading it or TensorFlow."""

from __future__ import annotations

import dataclasses
from pathlib import Path

_NAMES = ('C', 'C#', 'D', 'D#', 'E', 'F', 'F#', 'G', 'G#', 'A', 'A#', 'B')


@dataclasses.dataclass(frozen=True)
class InstrumentInfo:
    """What there is to tell of an instrument.

    Parameters
    ----------
    name : by which it is loaded.
    title : for people.
    path : directory of the model; of one from an archive, which is gone, too.
    lowest, highest : range of notes, in MIDI note numbers; None where it is not known.
    sample_rate, frame_rate : in Hz.
    source : of the sound it was trained on.
    licence : of that sound.
    """

    name: str
    title: str
    path: Path
    lowest: float | None = None
    highest: float | None = None
    sample_rate: int = 16000
    frame_rate: int = 250
    source: str = ''
    licence: str = ''


def note_name(midi: float) -> str:
    """The name of the nearest key of a piano: 60 is C4."""
    key = round(midi)
    return f'{_NAMES[key % 12]}{key // 12 - 1}'
