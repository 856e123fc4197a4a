from __future__ import annotations

import os
import stat
import sys

import numpy as np
import pytest
import soundfile

from ddsp.training.data_preparation import decoding
from ddsp.training.data_preparation.features import (
    read_audio,
    read_audio_16k,
    read_floats,
)
from ddsp.training.data_preparation.settings import Settings


def tone(seconds: float, rate: int, hz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


@pytest.fixture
def settings(tmp_path):
    (tmp_path / 'work').mkdir()
    return Settings('', str(tmp_path / 'work'), example_secs=0.5)


def inside(found: np.ndarray, expected: np.ndarray) -> None:
    # The filter of a resampler rings where the tone begins and ends.
    middle = slice(2000, -2000)
    np.testing.assert_allclose(found[middle], expected[middle], atol=3e-4)


@pytest.mark.parametrize('rate', [8000, 16000, 44100, 48000])
def test_both_rates_are_written(tmp_path, rate):
    soundfile.write(tmp_path / 'a.wav', tone(5.0, rate), rate, 'FLOAT')
    s = Settings('', str(tmp_path), sample_rate=24000)
    recording = decoding.decode((3, str(tmp_path / 'a.wav')), s)
    assert recording.failure is None
    assert (recording.n_frames, recording.n_filled) == (1250, 0)
    inside(read_audio(s, 3, 0, 1250), tone(5.0, 24000))
    inside(read_audio_16k(s, 3, 0, 1250), tone(5.0, 16000))


def test_stereo_is_averaged(tmp_path, settings):
    pair = np.stack([tone(1.0, 44100), tone(1.0, 44100, 700.0)], 1)
    soundfile.write(tmp_path / 'a.flac', pair, 44100)
    decoding.decode((0, str(tmp_path / 'a.flac')), settings)
    both = (tone(1.0, 16000) + tone(1.0, 16000, 700.0)) / 2
    inside(read_audio(settings, 0, 0, 250), both)


def test_a_part_is_read(settings):
    audio = np.arange(100, dtype=np.float32)
    path = settings.work_path('audio', 0)
    audio.tofile(path)
    np.testing.assert_array_equal(read_floats(path, 10, 5), audio[10:15])
    np.testing.assert_array_equal(read_floats(path, 98, 4), [98, 99, 0, 0])
    np.testing.assert_array_equal(read_floats(path, 200, 2), [0, 0])


def test_a_short_recording_is_one_example(tmp_path, settings):
    soundfile.write(tmp_path / 'a.wav', tone(0.2, 16000), 16000)
    recording = decoding.decode((0, str(tmp_path / 'a.wav')), settings)
    assert (recording.n_frames, recording.n_filled) == (125, 75)
    assert recording.seconds == 0.2


def test_what_cannot_be_read_is_told(tmp_path, settings, monkeypatch):
    monkeypatch.setenv('PATH', '')
    (tmp_path / 'empty.wav').touch()
    soundfile.write(tmp_path / 'zero.wav', np.zeros(0), 16000)
    (tmp_path / 'words.m4a').write_text('These are words.')
    nan = np.full(1000, np.nan)
    soundfile.write(tmp_path / 'nan.wav', nan, 16000, 'FLOAT')
    expected = {
        'empty.wav': 'is empty: it has no bytes in it.',
        'zero.wav': 'is empty: it has no samples in it.',
        'words.m4a': 'With ffmpeg on the PATH, m4a',
        'nan.wav': 'holds samples that are NaN',
        'nowhere.wav': 'there is no file',
    }
    for name, reason in expected.items():
        recording = decoding.decode((0, str(tmp_path / name)), settings)
        assert reason in recording.failure
        assert not recording.failure.startswith(str(tmp_path))


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch):
    """A program of that name, which plays a tone in stereo or fails as it is told."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    program = folder / 'ffmpeg'
    program.write_text(
        f"""#!{sys.executable}
import struct, sys, math
with open(sys.argv[sys.argv.index('-i') + 1].removeprefix('file:')) as file:
    word = file.read()
if word == 'refuse':
    sys.exit('no such codec')
out = sys.stdout.buffer
out.write(struct.pack('>4s5I4x', b'.snd', 28, 0xffffffff, 6, 32000, 2))
for n in range(64000):
    sine = 0.5 * math.sin(2 * math.pi * 440 * n / 32000)
    out.write(struct.pack('>ff', 2 * sine, 0.0))
if word == 'break':
    sys.exit('lost sync')
if word == 'grumble':
    sys.stderr.write('no such tag\\n[mov @ 0x5592] stream 0: partial file\\n')
