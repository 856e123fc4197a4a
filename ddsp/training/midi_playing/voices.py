"""Splits the notes of a score into voices that play one note at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ddsp.training.metrics.notes import Note
from ddsp.training.transcription.midi_files import Score, Track, tidy_notes
from ddsp.training.transfer.statistics import Statistics

# A note that ends so little after the next has begun is tied to it, and no chord: at
# most so long, and at most this part of the shorter one.
_TIED_SECONDS, _TIED_PART = 0.12, 0.5
# How far beyond what it was trained on an instrument still plays, in semitones.
_MARGIN = 0.5
_MOST_OCTAVES = 5


def split_voices(notes: Sequence[Note]) -> list[list[Note]]:
    """Splits notes into as few voices as there are notes at once.

    Notes are taken in order of start, of a chord the highest first. Each goes to the
    voice that is free and was last at the nearest pitch; where none is free, to a new
    one. So the upper notes of chords make one melody, and the lower ones others. A note
    that laps over the next by no more than 0.12 s, nor by half of either, is tied to it
    and does not need a second voice.

    Parameters
    ----------
    notes : in any order.

    Returns
    -------
    Voices in the order in which they begin, each of notes in order that do not overlap.
    """
    voices: list[list[Note]] = []
    for note in sorted(notes, key=lambda n: (n.start, -n.pitch)):
        free = [voice for voice in voices if _is_free(voice[-1], note)]
        if not free:
            voices.append([note])
            continue
        nearest = min(free, key=lambda voice: abs(voice[-1].pitch - note.pitch))
        last = nearest[-1]
        nearest[-1] = dataclasses.replace(last, end=min(last.end, note.start))
        nearest.append(note)
    return voices


def _is_free(last: Note, note: Note) -> bool:
    shorter = min(last.end - last.start, note.end - note.start)
    tied = min(_TIED_SECONDS, _TIED_PART * shorter)
    return last.end - note.start <= tied and last.start < note.start


def voices_of(score: Score) -> list[list[Note]]:
    """All voices of a score, track by track."""
    return [voice for track in score.tracks for voice in split_voices(track.notes)]


def changed(score: Score, transpose: float, tempo: float) -> Score:
    """A score at another pitch and speed.

    Parameters
    ----------
    score : notes.
    transpose : semitones.
    tempo : times as fast.
    """
    tracks = [
        dataclasses.replace(
            track,
            notes=[
                Note(n.start / tempo, n.end / tempo, n.pitch + transpose, n.velocity)
                for n in track.notes
            ],
        )
        for track in score.tracks
    ]
    return dataclasses.replace(score, tracks=tracks)


def into_range(
    score: Score, statistics: Statistics, instrument: str
) -> tuple[Score, list[str]]:
    """Moves what an instrument cannot play by octaves.

    First each track as a whole, to where most of its notes can be played, by as little
    as possible; then the notes that are left, one by one.

    Parameters
    ----------
    score : notes.
    statistics : of the instrument.
    instrument : what it is called, for what is said.

    Returns
    -------
    The score, and a sentence for each thing that was moved.
    """
    low, high = statistics.lowest - _MARGIN, statistics.highest + _MARGIN
    tracks, said, alone = [], [], 0
    for number, track in enumerate(score.tracks, 1):
        octaves = _octaves(track, low, high)
        if octaves:
            name = f'track {number}' + (f' ({track.name})' if track.name else '')
            way = 'up' if octaves > 0 else 'down'
            word = 'octave' if abs(octaves) == 1 else 'octaves'
            said.append(
                f'{name} was moved {abs(octaves)} {word} {way}, to where {instrument} '
                'plays.'
            )
        notes = []
        for note in track.notes:
            moved = note.pitch + 12 * octaves
            placed = _placed(moved, low, high)
            alone += placed != moved
            notes.append(dataclasses.replace(note, pitch=placed))
        # Two of a chord may have come to the same pitch.
        tracks.append(dataclasses.replace(track, notes=tidy_notes(notes)))
    if alone:
        word = 'note was' if alone == 1 else 'notes were'
        said.append(f'{alone} {word} moved by octaves, into the range of {instrument}.')
    return dataclasses.replace(score, tracks=tracks), said


def _octaves(track: Track, low: float, high: float) -> int:
    """By how many octaves to move a track, so that most of its notes are in range."""

    def outside(octaves: int) -> int:
        return sum(not low <= n.pitch + 12 * octaves <= high for n in track.notes)

    candidates = range(-_MOST_OCTAVES, _MOST_OCTAVES + 1)
    return min(candidates, key=lambda octaves: (outside(octaves), abs(octaves)))


def _placed(pitch: float, low: float, high: float) -> float:
    """A pitch in range, by octaves; where the range has no such note, nearest to it."""
    if low <= pitch <= high:
        return pitch
    candidates = [pitch + 12 * k for k in range(-10, 11)]
    return min(candidates, key=lambda p: (max(low - p, p - high, 0.0), abs(p - pitch)))
