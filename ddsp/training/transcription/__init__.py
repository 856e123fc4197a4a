"""From recordings to notes, and notes in MIDI files."""

from ddsp.training.transcription.midi_files import (
    Score,
    Track,
    read_midi,
    tidy_notes,
    to_pretty_midi,
    write_midi,
)
from ddsp.training.transcription.transcribe import METHODS, Transcription, transcribe

__all__ = [
    'METHODS',
    'Score',
    'Track',
    'Transcription',
    'read_midi',
    'tidy_notes',
    'to_pretty_midi',
    'transcribe',
    'write_midi',
]
