from __future__ import annotations

import os
import shlex

import numpy as np
import pytest
import soundfile

from ddsp.training.data_preparation.reading import read_recording


@pytest.fixture
def memo(tmp_path, monkeypatch):
    """1 s that libsndfile does not read, and a program that does."""
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    soundfile.write(tmp_path / 'a.au', tone, 8000, 'FLOAT', 'BIG', 'AU')
    program = tmp_path / 'bin' / 'ffmpeg'
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\ncat {shlex.quote(str(tmp_path / "a.au"))}\n')
    program.chmod(0o755)
    monkeypatch.setenv('PATH', f'{program.parent}{os.pathsep}{os.environ["PATH"]}')
    (tmp_path / 'memo.m4a').write_text('not for libsndfile')
    return tmp_path / 'memo.m4a'


def test_what_only_ffmpeg_reads_at_a_rate(memo):
    audio = read_recording(memo, 16000)
    assert audio.shape == (16000,)
    assert audio.dtype == np.float32
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    np.testing.assert_allclose(audio[500:-500], tone[500:-500], atol=1e-3)


def test_a_length_is_demanded_of_it(memo):
    assert len(read_recording(memo, 16000, min_seconds=1.0)) == 16000
    with pytest.raises(ValueError, match=r'memo\.m4a is 1\.00 s long.*at least 2 s'):
        read_recording(memo, 16000, min_seconds=2.0)


def test_what_libsndfile_reads(tmp_path):
    soundfile.write(tmp_path / 'a.wav', np.zeros(8000), 8000)
    assert len(read_recording(tmp_path / 'a.wav', 16000)) == 16000
    with pytest.raises(ValueError, match='at least 2 s'):
        read_recording(tmp_path / 'a.wav', 16000, min_seconds=2.0)
    with pytest.raises(FileNotFoundError, match='there is no file'):
        read_recording(tmp_path / 'nowhere.m4a', 16000)
