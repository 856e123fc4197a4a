from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import ddsp
from ddsp.training import preprocessing

FRAMES, RATE, FRAME_RATE = 50, 16000, 250
SAMPLES = FRAMES * RATE // FRAME_RATE
TONE = np.sin(2 * np.pi * 1000 / RATE * np.arange(SAMPLES)).astype(np.float32)


def features(frames: int = FRAMES) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    time = np.arange(frames) / frames
    return {
        'audio': rng.normal(0, 0.1, [2, SAMPLES]).astype(np.float32),
        'f0_hz': np.stack([220 * 2**time, 440 * 2**time]).astype(np.float32),
        'loudness_db': np.stack([-60 * time, -30 * time]).astype(np.float32),
    }


def test_scales_are_fractions_of_their_ranges():
    np.testing.assert_allclose(
        preprocessing.scale_db(np.array([-80.0, -40, 0])), [0, 0.5, 1]
    )
    np.testing.assert_allclose(
        preprocessing.scale_f0_hz([440.0, 220.0]), [69 / 127, 57 / 127]
    )
    db, hz = np.array([-71.0, 3.0]), np.array([30.0, 5000.0])
    np.testing.assert_allclose(
        preprocessing.inv_scale_db(preprocessing.scale_db(db)), db
    )
    back = preprocessing.inv_scale_f0_hz(preprocessing.scale_f0_hz(hz))
    np.testing.assert_allclose(back, hz, rtol=1e-5)


@pytest.mark.parametrize('kind', [list, tuple])
def test_scales_of_lists(kind):
    db, hz = kind([-71.0, 3.0]), kind([30.0, 5000.0])
    scaled_db = kind(preprocessing.scale_db(db).numpy().tolist())
    scaled_hz = kind(preprocessing.scale_f0_hz(hz).numpy().tolist())
    np.testing.assert_allclose(preprocessing.inv_scale_db(scaled_db), db, rtol=1e-5)
    np.testing.assert_allclose(preprocessing.inv_scale_f0_hz(scaled_hz), hz, rtol=1e-5)
    for cls in (
        preprocessing.F0LoudnessPreprocessor,
        preprocessing.F0PowerPreprocessor,
    ):
        back = cls.invert_scaling(scaled_hz, scaled_db)
        np.testing.assert_allclose(back[0], hz, rtol=1e-5)
        np.testing.assert_allclose(back[1], db, rtol=1e-5)


def test_numbers_and_arrays_stay_what_they_are():
    assert isinstance(preprocessing.inv_scale_db(0.75), float)
    scaled = preprocessing.scale_db(np.array([-20.0]))
    assert isinstance(scaled, np.ndarray)
    assert scaled.dtype == np.float64


def test_at_least_three_axes():
    assert preprocessing.at_least_3d(tf.zeros([2, 5])).shape == (2, 5, 1)
    assert preprocessing.at_least_3d(tf.zeros([2, 5, 3])).shape == (2, 5, 3)


def test_f0_and_loudness_of_the_data():
    layer = preprocessing.F0LoudnessPreprocessor(FRAMES, compute_loudness=False)
    given = features()
    found = layer(given)
    assert list(found) == ['f0_hz', 'loudness_db', 'f0_scaled', 'ld_scaled']
    np.testing.assert_array_equal(found['f0_hz'][..., 0], given['f0_hz'])
    np.testing.assert_array_equal(found['loudness_db'][..., 0], given['loudness_db'])
    midi = ddsp.core.hz_to_midi(given['f0_hz'])
    np.testing.assert_allclose(found['f0_scaled'][..., 0], midi / 127, rtol=1e-5)
    scaled = given['loudness_db'] / 80 + 1
    np.testing.assert_allclose(found['ld_scaled'][..., 0], scaled, atol=1e-6)
    hz, db = layer.invert_scaling(found['f0_scaled'], found['ld_scaled'])
    np.testing.assert_allclose(hz, found['f0_hz'], rtol=1e-5)
    np.testing.assert_allclose(db, found['loudness_db'], atol=1e-4)


def test_loudness_of_the_audio():
    layer = preprocessing.F0LoudnessPreprocessor(FRAMES)
    given = {**features(), 'audio': np.tile(TONE, [2, 1])}
    found = layer(given)['loudness_db']
    expected = ddsp.spectral_ops.compute_loudness(given['audio'], RATE, FRAME_RATE)
    middle = slice(10, 40)
    np.testing.assert_allclose(found[:, middle, 0], expected[:, middle], atol=0.05)
    assert np.abs(found[..., 0] - given['loudness_db']).max() > 5


