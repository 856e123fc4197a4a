from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from ddsp.training.fit.decoder import FitDecoder


def inputs(n_frames: int, batch: int = 1, seed: int = 0) -> dict[str, tf.Tensor]:
    rng = np.random.default_rng(seed)
    shape = (batch, n_frames, 1)
    return {
        'f0_hz': tf.constant(rng.uniform(100, 400, shape), tf.float32),
        'loudness_db': tf.constant(rng.uniform(-60, 0, shape), tf.float32),
    }


@pytest.fixture(scope='module')
def decoder():
    decoder = FitDecoder([('loud', 1), ('colour', 7)], channels=8, dilations=(1, 2, 4))
    example = inputs(500)
    decoder.adapt(np.ravel(example['f0_hz']), np.ravel(example['loudness_db']))
    # As far from 0 as after training.
    decoder.outlet.kernel.assign(decoder.outlet.kernel * 300.0)
    return decoder


def test_an_untrained_decoder_leaves_all_to_the_processors():
    controls = FitDecoder()(**inputs(100))
    assert all(np.abs(x).max() < 0.1 for x in controls.values())


def test_controls_have_their_names_and_sizes(decoder):
    controls = decoder(**inputs(30, batch=2))
    assert {name: x.shape for name, x in controls.items()} == {
        'loud': (2, 30, 1),
        'colour': (2, 30, 7),
    }


def test_a_frame_sees_its_context_and_no_more(decoder):
    assert decoder.n_context_frames == 7
    features = inputs(61)
    changed = dict(features)
    frame = tf.reshape(tf.cast(tf.range(61) == 30, tf.float32), [1, 61, 1])
    changed['loudness_db'] = features['loudness_db'] + 5 * frame
    before, after = (decoder(**x)['colour'][0] for x in (features, changed))
    moved = np.abs(before - after).max(axis=-1) > 1e-6
    np.testing.assert_array_equal(np.flatnonzero(moved), np.arange(23, 38))


def test_a_part_is_decoded_like_the_whole(decoder):
    features = inputs(200)
    whole = decoder(**features)['colour'][:, 50:100]
    part = decoder(**{k: v[:, 43:107] for k, v in features.items()})['colour'][:, 7:-7]
    np.testing.assert_allclose(whole, part, atol=1e-5)


def test_it_is_adapted_to_the_recording():
    decoder = FitDecoder()
    f0_hz = 220 * 2 ** (np.random.default_rng(0).normal(size=5000) / 4)
    loudness_db = np.random.default_rng(1).normal(-30, 10, 5000)
    decoder.adapt(f0_hz, loudness_db)
    np.testing.assert_allclose(decoder.center, [57, -30], atol=0.5)
    np.testing.assert_allclose(decoder.spread, [3, 10], rtol=0.05)


def test_one_note_at_one_level_does_not_divide_by_zero():
    decoder = FitDecoder()
    decoder.adapt(np.full(10, 440.0), np.full(10, -20.0))
    controls = decoder(
        f0_hz=tf.fill([1, 10, 1], 440.0), loudness_db=tf.zeros([1, 10, 1])
    )
    assert all(np.isfinite(x).all() for x in controls.values())


@pytest.mark.parametrize('jit', [False, True])
def test_unknown_sizes(decoder, jit):
    spec = tf.TensorSpec([None, None, 1], tf.float32)

    @tf.function(input_signature=[spec, spec], jit_compile=jit)
    def run(f0_hz, loudness_db):
        return decoder(f0_hz=f0_hz, loudness_db=loudness_db)

    features = inputs(40, batch=3)
    expected = decoder(**features)
    found = run(features['f0_hz'], features['loudness_db'])
    np.testing.assert_allclose(found['colour'], expected['colour'], atol=1e-5)


def test_configuration_round_trip(decoder):
    config = keras.saving.serialize_keras_object(decoder)
    again = keras.saving.deserialize_keras_object(config)
    assert isinstance(again, FitDecoder)
    again(**inputs(5))
    again.set_weights(decoder.get_weights())
    features = inputs(40)
    np.testing.assert_array_equal(
        again(**features)['loud'], decoder(**features)['loud']
    )


@pytest.mark.parametrize(
    'arguments, message',
    [
        ({'output_splits': []}, 'output_splits'),
        ({'output_splits': [('a', 0)]}, 'output_splits'),
        ({'channels': 0}, 'channels 0'),
        ({'dilations': [1, 0]}, 'above 0'),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        FitDecoder(**arguments)
