from __future__ import annotations

import json
import pathlib
from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from layer_testing import Case, check_function, check_gradients, check_jit, check_save

from ddsp import core
from ddsp.training import decoders, nn

BATCH, FRAMES = 2, 7
SPLITS = (('amps', 1), ('harmonic_distribution', 4))


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


FEATURES = {
    'ld_scaled': noise(BATCH, FRAMES, 1),
    'f0_scaled': noise(BATCH, FRAMES, 1, seed=1),
    'z': noise(BATCH, FRAMES, 3, seed=2),
}
PITCH = np.array([[60.0, 60, 0, 0, 69, 69, 69]] * 2, np.float32)[..., None]


def rnn_fc(**kwargs) -> decoders.RnnFcDecoder:
    kwargs = {'rnn_channels': 5, 'ch': 6, 'layers_per_stack': 1, **kwargs}
    return decoders.RnnFcDecoder(output_splits=SPLITS, **kwargs)


def dilated(**kwargs) -> decoders.DilatedConvDecoder:
    kwargs = {'ch': 4, 'layers_per_stack': 2, 'stacks': 1, **kwargs}
    return decoders.DilatedConvDecoder(output_splits=SPLITS, **kwargs)


def conv_net(**kwargs) -> nn.DilatedConvStack:
    return nn.DilatedConvStack(ch=4, layers_per_stack=2, stacks=1, **kwargs)


MAKERS: dict[str, tuple[Callable, dict[str, np.ndarray]]] = {
    'rnn': (rnn_fc, FEATURES),
    'lstm': (lambda: rnn_fc(rnn_type='lstm'), FEATURES),
    'stateless': (
        lambda: rnn_fc(stateless=True),
        {**FEATURES, 'state': noise(BATCH, 5, seed=3)},
    ),
    'dilated': (dilated, FEATURES),
    'plain dilated': (lambda: dilated(conditioning_keys=None), FEATURES),
    'preconditioned': (
        lambda: dilated(precondition_stack=nn.FcStackOut(5, 1, 2)),
        FEATURES,
    ),
    'midi': (lambda: decoders.MidiDecoder(conv_net()), {'z_pitch': PITCH}),
    'midi with z': (
        lambda: decoders.MidiDecoder(conv_net(conditional=True), norm=False),
        {'z_pitch': PITCH, 'z': FEATURES['z']},
    ),
    'midi to harmonic': (
        lambda: decoders.MidiToHarmonicDecoder(conv_net(), use_velocity=True),
        {'z_pitch': PITCH, 'z_vel': 60 + PITCH},
    ),
}


def case_of(name: str) -> Case:
    make, inputs = MAKERS[name]
    layer = make()
    needed = {k: v for k, v in inputs.items() if k in layer.all_input_keys}
    return Case(make, needed, gradients=list(needed), takes_dictionary=True)


# XLA has no LSTM of Keras's with unknown sizes; it is not what the library is about.
@pytest.mark.parametrize('name', [name for name in MAKERS if name != 'lstm'])
def test_compiled(name, tmp_path):
    check_jit(case_of(name), tmp_path)


@pytest.mark.parametrize('name', MAKERS)
@pytest.mark.parametrize('check', [check_function, check_save])
def test_in_a_function_and_in_files(name, check, tmp_path):
    check(case_of(name), tmp_path)


@pytest.mark.parametrize('name', ['rnn', 'stateless', 'dilated', 'midi to harmonic'])
def test_gradients(name, tmp_path):
    if name == 'midi to harmonic':
        inputs = {'z_pitch': np.full_like(PITCH, 60.0), 'z_vel': 60 + PITCH}
        make = MAKERS[name][0]
        case = Case(make, inputs, gradients=list(inputs), takes_dictionary=True)
    else:
        case = case_of(name)
    check_gradients(case, tmp_path)


@pytest.mark.parametrize('name', MAKERS)
def test_configuration(name: str, tmp_path: pathlib.Path):
    make, inputs = MAKERS[name]
    layer = make()
    config = json.loads(json.dumps(layer.get_config()))
    again = type(layer).from_config(config)
    expected = layer(dict(inputs))
    assert again.all_input_keys == layer.all_input_keys
    again(dict(inputs))
    again.set_weights(layer.get_weights())
    for key, value in again(dict(inputs)).items():
        np.testing.assert_allclose(value, expected[key], rtol=1e-5)


