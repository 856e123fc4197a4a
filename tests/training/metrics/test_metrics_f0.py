from __future__ import annotations

import sys

import numpy as np
import pytest
from tones import tone

from ddsp.training import metrics

SEMITONE = 2 ** (1 / 12)


def batch_of(*f0_hz, confidence=1.0, n_frames=20):
    f0_hz = np.array(f0_hz, np.float32)[:, None] * np.ones(n_frames, np.float32)
    return {'f0_hz': f0_hz, 'f0_confidence': np.full_like(f0_hz, confidence)}


def test_predicted_f0():
    f0 = metrics.F0Metrics(16000, 250)
    batch = batch_of(220.0, 220.0, 220.0, 220.0)
    predicted = batch['f0_hz'] * np.array([[1], [SEMITONE**0.4], [SEMITONE**2], [2.2]])
    f0.update_state(batch, predicted[..., np.newaxis])
    results = f0.results()
    # The last one is more than an octave off.
    assert results['f0/outlier_ratio'] == 0.25
    assert results['f0/l1_semitones'] == pytest.approx(2.4 / 3, abs=1e-3)
    assert results['f0/raw_pitch_accuracy'] == 0.5
    assert results['f0/raw_chroma_accuracy'] == 0.5


def test_octaves_do_not_count_for_chroma():
    f0 = metrics.F0Metrics(16000, 250)
    batch = batch_of(220.0)
    f0.update_state(batch, batch['f0_hz'] / 2)
    assert f0.results()['f0/raw_pitch_accuracy'] == 0
    assert f0.results()['f0/raw_chroma_accuracy'] == 1
    assert f0.results()['f0/l1_semitones'] == pytest.approx(12, abs=1e-3)


def test_a_pitch_that_is_not_a_number_is_an_outlier():
    f0 = metrics.F0Metrics(16000, 250)
    batch = batch_of(220.0)
    f0.update_state(batch, batch['f0_hz'] * np.nan)
    assert f0.results()['f0/outlier_ratio'] == 1
    assert f0.results()['f0/raw_pitch_accuracy'] == 0


def test_tolerance_is_in_cents():
    f0 = metrics.F0Metrics(16000, 250, rpa_tolerance=30)
    batch = batch_of(220.0)
    predicted = batch['f0_hz'].copy()
    predicted[:, ::2] *= SEMITONE**0.4
    f0.update_state(batch, predicted)
    assert f0.results()['f0/raw_pitch_accuracy'] == 0.5


def test_only_sure_frames_count():
    f0 = metrics.F0Metrics(16000, 250)
    batch = batch_of(220.0, 330.0)
    batch['f0_confidence'][0, 5:] = 0.5
    batch['f0_confidence'][1] = 0.5
    predicted = batch['f0_hz'].copy()
    predicted[0, 5:] = 5000.0
    predicted[1] = 5000.0
    f0.update_state(batch, predicted)
    assert f0.results() == pytest.approx(
        {
            'f0/l1_semitones': 0,
            'f0/outlier_ratio': 0,
            'f0/raw_pitch_accuracy': 1,
            'f0/raw_chroma_accuracy': 1,
        }
    )


def test_nothing_sure_gives_no_numbers():
    f0 = metrics.F0Metrics(16000, 250)
    batch = batch_of(220.0, confidence=0.1)
    f0.update_state(batch, batch['f0_hz'])
    assert f0.results() == {}


def test_data_without_confidence():
    f0 = metrics.F0Metrics(16000, 250)
    batch = batch_of(220.0)
    del batch['f0_confidence']
    batch['f0_hz'][0, :4] = 0
    predicted = np.full([1, 20], 220.0)
    f0.update_state(batch, predicted)
    assert f0.results()['f0/raw_pitch_accuracy'] == 1


def test_predictions_at_another_frame_rate():
    f0 = metrics.F0Metrics(16000, 250)
    batch = batch_of(1.0)
    batch['f0_hz'][0] = np.repeat([200.0, 300.0, 400.0, 500.0], 5)
    f0.update_state(batch, np.array([[200.0, 300.0, 400.0, 500.0]]))
    assert f0.results()['f0/l1_semitones'] == 0


def test_prediction_of_no_pitch_is_wrong():
    f0 = metrics.F0Metrics(16000, 250)
    batch = batch_of(220.0)
    f0.update_state(batch, 0 * batch['f0_hz'])
    assert f0.results()['f0/raw_pitch_accuracy'] == 0
    assert f0.results()['f0/outlier_ratio'] == 1


@pytest.mark.parametrize('cls', [metrics.F0Metrics, metrics.F0CrepeMetrics])
def test_batches_that_cannot_be_compared(cls):
    with pytest.raises(KeyError, match='f0_hz'):
        cls(16000, 250).update_state({'loudness_db': [1]}, np.zeros([1, 1600]))
    with pytest.raises(ValueError, match=r'2 examples.* 1 were generated'):
        cls(16000, 250).update_state(batch_of(220.0, 1.0), np.zeros([1, 1600]))


def test_f0_of_generated_audio():
    n_frames = 100
    batch = batch_of(220.0, 220.0, 110.0, 220.0, 220.0, n_frames=n_frames)
    batch['f0_confidence'][4] = 0.2  # Noise, say: there is nothing to find again.
    played = [220.0, 220.0 * SEMITONE, 440.0, 0.0, 1000.0]
    n_samples = n_frames * 64
    audio = np.stack([tone(np.full(n_samples, f0)) for f0 in played])
    f0 = metrics.F0CrepeMetrics(16000, 250)
    f0.update_state(batch, audio)
    results = f0.results()
    # Of four, one is two octaves off and one is silent.
    assert results['f0_crepe/outlier_ratio'] == 0.5
    assert results['f0_crepe/l1_semitones'] == pytest.approx(0.5, abs=0.05)
    assert results['f0_crepe/raw_pitch_accuracy'] == pytest.approx(0.5, abs=0.02)
    assert results['f0_crepe/raw_chroma_accuracy'] == pytest.approx(0.75, abs=0.02)


def test_f0_of_both_audios_by_a_method_of_choice():
    audio = tone(np.full(8000, 220.0))[np.newaxis]
    f0 = metrics.F0CrepeMetrics(16000, 250, name='f0', method='pyin')
    f0.update_state({'audio': audio}, audio)
    assert f0.results()['f0/l1_semitones'] == 0
    with pytest.raises(ValueError, match='unknown method'):
        metrics.F0CrepeMetrics(16000, 250, method='ear').update_state(
            {'audio': audio}, audio
        )


def test_missing_mir_eval_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mir_eval.melody', None)
    batch = batch_of(220.0)
    with pytest.raises(ImportError, match=r"mir_eval.*pip install 'ddsp\[train\]'"):
        metrics.F0Metrics(16000, 250).update_state(batch, batch['f0_hz'])


def test_accuracies_are_means_over_examples():
    f0 = metrics.F0Metrics(16000, 250)
    batch = batch_of(220.0, 220.0, n_frames=100)
    batch['f0_confidence'][1, 1:] = 0.5
    predicted = batch['f0_hz'] * np.array([[1.0], [SEMITONE]])
    f0.update_state(batch, predicted)
    # Of 101 sure frames 100 are right, all of them in one example.
    assert f0.results()['f0/raw_pitch_accuracy'] == 0.5
    assert f0.results()['f0/raw_chroma_accuracy'] == 0.5
