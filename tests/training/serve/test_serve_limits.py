from __future__ import annotations

import numpy as np
import pytest
import soundfile
from kazoo import record

from ddsp.training.serve import Limits
from ddsp.training.serve.limits import check_recording, in_words, load_recording


@pytest.mark.parametrize('rate', [8000, 16000, 44100, 96000])
@pytest.mark.parametrize('channels', [1, 2, 5])
def test_any_rate_and_any_channels(tmp_path, rate, channels):
    path = record(tmp_path / 'a.wav', 1.0, rate, channels)
    audio = load_recording(path, 16000, Limits())
    assert audio.dtype == np.float32
    assert len(audio) == pytest.approx(16000, abs=1)
    assert check_recording(path, Limits()) == pytest.approx(1.0)
    # The tone itself is there, as loud as before, away from the edges.
    times = np.arange(len(audio)) / 16000
    expected = 0.3 * np.sin(2 * np.pi * 220 * times)
    np.testing.assert_allclose(audio[800:-800], expected[800:-800], atol=2e-3)


def test_too_long(tmp_path):
    limits = Limits(max_minutes=1 / 60)
    path = record(tmp_path / 'my song.flac', 1.0)
    assert check_recording(path, limits) == 1.0
    path = record(tmp_path / 'my song.flac', 1.01)
    with pytest.raises(ValueError, match=r'^“my song.flac” is longer than 1 second,'):
        check_recording(path, limits)
    with pytest.raises(ValueError, match='most that this page takes'):
        load_recording(path, 16000, limits)


def test_long_files_are_not_read_to_the_end(tmp_path, monkeypatch):
    path = record(tmp_path / 'a.wav', 30.0)
    read = []
    blocks = soundfile.SoundFile.blocks

    def counted(self, *args, **kwargs):
        for block in blocks(self, *args, **kwargs):
            read.append(len(block))
            yield block

    monkeypatch.setattr(soundfile.SoundFile, 'blocks', counted)
    with pytest.raises(ValueError, match='longer than'):
        load_recording(path, 16000, Limits(max_minutes=1 / 60))
    assert sum(read) < 30 * 16000 / 2


def test_too_large(tmp_path):
    path = record(tmp_path / 'a.wav', 1.0)
    limits = Limits(max_mb=(path.stat().st_size - 1) / 2**20)
    assert limits.max_bytes == path.stat().st_size - 1
    with pytest.raises(ValueError, match=r'^“a.wav” has 0\.0 MB, and this page takes'):
        check_recording(path, limits)
    check_recording(path, Limits(max_mb=path.stat().st_size / 2**20))


@pytest.mark.parametrize(
    'content, words',
    [(b'', 'no bytes'), (b'These are words.', 'not audio that can be read here')],
)
def test_no_audio(tmp_path, content, words):
    path = tmp_path / 'notes.wav'
    path.write_bytes(content)
    for look in (check_recording, lambda p, x: load_recording(p, 16000, x)):
        with pytest.raises(ValueError, match=words) as told:
            look(path, Limits())
        # People know the name of their file, not where it was put.
        assert str(told.value).startswith('“notes.wav” ')
        assert str(tmp_path) not in str(told.value)


def test_no_samples(tmp_path):
    path = record(tmp_path / 'a.wav', 0.0)
    with pytest.raises(ValueError, match='no samples'):
        check_recording(path, Limits())


def test_gone(tmp_path):
    with pytest.raises(ValueError, match='upload it again'):
        check_recording(tmp_path / 'a.wav', Limits())


@pytest.mark.parametrize('value', [0, -1, float('nan'), float('inf')])
@pytest.mark.parametrize('name', ['max_mb', 'max_minutes'])
def test_limits_that_are_none(name, value):
    with pytest.raises(ValueError, match=f'{name} is .*, expected a number above 0'):
        Limits(**{name: value})


def test_words():
    assert str(Limits()) == 'up to 10 minutes and 200 MB'
    assert in_words(9.123) == '9.12 seconds'
    assert in_words(605) == '10 min 5 s'
    assert in_words(3600) == '60 minutes'
