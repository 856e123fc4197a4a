"""`ddsp live`: from a file to a file, and what is wrong."""

from __future__ import annotations

import re

import numpy as np
import pytest
import soundfile
import tiny_model

from ddsp.cli import main
from ddsp.recordings import singing_path


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    directory = tmp_path_factory.mktemp('models') / 'tiny'
    tiny_model.write_tiny_model(directory)
    return str(directory)


def test_a_file_is_played_and_times_are_told(tiny, tmp_path, capsys):
    target = tmp_path / 'out.wav'
    status = main.main(
        (
            f'live --instrument {tiny} --input {singing_path()} --output {target} '
            '--seconds 1 --block_ms 10 --no_xla --loudness_shift 6 --no_adjust '
            '--sample_rate 48000'
        ).split()
    )
    assert status == 0
    audio, rate = soundfile.read(target)
    assert (len(audio), rate) == (48000, 48000)
    assert np.abs(audio).max() > 1e-3
    told = capsys.readouterr().out
    assert re.search(r'latency \d+ ms: 24 to hear pitch, ', told)
    assert re.search(r'10\d blocks of 10 ms \(480 samples at 48000 Hz\)', told)
    assert re.search(r'\d+\.\d\d ms \(median\), \d+\.\d\d ms \(99.9 %\)', told)
    assert re.search(r'^\d+ late: ', told, re.MULTILINE)


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['--input', 'a.wav'], '--input FILE and --output FILE.wav go together'),
        (['--output', 'a.wav'], '--input FILE and --output FILE.wav go together'),
        (['--input', 'a', '--output', 'b', '--seconds', '0'], 'expected above 0'),
        (['--input', 'a', '--output', 'b', '--quiet', '99'], 'quiet is 99'),
        (
            ['--input', 'a', '--output', 'b', '--instrument', 'kazoo'],
            "there is no instrument 'kazoo'",
        ),
    ],
)
def test_what_is_wrong_is_told(arguments, said, capsys):
    assert main.main(['live', *arguments]) == 1
    told = capsys.readouterr().err
    assert told.startswith('ddsp live: error: ') and said in told
    assert len(told.splitlines()) == 1


def test_a_recording_that_is_not_there_leaves_nothing(tiny, tmp_path, capsys):
    target = tmp_path / 'out.wav'
    arguments = ['--input', str(tmp_path / 'none.wav'), '--output', str(target)]
    assert main.main(['live', '--instrument', tiny, '--no_xla', *arguments]) == 1
    assert 'none.wav' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
