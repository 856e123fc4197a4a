from __future__ import annotations

import json

import numpy as np
import pytest
from eval_stand_ins import F0_HZ, HOP, N_FRAMES, Provider, examples
from scipy import ndimage

from ddsp.training.postprocessing import (
    QuantileTransformer,
    compute_dataset_statistics,
    detect_notes,
    fit_quantile_transform,
    smooth,
)


@pytest.mark.parametrize('size', [1, 3, 7])
def test_smoothing_is_a_moving_mean(size):
    x = np.random.default_rng(0).normal(size=(2, 50))
    expected = ndimage.uniform_filter1d(x, size, axis=1)
    edge = size // 2
    inner = np.s_[:, edge : 50 - edge]
    np.testing.assert_allclose(smooth(x, size)[inner], expected[inner])
    np.testing.assert_allclose(smooth(x[1], size), smooth(x, size)[1])


def test_smoothing_at_the_ends():
    np.testing.assert_allclose(smooth(np.ones(9), 40), 1.0)
    # Two values before the middle one and three after it.
    impulse = np.zeros(20)
    impulse[10] = 6.0
    assert np.flatnonzero(smooth(impulse, 6)).tolist() == [7, 8, 9, 10, 11, 12]


def test_smoothing_refuses():
    with pytest.raises(ValueError, match='filter_size is 0'):
        smooth([1.0], 0)
    with pytest.raises(ValueError, match=r'\[1, 1, 1\]'):
        smooth([[[1.0]]])


def test_notes_are_loud_and_sure():
    loudness = np.full(400, -70.0)
    confidence = np.zeros(400)
    loudness[100:200], confidence[100:200] = -20.0, 0.95
    loudness[250:350], confidence[250:350] = -20.0, 0.2  # A noise.
    mask_on, ratio = detect_notes(loudness, confidence)
    expected = np.zeros(400, bool)
    expected[100:200] = True
    # Smoothing may move the edges by half its length.
    assert (mask_on != expected).sum() <= 40
    assert not mask_on[:60].any() and mask_on[130:170].all() and not mask_on[250:].any()
    assert ratio.shape == (400,)


def test_strength_is_measured_by_a_mean_frame():
    # Every frame is mean; of confidence 0.7 it just is a note, of less it is none.
    mask_on, ratio = detect_notes(np.full(100, -30.0), np.full(100, 0.7))
    np.testing.assert_allclose(ratio, 1.0)
    _, ratio = detect_notes(np.full(100, -30.0), np.full(100, 0.35))
    np.testing.assert_allclose(ratio, 0.25)
    _, ratio = detect_notes(
        np.full(100, -30.0), np.full(100, 0.4), exponent=1, f0_confidence_threshold=0.5
    )
    np.testing.assert_allclose(ratio, 0.8)
    mask_on, _ = detect_notes(
        np.full(100, -30.0), np.full(100, 0.35), note_threshold=0.2
    )
    assert mask_on.all()


def test_silence_has_no_notes():
    mask_on, ratio = detect_notes(np.full(50, -80.0), np.ones(50))
    assert not mask_on.any() and not ratio.any()


def test_notes_of_a_batch():
    rng = np.random.default_rng(0)
    loudness, confidence = rng.uniform(-80, 0, (3, 200)), rng.uniform(0, 1, (3, 200))
    mask_on, _ = detect_notes(loudness, confidence)
    assert mask_on.shape == (3, 200) and 0 < mask_on.mean() < 1
    with pytest.raises(ValueError, match='expected the same'):
        detect_notes(loudness, confidence[:, 1:])


def test_loudness_takes_the_distribution_of_another():
    rng = np.random.default_rng(0)
    quiet, loud = rng.normal(-50, 3, (1, 4000)), rng.normal(-20, 6, 4000)
    mask_on = np.ones(quiet.shape, bool)
    mask_on[:, ::10] = False
    target = QuantileTransformer().fit(loud)
    for inverse in (target, json.loads(json.dumps(target.get_config()))):
        fitted, moved = fit_quantile_transform(quiet, mask_on, inverse)
        assert moved[mask_on].mean() == pytest.approx(-20, abs=0.5)
        assert moved[mask_on].std() == pytest.approx(6, abs=0.3)
        np.testing.assert_array_equal(moved[~mask_on], quiet[~mask_on])
        order = np.argsort(quiet[mask_on])
        assert (np.diff(moved[mask_on][order]) >= 0).all()
        ranks = fitted.transform(quiet[mask_on])
        assert ranks.mean() == pytest.approx(0.5, abs=1e-3)
    # With its own inverse loudness stays as it is.
    _, same = fit_quantile_transform(quiet, mask_on)
    np.testing.assert_allclose(same, quiet, atol=1e-2)


