from __future__ import annotations

import numpy as np
import pytest
import soundfile
from kazoo import RATE, Kazoo, choice, record
from page_elements import Elements

from ddsp.training.serve import Limits, pictures
from ddsp.training.serve.desk import Desk
from ddsp.training.transfer import CONTROLS, Controls

USUAL = [getattr(Controls(), control.name) for control in CONTROLS]


@pytest.fixture
def kazoo():
    return Kazoo()


@pytest.fixture
def desk(kazoo, tmp_path):
    limits = Limits(max_minutes=1 / 30)
    return Desk({'Kazoo': choice(kazoo)}, limits, tmp_path / 'played')


def refused(answer) -> str:
    """What an answer without sound says."""
    assert answer.sound is None
    assert answer.pictures == ''
    assert 'class="told refused" role="alert"' in answer.messages
    return answer.messages


def test_a_recording_is_played(desk, tmp_path):
    path = record(tmp_path / 'my song.wav', 1.0, 44100, 2)
    told = []
    answer = desk.play(str(path), 'Kazoo', True, USUAL, lambda *x: told.append(x))
    assert answer.sound.name == 'my song - kazoo.wav'
    assert answer.sound.is_relative_to(desk.folder)
    audio, rate = soundfile.read(answer.sound)
    assert (len(audio), rate) == (RATE, RATE)
    # What the instrument played, and not what was sung.
    spectrum = np.abs(np.fft.rfft(audio))
    assert np.argmax(spectrum) == 440
    assert 'Kazoo plays 1 second of your melody' in answer.messages
    assert 'an octave higher' in answer.messages
    parts = [part for part, _ in told]
    assert parts == sorted(parts)
    assert 0 <= parts[0] < parts[-1] <= 1
    assert 'Playing the kazoo' in {words for _, words in told}


def test_warnings_are_shown_with_the_names_of_the_page(desk, tmp_path):
    path = record(tmp_path / 'a.wav')
    messages = desk.play(str(path), 'Kazoo', True, USUAL).messages
    assert 'class="told warning" role="status"' in messages
    assert '&lt;9%&gt; of the notes are too high' in messages
    assert '“Pitch shift” moves them' in messages


def test_pictures(desk, tmp_path):
    path = record(tmp_path / 'a.wav')
    shown = desk.play(str(path), 'Kazoo', True, USUAL).pictures
    found = Elements(shown).found
    assert [tag for tag, _ in found].count('figure') == 3
    labels = [attributes.get('aria-label') for tag, attributes in found if tag == 'svg']
    assert labels == ['The sound, seen', 'Pitch', 'Loudness']
    assert 'Pictures show the first' not in shown


def test_pictures_of_a_long_recording_show_its_beginning(desk, tmp_path, monkeypatch):
    path = record(tmp_path / 'a.wav', 2.0)
    whole = desk.play(str(path), 'Kazoo', True, USUAL).pictures
    monkeypatch.setattr(pictures, 'EXCERPT_SECONDS', 0.5)
    answer = desk.play(str(path), 'Kazoo', True, USUAL)
    assert 'Pictures show the first 0.5 seconds.' in answer.pictures
    assert 'plays 2 seconds' in answer.messages
    assert soundfile.info(answer.sound).duration == 2.0
    assert '>1.50</text>' in whole
    assert '>1.50</text>' not in answer.pictures


def test_controls_reach_the_instrument(desk, kazoo, tmp_path):
    path = record(tmp_path / 'a.wav')
    desk.play(str(path), 'Kazoo', False, [0.5, 30, 1, -1, 6])
    assert kazoo.asked == [
        Controls(
            adjust=False,
            threshold=0.5,
            quiet=30,
            autotune=1,
            pitch_shift=-1,
            loudness_shift=6,
        )
    ]


def test_what_is_wrong_is_said(desk, tmp_path):
    def play(path, title='Kazoo', values=USUAL):
        return refused(desk.play(path, title, True, values))

    song = str(record(tmp_path / 'song.wav'))
    assert 'Record or upload a melody first' in play(None)
    silence = record(tmp_path / 'silence.wav', f0=0)
    assert 'The recording is silent' in play(str(silence))
    long = record(tmp_path / 'long & loud.wav', 3.0)
    assert '>“long &amp; loud.wav” is longer than 2 seconds' in play(str(long))
    assert 'choose from Kazoo' in play(song, title='Tuba')
    assert '>“Pitch shift” is 9' in play(song, values=[1, 20, 0, 9, 0])
    assert 'upload it again' in play(str(tmp_path / 'nowhere.wav'))
    assert list(tmp_path.glob('played/*')) == []


@pytest.mark.filterwarnings('error')
def test_what_nobody_foresaw_is_said_too(tmp_path, capsys):
    broken = Kazoo(RuntimeError('a reed broke'))
    desk = Desk({'Kazoo': choice(broken)}, Limits(), tmp_path)
    path = record(tmp_path / 'a.wav')
    told = refused(desk.play(str(path), 'Kazoo', True, USUAL))
    assert 'should not have (RuntimeError)' in told
    assert 'a reed broke' not in told
    # The terminal has the rest.
    err = capsys.readouterr().err
    assert 'Traceback' in err
    assert 'a reed broke' in err


def test_looking_says_at_once_what_cannot_be_taken(desk, tmp_path):
    assert 'told waiting' in desk.look(None).messages
    assert 'told waiting' in desk.look(str(record(tmp_path / 'a.wav'))).messages
    long = record(tmp_path / 'long.wav', 3.0)
    assert 'longer than 2 seconds' in refused(desk.look(str(long)))
