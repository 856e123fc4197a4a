"""The installed command, on real singing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from ddsp.recordings import singing_path

FILES = [
    'impulse_response.wav',
    'metrics.json',
    'model.weights.h5',
    'operative_config.gin',
    'original.wav',
    'report.html',
    'resynthesis.wav',
    'transposed.wav',
]
COMMAND = [sys.executable, '-m', 'ddsp_command', 'fit']
# Small windows: what is looked at here is the command, not what it learns.
SMALL = [
    *('--gin_param', 'FitSettings.window_seconds = 0.5'),
    *('--gin_param', 'FitSettings.lead_in_seconds = 0.1'),
]


@pytest.fixture(scope='session')
def stereo_singing(tmp_path_factory):
    """Three seconds of the bundled singing, in stereo at 44.1 kHz."""
    audio, rate = soundfile.read(singing_path(), start=44100, frames=3 * 44100)
    path = tmp_path_factory.mktemp('recordings') / 'stereo singing.wav'
    soundfile.write(path, np.stack([audio, 0.5 * audio], axis=1), rate)
    return path


@pytest.fixture(scope='session')
def finished(stereo_singing, tmp_path_factory):
    """A run to the end: its directory and what it said."""
    out = tmp_path_factory.mktemp('cli') / 'deep' / 'out'
    command = [
        *COMMAND,
        str(stereo_singing),
        '--out',
        str(out),
        '--steps',
        '12',
        *SMALL,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out, done


def test_everything_is_written(finished):
    out, _ = finished
    assert sorted(p.name for p in out.iterdir()) == FILES
    assert [p.name for p in out.parent.iterdir()] == ['out']
    for name in FILES:
        assert (out / name).stat().st_size > 0


def test_what_it_says(finished):
    out, done = finished
    assert done.stdout.splitlines()[-1] == f'report: {out / "report.html"}'
    assert 'spectral loss' in done.stdout
    assert 'step 1 of 12: loss' in done.stderr
    assert 'step 12 of 12: loss' in done.stderr
    for noise in ('Warning', 'oneDNN', 'cuda', 'Traceback'):
        assert noise not in done.stderr


def test_the_sounds(finished):
    out, _ = finished
    sounds = {
        name: soundfile.read(out / f'{name}.wav')
        for name in ('original', 'resynthesis', 'transposed', 'impulse_response')
    }
    for name in ('original', 'resynthesis', 'transposed'):
        audio, rate = sounds[name]
        assert rate == 16000
        assert audio.shape == (48000,)
        assert 0.01 < np.abs(audio).max() <= 1
    response, rate = sounds['impulse_response']
    assert rate == 16000
    # The sound itself comes first, then the room.
    assert response[0] == pytest.approx(1.0)
    assert np.abs(response[1:]).max() > 0


def test_the_numbers(finished):
    out, _ = finished
    metrics = json.loads((out / 'metrics.json').read_text())
    assert metrics['steps'] == metrics['steps_asked'] == 12
    assert not metrics['interrupted']
    assert not metrics['silent']
    assert metrics['seconds'] == 3
    loss = metrics['spectral_loss']
    assert loss['after'] < loss['before']
    assert loss['ratio'] == pytest.approx(loss['before'] / loss['after'])
    assert metrics['f0']['confident_frames'] > 300


def test_the_report_shows_the_command_and_the_configuration(finished):
    out, _ = finished
    page = (out / 'report.html').read_text('utf-8')
    assert 'stereo singing.wav' in page
    assert '--steps 12' in page
    assert 'FitSettings.window_seconds = 0.5' in page
    assert 'http' not in page.replace('http://www.w3.org/', '')


def test_ctrl_c_keeps_what_was_learnt(stereo_singing, tmp_path):
    out = tmp_path / 'out'
    command = [*COMMAND, str(stereo_singing), '--out', str(out), '--steps', '99999']
    with subprocess.Popen(
        [*command, *SMALL],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test suite that runs in the background may have Ctrl-C switched off.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        for line in process.stderr:
            if line.startswith('step 1 of'):
                break
        assert not out.exists()
        os.kill(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert 'press Ctrl-C again to abort' in stderr
    assert stdout.splitlines()[-1] == f'report: {out / "report.html"}'
    assert sorted(p.name for p in out.iterdir()) == FILES
    metrics = json.loads((out / 'metrics.json').read_text())
    assert metrics['interrupted']
    assert 1 <= metrics['steps'] < 99999
    assert 'stopped by Ctrl-C' in (out / 'report.html').read_text('utf-8')
