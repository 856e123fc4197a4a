"""Documents keep their word: every code block runs as it stands."""

from __future__ import annotations

import json
import pathlib
import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import gin
import numpy as np
import pytest
import tensorflow as tf

from ddsp import audio_files, recordings
from ddsp.cli.main import main
from ddsp.training import ddsp_run
from ddsp.training.data_preparation import ddsp_prepare_tfrecord

ROOT = pathlib.Path(__file__).parents[1]
DOCUMENTS = ['README.md', 'CONTRIBUTING.md']
BLOCK = re.compile(r'^```(\w+)\n(.*?)^```$', re.DOTALL | re.MULTILINE)
N_FRAMES = 1000
# The first words of the commands in the README.
KINDS = {'make', 'pip', 'ddsp', 'ddsp_prepare_tfrecord', 'ddsp_run'}
# What makes training of any model a matter of seconds.
SMALL = [
    'RnnFcDecoder.ch = 4',
    'RnnFcDecoder.rnn_channels = 4',
    'Reverb.reverb_length = 1000',
]


def blocks(document: str, language: str) -> Iterator[tuple[int, str]]:
    """Code blocks of a language, each with the line on which its code begins."""
    text = (ROOT / document).read_text(encoding='utf-8')
    for match in BLOCK.finditer(text):
        if match[1] == language:
            yield text.count('\n', 0, match.start(2)), match[2]


def commands(document: str) -> list[list[str]]:
    lines = [line for _, code in blocks(document, 'sh') for line in code.splitlines()]
    return [shlex.split(line) for line in lines]


