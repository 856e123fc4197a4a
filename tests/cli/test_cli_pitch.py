"""`ddsp pitch` and `ddsp play`, on the bundled singing."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import soundfile

from ddsp.cli import main
from ddsp.recordings import singing_path
from ddsp.training.metrics.notes import Note
from ddsp.training.transcription import read_midi, write_midi

pytest.importorskip('pretty_midi')


def says(capsys, *arguments) -> str:
    """What the command says on stderr when it fails."""
    assert main.main(list(map(str, arguments))) == 1
    return capsys.readouterr().err


@pytest.fixture(scope='module')
def singing(tmp_path_factory):
    """The first 3 s of the singing."""
    audio, rate = soundfile.read(singing_path())
    path = tmp_path_factory.mktemp('singing') / 'short.wav'
    soundfile.write(path, audio[: 3 * rate], rate)
    return path


def test_a_recording_becomes_csv_picture_midi_and_a_violin(singing, tmp_path, capsys):
    names = {s: tmp_path / f'out.{s}' for s in ('csv', 'svg', 'mid', 'wav')}
    files = ('--out', names['csv'], '--plot', names['svg'], '--midi', names['mid'])
    assert main.main(['pitch', *map(str, (singing, *files))]) == 0
    told = capsys.readouterr()
    assert told.out == ''
    assert f'{names["mid"]} was written' in told.err and ' notes in 3.0 s' in told.err
    rows = list(csv.DictReader(names['csv'].read_text().splitlines()))
    assert list(rows[0]) == ['time_s', 'f0_hz', 'confidence', 'midi']
    table = np.array([[float(x) for x in row.values()] for row in rows])
    np.testing.assert_allclose(table[:, 0], np.arange(750) / 250)
    np.testing.assert_allclose(
        table[:, 3], 69 + 12 * np.log2(table[:, 1] / 440), atol=1e-3
    )
    assert table[:, 2].min() >= 0 and table[:, 2].max() <= 1
    notes = read_midi(names['mid']).tracks[0].notes
    assert 4 <= len(notes) <= 20 and notes[-1].end <= 3.0
    # Once the voice has arrived there, a note is the nearest to f0.
    for note in notes:
        middle = (note.start + note.end) / 2
        frames = slice(round(middle * 250), round(note.end * 250))
        assert abs(np.median(table[frames, 3]) - note.pitch) < 1.0
    picture = names['svg'].read_text('utf-8')
    assert '<svg' in picture and 'short.wav' in picture
    playing = ('play', names['mid'], '--instrument', 'violin', '--out', names['wav'])
    assert main.main(list(map(str, playing))) == 0
    told = capsys.readouterr()
    assert 'octave up, to where the violin plays' in told.err
    assert f'{len(notes)} notes in 1 voice' in told.out
    audio, rate = soundfile.read(names['wav'])
    assert rate == 16000 and 0.02 < np.abs(audio).max() <= 1.0
    assert len(audio) / rate == pytest.approx(notes[-1].end + 0.6, abs=0.01)
    # Nothing is replaced unasked, and everything if asked.
    assert '--overwrite' in says(capsys, 'pitch', singing, *files)
    assert '--overwrite' in says(capsys, *playing)
    before = {name: path.read_bytes() for name, path in names.items()}
    again = ('pitch', singing, *files, '--overwrite')
    assert main.main(list(map(str, again))) == 0
    assert main.main(list(map(str, (*playing, '--overwrite')))) == 0
    assert {name: path.read_bytes() for name, path in names.items()} == before


def test_csv_is_printed(singing, capsys):
    rules = ('--frame_rate', '50', '--notes', 'heuristic')
    assert main.main(['pitch', str(singing), *rules]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == 'time_s,f0_hz,confidence,midi'
    assert len(lines) == 151 and lines[1].startswith('0.0000,')


def test_pitch_of_what_has_no_notes(tmp_path, capsys):
    silence, midi, table = (tmp_path / x for x in ('s.wav', 'out.mid', 'out.csv'))
    soundfile.write(silence, np.zeros(16000), 16000)
    told = says(capsys, 'pitch', silence, '--midi', midi, '--out', table)
    assert 'the recording is silent' in told and 'Nothing was written' in told
    assert [path.name for path in tmp_path.iterdir()] == ['s.wav']
    assert main.main(['pitch', str(silence), '--out', str(table)]) == 0
    assert 'no notes' in capsys.readouterr().err
    assert len(table.read_text().splitlines()) == 251


def test_wrong_commands_are_explained(singing, tmp_path, capsys):
    song = tmp_path / 'song.mid'
    write_midi(song, [Note(0.0, 0.2, 72)])
    wrong = [
        (('pitch', tmp_path / 'none.wav'), 'none.wav'),
        (('pitch', singing, '--method', 'crape'), "did you mean 'crepe'"),
        (('pitch', singing, '--notes', 'ear'), "expected one of ['hmm', 'heuristic']"),
        (('pitch', singing, '--frame_rate', '7'), 'frame_rate is 7, expected'),
        (('pitch', singing, '--plot', 'x.gif'), '.png or .svg or .pdf'),
        (('pitch', singing, '--midi', 'x.wav'), '.mid or .midi'),
        (('pitch', singing, '--out', singing, '--overwrite'), 'ends with .csv'),
        (('play', singing, '--out', tmp_path / 'a.wav'), 'is no MIDI file'),
        (('play', song, '--out', tmp_path / 'a.mp3'), 'name it a.wav'),
        (('play', song, '--out', tmp_path / 'a.wav', '--tempo', 0), 'tempo is 0.0'),
        (('play', song, '--out', tmp_path / 'a.wav', '--transpose', 99), 'transpose'),
        (
            ('play', song, '--out', tmp_path / 'a.wav', '--instrument', 'violn'),
            'did you mean violin?',
        ),
    ]
    for arguments, words in wrong:
        told = says(capsys, *arguments)
        assert words in told, told
        assert told.startswith(f'ddsp {arguments[0]}: error: ')
    assert [path.name for path in tmp_path.iterdir()] == ['song.mid']
