"""From recordings to notes, and notes in MIDI files."""

from ddsp.training.transcription.frames import Segmentation, notes_of_frames
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
    'Segmentation',
    'Track',
    'Transcription',
    'notes_of_frames',
    'read_midi',
    'tidy_notes',
    'to_pretty_midi',
    'transcribe',
    'write_midi',
]
