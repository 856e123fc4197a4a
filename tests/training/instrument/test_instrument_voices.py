from __future__ import annotations

import types

import numpy as np
import pytest
import tensorflow as tf

from ddsp import audio_files, recordings
from ddsp.training.fit.features import extract_features
from ddsp.training.instrument.voices import note_on_voices

RATE, FRAME_RATE, SECS = 16000, 250, 3


def provider_of(audio: np.ndarray) -> types.SimpleNamespace:
    """Examples of some audio, one after the other."""
    features = extract_features(audio, RATE, FRAME_RATE, 'swift-f0', 0.5)
    lengths = {'audio': SECS * RATE}
    names = ('audio', 'f0_hz', 'f0_confidence', 'loudness_db')
    columns = {}
    for name in names:
        length = lengths.get(name, SECS * FRAME_RATE)
        whole = np.asarray(getattr(features, name), np.float32)
        columns[name] = whole[: len(whole) // length * length].reshape(-1, length)
    dataset = tf.data.Dataset.from_tensor_slices(columns)
    return types.SimpleNamespace(
        sample_rate=RATE,
        frame_rate=FRAME_RATE,
        get_batch=lambda size, **kwargs: dataset.batch(size),
    )


@pytest.fixture(scope='module')
def singing():
    return audio_files.load_audio(recordings.singing_path(), RATE)


def chords(n_samples: int) -> np.ndarray:
    """Three notes at a time, each of seven partials, another chord each second."""
    time = np.arange(n_samples) / RATE
    roots = np.array([220.0, 196.0, 174.6, 164.8])[(time // 1).astype(int) % 4]
    return sum(
        np.sin(2 * np.pi * roots * ratio * h * time) / h
        for ratio in (1.0, 1.26, 1.498)
        for h in range(1, 8)
    )


def test_one_voice(singing):
    assert note_on_voices(provider_of(singing)) is None


def test_a_song_with_accompaniment(singing):
    other = chords(len(singing))
    song = singing + other * np.std(singing) / np.std(other)
    said = note_on_voices(provider_of(song.astype(np.float32)))
    assert said.startswith('this does not sound like one voice')
    assert 'accompaniment' in said


def test_silence():
    assert note_on_voices(provider_of(np.zeros(2 * SECS * RATE, np.float32))) is None
