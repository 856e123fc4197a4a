"""The dtype policy that a layer is given is that of all layers inside it."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf
from layer_testing import dtype_policy

from ddsp.training import decoders, encoders, nn

MIXED = 'mixed_bfloat16'
SPLITS = (('amps', 1), ('harmonic_distribution', 4))
X = np.random.default_rng(0).normal(size=(1, 4, 3)).astype(np.float32)
ONE = X[..., :1]


def controls(layer: keras.layers.Layer) -> dict:
    return layer({'f0_scaled': ONE, 'ld_scaled': ONE, 'z': X, 'z_pitch': 60.0 + ONE})


def identified(layer: keras.layers.Layer) -> dict:
    return layer({'instrument': np.array([[1]])})


def paired(layer: keras.layers.Layer) -> tf.Tensor:
    return layer([X, X])


def plain(layer: keras.layers.Layer) -> tf.Tensor:
    return layer(X)


def pictured(layer: keras.layers.Layer) -> tf.Tensor:
    return layer(X[..., np.newaxis])


def resumed(layer: keras.layers.Layer) -> tuple:
    return layer(X, np.zeros([1, 4], np.float32))


def heard(layer: keras.layers.Layer) -> dict:
    return layer({'audio': np.zeros([1, 1024], np.float32), 'f0_scaled': ONE})


CASES: list[tuple[Callable, dict, Callable]] = [
    (nn.Fc, {'ch': 4}, plain),
    (nn.FcStack, {'ch': 4}, plain),
    (nn.FcStackOut, {'ch': 4, 'layers': 1, 'n_out': 2}, plain),
    (nn.Rnn, {'dims': 4, 'rnn_type': 'gru', 'bidir': True}, plain),
    (nn.StatelessRnn, {'dims': 4, 'rnn_type': 'gru'}, resumed),
    (nn.RnnFc, {'rnn_feat': 4, 'out_feat': 2}, plain),
    (nn.RnnSandwich, {'fc_stack_ch': 4, 'rnn_ch': 3}, plain),
    (nn.SingleGru, {'gru_dim': 4}, plain),
    (nn.NormReluConv, {'ch': 2, 'k': 3, 's': 1, 'norm_type': 'layer'}, pictured),
    (nn.ResNet, {'size': 'tiny'}, pictured),
    (nn.ConditionalNorm, {}, paired),
    (nn.DilatedConvStack, {'ch': 4, 'layers_per_stack': 1, 'stacks': 1}, plain),
    (decoders.RnnFcDecoder, {'rnn_channels': 4, 'ch': 4}, controls),
    (decoders.DilatedConvDecoder, {'ch': 4, 'layers_per_stack': 1}, controls),
    (encoders.AggregateFeaturesEncoder, {'ch': 4}, controls),
    (encoders.OneHotEncoder, {'vocab_size': 4, 'n_dims': 3}, identified),
    (encoders.MfccRnnEncoder, {'rnn_channels': 4, 'z_dims': 3}, heard),
    (encoders.BandSinusoidalEncoder, {'ch': 4, 'fft_size': 256}, heard),
]
NAMES = [make.__name__ for make, *_ in CASES]


def layers_of(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    yield layer
    yield from layer._flatten_layers(include_self=False)


def policies_of(layer: keras.layers.Layer) -> set[str]:
    return {inner.dtype_policy.name for inner in layers_of(layer)}


@pytest.mark.parametrize(('make', 'kwargs', 'run'), CASES, ids=NAMES)
def test_a_policy_reaches_all_layers_inside(
    make: Callable, kwargs: dict, run: Callable
) -> None:
    layer = make(**kwargs, dtype=MIXED)
    outputs = run(layer)
    assert policies_of(layer) == {MIXED}
    assert {weight.dtype for weight in layer.weights} == {'float32'}
    assert all(
        np.isfinite(np.asarray(x, float)).all() for x in tf.nest.flatten(outputs)
    )
    again = make.from_config(json.loads(json.dumps(layer.get_config())))
    run(again)
    assert policies_of(again) == {MIXED}


@pytest.mark.parametrize(('make', 'kwargs', 'run'), CASES, ids=NAMES)
def test_without_a_policy_it_is_the_global_one(
    make: Callable, kwargs: dict, run: Callable
) -> None:
    with dtype_policy(MIXED):
        layer = make(**kwargs)
        run(layer)
    assert policies_of(layer) == {MIXED}


@pytest.mark.parametrize('make', [decoders.MidiDecoder, decoders.MidiToHarmonicDecoder])
def test_a_policy_of_a_note_decoder_leaves_its_net_alone(make: Callable) -> None:
    layer = make(nn.Fc(4), dtype=MIXED)
    layer({'z_pitch': 60.0 + ONE})
    assert policies_of(layer.norm) == policies_of(layer.dense_out) == {MIXED}
    assert policies_of(layer.net) == {'float32'}


def test_a_mixed_decoder_computes_as_under_a_global_policy() -> None:
    kwargs = {'rnn_channels': 4, 'ch': 4, 'output_splits': SPLITS}
    given = decoders.RnnFcDecoder(**kwargs, dtype=MIXED)
    controls(given)
    with dtype_policy(MIXED):
        overall = decoders.RnnFcDecoder(**kwargs)
        controls(overall)
        overall.set_weights(given.get_weights())
        expected = controls(overall)
    for key, value in controls(given).items():
        assert value.dtype == tf.float32
        np.testing.assert_array_equal(value, expected[key])


def test_a_saved_model_keeps_its_policy_under_another(tmp_path: pathlib.Path) -> None:
    path = tmp_path / 'model.keras'
    with dtype_policy(MIXED):
        layer = encoders.ExpressionEncoder(nn.FcStack(4, 1), 3)
        inputs = {key: keras.Input([4, 1], name=key) for key in layer.all_input_keys}
        keras.Model(inputs, layer(inputs)).save(path)
    loaded = keras.saving.load_model(path)
    assert policies_of(loaded.get_layer(layer.name)) == {MIXED}


def test_a_stack_of_an_older_file_takes_the_global_policy() -> None:
    config = nn.FcStack(4, dtype=MIXED).get_config()
    del config['dtype']
    assert policies_of(nn.FcStack.from_config(config)) == {'float32'}


@pytest.mark.parametrize(
    ('policy', 'make'),
    [
        ('float64', nn.RnnSandwich),
        ('float64', decoders.RnnFcDecoder),
        ('float16', nn.RnnSandwich),
        ('bfloat16', nn.FcStackOut),
        # TensorFlow has no orthogonal matrices in bfloat16 to start these with.
        ('bfloat16', nn.RnnSandwich),
        ('bfloat16', nn.DilatedConvStack),
    ],
)
def test_a_policy_of_one_type_for_weights_and_activations(
    policy: str, make: Callable
) -> None:
    kwargs, run = next(case[1:] for case in CASES if case[0] is make)
    layer, single = make(**kwargs, dtype=policy), make(**kwargs)
    run(layer)
    run(single)
    assert {weight.dtype for weight in layer.weights} == {policy}
    single.set_weights(layer.get_weights())
    pairs = zip(tf.nest.flatten(run(layer)), tf.nest.flatten(run(single)))
    for ours, theirs in pairs:
        ours = np.asarray(tf.cast(ours, tf.float32))
        # A bfloat16 keeps 8 bits, and layers add their errors up.
        np.testing.assert_allclose(ours, theirs, atol=0.1)
