from __future__ import annotations

import numpy as np
import pytest

from ddsp import spectral_ops
from ddsp.training.fit import features as features_room
from ddsp.training.fit.features import extract_features, fill_unvoiced, measure_loudness

RATE, FRAME_RATE = 16000, 250


def glide(seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """A buzz that rises from 200 to 400 Hz, and f0 of its samples."""
    t = np.arange(round(seconds * RATE)) / RATE
    f0 = 200 * 2 ** (t / seconds)
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    audio = sum(np.sin(h * phase) / h for h in range(1, 9))
    return (0.2 * audio).astype('float32'), f0


def test_frames_describe_the_audio_where_synthesisers_place_them():
    audio, f0 = glide(2.0)
    features = extract_features(audio, RATE, FRAME_RATE)
    assert len(features.f0_hz) == 500
    inner = slice(25, 475)
    expected = f0[:: RATE // FRAME_RATE]
    cents = 1200 * np.log2(features.f0_hz / expected)[inner]
    # The glide passes 2.4 cents a frame: an offset of a few frames would show.
    assert abs(np.median(cents)) < 5
    assert features.confident(0.9)[inner].all()
    assert not features.silent


def test_loudness_frame_is_where_the_sound_is():
    audio = np.zeros(RATE, np.float32)
    audio[100 * 64 - 8 : 100 * 64 + 8] = 0.5
    features = extract_features(audio, RATE, FRAME_RATE)
    assert np.argmax(features.loudness_db) == 100


def test_the_last_frame_is_filled_with_silence():
    features = extract_features(np.ones(RATE + 1, np.float32) * 0.1, RATE, FRAME_RATE)
    assert len(features.audio) == RATE + 64
    assert len(features.f0_hz) == len(features.loudness_db) == 251
    assert features.audio[-1] == 0
    assert features.hop == 64
    assert features.seconds == 251 / 250


def test_loudness_in_blocks_is_loudness_at_once(monkeypatch):
    audio, _ = glide(1.5)
    monkeypatch.setattr(features_room, '_BLOCK_FRAMES', 50)
    in_blocks = measure_loudness(audio, RATE, FRAME_RATE)
    whole = spectral_ops.compute_loudness(
        audio[np.newaxis], sample_rate=RATE, frame_rate=FRAME_RATE, padding='center'
    )
    np.testing.assert_allclose(in_blocks, whole[0, :-1], atol=1e-3)


def test_silence_is_silent():
    features = extract_features(np.zeros(RATE, np.float32), RATE, FRAME_RATE)
    assert features.silent
    assert not features.confident(0.0).any()
    assert np.isfinite(features.f0_hz).all()
    assert (features.f0_hz > 0).all()


def test_a_line_in_cents_is_drawn_over_what_has_no_pitch():
    f0 = np.array([0, 100, 999, 999, 999, 1600, 50], np.float32)
    confidence = np.array([0, 1, 0.1, 0.2, 0.3, 1, 0.5], np.float32)
    filled = fill_unvoiced(f0, confidence, 0.9)
    np.testing.assert_allclose(filled, [100, 100, 200, 400, 800, 1600, 1600], rtol=1e-5)


def test_a_sine_has_its_pitch():
    """The estimator is less sure of it than of a voice."""
    t = np.arange(RATE) / RATE
    audio = 0.3 * np.sin(2 * np.pi * np.where(t < 0.5, 247, 294) * t)
    features = extract_features(audio.astype(np.float32), RATE, FRAME_RATE)
    assert features.believed_from == 0.4
    for inner, f0_hz in ((slice(20, 105), 247), (slice(145, 230), 294)):
        assert features.confident()[inner].all()
        np.testing.assert_allclose(features.f0_hz[inner], f0_hz, rtol=0.01)
    # Whoever names a confidence gets it.
    strict = extract_features(audio.astype(np.float32), RATE, FRAME_RATE, 'swift-f0', 1)
    assert strict.believed_from == 1
    assert not strict.confident().any()


def test_without_any_pitch_f0_is_held():
    filled = fill_unvoiced(np.zeros(5, np.float32), np.zeros(5, np.float32), 0.9)
    np.testing.assert_array_equal(filled, np.full(5, 220))


def test_an_unknown_method():
    with pytest.raises(ValueError, match='guessing'):
        extract_features(np.zeros(RATE, np.float32), RATE, FRAME_RATE, 'guessing')