@pytest.mark.parametrize('frames', [FRAMES // 2, FRAMES + 1, 2 * FRAMES])
def test_other_lengths_are_resampled(frames):
    layer = preprocessing.F0LoudnessPreprocessor(FRAMES, compute_loudness=False)
    found = layer(features(frames))
    assert all(x.shape == (2, FRAMES, 1) for x in found.values())
    line = -30 * np.arange(FRAMES) / FRAMES
    np.testing.assert_allclose(found['loudness_db'][1, :-4, 0], line[:-4], atol=1.3)


def test_power_is_that_of_the_data_or_of_the_audio():
    layer = preprocessing.F0PowerPreprocessor(FRAMES)
    given = features()
    power_db = np.full([2, FRAMES], -20.0, np.float32)
    found = layer({**given, 'power_db': power_db})
    assert list(found) == ['f0_hz', 'pw_db', 'f0_scaled', 'pw_scaled']
    np.testing.assert_allclose(found['pw_scaled'], np.full([2, FRAMES, 1], 0.75))
    audio = np.full([2, SAMPLES], 0.1, np.float32)
    found = layer({**given, 'audio': audio})
    np.testing.assert_allclose(found['pw_db'][:, 2:-2], -20.0, atol=1e-3)
    hz, db = layer.invert_scaling(found['f0_scaled'], found['pw_scaled'])
    np.testing.assert_allclose(hz, found['f0_hz'], rtol=1e-5)
    np.testing.assert_allclose(db, found['pw_db'], atol=1e-4)


@pytest.mark.parametrize('padding, frames', [('center', FRAMES + 1), ('same', FRAMES)])
def test_online_power(padding, frames):
    layer = preprocessing.OnlineF0PowerPreprocessor(
        frame_size=256, padding=padding, compute_f0=False
    )
    given = {
        'audio': np.full([2, SAMPLES], 0.1),
        'f0_hz': np.full([2, frames], 440.0),
    }
    found = layer(given)
    assert list(found) == ['f0_hz', 'pw_db', 'f0_scaled', 'pw_scaled']
    assert all(x.shape == (2, frames, 1) for x in found.values())
    np.testing.assert_allclose(found['pw_db'][:, 5:-5], -20.0, atol=1e-3)
    np.testing.assert_allclose(found['f0_scaled'], 69 / 127, rtol=1e-6)
    # Of audio at another rate there is a version at 16 kHz.
    other = {**given, 'audio': np.ones([2, 3 * SAMPLES]), 'audio_16k': given['audio']}
    np.testing.assert_array_equal(layer(other)['pw_db'], found['pw_db'])


class Stub(keras.layers.Layer):
    """In place of CREPE, whose weights may not be there."""

    def __init__(self, model_size_or_path, hop_size):
        super().__init__()
        self.hop_size = hop_size

    def predict_f0_and_confidence(self, audio, viterbi, padding):
        assert (viterbi, padding) == (True, 'same')
        shape = [audio.shape[0], audio.shape[1] // self.hop_size]
        return tf.fill(shape, 220.0), tf.ones(shape)


def test_online_f0(monkeypatch):
    monkeypatch.setattr(ddsp.spectral_ops, 'PretrainedCREPE', Stub, raising=False)
    layer = preprocessing.OnlineF0PowerPreprocessor(
        frame_rate=125, padding='same', compute_power=False, viterbi=True
    )
    given = {'audio': np.zeros([2, SAMPLES]), 'pw_db': np.full([2, FRAMES // 2], -40.0)}
    found = layer(given)
    np.testing.assert_allclose(found['f0_hz'], np.full([2, FRAMES // 2, 1], 220.0))
    np.testing.assert_allclose(found['pw_scaled'], 0.5)
    assert not layer.trainable_variables


LAYERS = [
    preprocessing.F0LoudnessPreprocessor(FRAMES),
    preprocessing.F0PowerPreprocessor(FRAMES, frame_size=128),
    preprocessing.OnlineF0PowerPreprocessor(compute_f0=False, padding='same'),
]


@pytest.mark.parametrize('layer', LAYERS, ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize('jit', [False, True])
def test_unknown_sizes_and_configuration(layer, jit):
    given = features()
    signature = {key: tf.TensorSpec([None, None]) for key in given}
    config = json.loads(json.dumps(layer.get_config()))
    again = type(layer).from_config(config)
    run = tf.function(again, input_signature=[signature], jit_compile=jit)
    found = run({key: tf.constant(value) for key, value in given.items()})
    for key, value in layer(given).items():
        np.testing.assert_allclose(found[key], value, rtol=1e-4, atol=1e-4)


def test_a_mixed_policy_changes_nothing():
    given = features()
    expected = LAYERS[0](given)
    keras.mixed_precision.set_dtype_policy('mixed_float16')
    found = preprocessing.F0LoudnessPreprocessor(FRAMES)(given)
    for key, value in found.items():
        assert value.dtype == tf.float32
        np.testing.assert_array_equal(value, expected[key])


@pytest.mark.parametrize(
    'layer, given, message',
    [
        (LAYERS[0], ('f0_hz', 'loudness_db'), "'audio' is missing: compute_loudness"),
        (LAYERS[0], ('audio', 'f0_hz'), "'loudness_db' is missing"),
        (LAYERS[1], ('f0_hz',), "'audio' is missing: there is no power_db"),
        (LAYERS[2], ('audio',), "'f0_hz' is missing"),
    ],
)
def test_mistakes(layer, given, message):
    with pytest.raises(ValueError, match=message):
        layer({key: features()[key] for key in given})
