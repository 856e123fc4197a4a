"""Which recordings a run takes, how they are cut, and when records are made anew."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil

import pytest
from run_records import RATE, WANTED, prepare, write_tone

from ddsp.training.data import dataset_info
from ddsp.training.instrument import data

INFO = {
    'format': dataset_info.FORMAT,
    'sample_rate': RATE,
    'frame_rate': WANTED.frame_rate,
    'example_secs': 1.0,
    'recordings': {'num_read': 1, 'seconds': 2.0, 'remarks': [], 'skipped': []},
    'splits': {
        'train': {
            'num_examples': 3,
            'seconds': 2.0,
            'file_pattern': 'a.tfrecord',
            'files': [],
            'statistics': {'silent_fraction': 0.0, 'voiced_fraction': 0.5},
        }
    },
}


@pytest.fixture(autouse=True)
def preparations(monkeypatch):
    """Stands in for the work itself; gives what was asked for each time."""
    asked = []

    def prepare_tfrecord(paths, output, **arguments):
        asked.append(arguments)
        if not all(map(os.path.getsize, paths)):
            raise ValueError('no recording could be read')
        dataset_info.write_json(f'{os.path.dirname(output)}/dataset.json', INFO)
        return INFO

    monkeypatch.setattr(data.prepare_tfrecord_lib, 'prepare_tfrecord', prepare_tfrecord)
    return asked


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(audio, out):
    return [os.path.relpath(path, audio) for path in data.find(audio, out)]


def write_run(folder):
    touch(folder, 'samples/1-resynthesis.wav', 'impulse_response.wav')
    (folder / 'run.json').write_text(json.dumps({'model': 'ae', 'gin_params': []}))


def test_sounds_of_other_runs_are_not_taken(tmp_path):
    touch(tmp_path, 'one.wav', 'deep/two.wav')
    write_run(tmp_path / 'run1')
    write_run(tmp_path / 'deep' / 'run2')
    assert found(tmp_path, tmp_path / 'run3') == ['deep/two.wav', 'one.wav']
    # Unless somebody asks for just these.
    asked = tmp_path / 'run1' / 'samples'
    assert found(asked, tmp_path / 'run3') == ['1-resynthesis.wav']


def test_folders_of_other_programs_are_taken(tmp_path):
    for number, text in enumerate(('{"lap": 3}', '[]', 'words')):
        touch(tmp_path, f'{number}/a.wav')
        (tmp_path / str(number) / 'run.json').write_text(text)
    assert found(tmp_path, tmp_path / 'run') == ['0/a.wav', '1/a.wav', '2/a.wav']


def test_nothing_but_what_runs_have_written(tmp_path):
    write_run(tmp_path / 'run1')
    with pytest.raises(FileNotFoundError, match='no sound files but those of runs'):
        data.find(tmp_path, tmp_path / 'run2')


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / 'audio' / 'a.wav'
    write_tone(path, 2)
    return path


@pytest.fixture
def out(recording, tmp_path):
    """A run's directory with records of the recording, and what was measured of them"""
    prepare(recording, tmp_path / 'run')
    (tmp_path / 'run' / 'dataset_statistics.json').write_text('{}')
    return tmp_path / 'run'


def test_statistics_go_with_the_records_they_are_of(out, recording, tmp_path):
    statistics = out / 'dataset_statistics.json'
    prepare(recording, out)
    assert statistics.exists()
    touch(tmp_path, 'damaged.wav')
    with pytest.raises(ValueError, match='could be read'):
        prepare(tmp_path / 'damaged.wav', out)
    assert statistics.exists()
    write_tone(tmp_path / 'other.wav', 2, 330)
    prepare(tmp_path / 'other.wav', out)
    assert not statistics.exists()


@pytest.mark.parametrize('name', ['', 'sources.json', 'dataset.json'])
def test_records_that_were_removed_are_made_again(name, out, recording, preparations):
    if name:
        (out / 'data' / name).unlink()
    else:
        shutil.rmtree(out / 'data')
    prepare(recording, out, trained=True)
    assert len(preparations) == 2
    # They are there again.
    prepare(recording, out, trained=True)
    assert len(preparations) == 2


@pytest.mark.parametrize(
    'part, example_secs, piece_secs', [(0.0, 30, 30), (0.25, 30, 30), (0.0, 4, 20)]
)
def test_pieces_hold_an_example(part, example_secs, piece_secs, preparations, tmp_path):
    write_tone(tmp_path / 'a.wav', 40)
    wanted = dataclasses.replace(
        WANTED, example_secs=example_secs, eval_split_fraction=part
    )
    prepare(tmp_path / 'a.wav', tmp_path / 'run', wanted)
    (asked,) = preparations
    assert (asked['chunk_secs'], asked['eval_split_fraction']) == (piece_secs, 0)


def test_few_pieces_are_told_as_they_are(tmp_path):
    for name in 'abc':
        write_tone(tmp_path / 'audio' / f'{name}.wav', 12)
    wanted = dataclasses.replace(WANTED, example_secs=4.0)
    _, said = prepare(tmp_path / 'audio', tmp_path / 'run', wanted)
    assert '3 recordings, 36 s' in said
    assert 'fewer than 4 pieces of 8 s: nothing is held out' in said