"""
    )
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv('PATH', f'{folder}{os.pathsep}{os.environ["PATH"]}')


def test_ffmpeg_reads_what_libsndfile_does_not(tmp_path, settings, ffmpeg):
    (tmp_path / 'a.m4a').write_text('play')
    recording = decoding.decode((0, str(tmp_path / 'a.m4a')), settings)
    assert recording.failure is None
    assert recording.seconds == pytest.approx(2.0, abs=1e-3)
    inside(read_audio(settings, 0, 0, 500), tone(2.0, 16000))


@pytest.mark.parametrize(
    'word, reason',
    [
        (
            'refuse',
            'is not audio that can be read here; it cannot be read by ffmpeg: '
            'no such codec',
        ),
        ('break', 'is damaged: ffmpeg stopped after 2.0 s (lost sync).'),
    ],
)
def test_ffmpeg_fails(tmp_path, settings, ffmpeg, word, reason):
    (tmp_path / 'a.m4a').write_text(word)
    recording = decoding.decode((0, str(tmp_path / 'a.m4a')), settings)
    assert recording.failure == reason


def test_ffmpeg_goes_on_but_complains(tmp_path, settings, ffmpeg):
    (tmp_path / 'a.m4a').write_text('grumble')
    recording = decoding.decode((0, str(tmp_path / 'a.m4a')), settings)
    assert recording.failure is None
    assert recording.seconds == pytest.approx(2.0, abs=1e-3)
    assert recording.remark == (
        'may be damaged: ffmpeg read 2.0 s of it, but complained (stream 0: partial '
        'file).'
    )


def test_ffmpeg_has_nothing_to_say(tmp_path, settings, ffmpeg):
    (tmp_path / 'a.m4a').write_text('play')
    assert decoding.decode((0, str(tmp_path / 'a.m4a')), settings).remark is None


def test_patterns_and_folders(tmp_path):
    for name in ('b.wav', 'a.mp3', 'in/c.flac', 'notes.txt', '.hidden.wav'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = decoding.find_audio([str(tmp_path), str(tmp_path / '*.wav')])
    assert found == [str(tmp_path / name) for name in ('a.mp3', 'b.wav', 'in/c.flac')]
    # A file that is named is taken, whatever its suffix.
    assert decoding.find_audio([str(tmp_path / 'notes.txt')])


@pytest.mark.parametrize('name', ['Violin [24bit]', 'a[b', 'c]d?'])
def test_brackets_in_names_of_folders(tmp_path, name):
    path = tmp_path / name / 'a.wav'
    path.parent.mkdir()
    path.touch()
    assert decoding.find_audio([str(path.parent / '*.wav')]) == [str(path)]
    with decoding.tf.io.gfile.GFile(f'ram://{tmp_path}/{name}/a.wav', 'w') as file:
        file.write('x')
    found = decoding.find_audio([f'ram://{tmp_path}/{name}/*.wav'])
    assert found == [f'ram://{tmp_path}/{name}/a.wav']


@pytest.mark.parametrize('name', ['empty', 'no*.wav', 'nothing.wav'])
def test_nothing_is_found(tmp_path, name):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match=r'no such file|holds no sound files'):
        decoding.find_audio([str(tmp_path / name)])


def test_a_header_with_a_rate_that_cannot_be(tmp_path, settings):
    soundfile.write(tmp_path / 'a.wav', np.zeros(100), 16000)
    content = bytearray((tmp_path / 'a.wav').read_bytes())
    content[24:28] = (2_000_000_000).to_bytes(4, 'little')
    (tmp_path / 'a.wav').write_bytes(content)
    recording = decoding.decode((0, str(tmp_path / 'a.wav')), settings)
    assert recording.failure.startswith('is damaged: its header gives a sample rate')


def test_a_file_counts_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('a.wav', 'b.wav'):
        (tmp_path / name).touch()
    (tmp_path / 'c.wav').symlink_to('a.wav')
    (tmp_path / 'd.wav').symlink_to('nowhere.wav')
    patterns = ['.', './[abc].wav', str(tmp_path / 'a.wav')]
    found = [os.path.basename(path) for path in decoding.find_audio(patterns)]
    assert sorted(found) == ['a.wav', 'b.wav', 'd.wav']


def test_a_leading_tilde_is_home(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    (tmp_path / 'a.wav').touch()
    assert decoding.find_audio(['~/*.wav', '~/a.wav']) == [str(tmp_path / 'a.wav')]


def test_commas_between_patterns_and_within_names(tmp_path):
    for name in ('a.wav', 'b, c.wav', 'b, d.wav'):
        (tmp_path / name).touch()
    values = [f'{tmp_path}/a.wav,{tmp_path}/n.wav', f'{tmp_path}/b, c.wav']
    assert decoding.split_patterns([*values, f'{tmp_path}/b, *.wav']) == [
        f'{tmp_path}/a.wav',
        f'{tmp_path}/n.wav',
        f'{tmp_path}/b, c.wav',
        f'{tmp_path}/b, *.wav',
    ]


def test_folders_behind_links_and_locked_ones(tmp_path, monkeypatch):
    for name in ('in/a.wav', 'far/b.wav', 'in/locked/c.wav'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / 'in' / 'link').symlink_to(tmp_path / 'far')
    (tmp_path / 'far' / 'loop').symlink_to(tmp_path / 'in')
    scandir, locked = os.scandir, str(tmp_path / 'in' / 'locked')

    def refuse(path):  # As for anyone but an administrator.
        if os.fspath(path) == locked:
            raise PermissionError(13, 'Permission denied', locked)
        return scandir(path)

    monkeypatch.setattr(os, 'scandir', refuse)
    found = decoding.find_audio([str(tmp_path / 'in')])
    assert found == [f'{tmp_path}/in/{n}' for n in ('a.wav', 'link/b.wav', 'locked')]


def test_folders_on_another_machine():
    for name in ('sub/b.wav', 'a.wav', 'notes.txt'):
        path = f'ram://recordings/{name}'
        decoding.tf.io.gfile.makedirs(os.path.dirname(path))
        with decoding.tf.io.gfile.GFile(path, 'w') as file:
            file.write('x')
    found = decoding.find_audio(['ram://recordings'])
    assert found == ['ram://recordings/a.wav', 'ram://recordings/sub/b.wav']