def test_scikit_learns_transformer_serves_too():
    preprocessing = pytest.importorskip('sklearn.preprocessing')
    rng = np.random.default_rng(0)
    theirs = preprocessing.QuantileTransformer().fit(rng.normal(size=(2000, 1)))
    loudness = rng.normal(-50, 3, 1000).astype(np.float32)
    _, moved = fit_quantile_transform(loudness, np.ones(1000, bool), theirs)
    assert abs(moved.mean()) < 0.1 and moved.dtype == np.float32


def test_transform_needs_notes():
    with pytest.raises(ValueError, match='0 frames of a mask'):
        fit_quantile_transform(np.zeros(5), np.zeros(5, bool))


def features_with_loudness():
    features = examples()
    features['loudness_db'] = np.full([3, N_FRAMES], -30.0, np.float32)
    features['loudness_db'][1] = -40.0
    features['loudness_db'][:, :20] = -75.0
    features['f0_confidence'][:, :20] = 0.0
    features['f0_hz'][:, :20] = 8.175799  # MIDI note 0.
    return features


@pytest.mark.parametrize('batch_size', [1, 2, 3])
def test_statistics(batch_size):
    provider = Provider(features_with_loudness())
    statistics = compute_dataset_statistics(provider, batch_size)
    assert (provider.asked.shuffle, provider.asked.repeats) == (False, 1)
    assert json.loads(json.dumps(statistics)) == statistics
    notes = 69 + 12 * np.log2(np.array(F0_HZ) / 440)
    got = pytest.approx
    assert statistics['n_examples'] == 3
    assert statistics['mean_pitch_note'] == got(notes.mean(), abs=2)
    assert statistics['max_pitch_note'] == got(notes.max(), abs=1e-3)
    assert statistics['mean_max_pitch_note'] == got(notes.mean(), abs=1e-3)
    assert statistics['min_pitch'] == statistics['mean_min_pitch'] == got(0, abs=1e-3)
    # 80 ms at the end are left out, 20 of 100 frames; 20 of 80 are silent.
    assert statistics['mean_pitch'] == got(0.75 * notes.mean(), abs=1e-3)
    assert statistics['mean_max_loudness_note'] == got(-100 / 3, abs=1e-4)
    assert statistics['max_loudness'] == got(-30.0)
    assert statistics['min_loudness'] == got(-75.0)
    assert 0.5 < statistics['note_ratio'] < 0.8
    transformer = QuantileTransformer.from_config(statistics['quantile_transform'])
    assert transformer.transform([-20.0]) == 1.0


def test_power_is_that_of_the_audio():
    provider = Provider()
    power = compute_dataset_statistics(provider, power_frame_size=512)
    level = 10 * np.log10(np.mean(provider.features['audio'] ** 2))
    assert power['mean_power_note'] == pytest.approx(level, abs=1.0)
    assert power['mean_min_power'] <= power['mean_power'] <= power['mean_max_power']
    # Without loudness in the data, it is measured.
    assert -60 < power['mean_loudness_note'] < 0


def test_an_example_without_notes_counts_as_a_whole():
    features = features_with_loudness()
    features['f0_confidence'][2] = 0.0
    statistics = compute_dataset_statistics(Provider(features))
    lows = 69 + 12 * np.log2(np.array(F0_HZ)[:2] / 440)
    expected = (lows.sum() + 0.0) / 3
    assert statistics['mean_min_pitch_note'] < np.mean(lows)
    assert statistics['mean_min_pitch_note'] <= expected + 1


def test_statistics_of_nothing():
    empty = {key: x[:0] for key, x in examples().items()}
    with pytest.raises(ValueError, match='no examples'):
        compute_dataset_statistics(Provider(empty))
    deaf = {'audio': np.zeros([1, N_FRAMES * HOP], np.float32)}
    with pytest.raises(ValueError, match=r"no 'f0_hz'.*\['audio'\]"):
        compute_dataset_statistics(Provider(deaf))
