from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_file_loader

from ddsp import losses, spectral_ops
from ddsp.training import metrics


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(size=(3, 8000)).astype('float32') * 0.1


def test_loudness_of_quieter_audio(noise):
    loudness = metrics.LoudnessMetrics(16000, 250)
    loudness.update_state({'audio': noise}, noise * 0.5)
    assert loudness.results()['loudness/l1_db'] == pytest.approx(
        20 * math.log10(2), abs=1e-3
    )


def test_loudness_in_deviations(noise):
    # Levels that alternate deviate as far as they are from their mean.
    quiet_and_loud = noise * np.repeat([1.0, 0.1], 4000).astype('float32')
    loudness = metrics.LoudnessMetrics(16000, 250)
    loudness.update_state({'audio': quiet_and_loud}, quiet_and_loud * 10)
    results = loudness.results()
    assert results['loudness/l1_db'] == pytest.approx(20.0, abs=1e-2)
    db = spectral_ops.compute_loudness(quiet_and_loud)
    expected = 20.0 / np.std(db.numpy().astype('float64'))
    assert results['loudness/l1_deviations'] == pytest.approx(expected, rel=1e-3)


def test_loudness_that_the_data_tells(noise):
    db = spectral_ops.compute_loudness(noise).numpy()[:, :-1, np.newaxis]
    loudness = metrics.LoudnessMetrics(16000, 250, name='ld')
    loudness.update_state({'loudness_db': db + 3.0}, noise[..., np.newaxis])
    assert loudness.results()['ld/l1_db'] == pytest.approx(3.0, abs=1e-4)


def test_loudness_needs_something_to_compare(noise):
    loudness = metrics.LoudnessMetrics(16000, 250)
    with pytest.raises(KeyError, match=r'neither.*f0_hz'):
        loudness.update_state({'f0_hz': noise}, noise)
    with pytest.raises(ValueError, match=r'3 examples.* 2 were generated'):
        loudness.update_state({'audio': noise}, noise[:2])


def test_mean_over_batches_weighs_examples_alike(noise):
    loudness = metrics.LoudnessMetrics(16000, 250)
    loudness.update_state({'audio': noise[:2]}, noise[:2])
    loudness.update_state({'audio': noise[2:]}, noise[2:] * 0.5)
    expected = 20 * math.log10(2) / 3
    assert loudness.results()['loudness/l1_db'] == pytest.approx(expected, abs=1e-3)


def test_spectral_distance_is_the_loss_of_this_library(noise):
    spectral = metrics.SpectralMetrics(16000, 250)
    spectral.update_state({'audio': noise[:2]}, noise[1:])
    spectral.update_state({'audio': noise[:1]}, noise[:1, :7000])
    both = losses.SpectralLoss(logmag_weight=1.0)
    only = losses.SpectralLoss(mag_weight=1.0)
    results = spectral.results()
    total = 2 / 3 * float(both(noise[:2], noise[1:]))
    magnitude = 2 / 3 * float(only(noise[:2], noise[1:]))
    assert results['spectral/total'] == pytest.approx(total, rel=1e-5)
    assert results['spectral/mag'] == pytest.approx(magnitude, rel=1e-5)
    assert results['spectral/logmag'] == pytest.approx(total - magnitude, rel=1e-5)


def test_spectral_distance_needs_audio(noise):
    with pytest.raises(KeyError, match="no 'audio'"):
        metrics.SpectralMetrics(16000, 250).update_state({}, noise)


def test_flush_gives_writes_prints_and_forgets(noise, tmp_path, capsys):
    loudness = metrics.LoudnessMetrics(16000, 250)
    loudness.update_state({'audio': noise}, noise * 0.5)
    expected = loudness.results()
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        flushed = loudness.flush(7)
    assert flushed == expected
    assert 'step 7: loudness/l1_db 6.02' in capsys.readouterr().out
    assert loudness.results() == {} == loudness.flush(8)
    (path,) = tmp_path.iterdir()
    written = {
        value.tag: (event.step, float(tf.make_ndarray(value.tensor)))
        for event in event_file_loader.EventFileLoader(str(path)).Load()
        for value in event.summary.value
    }
    step, value = written['metrics/loudness/l1_db']
    assert step == 7 and value == pytest.approx(flushed['loudness/l1_db'])