def test_rnn_fc_is_wired_as_documented():
    decoder = rnn_fc()
    found = decoder(FEATURES)
    stacks = [stack(FEATURES[k]) for stack, k in zip(decoder.input_stacks, FEATURES)]
    x = decoder.rnn(tf.concat(stacks, -1))
    x = decoder.out_stack(tf.concat([*stacks, x], -1))
    x = decoder.dense_out(x)
    np.testing.assert_allclose(found['amps'], x[..., :1], atol=1e-6)
    np.testing.assert_allclose(found['harmonic_distribution'], x[..., 1:], atol=1e-6)
    assert len(decoder.input_stacks) == 3
    assert len(decoder.out_stack.layers) == 1
    assert decoder.rnn.rnn.cell.kernel.shape == (18, 15)
    assert decoder.output_keys == ['amps', 'harmonic_distribution']


def test_without_dense_layers_the_inputs_go_straight_in():
    decoder = rnn_fc(layers_per_stack=0, input_keys=['ld_scaled', 'f0_scaled'])
    decoder(FEATURES)
    assert decoder.rnn.rnn.cell.kernel.shape == (2, 15)
    assert decoder.dense_out.kernel.shape == (7, 5)


@pytest.mark.parametrize('rnn_type', ['gru', 'lstm'])
def test_a_stream_of_frames_is_the_whole(rnn_type):
    whole = rnn_fc(rnn_type=rnn_type)
    expected = whole(FEATURES)
    stream = rnn_fc(rnn_type=rnn_type, stateless=True)
    state = tf.zeros([BATCH, stream.state_dims])
    stream({**FEATURES, 'state': state})
    stream.set_weights(whole.get_weights())
    assert stream.output_keys == ['amps', 'harmonic_distribution', 'state']
    for i in range(FRAMES):
        frame = {key: value[:, i : i + 1] for key, value in FEATURES.items()}
        found = stream({**frame, 'state': state})
        state = found['state']
        np.testing.assert_allclose(
            found['amps'][:, 0], expected['amps'][:, i], atol=1e-5
        )


@pytest.mark.parametrize('make', [rnn_fc, dilated])
def test_controls_stay_float32_in_mixed_precision(make):
    expected = make()
    expected(FEATURES)
    keras.mixed_precision.set_dtype_policy('mixed_bfloat16')
    mixed = make()
    mixed(FEATURES)
    mixed.set_weights(expected.get_weights())
    keras.mixed_precision.set_dtype_policy('float32')
    for key, value in mixed(FEATURES).items():
        assert value.dtype == tf.float32
        np.testing.assert_allclose(value, expected(FEATURES)[key], atol=0.1)


def test_the_frame_rate_grows():
    decoder = dilated(
        stacks=2, resample_stride=3, stacks_per_resample=2, conditioning_keys=None
    )
    assert decoder(FEATURES)['amps'].shape == (BATCH, 3 * FRAMES, 1)


def test_a_condition_has_a_say():
    decoder = dilated(ortho_init=True)
    assert decoder.all_input_keys == ['ld_scaled', 'f0_scaled', 'z']
    other = {**FEATURES, 'z': -FEATURES['z']}
    assert np.abs(decoder(FEATURES)['amps'] - decoder(other)['amps']).max() > 1e-3


def silent_net():
    """Gives zeros, so that only what is added to the network's outputs remains."""
    net = keras.layers.Conv1D(3, 1, kernel_initializer='zeros')
    return net


def test_midi_decoder_starts_at_the_notes():
    found = decoders.MidiDecoder(silent_net())({'z_pitch': PITCH})
    np.testing.assert_allclose(found['f0_midi'], PITCH)
    np.testing.assert_allclose(found['loudness'], np.full_like(PITCH, -70.0))
    decoder = decoders.MidiDecoder(
        silent_net(), f0_residual=False, center_loudness=False
    )
    for value in decoder({'z_pitch': PITCH}).values():
        np.testing.assert_allclose(value, np.zeros_like(PITCH))


