from __future__ import annotations

import sys

import numpy as np
import pytest
import soundfile

from ddsp.audio_files import load_audio, save_audio
from ddsp.recordings import singing_path


def tone(seconds: float, rate: int, hz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


@pytest.fixture
def no_decoder(monkeypatch):
    """As if soundfile and soxr were not installed."""
    for name in ('soundfile', 'soxr'):
        monkeypatch.setitem(sys.modules, name, None)


def test_bundled_recording_is_nine_seconds_of_singing():
    audio = load_audio(singing_path())
    assert audio.dtype == np.float32
    assert audio.ndim == 1
    assert len(audio) == pytest.approx(9.1 * 16000, rel=0.01)
    notice = singing_path().with_name('NOTICE.md').read_text()
    assert 'Vocadito' in notice and 'Creative Commons Attribution 4.0' in notice


@pytest.mark.parametrize('rate', [8000, 16000, 22050, 44100, 48000, 96000])
def test_a_tone_of_any_rate_is_the_same_tone(tmp_path, rate):
    soundfile.write(tmp_path / 'a.wav', tone(1.5, rate), rate, 'FLOAT')
    audio = load_audio(tmp_path / 'a.wav')
    expected = tone(1.5, 16000)
    assert len(audio) == len(expected)
    # The filter of a resampler rings where the tone begins and ends.
    middle = slice(1000, -1000)
    np.testing.assert_allclose(audio[middle], expected[middle], atol=2e-4)


@pytest.mark.parametrize('container', ['WAV', 'FLAC', 'OGG', 'MP3', 'AIFF'])
def test_formats(tmp_path, container):
    path = tmp_path / f'a.{container.lower()}'
    soundfile.write(path, tone(2.0, 44100), 44100, format=container)
    audio = load_audio(path)
    assert len(audio) == pytest.approx(32000, abs=1)
    spectrum = np.abs(np.fft.rfft(audio[8000:24000]))
    assert np.argmax(spectrum) == 440


def test_stereo_is_averaged_or_kept(tmp_path):
    left, right = tone(1.0, 16000), tone(1.0, 16000, hz=700)
    soundfile.write(tmp_path / 'a.wav', np.stack([left, right], 1), 16000, 'FLOAT')
    mono = load_audio(tmp_path / 'a.wav')
    both = load_audio(tmp_path / 'a.wav', mono=False)
    assert both.shape == (16000, 2)
    np.testing.assert_allclose(mono, (left + right) / 2, atol=1e-6)
    np.testing.assert_allclose(both[:, 1], right, atol=1e-6)


def test_stereo_is_resampled_channel_by_channel(tmp_path):
    pair = np.stack([tone(1.0, 48000), np.zeros(48000)], 1)
    soundfile.write(tmp_path / 'a.wav', pair, 48000, 'FLOAT')
    both = load_audio(tmp_path / 'a.wav', mono=False)
    assert both.shape == (16000, 2)
    assert np.abs(both[:, 1]).max() == 0
    np.testing.assert_allclose(
        both[:, 0], load_audio(tmp_path / 'a.wav') * 2, atol=1e-6
    )


def test_reading_in_blocks_leaves_no_seam(tmp_path):
    # Longer than a block of 131072 frames, at a rate that does not divide evenly.
    soundfile.write(tmp_path / 'a.wav', tone(7.0, 44100), 44100, 'FLOAT')
    audio = load_audio(tmp_path / 'a.wav')
    middle = slice(1000, -1000)
    np.testing.assert_allclose(audio[middle], tone(7.0, 16000)[middle], atol=2e-4)


@pytest.mark.parametrize('encoding, bound', [('pcm16', 1 / 32000), ('float32', 0.0)])
def test_save_then_load(tmp_path, encoding, bound):
    audio = np.random.default_rng(0).uniform(-1, 1, 5000).astype('float32')
    save_audio(tmp_path / 'a.wav', audio, 16000, encoding)
    np.testing.assert_allclose(load_audio(tmp_path / 'a.wav'), audio, atol=bound)


def test_loud_audio_is_turned_down_and_not_clipped(tmp_path):
    audio = (3 * tone(1.0, 16000)).astype('float32')
    save_audio(tmp_path / 'a.wav', audio, 16000)
    peak = np.abs(audio).max()
    np.testing.assert_allclose(
        load_audio(tmp_path / 'a.wav'), audio / peak, atol=1 / 32000
    )
    save_audio(tmp_path / 'b.wav', audio, 16000, 'float32')
    np.testing.assert_array_equal(load_audio(tmp_path / 'b.wav'), audio)


def test_full_scale_does_not_wrap_around(tmp_path):
    save_audio(tmp_path / 'a.wav', np.array([1.0, -1.0, 0.0], np.float32), 16000)
    np.testing.assert_allclose(load_audio(tmp_path / 'a.wav'), [1, -1, 0], atol=4e-5)


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'there is no file .*nowhere\.wav'):
        load_audio(tmp_path / 'nowhere.wav')


