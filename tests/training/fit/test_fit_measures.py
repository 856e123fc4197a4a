from __future__ import annotations

import numpy as np
import pytest

from ddsp.training.fit import measures
from ddsp.training.fit.features import Features
from ddsp.training.fit.measures import (
    f0_distance,
    loudness_distance,
    resynthesis_features,
    spectral_distance,
)


def features_of(f0_hz, confidence, loudness_db=None):
    f0_hz = np.asarray(f0_hz, np.float32)
    loudness = np.full(len(f0_hz), -20) if loudness_db is None else loudness_db
    return Features(
        audio=np.zeros(len(f0_hz) * 64, np.float32),
        f0_hz=f0_hz,
        f0_confidence=np.asarray(confidence, np.float32),
        loudness_db=np.asarray(loudness, np.float32),
        sample_rate=16000,
        frame_rate=250,
    )


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(size=(2, 48000)).astype('float32') * 0.1


def test_the_same_sound_is_at_no_distance(noise):
    distance = spectral_distance(noise[0], noise[0])
    assert distance == pytest.approx({'total': 0, 'magnitude': 0, 'log_magnitude': 0})


def test_half_the_level(noise):
    distance = spectral_distance(noise[0], noise[0] / 2)
    whole = spectral_distance(noise[0], 0 * noise[0])
    assert distance['magnitude'] == pytest.approx(whole['magnitude'] / 2, rel=1e-3)
    # Six window lengths, each log 2 apart; eps and the padded end take a little of it.
    assert distance['log_magnitude'] == pytest.approx(6 * np.log(2), rel=0.02)
    parts = distance['magnitude'] + distance['log_magnitude']
    assert distance['total'] == pytest.approx(parts)


def test_long_recordings_are_measured_in_blocks(noise, monkeypatch):
    whole = spectral_distance(noise[0], noise[1])
    monkeypatch.setattr(measures, '_BLOCK_SAMPLES', 20000)
    in_blocks = spectral_distance(noise[0], noise[1])
    # Windows at the ends of blocks see padding, a few in a hundred of all.
    assert in_blocks == pytest.approx(whole, rel=0.05)


def test_f0_is_compared_where_it_is_sure():
    features = features_of([100, 100, 100, 100, 100], [1, 1, 1, 0.5, 1])
    octave, near, exact = 200, 100 * 2 ** (40 / 1200), 100
    found = f0_distance(features, np.array([octave, near, exact, 7, exact]), 0.9)
    assert found['confident_frames'] == 4
    assert found['within_50_cents'] == 0.75
    assert found['median_cents'] == pytest.approx(20, abs=0.01)


def test_f0_of_nothing():
    silent = features_of([100, 100], [1, 1], loudness_db=[-80, -80])
    assert f0_distance(silent, np.array([1.0, 1.0]), 0.9) == {
        'confident_frames': 0,
        'within_50_cents': None,
        'median_cents': None,
    }


def test_loudness_distance():
    features = features_of([1, 1], [1, 1], loudness_db=[-20, -30])
    assert loudness_distance(features, np.array([-26.0, -28.0])) == 4


def test_a_resynthesis_is_measured_as_the_recording_was():
    tone = 0.3 * np.sin(2 * np.pi * 330 * np.arange(16000) / 16000)
    features = features_of(np.full(250, 330), np.ones(250))
    f0_hz, loudness_db = resynthesis_features(
        features, tone.astype('float32'), 'swift-f0'
    )
    assert f0_hz.shape == loudness_db.shape == (250,)
    assert f0_distance(features, f0_hz, 0.9)['within_50_cents'] == 1
