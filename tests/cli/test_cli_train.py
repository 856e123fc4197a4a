"""The installed command, on real singing."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tiny_instrument
from page_elements import assert_loads_nothing

from ddsp.cli import main, train
from ddsp.recordings import singing_path
from ddsp.training import instrument

COMMAND = [sys.executable, '-m', 'ddsp_command', 'train']
# All examples are measured, of the first two there are pictures.
FEW_PICTURES = 'eval_util.evaluate.batch_size = 2'
SMALL = ['--batch_size', '4', '--gin_param', FEW_PICTURES]


@pytest.fixture(scope='module')
def audio(tmp_path_factory):
    """A folder with the bundled singing in two files, one deeper, and other files."""
    folder = tmp_path_factory.mktemp('my songs')
    sound, rate = soundfile.read(singing_path())
    half = len(sound) // 2
    (folder / 'deep').mkdir()
    soundfile.write(folder / 'one.wav', sound[:half], rate)
    soundfile.write(folder / 'deep' / 'two.flac', sound[half:], rate)
    (folder / 'damaged.wav').write_text('These are words.')
    (folder / 'words.txt').write_text('These are words.')
    return folder


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp('model') / 'tiny.gin'
    path.write_text(tiny_instrument.GIN)
    return path


@pytest.fixture(scope='module')
def runs(audio, model, tmp_path_factory):
    """A directory, and what the command said there the first and the second time."""
    out = tmp_path_factory.mktemp('cli') / 'run'
    first = call(
        *(audio, '--out', out, '--model', model, '--steps', 12),
        *(*SMALL, '--gin_param', 'learning_rate = 0.003'),
    )
    metrics = json.loads((out / 'metrics.json').read_text())
    second = call_here(audio, '--out', out, '--steps', 16)
    settings = (out / 'run.json').read_bytes()
    times = {path: path.stat().st_mtime_ns for path in out.rglob('*')}
    third = call_here(audio, '--out', out, '--steps', 14)
    return {
        'out': out,
        'said': [first, second, third],
        'metrics': metrics,
        'settings': settings,
        'times': times,
    }


def call(*arguments) -> subprocess.CompletedProcess:
    """Runs the command as people do."""
    environment = {**os.environ, 'CUDA_VISIBLE_DEVICES': '-1'}
    environment.pop('TF_CPP_MIN_LOG_LEVEL', None)
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done


def call_here(*arguments) -> subprocess.CompletedProcess:
    """Runs the command in this process, which need not load TensorFlow."""
    words = ['train', *map(str, arguments)]
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as error,
    ):
        status = main.main(words)
    assert status == 0, error.getvalue()
    return subprocess.CompletedProcess(words, status, out.getvalue(), error.getvalue())


def test_everything_is_written(runs):
    out = runs['out']
    names = {path.name for path in out.iterdir()}
    assert {
        *('checkpoint', 'ckpt-12.index', 'ckpt-16.index', 'data', 'dataset.json'),
        *('impulse_response.wav', 'metrics.json', 'operative_config-12.gin'),
        *('report.html', 'run.json', 'samples', 'summaries'),
        'dataset_statistics.json',
    } <= names
    assert {p.name for p in (out / 'summaries').iterdir()} == {'train', 'eval'}
    played, rate = soundfile.read(out / 'samples' / '1-resynthesis.wav')
    assert (len(played), rate) == (16000, 16000)


def test_what_it_says(runs, audio):
    first, second, _ = runs['said']
    assert 'damaged.wav' in first.stderr
    assert 'step 12 of 12: loss' in first.stderr
    assert 'already' in second.stderr
    assert 'ckpt-12, step 12' in second.stderr
    assert 'step 16 of 16: loss' in second.stderr
    for done, step in ((first, 12), (second, 16)):
        result, few, report, further = done.stdout.splitlines()
        assert result.startswith(f'step {step}: pitch off by')
        assert str(runs['out'] / 'report.html') in report
        words = shlex.split(further.split(': ')[1])
        assert words[:3] == ['ddsp', 'train', str(audio)]
        assert few == (
            f'{step} steps are few: the default of this model is 5000; it will sound '
            'unfinished.'
        )
        assert words[-2:] == ['--steps', '5000']
        for noise in ('Warning', 'ERROR', 'oneDNN', 'cuda', 'Traceback'):
            assert noise not in done.stderr


def test_how_to_go_on_after_enough_steps():
    metrics = {'metrics': {}, 'step': 5000, 'steps_asked': 5000, 'steps_default': 5000}
    _, _, further = train.summary(metrics, Path('out'), 'audio').splitlines()
    assert further.endswith('ddsp train audio --out out --steps 10000')


def test_a_model_that_is_further_already(runs):
    *_, second, third = runs['said']
    out = runs['out']
    assert f'{out} is at step 16 already, and asked for are 14 steps in all' in (
        third.stderr
    )
    assert 'Ask for more than 16 to learn on' in third.stderr
    assert 'measuring' not in third.stderr
    assert third.stdout == second.stdout
    # Nothing was done again, and the steps asked for are no setting of the run.
    assert {p: p.stat().st_mtime_ns for p in out.rglob('*')} == runs['times']
    assert (out / 'run.json').read_bytes() == runs['settings']


def test_the_numbers(runs):
    metrics = runs['metrics']
    assert metrics['step'] == 12
    assert metrics['held_out']
    assert metrics['recordings'] == 2
    assert metrics['seconds'] == pytest.approx(9.1, abs=0.1)
    after = json.loads((runs['out'] / 'metrics.json').read_text())
    assert after['step'] == 16
    # Steps of learning made it nearer to what it has not heard.
    assert after['metrics']['spectral/total'] < metrics['metrics']['spectral/total']
    # The same examples were measured.
    assert after['examples'] == metrics['examples'] >= 4


def test_settings_are_kept(runs, model):
    settings = json.loads((runs['out'] / 'run.json').read_text())
    assert settings['model'] == str(model)
    assert settings['steps'] == 16
    assert settings['gin_params'] == [FEW_PICTURES, 'learning_rate = 0.003']
    text = (runs['out'] / 'operative_config-12.gin').read_text()
    assert 'learning_rate = 0.003' in text


def test_the_report(runs, audio):
    page = (runs['out'] / 'report.html').read_text('utf-8')
    assert_loads_nothing(page)
    assert f'{audio.name}, learnt' in page
    assert 'Loss over the steps of training' in page
    assert 'damaged.wav' in page
    assert '--steps 16' in page


def run(capsys, *arguments) -> tuple[int, str]:
    """Runs the command inside this process; gives its status and stderr."""
    status = main.main(['train', *map(str, arguments)])
    return status, capsys.readouterr().err


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--model', 'solo'], "no model 'solo'; expected one of solo_instrument"),
        (['--model', 'nowhere.gin'], 'no gin file nowhere.gin'),
        (['--steps', 0], 'steps is 0'),
        (['--eval_split', 2], 'eval_split is 2'),
        (['--method', 'guessing'], 'guessing'),
        (['--gin_param', 'train.colour = 1'], "parameter named 'colour'"),
    ],
)
def test_wishes_that_cannot_be_met(arguments, message, audio, tmp_path, capsys):
    status, err = run(capsys, audio, '--out', tmp_path / 'run', *arguments)
    assert status == 1
    *_, line = err.splitlines()
    assert line.startswith('ddsp train: error: ')
    assert message in line
    assert 'Traceback' not in err
    assert list(tmp_path.iterdir()) == []


def test_help_names_every_model(capsys):
    with pytest.raises(SystemExit):
        main.main(['train', '--help'])
    words = re.findall(r'\w+', capsys.readouterr().out)
    assert set(instrument.MODELS) <= set(words)


def test_folders_that_hold_nothing(tmp_path, capsys):
    (tmp_path / 'empty').mkdir()
    for name, message in (('empty', 'holds no sound files'), ('nowhere', 'no ')):
        status, err = run(capsys, tmp_path / name, '--out', tmp_path / 'run')
        assert status == 1
        (line,) = err.splitlines()
        assert message in line
        assert str(tmp_path / name) in line
        # No run was begun.
        assert not (tmp_path / 'run').exists()


def test_a_directory_of_another_model(runs, audio, capsys):
    out = runs['out']
    before = sorted(path.name for path in out.iterdir())
    status, err = run(capsys, audio, '--out', out, '--model', 'vst')
    assert status == 1
    (line,) = err.splitlines()
    assert 'holds a run of --model' in line
    assert '--overwrite' in line
    assert sorted(path.name for path in out.iterdir()) == before


def test_too_little_sound(tmp_path, capsys):
    sound, rate = soundfile.read(singing_path(), frames=3 * 44100)
    soundfile.write(tmp_path / 'a.wav', sound, rate)
    status, err = run(capsys, tmp_path / 'a.wav', '--out', tmp_path / 'run')
    assert status == 1
    (line,) = err.splitlines()
    assert '3.0 s in 1 recording, expected at least one example of 4 s' in line
    assert not (tmp_path / 'run').exists()


def test_a_failed_try_is_no_obstacle(audio, model, tmp_path, capsys):
    out = tmp_path / 'deep' / 'run'
    words = [audio, '--out', out, '--model', model, '--batch_size', 4, '--steps', 2]
    wrong = ['--gin_param', 'train.steps_per_save = 0']
    status, err = run(capsys, *words, *wrong)
    assert status == 1
    assert 'steps_per_save is 0' in err.splitlines()[-1]
    # What took long is there for the next try.
    assert sorted(path.name for path in out.iterdir()) == ['data', 'run.json']
    status, err = run(capsys, *words, *wrong)
    assert f'records of 3 recordings are in {out / "data"} already' in err
    quiet = np.zeros(5 * 16000)
    soundfile.write(tmp_path / 'quiet.wav', quiet, 16000)
    status, err = run(capsys, tmp_path / 'quiet.wav', '--out', tmp_path / 'other')
    assert status == 1
    assert 'silent throughout' in err.splitlines()[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ['deep', 'quiet.wav']


@pytest.mark.parametrize('overwrite', [False, True])
def test_a_run_survives_a_failed_try(overwrite, runs, audio, tmp_path, capsys):
    out = runs['out']
    before = {path: path.stat().st_mtime_ns for path in out.rglob('*')}
    soundfile.write(tmp_path / 'quiet.wav', np.zeros(5 * 16000), 16000)
    words = [tmp_path / 'quiet.wav', '--out', out, *['--overwrite'] * overwrite]
    status, err = run(capsys, *words)
    assert status == 1
    said = 'silent throughout' if overwrite else 'trained on other recordings'
    assert said in err.splitlines()[-1]
    # This one fails when the records are there, and training is to begin.
    wrong = ['--steps', 20, '--gin_param', 'train.steps_per_save = 0']
    words = [audio, '--out', out, *wrong, *['--overwrite'] * overwrite]
    status, err = run(capsys, *words)
    assert status == 1
    assert 'steps_per_save is 0' in err.splitlines()[-1]
    after = {path: path.stat().st_mtime_ns for path in out.rglob('*')}
    # It was written, and written back.
    assert (out / 'run.json').read_bytes() == runs['settings']
    written = {out / 'run.json', out}
    assert {p: t for p, t in after.items() if p not in written} == {
        p: t for p, t in before.items() if p not in written
    }
    assert (f'{out} holds the earlier run again' in err) == overwrite


def test_a_run_whose_replacement_was_killed(runs, audio):
    out, aside = runs['out'], runs['out'] / 'overwritten_run'
    files = list(out.iterdir())
    aside.mkdir()
    for path in files:
        path.rename(aside / path.name)
    # As far as the new run had come.
    (out / 'data.unfinished').mkdir()
    done = call_here(audio, '--out', out, '--steps', 14)
    assert f'{out} holds the earlier run again' in done.stderr
    assert f'{out} is at step 16 already' in done.stderr
    assert sorted(out.iterdir()) == sorted(files)


def test_ctrl_c_keeps_what_was_learnt(audio, model, tmp_path):
    out = tmp_path / 'run'
    command = [*COMMAND, str(audio), '--out', str(out), '--model', str(model)]
    with subprocess.Popen(
        [*command, *SMALL, '--steps', '99999'],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test suite that runs in the background may have Ctrl-C switched off.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        for line in process.stderr:
            if line.startswith('step 1 of'):
                break
        os.kill(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    metrics = json.loads((out / 'metrics.json').read_text())
    assert metrics['interrupted']
    assert 1 <= metrics['step'] < 99999
    assert f'ckpt-{metrics["step"]}.index' in {path.name for path in out.iterdir()}
    assert 'stopped by Ctrl-C' in (out / 'report.html').read_text('utf-8')
    assert '--steps' not in stdout.splitlines()[-1]


def test_sigterm_saves_and_says_so_by_its_status(monkeypatch):
    ended = {'step': 3, 'steps_asked': 9, 'signal': 'SIGTERM'}
    monkeypatch.setattr(instrument, 'train_instrument', lambda *a, **k: ended)
    assert main.main(['train', 'a', '--out', 'b']) == 143


def test_an_abort_tells_how_to_go_on(monkeypatch, capsys):
    def interrupt(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, 'run', interrupt)
    assert main.main(['train', 'a', '--out', 'b']) == 130
    assert 'goes on from the last checkpoint' in capsys.readouterr().err


def test_the_command_can_be_typed_again():
    words = [
        *('train', 'my songs', '--out', 'd', '--model', 'vst', '--steps', '5'),
        *('--eval_split', '0.2', '--gin_param', 'A.b = 1'),
    ]
    arguments = main.make_parser().parse_args(words)
    line = train.command_line(arguments)
    assert line.startswith("ddsp train 'my songs' --out d --model vst --steps 5")
    assert main.make_parser().parse_args(shlex.split(line)[1:]) == arguments
    # Typed again, it does not destroy what it has made.
    arguments.overwrite = True
    assert train.command_line(arguments) == line
