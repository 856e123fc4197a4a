"""What the README shows is there, and the commands that documents begin with work."""

from __future__ import annotations

import json
import pathlib
import re

import documents
import gin
import numpy as np
import pytest

from ddsp import audio_files, recordings
from ddsp.cli.main import main
from ddsp.training import ddsp_run
from ddsp.training.data_preparation import ddsp_prepare_tfrecord

TRAINING = 'docs/how_to/train_your_own.md'
# What makes training of any model a matter of seconds.
SMALL = [
    'RnnFcDecoder.ch = 4',
    'RnnFcDecoder.rnn_channels = 4',
    'Reverb.reverb_length = 1000',
]


@pytest.fixture
def here(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A directory with a recording."""
    singing = audio_files.load_audio(recordings.singing_path())
    audio_files.save_audio(tmp_path / 'my_recording.wav', singing[:32000], 16000)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def recordings_here(here: pathlib.Path) -> pathlib.Path:
    """A folder with two recordings of a singer."""
    (here / 'my_recordings').mkdir()
    singing = audio_files.load_audio(recordings.singing_path())
    for i, part in enumerate((singing[:96000], singing[96000:176000])):
        audio_files.save_audio(here / f'my_recordings/{i}.wav', part, 16000)
    return here


def test_every_extra_is_named() -> None:
    table = documents.read('pyproject.toml')
    table = table.split('[project.optional-dependencies]')[1].split('\n[')[0]
    extras = re.findall(r'^(\w+) = \[', table, re.MULTILINE)
    readme = documents.read('README.md')
    assert re.findall(r'^\| `(\w+)` \|', readme, re.MULTILINE) == extras


def test_pictures_are_small() -> None:
    pictures = list((documents.ROOT / 'docs/pictures').iterdir())
    assert pictures
    assert all(picture.stat().st_size < 400_000 for picture in pictures)


def test_fit(here: pathlib.Path) -> None:
    command = documents.command('README.md', 'ddsp', 'fit')
    assert main([*command, '--steps', '2']) in (None, 0)
    out = here / command[command.index('--out') + 1]
    for name in ('original', 'resynthesis', 'transposed'):
        assert audio_files.load_audio(out / f'{name}.wav').shape == (32000,)
    assert (out / 'operative_config.gin').read_text()
    assert '</html>' in (out / 'report.html').read_text(encoding='utf-8')


def test_transfer(here: pathlib.Path) -> None:
    command = documents.command('README.md', 'ddsp', 'transfer')
    assert main(command) == 0
    out = here / command[command.index('--out') + 1]
    played = audio_files.load_audio(out)
    assert played.shape == (32000,) and np.abs(played).max() > 0.01
    assert '</html>' in out.with_suffix('.html').read_text(encoding='utf-8')


def test_train(recordings_here: pathlib.Path) -> None:
    command = documents.command('README.md', 'ddsp', 'train')
    small = [word for binding in SMALL for word in ('--gin_param', binding)]
    sizes = ['--steps', '2', '--batch_size', '1', '--eval_split', '0.4']
    assert main([*command, *sizes, *small]) in (None, 0)
    out = recordings_here / command[command.index('--out') + 1]
    assert json.loads((out / 'metrics.json').read_text())
    assert '</html>' in (out / 'report.html').read_text(encoding='utf-8')
    # What the page on training says that there is.
    page = documents.read(TRAINING).split('## What comes of it')[1].split('\n## ')[0]
    for name in set(re.findall(r'`([\w./-]+)`', page)) - {'my_instrument'}:
        assert list(out.glob(name.replace('STEP', '*').rstrip('/'))), name


def test_prepare_train_and_evaluate(recordings_here: pathlib.Path) -> None:
    # A chunk of 20 s is the least that is held out: two chunks need shorter ones.
    prepare = documents.command(TRAINING, 'ddsp_prepare_tfrecord')
    assert ddsp_prepare_tfrecord.main([*prepare, '--chunk_secs=5']) == 0
    small = [f'--gin_param={binding}' for binding in SMALL]
    sizes = ['train.num_steps = 2', 'batch_size = 1', 'evaluate.batch_size = 1']
    small += [f'--gin_param={size}' for size in (*sizes, 'evaluate.num_batches = 1')]
    for mode in ('--mode=train', '--mode=eval'):
        gin.clear_config()
        command = documents.command(TRAINING, 'ddsp_run', mode)
        assert ddsp_run.main([*command, *small]) == 0
    run = recordings_here / 'runs/mine'
    assert json.loads((run / 'metrics.json').read_text())['step'] == 2
    assert list(run.glob('ckpt-2.index'))