def test_a_directory(tmp_path):
    with pytest.raises(IsADirectoryError, match='is a directory'):
        load_audio(tmp_path)


@pytest.mark.parametrize('name', ['a.txt', 'a.wav', 'a.mp3', 'a.raw'])
def test_not_audio(tmp_path, name):
    (tmp_path / name).write_text('These are words.\n' * 100)
    with pytest.raises(ValueError, match=r'a\.... is not audio that can be read'):
        load_audio(tmp_path / name)


def test_what_needs_converting_is_told_how(tmp_path):
    (tmp_path / 'my memo.m4a').write_text('These are words.')
    said = r"libsndfile does not read \.m4a.*ffmpeg -i '.*my memo\.m4a' '.*memo\.wav'"
    with pytest.raises(ValueError, match=said):
        load_audio(tmp_path / 'my memo.m4a')


def test_no_bytes(tmp_path):
    (tmp_path / 'a.wav').touch()
    with pytest.raises(ValueError, match='is empty'):
        load_audio(tmp_path / 'a.wav')


def test_no_samples(tmp_path):
    soundfile.write(tmp_path / 'a.wav', np.zeros(0), 16000)
    with pytest.raises(ValueError, match='no samples'):
        load_audio(tmp_path / 'a.wav')


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_not_a_number(tmp_path, bad):
    audio = tone(10.0, 16000)
    audio[8 * 16000] = bad
    soundfile.write(tmp_path / 'a.wav', audio, 16000, 'FLOAT')
    with pytest.raises(ValueError, match=r'NaN or infinite, the first at 8\.000 s'):
        load_audio(tmp_path / 'a.wav')


def test_too_short_where_a_length_is_demanded(tmp_path):
    soundfile.write(tmp_path / 'a.wav', tone(0.5, 44100), 44100)
    assert len(load_audio(tmp_path / 'a.wav')) == 8000
    with pytest.raises(ValueError, match=r'is 0\.50 s long; .* at least 1 s'):
        load_audio(tmp_path / 'a.wav', min_seconds=1.0)


@pytest.mark.parametrize('rate', [11025, 22050, 44100, 48000])
def test_exactly_the_length_demanded(tmp_path, rate):
    soundfile.write(tmp_path / 'a.wav', tone(1.0, rate), rate)
    assert len(load_audio(tmp_path / 'a.wav', min_seconds=1.0)) == 16000


def test_wrong_rate(tmp_path):
    with pytest.raises(ValueError, match='sample_rate is 0 Hz'):
        load_audio(singing_path(), sample_rate=0)


@pytest.mark.parametrize(
    'audio, message',
    [
        (np.zeros((2, 3, 4)), 'shape'),
        (np.zeros(0), 'shape'),
        (np.array([0.0, np.nan]), 'NaN'),
    ],
)
def test_save_refuses(tmp_path, audio, message):
    with pytest.raises(ValueError, match=message):
        save_audio(tmp_path / 'a.wav', audio, 16000)
    assert not (tmp_path / 'a.wav').exists()


def test_save_refuses_an_unknown_encoding(tmp_path):
    with pytest.raises(ValueError, match="'mp3', choose from"):
        save_audio(tmp_path / 'a.wav', np.zeros(9), 16000, 'mp3')


def test_a_missing_package_is_named_with_the_extra(tmp_path, no_decoder):
    with pytest.raises(ImportError, match=r"'soundfile'.*pip install 'ddsp\[audio\]'"):
        load_audio(singing_path())
    with pytest.raises(ImportError, match=r"pip install 'ddsp\[audio\]'"):
        save_audio(tmp_path / 'a.wav', np.zeros(9), 16000)


@pytest.mark.parametrize('rate', [1, 3, 2_000_000_000])
def test_a_header_with_a_rate_that_cannot_be(tmp_path, rate):
    soundfile.write(tmp_path / 'a.wav', np.zeros(100), 16000)
    content = bytearray((tmp_path / 'a.wav').read_bytes())
    content[24:28] = rate.to_bytes(4, 'little')
    (tmp_path / 'a.wav').write_bytes(content)
    with pytest.raises(ValueError, match=rf'is damaged: .* sample rate of {rate} Hz'):
        load_audio(tmp_path / 'a.wav')


def test_nothing_is_made_up_where_a_file_is_cut_off(tmp_path):
    tone = np.sin(np.arange(10 * 44100) / 10)
    soundfile.write(tmp_path / 'a.mp3', tone, 44100)
    content = (tmp_path / 'a.mp3').read_bytes()
    (tmp_path / 'a.mp3').write_bytes(content[: len(content) // 2])
    audio = load_audio(tmp_path / 'a.mp3', 44100)
    assert 4 * 44100 < len(audio) < 5.1 * 44100
