from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp.training.transfer.tuning import auto_tune, get_tuning_factor

C_MAJOR = np.array([60.0, 62.0, 64.0, 65.0, 67.0, 69.0, 71.0, 72.0])


@settings(deadline=None)
@given(offset=st.floats(-0.45, 0.45), confidence=st.floats(0.1, 1.0))
def test_tuning_of_exact_notes(offset, confidence):
    midi = C_MAJOR + offset
    weights = np.full(len(midi), confidence)
    found = get_tuning_factor(midi, weights, np.ones(len(midi), bool))
    assert found == pytest.approx(offset, abs=1e-6)


def test_only_notes_count():
    midi, mask = np.array([60.1, 60.1, 64.45]), np.array([True, True, False])
    assert get_tuning_factor(midi, np.ones(3), mask) == pytest.approx(0.1)
    assert get_tuning_factor(midi, np.ones(3), np.zeros(3, bool)) == 0.0
    # Half a semitone sharp is half a semitone flat: nothing is sure there.
    weights = np.array([1.0, 1.0, 3.0])
    around = get_tuning_factor([60.2, 60.2, 64.4], weights, np.ones(3, bool))
    assert 0.2 < around < 0.4


def test_amount():
    midi = np.repeat(C_MAJOR + 0.2, 100)
    mask = np.ones(len(midi), bool)
    np.testing.assert_array_equal(auto_tune(midi, 0.0, mask, 0.0), midi)
    half = auto_tune(midi, 0.0, mask, 0.5)
    np.testing.assert_allclose(half[50::100], C_MAJOR + 0.1, atol=1e-9)
    full = auto_tune(midi, 0.0, mask, 1.0)
    np.testing.assert_allclose(full[50::100], C_MAJOR, atol=1e-9)
    # In its own tuning it is right already.
    np.testing.assert_allclose(auto_tune(midi, 0.2, mask, 1.0), midi, atol=1e-9)


def test_scale_or_all_semitones():
    # A C sharp that is in the way of C major.
    midi = np.repeat(np.append(np.tile(C_MAJOR, 3), 61.1), 100)
    mask = np.ones(len(midi), bool)
    in_scale = auto_tune(midi, 0.0, mask, 1.0)[-50]
    assert in_scale == pytest.approx(62.0) or in_scale == pytest.approx(60.0)
    assert auto_tune(midi, 0.0, mask, 1.0, chromatic=True)[-50] == pytest.approx(61.0)


def test_the_scale_is_found_in_any_key():
    for key in range(12):
        midi = np.repeat(C_MAJOR + key + 0.1, 50)
        tuned = auto_tune(midi, 0.0, np.ones(len(midi), bool), 1.0)
        np.testing.assert_allclose(tuned[25::50], C_MAJOR + key, atol=1e-9)


def test_a_glide_is_not_torn():
    midi = np.linspace(60.0, 62.0, 500)
    tuned = auto_tune(midi, 0.0, np.ones(500, bool), 1.0, True, frame_rate=250)
    assert np.abs(np.diff(tuned)).max() < 0.15
