from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ddsp import audio_files, core, pitch, recordings
from ddsp.training.data_preparation import synthetic_data
from ddsp.training.encoders import BandSinusoidalEncoder, SalienceHarmonicEncoder
from ddsp.training.inverse_pitch import (
    Confidence,
    confidence,
    load_confidence,
    load_weights,
    save_weights,
    weights,
)

RATE = 16000


def tone(f0_hz: np.ndarray, n_harmonics: int = 8) -> np.ndarray:
    phase = 2 * np.pi * np.cumsum(f0_hz / RATE)
    numbers = np.arange(1, n_harmonics + 1)
    parts = np.sin(phase[:, None] * numbers) * (f0_hz[:, None] * numbers < RATE / 2)
    return (0.3 * (parts / numbers).sum(-1)).astype(np.float32)


def cents(f0_hz: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return 1200 * np.abs(np.log2(f0_hz / truth))


@pytest.mark.parametrize('frequency', [70.0, 110.0, 440.0, 1234.5])
def test_steady_tones(frequency) -> None:
    audio = tone(np.full(RATE, frequency))
    f0_hz, confidence = pitch.estimate_f0(audio, RATE, method='ddsp-inv')
    assert f0_hz.shape == confidence.shape == (251,)
    middle = slice(20, 230)
    assert np.median(cents(f0_hz[middle], frequency)) < 25
    assert confidence[middle].min() > 0.3


def test_it_follows_a_glide() -> None:
    truth = 220.0 * 2.0 ** (np.arange(2 * RATE) / RATE)
    f0_hz, _ = pitch.estimate_f0(tone(truth), RATE, method='ddsp-inv')
    at = truth[np.minimum(np.arange(len(f0_hz)) * 64, len(truth) - 1)]
    assert np.mean(cents(f0_hz, at)[20:-20] < 50) > 0.95


def test_synthetic_notes_that_training_has_not_seen() -> None:
    notes = synthetic_data.generate_notes_v2(
        24, 32, n_harmonics=32, midi_min=36.0, midi_max=94.0, seed=(4, 4)
    )
    model = load_weights()
    audio = model.generate_synthetic_audio(notes)
    heard = model.forward({'audio': audio}, training=False)
    apart = core.hz_to_midi(heard['f0_hz_pred']) - core.hz_to_midi(notes['f0_hz'])
    sounding = notes['harm_amp'].numpy() > 1e-3
    assert np.mean(np.abs(apart)[sounding] < 0.5) > 0.88


def test_singing_agrees_with_the_default_estimator() -> None:
    audio = audio_files.load_audio(recordings.singing_path(), RATE)[: 6 * RATE]
    f0_hz, _ = pitch.estimate_f0(audio, RATE, method='ddsp-inv')
    reference, confidence = pitch.estimate_f0(audio, RATE)
    sure = confidence > 0.9
    assert sure.sum() > 100
    assert np.mean(cents(f0_hz, reference)[sure] < 50) > 0.85


def test_silence_and_noise_are_no_notes() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    audio = np.concatenate([tone(np.full(RATE, 300.0)), np.zeros(RATE), noise])
    _, confidence = pitch.estimate_f0(audio, RATE, method='ddsp-inv')
    assert confidence[30:220].min() > 0.3
    assert confidence[280:470].max() < 0.05
    assert np.median(confidence[530:]) < 0.3


def test_frequencies_are_read_off_the_phase() -> None:
    encoder = BandSinusoidalEncoder()
    frequency = 1003.7
    audio = 0.3 * np.sin(2 * np.pi * frequency * np.arange(8192) / RATE)
    magnitudes, deviation = encoder._reassigned(tf.constant(audio[None], tf.float32))
    bands = encoder._in_bands(magnitudes, deviation)
    read = core.frequencies_linear_bands(bands).numpy()[0, 8]
    assert abs(read[int(frequency // 62.5)] - frequency) < 0.05


def test_linear_bands_share_the_range() -> None:
    middles = core.frequencies_linear_bands(np.zeros([1, 1, 4])).numpy()[0, 0]
    np.testing.assert_allclose(middles, [1000, 3000, 5000, 7000])
    far = core.frequencies_linear_bands(np.full([1, 1, 4], 9.0), reach=1.0)
    np.testing.assert_allclose(far[0, 0], [2000, 4000, 6000, 8000], rtol=1e-5)


def test_gradients_are_finite_at_silence_and_with_coincident_partials() -> None:
    ear, finder = BandSinusoidalEncoder(), SalienceHarmonicEncoder()
    silence = tf.zeros([1, 4096])
    with tf.GradientTape() as tape:
        tape.watch(silence)
        heard = ear({'audio': silence})
        freqs = tf.fill(tf.shape(heard['frequencies']), 440.0)
        amps = core.exp_sigmoid(heard['amplitudes'])
        tape.watch([freqs, amps])
        found = finder({'sin_freqs': freqs, 'sin_amps': amps})
        total = tf.add_n([tf.reduce_sum(x) for x in found.values()] + finder.losses)
    for gradient in tape.gradient(total, [silence, freqs, amps]):
        assert np.isfinite(gradient).all()


def test_weights_go_to_a_file_and_back(tmp_path) -> None:
    model = load_weights()
    sure = Confidence(1.0, 2.0, 3.0, 4.0)
    save_weights(model, tmp_path / 'weights.npz', sure)
    again = load_weights(tmp_path / 'weights.npz')
    assert load_confidence(tmp_path / 'weights.npz') == sure
    audio = {'audio': tone(np.full(4096, 330.0))[None]}
    np.testing.assert_array_equal(
        model.forward(audio, training=False)['f0_hz_pred'],
        again.forward(audio, training=False)['f0_hz_pred'],
    )
    assert weights.SHIPPED.stat().st_size < 100_000


def test_weights_of_another_model_are_refused(tmp_path) -> None:
    np.savez(tmp_path / 'other.npz', kernel=np.zeros(3))
    with pytest.raises(ValueError, match='weights of another model'):
        load_weights(tmp_path / 'other.npz')
    with pytest.raises(ValueError, match='holds no confidence'):
        load_confidence(tmp_path / 'other.npz')


def test_confidence_is_how_often_it_is_right() -> None:
    notes = synthetic_data.generate_notes_v2(
        32,
        n_timesteps=32,
        n_harmonics=32,
        p_silent=0.3,
        midi_min=36.0,
        midi_max=94.0,
        seed=(7, 7),
    )
    model = load_weights()
    audio = model.generate_synthetic_audio(notes)
    audio /= tf.reduce_max(tf.abs(audio), axis=1, keepdims=True)
    heard = {name: x.numpy() for name, x in confidence.hear(model, audio).items()}
    apart = 12 * np.log2(heard.pop('f0_hz') / notes['f0_hz'].numpy()[..., 0])
    right = (np.abs(apart) < 0.5) & (notes['harm_amp'].numpy()[..., 0] > 5e-5)
    sure = load_confidence().of(**heard)
    assert sure.min() >= 0 and sure.max() <= 1
    assert right[sure > 0.9].mean() > 0.9 and right[sure < 0.1].mean() < 0.2
    assert abs(sure.mean() - right.mean()) < 0.08
    # Rests and what is not heard right are few of those that it is sure of.
    assert 0.3 < (sure > 0.9).mean() < 0.9


def test_the_regression_finds_what_made_the_odds() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([1.0, -0.5, 2.0, 0.7])
    rows = rng.normal(size=[20000, 3])
    odds = rows @ truth[:3] + truth[3]
    right = rng.random(len(rows)) < 1 / (1 + np.exp(-odds))
    np.testing.assert_allclose(confidence._logistic(rows, right), truth, atol=0.1)