def test_midi_to_harmonic_decoder_starts_at_the_notes():
    found = decoders.MidiToHarmonicDecoder(silent_net())({'z_pitch': PITCH})
    assert found['harmonic_distribution'].shape == (BATCH, FRAMES, 60)
    assert found['magnitudes'].shape == (BATCH, FRAMES, 65)
    np.testing.assert_allclose(found['f0_midi'], PITCH)
    expected = np.where(PITCH == 0, 0.0, core.midi_to_hz(PITCH))
    np.testing.assert_allclose(found['f0_hz'], expected, rtol=1e-6)
    loud = decoders.MidiToHarmonicDecoder(silent_net(), midi_zero_silence=False)
    found = loud({'z_pitch': PITCH})
    np.testing.assert_allclose(found['f0_hz'], core.midi_to_hz(PITCH), rtol=1e-6)


class Heard(keras.layers.Layer):
    """Keeps what the network is given."""

    def call(self, x):
        self.heard = x
        return x


@pytest.mark.parametrize('make', [decoders.MidiDecoder, decoders.MidiToHarmonicDecoder])
def test_a_network_is_given_notes_from_minus_one_to_one(make):
    notes = np.array([0.0, 63.5, 127.0], np.float32)[None, :, None]
    for scaled, expected in ((True, [-1.0, 0.0, 1.0]), (False, [0.0, 63.5, 127.0])):
        decoder = make(Heard(), use_velocity=True, scale_inputs=scaled)
        assert decoder.get_config()['scale_inputs'] == scaled
        found = decoder({'z_pitch': notes, 'z_vel': notes[:, ::-1]})
        heard = decoder.net.heard[0]
        np.testing.assert_allclose(heard[:, 0], expected)
        np.testing.assert_allclose(heard[:, 1], expected[::-1])
        # f0 stays one of the notes and what the network adds.
        assert abs(float(found['f0_midi'][0, 2, 0]) - 127.0) < 10.0


@pytest.mark.parametrize(
    'act, message',
    [
        (lambda: rnn_fc(rnn_type='gur'), "rnn_type is 'gur'"),
        (lambda: rnn_fc(input_keys=()), 'input_keys is empty'),
        (lambda: rnn_fc()({'z': FEATURES['z']}), "'ld_scaled' is missing"),
        (decoders.MidiDecoder, r'MidiDecoder\.net = @nn\.DilatedConvStack'),
        (
            lambda: decoders.MidiDecoder(conv_net(), use_velocity=True)(PITCH),
            "'z_vel' is missing",
        ),
        (
            lambda: decoders.MidiToHarmonicDecoder(conv_net(), output_splits=SPLITS),
            "no 'f0_midi'",
        ),
        (
            lambda: dilated(conditioning_keys=None, precondition_stack=nn.Fc(3)),
            'precondition_stack',
        ),
    ],
)
def test_mistakes(act, message):
    with pytest.raises(ValueError, match=message):
        act()


@pytest.mark.parametrize('make', [rnn_fc, lambda: dilated(conditioning_keys=None)])
def test_inputs_that_do_not_lie_side_by_side_are_named(make):
    cut = {**FEATURES, 'f0_scaled': FEATURES['f0_scaled'][:, :5]}
    with pytest.raises(ValueError, match=r"'ld_scaled': 7, 'f0_scaled': 5.*centered"):
        make()(cut)
    flat = {**FEATURES, 'f0_scaled': FEATURES['f0_scaled'][..., 0]}
    with pytest.raises(ValueError, match=r"'f0_scaled' has the shape \[2, 7\]"):
        make()(flat)


def test_training_moves_the_vector_of_the_spectral_norm() -> None:
    layer = decoders.DilatedConvDecoder(
        4, 3, 1, 1, conditioning_keys=None, spectral_norm=True
    )
    inputs = {key: tf.ones([1, 6, 1]) for key in layer.input_keys}
    layer(inputs)
    vectors = [w for w in layer.non_trainable_weights if w.name == 'u']
    before = [vector.numpy() for vector in vectors]
    layer(inputs, training=False)
    for vector, old in zip(vectors, before):
        np.testing.assert_array_equal(vector.numpy(), old)
    layer(inputs, training=True)
    assert vectors
    for vector, old in zip(vectors, before):
        assert np.abs(vector.numpy() - old).max() > 0.0
