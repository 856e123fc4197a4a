from __future__ import annotations

import numpy as np
import pytest
from tones import tone

from ddsp.training import metrics


def test_squeeze_takes_what_is_one_long():
    assert metrics.squeeze(np.zeros([1, 5, 1])).shape == (5,)
    assert metrics.squeeze(np.zeros([1, 1])).shape == (1,)
    assert metrics.squeeze(3.0).tolist() == [3.0]
    with pytest.raises(ValueError, match=r'\[2, 5, 1\].*loop over the batch'):
        metrics.squeeze(np.zeros([2, 5, 1]))


def test_l1_distance_compares_what_both_have():
    distance = metrics.l1_distance(np.array([[1.0], [4.0], [9.0]]), [0.0, 6.0])
    np.testing.assert_allclose(distance, [1.0, 2.0])


def test_outliers_have_no_sure_frame():
    assert metrics.is_outlier([[0.1], [0.84]])
    assert not metrics.is_outlier([0.1, 0.9])


def test_features_of_a_tone():
    features = metrics.compute_audio_features(tone(np.full(16000, 220.0))[None], 125)
    assert features['audio'].shape == (16000,)
    for key in ('loudness_db', 'f0_hz', 'f0_confidence'):
        assert features[key].shape == (126,)
    middle = slice(10, -10)
    cents = 1200 * np.abs(np.log2(features['f0_hz'][middle] / 220.0))
    assert cents.max() < 10
    assert features['f0_confidence'][middle].min() > metrics.MIN_F0_CONFIDENCE
    assert np.ptp(features['loudness_db'][middle]) < 1.0


def test_features_at_another_rate_and_by_another_method():
    audio = tone(np.full(12000, 220.0), sample_rate=24000)
    features = metrics.compute_audio_features(audio, 100, 24000, 'pyin')
    assert features['f0_hz'].shape == (51,)
    assert abs(1200 * np.log2(features['f0_hz'][25] / 220.0)) < 20


def test_f0_distance_where_it_is_sure():
    third = 220.0 * 2 ** (4 / 12)
    recorded, generated = [220.0, 220.0, 220.0], [third, 220.0, 9000.0]
    distance = metrics.f0_dist_conf_thresh(recorded, generated, [0.9, 0.85, 0.2])
    assert distance == pytest.approx(2.0, abs=1e-4)
    assert metrics.f0_dist_conf_thresh(recorded, generated, [0.1, 0.1, 0.2]) is None
    low = metrics.f0_dist_conf_thresh(recorded, generated, [0.1, 0.1, 0.2], 0.2)
    assert low == pytest.approx(12 * np.log2(9000 / 220), abs=1e-3)
