"""Plays MIDI files on instruments."""

from ddsp.training.midi_playing.expression import shape
from ddsp.training.midi_playing.run import play_file, play_score
from ddsp.training.midi_playing.voices import split_voices

__all__ = ['play_file', 'play_score', 'shape', 'split_voices']
