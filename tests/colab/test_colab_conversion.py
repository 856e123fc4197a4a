"""Anything that is audio becomes samples, samples become a WAV file, and back."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from sines import RATE, peak_hz, samples_of, sine

from ddsp.colab import colab_utils


@pytest.mark.parametrize(
    'audio',
    [
        [0.5, -0.25],
        np.array([[0.5, -0.25]]),
        tf.constant([[[0.5], [-0.25]]]),
        np.array([2**14, -(2**13)], np.int16),
        np.array([2**30, -(2**29)], np.int32),
    ],
)
def test_as_samples(audio) -> None:
    samples = colab_utils.as_samples(audio)
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, [0.5, -0.25], atol=1e-6)


@pytest.mark.parametrize(
    'audio, message',
    [
        (np.zeros([2, 3]), r'shape \[2, 3\], expected one recording'),
        ([], r'shape \[0\], expected one recording'),
        ([0.0, np.nan], 'NaN'),
        ([0.0, np.inf], 'infinite'),
    ],
)
def test_as_samples_refuses(audio, message) -> None:
    with pytest.raises(ValueError, match=message):
        colab_utils.as_samples(audio)


def test_wav_keeps_the_level() -> None:
    audio = 0.01 * sine(440.0)
    written, rate = samples_of(colab_utils.audio_to_wav(audio, 22050))
    assert rate == 22050
    np.testing.assert_allclose(written, audio, atol=0.51 / 32767)


def test_wav_does_not_clip() -> None:
    audio = 3.0 * sine(440.0)
    written, _ = samples_of(colab_utils.audio_to_wav(audio))
    np.testing.assert_allclose(written, audio / np.abs(audio).max(), atol=1e-4)


@pytest.mark.parametrize('kind', ['WAV', 'FLAC', 'OGG'])
def test_bytes_of_any_kind_and_rate(kind) -> None:
    left = 0.4 * sine(500.0, 1.0, 44100)
    file = io.BytesIO()
    soundfile.write(file, np.stack([left, 0.0 * left], 1), 44100, format=kind)
    audio = colab_utils.audio_bytes_to_np(file.getvalue(), normalize_db=None)
    assert audio.dtype == np.float32 and audio.shape == (RATE,)
    assert abs(peak_hz(audio) - 500.0) < 2.0
    assert abs(np.abs(audio[4000:12000]).max() - 0.2) < 0.01
    both = colab_utils.audio_bytes_to_np(file.getvalue(), 44100, None, mono=False)
    assert both.shape == (44100, 2)
    normalized = colab_utils.audio_bytes_to_np(file.getvalue(), normalize_db=6.0)
    assert abs(np.abs(normalized).max() - 10 ** (-6.0 / 20.0)) < 1e-3


def test_bytes_that_are_no_sound() -> None:
    with pytest.raises(ValueError, match='13 bytes are no sound file'):
        colab_utils.audio_bytes_to_np(b'not a song...')


def test_silence_is_not_normalized() -> None:
    silence = colab_utils.audio_to_wav(np.zeros(100))
    assert not colab_utils.audio_bytes_to_np(silence).any()
