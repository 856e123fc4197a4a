from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from ddsp.training import checkpoints, nn
from ddsp.training.nn import gru
from ddsp.training.nn.gru import GRU, GRUCell

CHANNELS = 4


def noise(*shape: int, seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


def with_weights(layer: keras.layers.Layer, x: tf.Tensor) -> keras.layers.Layer:
    """Weights and biases that all matter, the same for layers of the same shapes."""
    layer(x)
    shapes = [w.shape for w in layer.get_weights()]
    layer.set_weights([0.5 * noise(*s, seed=i) for i, s in enumerate(shapes)])
    return layer


def output_and_gradients(layer: keras.layers.Layer, x: tf.Tensor) -> list[tf.Tensor]:
    weights = [weight.value for weight in layer.trainable_weights]
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        total = tf.reduce_sum(tf.sin(3.0 * y))
    return [y, *tape.gradient(total, [x, *weights])]


def compile_for(layer: keras.layers.Layer, mode: str):
    if mode == 'eager':
        return lambda x: output_and_gradients(layer, x)
    return tf.function(
        lambda x: output_and_gradients(layer, x),
        input_signature=[tf.TensorSpec([None, None, CHANNELS])],
        jit_compile=mode == 'jit',
    )


@pytest.mark.parametrize('mode', ['eager', 'function', 'jit'])
@pytest.mark.parametrize('units, bidir', [(5, False), (6, True)])
def test_gru_equals_keras_forwards_and_backwards(mode, bidir, units, monkeypatch):
    # Of an even number of units, each half by itself, as where there are many.
    monkeypatch.setattr(gru, '_LEAST_UNITS_TO_HALVE', 1)
    x = noise(3, 17, CHANNELS)
    ours = with_weights(nn.Rnn(units, 'gru', bidir=bidir), x)
    theirs = keras.layers.GRU(units, return_sequences=True)
    if bidir:
        theirs = keras.layers.Bidirectional(theirs)
    theirs = with_weights(theirs, x)
    expected = tf.function(lambda x: output_and_gradients(theirs, x))(x)
    for found, wanted in zip(compile_for(ours, mode)(x), expected):
        np.testing.assert_allclose(found, wanted, atol=2e-5)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]


