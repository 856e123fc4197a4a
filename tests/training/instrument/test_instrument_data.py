from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import soundfile
from run_records import RATE, WANTED, prepare, write_tone

from ddsp.training.instrument import data


@pytest.fixture
def folder(tmp_path):
    for number, hz in enumerate((220, 330)):
        write_tone(tmp_path / 'audio' / f'{number}.wav', 4.5, hz)
    return tmp_path / 'audio'


def test_records_are_made_once(folder, tmp_path):
    info, said = prepare(folder, tmp_path / 'run')
    assert 'finding pitch' in said
    assert set(info['splits']) == {'train', 'eval'}
    # 9 s are pieces of 2 s; 0.14 s from one example to the next.
    assert info['chunk_secs'] == 2
    assert info['hop_secs'] == pytest.approx(9 / 64, abs=0.002)
    assert info['splits']['train']['num_examples'] > 16
    written = sorted((tmp_path / 'run' / 'data').iterdir())
    times = [path.stat().st_mtime_ns for path in written]
    again, said = prepare(folder, tmp_path / 'run', trained=True)
    assert again == info
    assert 'already' in said
    assert [path.stat().st_mtime_ns for path in written] == times


def test_a_folder_may_move(folder, tmp_path):
    info, _ = prepare(folder, tmp_path / 'run')
    moved = folder.rename(tmp_path / 'elsewhere')
    again, said = prepare(moved, tmp_path / 'run', trained=True)
    assert 'already' in said
    assert again == info


@pytest.mark.parametrize('change', ['file', 'name', 'settings'])
def test_what_has_changed_is_made_again_before_training_only(change, folder, tmp_path):
    wanted = WANTED
    prepare(folder, tmp_path / 'run')
    if change == 'file':
        write_tone(folder / '0.wav', 4.5, 550)
    elif change == 'name':
        write_tone(folder / 'new.wav', 2)
    else:
        wanted = dataclasses.replace(WANTED, frame_rate=100)
    with pytest.raises(ValueError, match=r'trained on other recordings.*--overwrite'):
        prepare(folder, tmp_path / 'run', wanted, trained=True)
    info, said = prepare(folder, tmp_path / 'run', wanted)
    assert 'finding pitch' in said
    assert info['recordings']['num_read'] == 2 + (change == 'name')
    assert info['frame_rate'] == wanted.frame_rate


def test_little_sound_is_all_trained_on(tmp_path):
    write_tone(tmp_path / 'a.wav', 3.0)
    info, said = prepare(tmp_path / 'a.wav', tmp_path / 'run')
    assert 'fewer than 4 pieces of 2 s: nothing is held out' in said
    assert set(info['splits']) == {'train'}
    train, held_out = data.patterns(tmp_path / 'run', info)
    assert train == held_out
    # One piece, examples 0.1 s apart.
    assert info['splits']['train']['num_examples'] == 21


def test_too_little_sound(tmp_path):
    for number in range(2):
        write_tone(tmp_path / 'audio' / f'{number}.wav', 0.3)
    with pytest.raises(ValueError, match=r'0\.6 s in 2 recordings.* example of 1 s'):
        prepare(tmp_path / 'audio', tmp_path / 'run')


def test_no_sound_at_all(tmp_path):
    (tmp_path / 'audio').mkdir()
    (tmp_path / 'audio' / 'words.txt').touch()
    with pytest.raises(FileNotFoundError, match=r'audio holds no sound files.*\.wav'):
        prepare(tmp_path / 'audio', tmp_path / 'run')
    with pytest.raises(FileNotFoundError, match='there is no'):
        prepare(tmp_path / 'nowhere', tmp_path / 'run')


def test_nothing_that_can_be_read(tmp_path):
    (tmp_path / 'a.wav').write_text('words')
    said: list[str] = []
    with pytest.raises(ValueError, match=r'no recording could be read.*a\.wav'):
        data.prepare(tmp_path / 'a.wav', tmp_path / 'run', WANTED, False, said.append)
    # Of no sound at all, there is nothing to say how it is cut.
    assert said == []
    assert list((tmp_path / 'run').iterdir()) == []


def test_what_cannot_be_read_is_left_out_and_told(folder, tmp_path):
    (folder / 'damaged.wav').write_text('words')
    info, said = prepare(folder, tmp_path / 'run')
    assert info['recordings']['num_read'] == 2
    assert 'left out 1 recording:' in said
    assert 'damaged.wav' in said


def test_sounds_of_the_run_itself_are_not_taken(folder):
    info, _ = prepare(folder, folder / 'run')
    write_tone(folder / 'run' / 'samples' / '1-original.wav', 1)
    again, said = prepare(folder, folder / 'run', trained=True)
    assert again == info
    assert 'already' in said


def test_silence_is_refused_each_time(tmp_path):
    soundfile.write(tmp_path / 'a.wav', np.zeros(3 * RATE), RATE)
    for _ in range(2):
        with pytest.raises(ValueError, match=r'a\.wav is silent.*nothing to learn'):
            prepare(tmp_path / 'a.wav', tmp_path / 'run')
        assert list((tmp_path / 'run').iterdir()) == []


def test_records_stay_until_others_are_complete(folder, tmp_path):
    prepare(folder, tmp_path / 'run')
    before = {p.name: p.read_bytes() for p in (tmp_path / 'run' / 'data').iterdir()}
    soundfile.write(tmp_path / 'a.wav', np.zeros(3 * RATE), RATE)
    # As after a command that was killed.
    (tmp_path / 'run' / 'data.unfinished').mkdir()
    (tmp_path / 'run' / 'data.unfinished' / 'part').touch()
    with pytest.raises(ValueError, match='is silent'):
        prepare(tmp_path / 'a.wav', tmp_path / 'run')
    after = {p.name: p.read_bytes() for p in (tmp_path / 'run' / 'data').iterdir()}
    assert after == before
    assert [p.name for p in (tmp_path / 'run').iterdir()] == ['data']


def test_sound_without_a_pitch_is_told(tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.1, 3 * RATE)
    soundfile.write(tmp_path / 'a.wav', noise, RATE)
    _, said = prepare(tmp_path / 'a.wav', tmp_path / 'run')
    assert 'note: the pitch estimator was sure of no pitch in' in said


def test_one_recording_is_one(tmp_path):
    write_tone(tmp_path / 'a.wav', 3.0)
    _, said = prepare(tmp_path / 'a.wav', tmp_path / 'run')
    _, again = prepare(tmp_path / 'a.wav', tmp_path / 'run')
    assert '1 recording, 3 s' in said
    assert 'records of 1 recording ' in again
    assert '1 recordings' not in said + again
