from __future__ import annotations

import numpy as np
import pytest

from ddsp.training.fit.features import Features
from ddsp.training.fit.settings import FitSettings
from ddsp.training.fit.windows import random_windows


@pytest.fixture
def features():
    """Two seconds in which everything says which frame it belongs to."""
    frames = np.arange(500, dtype=np.float32)
    return Features(
        audio=np.repeat(frames, 64),
        f0_hz=100 + frames,
        f0_confidence=np.ones(500, np.float32),
        loudness_db=-frames / 10,
        sample_rate=16000,
        frame_rate=250,
    )


def some(features, n=20, **settings):
    windows = random_windows(features, FitSettings(**settings))
    return list(windows.take(n).as_numpy_iterator())


def test_shapes(features):
    settings = {'batch_size': 3, 'window_seconds': 1.0, 'lead_in_seconds': 0.2}
    (inputs, audio), *_ = some(features, **settings)
    assert inputs['f0_hz'].shape == inputs['loudness_db'].shape == (3, 300, 1)
    assert audio.shape == (3, 16000)
    spec = random_windows(features, FitSettings(**settings)).element_spec
    assert spec[1].shape == (3, 16000)


def test_audio_belongs_to_the_last_frames(features):
    for inputs, audio in some(features, window_seconds=1.0, lead_in_seconds=0.2):
        heard = inputs['f0_hz'][:, -250:, 0] - 100
        np.testing.assert_array_equal(audio[:, ::64], heard)


def test_before_the_recording_there_is_silence(features):
    lead_ins = [
        (inputs['f0_hz'][0, :, 0], inputs['loudness_db'][0, :, 0])
        for inputs, _ in some(features, 200, batch_size=1, window_seconds=1.9)
    ]
    early = [(f0, loudness) for f0, loudness in lead_ins if f0[125] - 100 < 10]
    assert early
    for f0, loudness in early:
        start = int(f0[125] - 100)
        np.testing.assert_array_equal(loudness[: 125 - start], -80)
        np.testing.assert_array_equal(f0[: 125 - start], 100)


def test_windows_start_anywhere(features):
    windows = some(features, 400, batch_size=4, window_seconds=1.96)
    starts = {int(a[0]) for _, audio in windows for a in audio}
    assert starts == set(range(11))


def test_a_seed_gives_the_same_windows(features):
    first, again, other = (
        [audio[0, 0] for _, audio in some(features, window_seconds=1.0, seed=seed)]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_a_recording_shorter_than_a_window_is_taken_whole(features):
    for inputs, audio in some(features, 3, window_seconds=30.0, lead_in_seconds=0.0):
        np.testing.assert_array_equal(audio[0], features.audio)
        np.testing.assert_array_equal(inputs['f0_hz'][0, :, 0], features.f0_hz)
