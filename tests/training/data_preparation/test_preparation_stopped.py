"""Preparations that fail, are killed, start again, or meet each other."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
import tensorflow as tf
from small_preparation import FLAGS, command, examples, prepare, records

from ddsp.training.data_preparation import prepare_tfrecord_lib as lib
from ddsp.training.data_preparation import (
    writing,
)


def test_fewer_shards_replace_more(sounds, tmp_path):
    prepare(sounds / 'mono.wav', tmp_path, num_shards=5)
    prepare(sounds / 'mono.wav', tmp_path, num_shards=3)
    assert list(records(tmp_path)) == [f'a.tfrecord-0000{i}-of-00003' for i in range(3)]
    assert not list(tmp_path.glob('.*'))


def test_an_error_leaves_old_records_alone(sounds, tmp_path, monkeypatch, capfd):
    prepare(sounds / 'mono.wav', tmp_path)
    before = records(tmp_path)

    def full(*arguments):
        raise tf.errors.ResourceExhaustedError(None, None, 'No space left on device')

    monkeypatch.setattr(writing, 'serialize', full)
    assert command(sounds / 'stereo.wav', tmp_path) == 1
    told = capfd.readouterr().err
    assert 'Traceback' not in told
    assert told.splitlines()[-1] == (
        'ddsp_prepare_tfrecord: error: preparing records stopped: '
        'ResourceExhaustedError: No space left on device'
    )
    assert records(tmp_path) == before
    assert not list(tmp_path.glob('.*'))


def test_a_killed_preparation_leaves_no_mixture(sounds, tmp_path):
    prepare(sounds / 'mono.wav', tmp_path, num_shards=3)
    program = f"""
import os, signal, sys
import tensorflow as tf
from ddsp.training.data_preparation import ddsp_prepare_tfrecord
rename = tf.io.gfile.rename
def rename_and_die(old, new, **kwargs):
    rename(old, new, **kwargs)
    if new.endswith('a.tfrecord-00000-of-00002'):
        os.kill(os.getpid(), signal.SIGKILL)
tf.io.gfile.rename = rename_and_die
ddsp_prepare_tfrecord.main([
    '--input_audio_filepatterns={sounds}/mono.wav',
    '--output_tfrecord_path={tmp_path}/a.tfrecord', *{FLAGS!r},
])
"""
    died = subprocess.run([sys.executable, '-c', program], capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert list(records(tmp_path)) == ['a.tfrecord-00000-of-00002']
    with pytest.raises(FileNotFoundError, match=r'1 of 2 files .* are missing'):
        examples(tmp_path)
    prepare(sounds / 'mono.wav', tmp_path)
    assert len(examples(tmp_path)) == 7
    assert not list(tmp_path.glob('.*'))


def test_no_description_stays_behind(sounds, tmp_path):
    # As after an interruption: what describes the other dataset of the folder is gone.
    (tmp_path / 'dataset-a.json').write_text('{"format": 1, "name": "a"}')
    left = tmp_path / 'a-train.tfrecord-00000-of-00002'
    left.touch()
    other = tmp_path / 'a-eval.tfrecord-00000-of-00001'
    other.touch()
    files = [{'name': other.name, 'num_examples': 0, 'bytes': 0}]
    splits = {'train': {'files': files}}
    info = {'format': 1, 'name': 'a-eval', 'splits': splits}
    (tmp_path / 'dataset-a-eval.json').write_text(json.dumps(info))
    prepare(sounds / 'mono.wav', tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        'a-eval.tfrecord-00000-of-00001',
        'a.tfrecord-00000-of-00002',
        'a.tfrecord-00001-of-00002',
        'dataset-a-eval.json',
        'dataset.json',
    ]


def test_a_description_that_is_none_stops_at_once(sounds, tmp_path, monkeypatch):
    (tmp_path / 'dataset.json').write_text('{"words": []}')
    monkeypatch.setattr(lib.pipeline, 'run', lambda *arguments: pytest.fail('ran'))
    with pytest.raises(ValueError, match=r'dataset\.json has format None'):
        prepare(sounds / 'mono.wav', tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ['dataset.json']


def test_splits_of_another_dataset_are_not_replaced(sounds, tmp_path, monkeypatch):
    info = {'format': 1, 'name': 'a-train', 'splits': {}}
    files = [{'name': 'a-train.tfrecord-00000-of-00002', 'num_examples': 0, 'bytes': 0}]
    info['splits'] = {'train': {'files': files}}
    (tmp_path / 'dataset.json').write_text(json.dumps(info))
    monkeypatch.setattr(lib.pipeline, 'run', lambda *arguments: pytest.fail('ran'))
    with pytest.raises(ValueError, match=r"is of dataset 'a-train', .*records of 'a' "):
        prepare(sounds / 'mono.wav', tmp_path, eval_split_fraction=0.5)
    assert [path.name for path in tmp_path.iterdir()] == ['dataset.json']


def test_signals_wait_until_records_are_in_place(tmp_path, monkeypatch):
    rename, wrote = tf.io.gfile.rename, []

    def rename_and_stop(old, new, **kwargs):
        rename(old, new, **kwargs)
        if old.endswith('.unfinished'):  # When nothing is in place yet.
            return
        wrote.append(new)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(tf.io.gfile, 'rename', rename_and_stop)
    moves = []
    for index in range(2):
        (tmp_path / str(index)).touch()
        moves.append((str(tmp_path / str(index)), f'{tmp_path}/a-0000{index}-of-00002'))
    before = signal.getsignal(signal.SIGINT)
    (tmp_path / 'work').mkdir()
    info = {'format': 1, 'name': 'a'}
    writing.put_in_place(moves, str(tmp_path / 'a'), info, str(tmp_path / 'work'))
    assert len(wrote) == 3 and signal.getsignal(signal.SIGINT) is before
    assert (tmp_path / 'dataset.json').exists()


def test_sigterm_ends_in_good_order_though_workers_go_on(sounds, tmp_path):
    program = f"""
import signal, sys, threading
from ddsp.training.data_preparation import ddsp_prepare_tfrecord, pipeline
def run(*arguments):
    threading.Thread(target=threading.Event().wait).start()
    signal.raise_signal(signal.SIGTERM)
pipeline.run = run
sys.argv[1:] = [
    '--input_audio_filepatterns={sounds}/mono.wav',
    '--output_tfrecord_path={tmp_path}/a.tfrecord', *{FLAGS!r},
]
sys.exit(ddsp_prepare_tfrecord.console_entry_point())
"""
    ended = subprocess.run(
        [sys.executable, '-c', program], stderr=subprocess.PIPE, text=True, timeout=300
    )
    assert ended.returncode == 143, ended.stderr
    assert 'aborted, nothing was written' in ended.stderr
    assert not list(tmp_path.iterdir())
