from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from ddsp import effects, processors, synths
from ddsp.training.fit.decoder import FitDecoder
from ddsp.training.fit.features import Features, measure_f0
from ddsp.training.fit.model import FitModel
from ddsp.training.fit.render import controls_of, render, warp_harmonics
from ddsp.training.fit.settings import FitSettings


def make_features(seconds: float) -> Features:
    n_frames = round(seconds * 250)
    t = np.arange(n_frames) / 250
    return Features(
        audio=np.zeros(n_frames * 64, np.float32),
        f0_hz=(220 * 2 ** (0.3 * np.sin(2 * t))).astype('float32'),
        f0_confidence=np.ones(n_frames, np.float32),
        loudness_db=(-20 + 10 * np.sin(3 * t)).astype('float32'),
        sample_rate=16000,
        frame_rate=250,
    )


def make_model(*, noise: bool) -> FitModel:
    keras.utils.set_random_seed(0)
    inputs = ['amplitudes', 'harmonic_distribution', 'f0_hz']
    dag = [(synths.Harmonic(n_samples=None), inputs)]
    if noise:
        dag.append((synths.FilteredNoise(n_samples=None), ['noise_magnitudes']))
        dag.append((processors.Add(), ['filtered_noise/signal', 'harmonic/signal']))
    reverb = effects.FilteredNoiseReverb(
        trainable=True, reverb_length=2000, n_frames=20, seed=0, initial_bias=-2.0
    )
    dag.append((reverb, ['add/signal' if noise else 'harmonic/signal']))
    splits = [('amplitudes', 1), ('harmonic_distribution', 20), ('noise_magnitudes', 9)]
    decoder = FitDecoder(splits, channels=8, dilations=(1, 2, 4))
    decoder.build()
    # Controls that change as much as after training.
    decoder.outlet.kernel.assign(decoder.outlet.kernel * 300.0)
    group = processors.ProcessorGroup(dag=dag)
    return FitModel(decoder, group, keras.layers.Layer())


@pytest.fixture(scope='module')
def model():
    return make_model(noise=False)


@pytest.fixture(scope='module')
def features():
    return make_features(9.0)


@pytest.fixture(scope='module')
def whole(model, features):
    return render(model, features, FitSettings())


def test_it_is_as_long_as_the_recording(whole, features):
    assert whole.shape == features.audio.shape
    assert whole.dtype == np.float32
    assert np.abs(whole).max() > 0.01


@pytest.mark.parametrize('block_seconds', [0.9, 2.0, 3.1])
def test_blocks_join_without_a_seam(model, features, whole, block_seconds):
    settings = FitSettings(block_seconds=block_seconds)
    in_blocks = render(model, features, settings)
    error = in_blocks - whole
    # What is left is bent f0 rounded to float32: a millionth of a cycle at each join,
    # times the number of the harmonic.
    snr_db = 10 * np.log10(np.sum(whole**2.0) / np.sum(error**2.0))
    assert snr_db > 60


def test_noise_goes_on_through_a_join():
    features = dataclasses.replace(make_features(4.0), f0_hz=np.full(1000, 9000.0, 'f'))
    audio = render(make_model(noise=True), features, FitSettings(block_seconds=1.0))
    # All harmonics are above Nyquist: what is left is noise.
    level = np.sqrt(np.mean(audio.reshape(-1, 320) ** 2, axis=1))
    assert level.min() > 0.3 * np.median(level)


def test_silence_stays_silent(model, features):
    silent = dataclasses.replace(features, loudness_db=np.full(2250, -80, np.float32))
    audio = render(model, silent, FitSettings())
    assert audio.shape == features.audio.shape
    assert not audio.any()


@pytest.mark.parametrize('semitones', [-5, 5, 12])
def test_transposing_moves_f0(model, features, semitones):
    audio = render(model, features, FitSettings(), semitones=semitones)
    f0_hz, _ = measure_f0(audio, 16000, 250, 'swift-f0')
    inner = slice(100, -100)
    cents = 1200 * np.log2(f0_hz / features.f0_hz)[inner]
    np.testing.assert_allclose(cents, 100 * semitones, atol=30)


def test_harmonics_take_the_strength_at_their_new_frequency():
    raw = tf.constant(np.log(np.arange(1, 9))[None, None], tf.float32)
    np.testing.assert_allclose(warp_harmonics(raw, 1.0), raw)
    octave = warp_harmonics(raw, 2.0)
    np.testing.assert_allclose(octave[0, 0, :4], np.log([2, 4, 6, 8]), rtol=1e-6)
    # Beyond the last harmonic its strength is held.
    np.testing.assert_allclose(octave[0, 0, 4:], np.log(8), rtol=1e-6)
    lower = warp_harmonics(raw, 0.5)[0, 0]
    np.testing.assert_allclose(lower[1], raw[0, 0, 0])
    np.testing.assert_allclose(lower[2], raw[0, 0, :2].numpy().mean(), rtol=1e-6)


def test_controls_are_those_of_each_processor(model, features):
    controls = controls_of(model, features, 100)
    assert set(controls) >= {'harmonic', 'filtered_noise_reverb'}
    assert controls['harmonic']['harmonic_distribution'].shape == (100, 20)
    np.testing.assert_allclose(
        controls['harmonic']['f0_hz'][:, 0], features.f0_hz[:100], rtol=1e-6
    )
