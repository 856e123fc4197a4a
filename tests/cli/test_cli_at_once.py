"""What the command says without TensorFlow, which takes seconds to load."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ddsp.cli import main

# Runs the console entry point, and tells what it had loaded when it ended.
PROGRAM = """
import sys
import ddsp_command
try:
    status = ddsp_command.main()
except SystemExit as ended:
    status = ended.code
heavy = {'tensorflow', 'keras', 'gin', 'ddsp.core'} & set(sys.modules)
sys.exit(f'loaded {sorted(heavy)}') if heavy else sys.exit(status)
"""


def call(*arguments: object, **kwargs) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, '-c', PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        **kwargs,
    )


@pytest.mark.parametrize(
    'words',
    [['--help'], ['train', '--help'], ['transfer', '--help'], ['instruments']],
)
def test_what_can_be_told(words):
    done = call(*words)
    assert (done.returncode, done.stderr) == (0, '')
    assert ('violin' if words == ['instruments'] else 'usage: ddsp') in done.stdout


@pytest.mark.parametrize(
    'words, message',
    [
        (['unheard'], 'unheard'),
        (['transfer', 'a.wav', '--out', 'b.wav', '--bogus'], '--bogus'),
        (['train', 'a', '--out', 'b', '--steps', 'many'], 'many'),
    ],
)
def test_a_wrong_command_line(words, message):
    done = call(*words)
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    'words, message',
    [
        ('pitch nowhere.wav', 'there is no file nowhere.wav.'),
        ('fit nowhere.wav --out out', 'there is no file nowhere.wav.'),
        ('play nowhere.mid --out out.wav', 'there is no file nowhere.mid.'),
        ('transfer nowhere.wav --out out.wav', 'there is no file nowhere.wav.'),
        ('train nowhere --out out', 'there is no nowhere; expected a folder with'),
        ('statistics nowhere --instrument violin', 'there is no nowhere; expected'),
        ('live --input nowhere.wav --output out.wav', 'there is no file nowhere.wav'),
        ('transfer a.wav --out b.wav --instrument violn', 'did you mean violin?'),
        ('serve --instrument nowhere', "there is no instrument 'nowhere'"),
        ('export nowhere --out out', "there is no instrument 'nowhere'"),
        ('transfer a.wav --out b.wav --autotune 2', 'autotune is 2.0, expected a'),
        ('train . --out out --model solo', "no model 'solo'; expected one of solo_"),
        ('train . --out out --model none.gin', 'there is no gin file none.gin'),
        ('train . --out out --eval_split 2', 'eval_split is 2'),
        ('train . --out out --seed -1', 'seed is -1, expected 0 to'),
        ('train . --out out --method crap', "method is 'crap', expected one of"),
    ],
)
def test_what_is_not_there_or_out_of_range(words, message, tmp_path):
    (tmp_path / 'a.wav').touch()
    done = call(*words.split(), cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f'ddsp {words.split()[0]}: error: ')
    assert message in line
    assert [path.name for path in tmp_path.iterdir()] == ['a.wav']


@pytest.mark.parametrize(
    'words',
    [
        'pitch a.wav --midi new.mid --plot new.png --out new.csv',
        'transfer a.wav --out new.wav --report new.html',
        'fit a.wav --out new --gin_file new.gin',
        'train a.wav --out new --model tiny_instrument --steps 3',
        'play a.wav --out new.wav',
        'statistics a.wav --instrument violin',
        'live --input a.wav --output new.wav',
        'export violin --out new',
        'serve --instrument violin',
    ],
)
def test_nothing_is_wrong_with_what_is_yet_to_be_written(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'a.wav').touch()
    # There is work to do.
    assert main.answer_at_once(words.split()) is None


def test_the_package_is_whole_afterwards(tmp_path):
    """What was looked at first is not what the work is done with."""
    program = """
import sys
import ddsp_command
sys.argv = ['ddsp', 'transfer', 'a.wav', '--out', 'b.wav']
assert ddsp_command.main() == 1
import ddsp
import ddsp.training.transfer
from ddsp.training.transfer import controls
assert ddsp.synths.Harmonic and ddsp.cli.main and ddsp.training.models
assert ddsp.training.transfer.Controls is controls.Controls
assert sys.modules['ddsp.cli.main'] is ddsp.cli.main
"""
    (tmp_path / 'a.wav').touch()
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert 'a.wav is empty' in done.stderr


@pytest.mark.parametrize(
    'command, function',
    [
        ('ddsp', 'main'),
        ('ddsp_run', 'run'),
        ('ddsp_prepare_tfrecord', 'prepare_tfrecord'),
        ('ddsp_generate_synthetic_dataset', 'generate_synthetic_dataset'),
        ('ddsp_export', 'export'),
    ],
)
def test_ctrl_c_while_loading(command, function, tmp_path):
    """One line, and nothing of what TensorFlow said until then."""
    program = f"""
import builtins, os, sys
import ddsp_command
load = builtins.__import__
def interrupted(name, *rest):
    if name == 'tensorflow':
        os.write(2, b'rounding may differ')
        raise KeyboardInterrupt
    return load(name, *rest)
builtins.__import__ = interrupted
sys.argv = ['{command}', 'pitch', 'a.wav']
sys.exit(ddsp_command.{function}())
"""
    (tmp_path / 'a.wav').touch()
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 130, done.stderr
    assert done.stderr.strip() == f'{command}: aborted, nothing was done'
