"""MIDI files, whole and broken, and notes in disorder."""

from __future__ import annotations

import struct
from types import SimpleNamespace

import numpy as np
import pytest

from ddsp.training import transcription
from ddsp.training.metrics.notes import Note

pretty_midi = pytest.importorskip('pretty_midi')


def midi_bytes(*tracks, ticks=100):
    """A Standard MIDI File of tracks, each `(ticks from the last, bytes)` events."""
    chunks = [b'MThd' + struct.pack('>IHHH', 6, 1, len(tracks), ticks)]
    for events in tracks:
        body = b''.join(
            (bytes([0x80 | delta >> 7]) if delta > 127 else b'')
            + bytes([delta & 127])
            + message
            for delta, message in events
        )
        body += b'\x00\xff\x2f\x00'
        chunks.append(b'MTrk' + struct.pack('>I', len(body)) + body)
    return b''.join(chunks)


def on(pitch, velocity=100, channel=0):
    return bytes([0x90 | channel, pitch, velocity])


def read(tmp_path, content):
    path = tmp_path / 'song.mid'
    path.write_bytes(content)
    return transcription.read_midi(path)


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / 'out.mid'
    notes = [Note(0.5, 1.0, 64, 90), Note(0.1, 0.45, 60, 1), Note(1.0, 1.5, 64, 127)]
    transcription.write_midi(path, notes, program=40, name='violin')
    (track,) = transcription.read_midi(path).tracks
    assert (track.name, track.program) == ('violin', 40)
    want = sorted(notes, key=lambda n: n.start)
    assert [(n.pitch, n.velocity) for n in track.notes] == [
        (n.pitch, n.velocity) for n in want
    ]
    times = [(n.start, n.end) for n in track.notes]
    np.testing.assert_allclose(times, [(n.start, n.end) for n in want], atol=1e-3)
    first = path.read_bytes()
    transcription.write_midi(path, notes, program=40, name='violin')
    assert path.read_bytes() == first


def test_velocity_0_ends_a_note(tmp_path):
    score = read(tmp_path, midi_bytes([(0, on(60)), (100, on(60, 0))]))
    assert score.tracks[0].notes == [Note(0.0, 0.5, 60, 100)]
    assert score.seconds == 0.5


def test_tracks_and_channels_are_told_apart(tmp_path):
    two = [(0, on(60)), (0, on(64, channel=1)), (50, on(60, 0)), (0, on(64, 0, 1))]
    score = read(tmp_path, midi_bytes(two, [(0, on(67)), (50, on(67, 0))]))
    assert sorted(n.pitch for t in score.tracks for n in t.notes) == [60, 64, 67]
    assert len(score.tracks) == 3


def test_drums_are_left_out_and_said(tmp_path):
    drums = [(0, on(36, channel=9)), (50, on(36, 0, 9))]
    score = read(tmp_path, midi_bytes([(0, on(60)), (50, on(60, 0))], drums))
    assert [len(t.notes) for t in score.tracks] == [1]
    assert score.warnings == ('1 drum notes (channel 10) were left out.',)
    with pytest.raises(ValueError, match='has only drums'):
        read(tmp_path, midi_bytes(drums))


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (b'', 'is no MIDI file'),
        (b'RIFF....WAVEfmt ', 'is no MIDI file'),
        (b'hello, world', "begins with 'MThd'"),
        (b'MThd\x00\x00', 'damaged MIDI file'),
        (midi_bytes([(0, on(60)), (50, on(60, 0))])[:-6], 'damaged MIDI file'),
        (midi_bytes(), 'has no tracks'),
        (midi_bytes([], []), 'has no notes in any track'),
        (midi_bytes([(0, on(60, 0)), (50, on(60, 0))]), 'has no notes'),
    ],
)
def test_files_without_music_are_explained(tmp_path, content, words):
    with pytest.raises(ValueError, match=words):
        read(tmp_path, content)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.mid'):
        transcription.read_midi(tmp_path / 'none.mid')
    with pytest.raises(IsADirectoryError, match='expected a MIDI file'):
        transcription.read_midi(tmp_path)


def test_disorder_is_tidied():
    notes = [
        Note(2.0, 3.0, 60, 90),
        Note(0.0, 1.5, 60, 90),
        Note(1.0, 1.8, 60, 80),  # Laps over the one before.
        Note(1.0, 1.2, 60, 70),  # Begins with it, and is shorter.
        Note(0.5, 0.4, 62, 90),  # Ends before it begins,
        Note(0.5, 0.5, 62, 90),  # or as it does.
        Note(-1.0, 0.3, 72, 90),
        SimpleNamespace(start=0.0, end=1.0, pitch=65, velocity=0),
    ]
    assert transcription.tidy_notes(notes) == [
        Note(0.0, 0.3, 72, 90),
        Note(0.0, 1.0, 60, 90),
        Note(1.0, 1.8, 60, 80),
        Note(2.0, 3.0, 60, 90),
    ]
    assert transcription.tidy_notes([]) == []


def test_numbers_beyond_midi_are_brought_in():
    midi = transcription.to_pretty_midi([Note(0, 1, 140, 300), Note(1, 2, 60.4, 0.6)])
    got = [(n.pitch, n.velocity) for n in midi.instruments[0].notes]
    assert got == [(127, 127), (60, 1)]
