from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import soundfile

import ddsp
from ddsp.cli import fit, main
from ddsp.cli.main import make_parser


def run(capsys, *arguments) -> tuple[int, str]:
    """Runs the command inside this process; gives its status and stderr."""
    status = main.main(list(map(str, arguments)))
    return status, capsys.readouterr().err


def names(path) -> list[str]:
    return sorted(p.name for p in path.iterdir())


@pytest.fixture
def tone(tmp_path):
    audio = 0.3 * np.sin(440 * 2 * np.pi * np.arange(24000) / 16000)
    soundfile.write(tmp_path / 'tone.wav', audio, 16000)
    return tmp_path / 'tone.wav'


def test_the_version_does_not_wait_for_tensorflow():
    command = [sys.executable, '-X', 'importtime', '-m', 'ddsp_command', '--version']
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout == f'ddsp {ddsp.__version__}\n'
    modules = {line.split('|')[-1].strip() for line in found.stderr.splitlines()}
    assert 'tempfile' in modules
    assert modules.isdisjoint({'tensorflow', 'keras', 'numpy'})


def test_it_runs_as_a_module():
    command = [sys.executable, '-m', 'ddsp_command', 'fit', '--help']
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    for option in ('--out', '--steps', '--transpose', '--gin_file', '--gin_param'):
        assert option in found.stdout


@pytest.mark.parametrize(
    'arguments',
    [
        [],
        ['unheard'],
        ['fit'],
        ['fit', 'a.wav'],
        ['fit', 'a.wav', '--out', 'b', '--steps', 'many'],
        ['fit', 'a.wav', '--out', 'b', '--steps', '-3'],
        ['fit', 'a.wav', '--out', 'b', '--transpose', 'up'],
        ['fit', 'a.wav', '--out', 'b', '--unheard'],
    ],
)
def test_a_wrong_command_line(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        main.main(arguments)
    assert exit_.value.code == 2
    assert 'usage: ddsp' in capsys.readouterr().err


def wrong_recording(kind, path):
    """Makes a file that cannot be a recording, and says what it is refused for."""
    audio = np.full(16000, 0.1)
    if kind == 'missing':
        return 'there is no file'
    if kind == 'directory':
        path.mkdir()
        return 'is a directory'
    if kind == 'text':
        path.write_text('These are words.')
        return 'is not audio'
    if kind == 'empty':
        path.touch()
        return 'is empty'
    if kind == 'short':
        soundfile.write(path, audio[:8000], 16000)
        return '0.50 s long; a recording of at least 1 s'
    audio[100] = {'nan': np.nan, 'infinite': np.inf}[kind]
    soundfile.write(path, audio, 16000, 'FLOAT')
    return 'NaN or infinite'


@pytest.mark.parametrize(
    'kind', ['missing', 'directory', 'text', 'empty', 'short', 'nan', 'infinite']
)
def test_a_recording_that_is_none(kind, tmp_path, capsys):
    path = tmp_path / 'a.wav'
    message = wrong_recording(kind, path)
    before = names(tmp_path)
    status, err = run(capsys, 'fit', path, '--out', tmp_path / 'out')
    assert status == 1
    (line,) = err.splitlines()
    assert line.startswith('ddsp fit: error: ')
    assert message in line
    assert str(path) in line
    assert names(tmp_path) == before


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--method', 'guessing'], 'guessing'),
        (['--gin_param', 'FitSettings.colour = 1'], "parameter named 'colour'"),
        (['--gin_param', 'Nothing.at_all = 1'], "No configurable matching 'Nothing'"),
        (['--gin_param', 'no binding'], "'no binding'"),
        (['--gin_param', 'FitSettings.batch_size = 0'], 'batch_size is 0'),
        (['--gin_param', 'FitSettings.frame_rate = 333'], 'does not divide'),
        (['--gin_file', 'none.gin'], 'no gin file none.gin'),
        (['--transpose', '500'], 'transpose is 500'),
        (
            [
                '--gin_param',
                "FitDecoder.output_splits = (('amplitudes', 1), ('wrong', 4))",
            ],
            'harmonic_distribution',
        ),
    ],
)
def test_wishes_that_cannot_be_met(arguments, message, tone, capsys):
    out = tone.with_name('out')
    status, err = run(capsys, 'fit', tone, '--out', out, '--steps', 2, *arguments)
    assert status == 1
    *_, line = err.splitlines()
    assert line.startswith('ddsp fit: error: ')
    assert message in line
    assert 'Traceback' not in err
    assert names(tone.parent) == ['tone.wav']


def test_a_full_directory_is_kept(tone, capsys):
    status, err = run(capsys, 'fit', tone, '--out', tone.parent)
    assert status == 1
    assert 'is not empty' in err
    assert '--overwrite' in err
    assert names(tone.parent) == ['tone.wav']


def test_a_file_in_the_way(tone, capsys):
    status, err = run(capsys, 'fit', tone, '--out', tone, '--overwrite')
    assert status == 1
    assert 'is a file, expected a directory' in err
    assert tone.stat().st_size > 0


def test_debug_shows_where(tmp_path, capsys):
    arguments = ['fit', tmp_path / 'a.wav', '--out', tmp_path / 'out', '--debug']
    status, err = run(capsys, *arguments)
    assert status == 1
    assert 'Traceback' in err
    assert err.splitlines()[-1].startswith('ddsp fit: error: there is no file')


def test_an_error_that_nobody_foresaw_is_one_line_too(monkeypatch, capsys):
    def fail(arguments):
        raise RuntimeError('first\nsecond')

    monkeypatch.setattr(fit, 'run', fail)
    status, err = run(capsys, 'fit', 'a.wav', '--out', 'b')
    assert status == 1
    assert err == 'ddsp fit: error: RuntimeError: first second (--debug shows where)\n'


def test_ctrl_c_before_training(monkeypatch, capsys):
    def interrupt(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(fit, 'run', interrupt)
    status, err = run(capsys, 'fit', 'a.wav', '--out', 'b')
    assert status == 130
    assert 'nothing was written' in err


def test_the_command_can_be_typed_again():
    words = [
        *('fit', 'my song.wav', '--out', 'd', '--steps', '5', '--transpose', '-2.5'),
        *('--gin_param', 'A.b = 1', '--gin_param', "C.d = 'e'", '--overwrite'),
    ]
    arguments = make_parser().parse_args(words)
    line = fit.command_line(arguments)
    assert line.startswith("ddsp fit 'my song.wav' --out d --steps 5 --transpose -2.5")
    import shlex

    assert make_parser().parse_args(shlex.split(line)[1:]) == arguments