@pytest.mark.parametrize(('units', 'n_parts'), [(128, 1), (256, 2), (257, 1), (512, 2)])
def test_only_many_units_are_cut_in_halves(units, n_parts):
    parts = gru._parts_of(tf.zeros([2, 3 * units]))
    assert [part.shape for part in parts] == [(2, 3 * units // n_parts)] * n_parts


def test_gradients_of_the_gru_against_finite_differences():
    x = noise(2, 6, CHANNELS)
    layer = with_weights(GRU(3, return_sequences=True), x)
    gradients = output_and_gradients(layer, x)[2:]
    for weight, gradient in zip(layer.trainable_weights, gradients):
        direction = np.sign(noise(*weight.shape, seed=9))
        value, ends = weight.numpy(), []
        for epsilon in (1e-2, -1e-2):
            weight.assign(value + epsilon * direction)
            ends.append(float(tf.reduce_sum(tf.sin(3.0 * layer(x)))))
        weight.assign(value)
        slope = (ends[0] - ends[1]) / 2e-2
        np.testing.assert_allclose(np.sum(gradient * direction), slope, rtol=1e-2)


def test_the_equations_of_one_step():
    x, h = noise(2, CHANNELS), noise(2, 3, seed=1)
    cell = GRUCell(3)
    found = cell(x, h)
    kernel, recurrent, bias = cell.get_weights()

    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    a, b = x @ kernel + bias[0], h @ recurrent + bias[1]
    z, r = sigmoid((a + b)[:, :3]), sigmoid((a + b)[:, 3:6])
    n = np.tanh(a[:, 6:] + r * b[:, 6:])
    np.testing.assert_allclose(found, z * h + (1 - z) * n, rtol=1e-5)


def test_steps_of_the_cell_are_the_layer():
    x = noise(2, 5, CHANNELS)
    layer = with_weights(GRU(3, return_sequences=True, return_state=True), x)
    h = noise(2, 3, seed=3)
    states, last = layer(x, initial_state=h)
    for i in range(5):
        h = layer.cell(x[:, i], h)
        np.testing.assert_allclose(states[:, i], h, atol=1e-6)
    np.testing.assert_array_equal(last, states[:, -1])


def test_gradient_reaches_the_initial_state():
    x, h = noise(2, 4, CHANNELS), noise(2, 3, seed=3)
    ours = with_weights(GRU(3), x)
    theirs = with_weights(keras.layers.GRU(3), x)
    found = []
    for layer in (ours, theirs):
        with tf.GradientTape() as tape:
            tape.watch(h)
            total = tf.reduce_sum(layer(x, initial_state=h) ** 2)
        found.append(tape.gradient(total, h))
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


@pytest.mark.parametrize('bidir', [False, True])
def test_implementations_are_interchangeable(monkeypatch, bidir, tmp_path):
    x = noise(2, 6, CHANNELS)
    loop = with_weights(nn.Rnn(3, 'gru', bidir=bidir, implementation='loop'), x)
    monkeypatch.setattr(tf.config, 'list_physical_devices', lambda kind: [kind])
    with_gpu = with_weights(nn.Rnn(3, 'gru', bidir=bidir), x)
    one = with_gpu.rnn.forward_layer if bidir else with_gpu.rnn
    assert isinstance(one, keras.layers.GRU)
    np.testing.assert_allclose(with_gpu(x), loop(x), atol=1e-6)
    inputs = keras.Input([None, CHANNELS])
    keras.Model(inputs, with_gpu(inputs)).save(tmp_path / 'model.keras')
    monkeypatch.undo()
    loaded = keras.saving.load_model(tmp_path / 'model.keras')
    assert loaded.layers[-1].get_config()['implementation'] == 'auto'
    np.testing.assert_allclose(loaded(x), loop(x), atol=1e-6)
    ours, theirs = map(checkpoints.variables_by_path, (loop, with_gpu))
    assert list(ours) == list(theirs)


@pytest.mark.parametrize('rnn_type', ['gru', 'lstm'])
def test_only_the_last_output(rnn_type):
    x = noise(2, 6, CHANNELS)
    every = with_weights(nn.Rnn(3, rnn_type), x)
    last = with_weights(nn.Rnn(3, rnn_type, return_sequences=False), x)
    np.testing.assert_allclose(last(x), every(x)[:, -1], atol=1e-6)


def test_backwards_is_forwards_on_what_is_reversed():
    x = noise(2, 6, CHANNELS)
    layer = with_weights(nn.Rnn(3, 'gru', bidir=True), x)
    y = layer(x)
    kernel = layer.get_weights()
    layer.set_weights(kernel[3:] + kernel[:3])
    swapped = tf.reverse(layer(tf.reverse(x, [1])), [1])
    np.testing.assert_allclose(y[..., :3], swapped[..., 3:], atol=1e-6)
    np.testing.assert_allclose(y[..., 3:], swapped[..., :3], atol=1e-6)


@pytest.mark.parametrize('rnn_type, state_dims', [('gru', 3), ('lstm', 6)])
def test_a_stream_in_parts_is_the_whole(rnn_type, state_dims):
    x = noise(2, 9, CHANNELS)
    whole = with_weights(nn.Rnn(3, rnn_type), x)
    stream = nn.StatelessRnn(3, rnn_type)
    state = tf.zeros([2, state_dims])
    assert stream.state_dims == state_dims
    stream(x, state)
    stream.set_weights(whole.get_weights())
    parts = []
    for part in (x[:, :1], x[:, 1:6], x[:, 6:]):
        out, state = stream(part, state)
        parts.append(out)
    np.testing.assert_allclose(tf.concat(parts, 1), whole(x), atol=1e-6)
    assert state.shape == (2, state_dims)


@pytest.mark.parametrize(('rnn_type', 'size'), [('gru', 1), ('lstm', 3)])
def test_a_state_of_another_size(rnn_type, size):
    with pytest.raises(ValueError, match=rf'shape \[2, {size}\], expected \[batch, '):
        nn.StatelessRnn(3, rnn_type)(noise(2, 4, CHANNELS), tf.zeros([2, size]))


@pytest.mark.parametrize('policy', ['mixed_bfloat16', 'mixed_float16'])
def test_mixed_precision(policy):
    x = noise(2, 30, CHANNELS)
    expected = output_and_gradients(with_weights(nn.Rnn(5, 'gru'), x), x)
    keras.mixed_precision.set_dtype_policy(policy)
    layer = with_weights(nn.Rnn(5, 'gru'), x)
    found = tf.function(lambda x: output_and_gradients(layer, x))(x)
    assert found[0].dtype == layer.compute_dtype
    assert all(gradient.dtype == tf.float32 for gradient in found[2:])
    for ours, wanted in zip(found, expected):
        error = np.linalg.norm(np.asarray(tf.cast(ours, tf.float32)) - wanted)
        assert error < 0.03 * np.linalg.norm(wanted)


STACKS = {
    'Rnn': lambda: nn.Rnn(5, 'gru'),
    'Rnn bidir': lambda: nn.Rnn(5, 'gru', bidir=True),
    'Rnn lstm': lambda: nn.Rnn(5, 'lstm', bidir=True),
    'RnnFc': lambda: nn.RnnFc(4, 2, bidir=True, n_rnn=2),
    'RnnSandwich': lambda: nn.RnnSandwich(5, 1, 3),
    'SingleGru': lambda: nn.SingleGru(3),
    'GRU': lambda: GRU(3, go_backwards=True),
}


@pytest.mark.parametrize('name', STACKS)
def test_saved_and_loaded(name, tmp_path):
    layer = STACKS[name]()
    inputs = keras.Input([None, CHANNELS])
    model = keras.Model(inputs, layer(inputs))
    x = noise(2, 6, CHANNELS)
    model.save(tmp_path / 'model.keras')
    loaded = keras.saving.load_model(tmp_path / 'model.keras')
    np.testing.assert_allclose(loaded(x), model(x), atol=1e-6)
    assert layer.compute_output_shape((2, 6, CHANNELS)) == tuple(layer(x).shape)


def test_rnn_fc_ends_in_the_nonlinearity():
    y = nn.RnnFc(4, 2, 'gru', nonlinearity='sigmoid')(noise(2, 5, CHANNELS))
    assert y.shape == (2, 5, 2)
    assert np.all((y > 0) & (y < 1))


@pytest.mark.parametrize('make', [nn.Rnn, nn.StatelessRnn])
def test_unknown_type(make):
    with pytest.raises(ValueError, match=r"rnn_type is 'gur'.*'gru', 'lstm'"):
        make(3, 'gur')
    with pytest.raises(ValueError, match="implementation is 'quick'"):
        make(3, 'gru', implementation='quick')
