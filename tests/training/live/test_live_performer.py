"""Blocks through a voice, and from file to file."""

from __future__ import annotations

import os
import shlex

import numpy as np
import pytest
import soundfile
from live_tiny import RATE, melody, tiny_voice

from ddsp.training.live import Controls, Performer
from ddsp.training.live.run import (
    latency_line,
    play_array,
    play_file,
    timing_lines,
)


@pytest.fixture(scope='module')
def performer():
    return Performer(tiny_voice())


@pytest.fixture(scope='module')
def played(performer):
    return play_array(performer, melody(1.0))


@pytest.mark.parametrize('block_ms', [7.0, 33.0])
def test_the_length_of_blocks_does_not_matter(played, block_ms):
    again = play_array(Performer(tiny_voice(), block_ms), melody(1.0))
    assert len(again) == RATE and np.abs(again).max() > 0.01
    np.testing.assert_allclose(again, played, atol=1e-6)


def test_another_rate_hears_the_same():
    performer = Performer(tiny_voice(), sample_rate=48000)
    audio = np.sin(2 * np.pi * 220 * np.arange(24000) / 48000)
    played = play_array(performer, 0.3 * audio)
    assert played.shape == (24000,) and np.abs(played).max() > 1e-3
    assert performer.moment.heard_hz == pytest.approx(220, rel=5e-3)  # 9 cents


def test_xla_plays_the_same(played):
    # One second is enough to see, and XLA takes its time.
    again = play_array(Performer(tiny_voice(), jit_compile=True), melody(1.0))
    np.testing.assert_allclose(again, played, atol=2e-3 * np.abs(played).max())


def test_controls_change_what_is_played(performer, played):
    performer.control(Controls(pitch_shift=1.0, loudness_shift=-10.0))
    other = play_array(performer, melody(1.0))
    performer.control(Controls())
    assert np.abs(other - played).max() > 0.1 * np.abs(played).max()
    np.testing.assert_array_equal(play_array(performer, melody(1.0)), played)


def test_blocks_of_nan_do_not_stay(performer):
    performer.restart()
    assert np.isfinite(performer.process(np.full(320, np.nan))).all()
    assert performer.moment.heard_peak == 0.0
    for block in melody(1.0).reshape(-1, 320):
        assert np.isfinite(performer.process(block)).all()
    assert performer.moment.played_peak > 0.0
    assert performer.moment.heard_hz > 100.0


def test_time_is_taken(performer):
    performer.warm_up()
    play_array(performer, melody(0.2))
    performer.lose()
    timings = performer.timings
    assert timings.blocks == np.ceil((0.2 * RATE + performer.latency) / 320)
    assert 0 < timings.median_ms <= timings.most_ms <= timings.longest_ms
    assert timings.late >= 1
    lines = '\n'.join(timing_lines(performer, timings))
    assert 'blocks of 20 ms (320 samples at 16000 Hz)' in lines
    assert '(99.9 %)' in lines and ' late: xruns' in lines


def test_the_latency_is_told(performer):
    # 512 samples of the voice, 64 that wait, and a block.
    assert performer.latency == tiny_voice().latency + 64
    total = 1000 * (performer.latency + 320) / RATE
    assert latency_line(performer).startswith(f'latency {total:.0f} ms: ')
    assert total <= 64


@pytest.mark.parametrize('block_ms', [0.5, 2000.0, float('nan')])
def test_blocks_of_no_sensible_length_are_refused(block_ms):
    with pytest.raises(ValueError, match='expected 1 to 1000 ms'):
        Performer(tiny_voice(), block_ms)


def test_from_file_to_file(performer, played, tmp_path):
    source, target = tmp_path / 'voice.wav', tmp_path / 'new' / 'tiny.wav'
    soundfile.write(source, melody(1.0), RATE, 'FLOAT')
    timings = play_file(performer, source, target)
    audio, rate = soundfile.read(target)
    assert rate == RATE
    np.testing.assert_allclose(audio, played, atol=1e-4)
    assert timings.blocks == 52


def test_what_only_ffmpeg_reads_is_played(performer, played, tmp_path, monkeypatch):
    soundfile.write(tmp_path / 'a.au', melody(1.0), RATE, 'FLOAT', 'BIG', 'AU')
    program = tmp_path / 'bin' / 'ffmpeg'
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\ncat {shlex.quote(str(tmp_path / "a.au"))}\n')
    program.chmod(0o755)
    monkeypatch.setenv('PATH', f'{program.parent}{os.pathsep}{os.environ["PATH"]}')
    (tmp_path / 'memo.m4a').write_text('not for libsndfile')
    play_file(performer, tmp_path / 'memo.m4a', tmp_path / 'tiny.wav')
    audio, _ = soundfile.read(tmp_path / 'tiny.wav')
    np.testing.assert_allclose(audio, played, atol=1e-4)


def test_a_file_longer_or_shorter_than_asked(performer, tmp_path):
    source, target = tmp_path / 'voice.wav', tmp_path / 'tiny.wav'
    soundfile.write(source, melody(0.3), RATE, 'FLOAT')
    for seconds in (0.2, 0.7):
        play_file(performer, source, target, seconds, overwrite=True)
        assert soundfile.info(target).frames == round(seconds * RATE)


def test_files_are_not_overwritten(performer, tmp_path):
    source, target = tmp_path / 'voice.wav', tmp_path / 'tiny.wav'
    soundfile.write(source, melody(0.3), RATE)
    target.write_text('something')
    with pytest.raises(FileExistsError, match='--overwrite'):
        play_file(performer, source, target)
    with pytest.raises(ValueError, match='the recording itself'):
        play_file(performer, source, source, overwrite=True)
    with pytest.raises(FileNotFoundError):
        play_file(performer, tmp_path / 'none.wav', tmp_path / 'other.wav')
    assert target.read_text() == 'something'
    assert not (tmp_path / 'other.wav').exists()