def network(inputs: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Stands in for a model: three outputs of the right shapes."""
    batch = inputs['f0_hz'].shape[0]
    return tuple(tf.random.normal([batch, N_FRAMES, n]) for n in (1, 60, 65))


def given() -> dict[str, Any]:
    """What the documents suppose that a reader has."""
    f0_hz = tf.fill([1, N_FRAMES, 1], 220.0)
    return {
        'network': network,
        'inputs': {'f0_hz': f0_hz},
        'target_audio': tf.random.uniform([1, 64000], -0.1, 0.1),
    }


@pytest.fixture
def here(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A directory with a recording, and gin as it was found."""
    singing = audio_files.load_audio(recordings.singing_path())
    audio_files.save_audio(tmp_path / 'my_recording.wav', singing[:32000], 16000)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    gin.clear_config()


@pytest.fixture
def run_blocks(here: pathlib.Path) -> Callable[[str], dict[str, Any]]:
    def run(document: str) -> dict[str, Any]:
        names = given() | {'__name__': document.removesuffix('.md').lower()}
        for line, code in blocks(document, 'python'):
            # Blank lines in front make a traceback name the line of the document.
            exec(compile('\n' * line + code, document, 'exec'), names)
        return names

    return run


def test_readme_examples(run_blocks: Callable[[str], dict[str, Any]]) -> None:
    tf.random.set_seed(1)
    names = run_blocks('README.md')
    assert names['audio_harmonic'].shape == [1, 64000]
    assert names['audio_without_room'].shape == [1, 64000]
    assert names['loss'].shape == [] and names['loss'] > 0
    rms = tf.sqrt(tf.reduce_mean(names['audio_harmonic'] ** 2))
    assert rms > 0.01
    # The list and the gin string make the same graph.
    in_list = [type(processor) for processor, _ in names['dag']]
    assert [type(p) for p in names['processor_group'].processors] == in_list
    assert names['processor_group'].filtered_noise.initial_bias == -4.0
    assert names['f0_hz'].shape == names['loudness_db'].shape
    assert names['played'].shape == names['singing'].shape
    assert names['lower'].max() > 0.01
    confident = names['f0_confidence'] > 0.9
    assert np.all((names['f0_hz'][confident] > 80) & (names['f0_hz'][confident] < 1000))


def test_contributing_examples(run_blocks: Callable[[str], dict[str, Any]]) -> None:
    run_blocks('CONTRIBUTING.md')


@pytest.mark.parametrize('document', DOCUMENTS)
def test_make_targets_exist(document: str) -> None:
    makefile = (ROOT / 'Makefile').read_text(encoding='utf-8')
    targets = set(re.findall(r'^([a-z-]+):', makefile, re.MULTILINE))
    used = [words[1] for words in commands(document) if words[0] == 'make']
    used += re.findall(r'`make ([a-z-]+)`', (ROOT / document).read_text('utf-8'))
    assert {'test'} <= set(used) <= targets


def test_commands_are_of_known_kinds() -> None:
    # Whoever runs the tests has run `make` and `pip` already; all else runs below.
    assert {words[0] for words in commands('README.md')} == KINDS


def test_readme_names_every_extra() -> None:
    project = (ROOT / 'pyproject.toml').read_text(encoding='utf-8')
    table = project.split('[project.optional-dependencies]')[1].split('\n[')[0]
    extras = re.findall(r'^(\w+) = \[', table, re.MULTILINE)
    readme = (ROOT / 'README.md').read_text(encoding='utf-8')
    assert re.findall(r'^\| `(\w+)` \|', readme, re.MULTILINE) == extras


def command_of(*words: str) -> list[str]:
    """The one command of the README that begins with these words, without the first."""
    found = [c for c in commands('README.md') if c[: len(words)] == list(words)]
    assert len(found) == 1
    return found[0][1:]


def test_readme_fits(here: pathlib.Path) -> None:
    command = command_of('ddsp', 'fit')
    assert main([*command, '--steps', '2']) in (None, 0)
    out = here / command[command.index('--out') + 1]
    for name in ('original', 'resynthesis', 'transposed'):
        assert audio_files.load_audio(out / f'{name}.wav').shape == (32000,)
    assert (out / 'operative_config.gin').read_text()
    assert '</html>' in (out / 'report.html').read_text(encoding='utf-8')


def test_readme_transfers(here: pathlib.Path) -> None:
    command = command_of('ddsp', 'transfer')
    assert main(command) == 0
    out = here / command[command.index('--out') + 1]
    assert audio_files.load_audio(out).shape == (32000,)
    assert '</html>' in out.with_suffix('.html').read_text(encoding='utf-8')


@pytest.fixture
def recordings_here(here: pathlib.Path) -> pathlib.Path:
    """A folder with two recordings of a singer."""
    (here / 'my_recordings').mkdir()
    singing = audio_files.load_audio(recordings.singing_path())
    for i, part in enumerate((singing[:96000], singing[96000:176000])):
        audio_files.save_audio(here / f'my_recordings/{i}.wav', part, 16000)
    return here


def test_readme_trains(recordings_here: pathlib.Path) -> None:
    command = command_of('ddsp', 'train')
    small = [word for binding in SMALL for word in ('--gin_param', binding)]
    sizes = ['--steps', '2', '--batch_size', '1', '--eval_split', '0.4']
    assert main([*command, *sizes, *small]) in (None, 0)
    out = recordings_here / command[command.index('--out') + 1]
    assert json.loads((out / 'metrics.json').read_text())
    assert '</html>' in (out / 'report.html').read_text(encoding='utf-8')


def test_readme_prepares_trains_and_evaluates(recordings_here: pathlib.Path) -> None:
    # A chunk of 20 s is the least that is held out: two chunks need shorter ones.
    arguments = [*command_of('ddsp_prepare_tfrecord'), '--chunk_secs=5']
    assert ddsp_prepare_tfrecord.main(arguments) == 0
    small = [f'--gin_param={binding}' for binding in SMALL]
    sizes = ['train.num_steps = 2', 'train.batch_size = 1', 'evaluate.batch_size = 1']
    small += [f'--gin_param={size}' for size in (*sizes, 'evaluate.num_batches = 1')]
    for mode in ('--mode=train', '--mode=eval'):
        gin.clear_config()
        assert ddsp_run.main([*command_of('ddsp_run', mode), *small]) == 0
    run = recordings_here / 'runs/mine'
    assert json.loads((run / 'metrics.json').read_text())['step'] == 2
    assert list(run.glob('ckpt-2.index'))
