from __future__ import annotations

import gin
import keras
import numpy as np
import pytest
import tensorflow as tf

from ddsp.training import nn


def noise(*shape: int, seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


def by_hand(x: np.ndarray, fc: nn.Fc, slope: float = 0.2) -> np.ndarray:
    """Dense, layer normalisation with Keras's epsilon, leaky ReLU."""
    kernel, bias, gamma, beta = [w.numpy().astype(np.float64) for w in fc.weights]
    y = np.asarray(x, np.float64) @ kernel + bias
    y = (y - y.mean(-1, keepdims=True)) / np.sqrt(y.var(-1, keepdims=True) + 1e-3)
    y = y * gamma + beta
    return np.where(y > 0, y, slope * y)


def randomized(layer: keras.layers.Layer, x: tf.Tensor) -> keras.layers.Layer:
    layer(x)
    shapes = [weight.shape for weight in layer.weights]
    layer.set_weights([noise(*shape, seed=i) for i, shape in enumerate(shapes)])
    return layer


def test_fc_is_dense_norm_and_leaky_relu():
    x = noise(2, 5, 3)
    fc = randomized(nn.Fc(4), x)
    np.testing.assert_allclose(fc(x), by_hand(x, fc), atol=1e-5)
    assert isinstance(fc, keras.Sequential)


def test_fc_stack_is_several_in_a_row():
    x = noise(2, 5, 3)
    stack = randomized(nn.FcStack(4, layers=3), x)
    expected = x
    for fc in stack.layers:
        expected = by_hand(expected, fc)
    assert len(stack.layers) == 3
    np.testing.assert_allclose(stack(x), expected, atol=1e-4)


def test_an_empty_stack_changes_nothing():
    x = noise(2, 5, 3)
    np.testing.assert_array_equal(nn.FcStack(4, layers=0)(x), x)


def test_fc_stack_out_ends_in_a_dense_layer():
    x = noise(2, 5, 3)
    layer = randomized(nn.FcStackOut(4, 1, 2), x)
    y = by_hand(x, layer.stack.layers[0])
    kernel, bias = layer.dense_out.get_weights()
    np.testing.assert_allclose(layer(x), y @ kernel + bias, atol=1e-5)


LAYERS = {
    'Fc': lambda: nn.Fc(4, 'relu', name='mine'),
    'Fc of tf.nn': lambda: nn.Fc(4, tf.nn.softplus),
    'FcStack': lambda: nn.FcStack(4, 2, 'tanh'),
    'empty': lambda: nn.FcStack(4, 0),
    'FcStackOut': lambda: nn.FcStackOut(4, 2, 3),
    'Identity': nn.Identity,
}


@pytest.mark.parametrize('name', LAYERS)
def test_saved_and_loaded_and_compiled(name, tmp_path):
    layer = LAYERS[name]()
    x = noise(2, 5, 3)
    inputs = keras.Input([None, 3])
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / 'model.keras')
    loaded = keras.saving.load_model(tmp_path / 'model.keras')
    np.testing.assert_allclose(loaded(x), model(x), atol=1e-6)
    assert loaded.layers[-1].get_config() == layer.get_config()
    run = tf.function(
        layer, input_signature=[tf.TensorSpec([None, None, 3])], jit_compile=True
    )
    np.testing.assert_allclose(run(x), model(x), atol=1e-5)
    assert layer.compute_output_shape((2, 5, 3)) == tuple(layer(x).shape)


def test_another_length_after_the_first():
    stack = nn.FcStack(4, 2)
    stack(noise(2, 5, 3))
    assert stack(noise(1, 9, 3)).shape == (1, 9, 4)


def test_nonlinearities():
    x = tf.constant([-2.0, 3.0])
    np.testing.assert_allclose(nn.get_nonlinearity('leaky_relu')(x), [-0.4, 3.0])
    np.testing.assert_allclose(nn.get_nonlinearity('relu')(x), [0.0, 3.0])
    np.testing.assert_allclose(nn.get_nonlinearity('relu6')(7.0 * x), [0.0, 6.0])
    np.testing.assert_allclose(nn.get_nonlinearity('crelu')(x), [0.0, 3.0, 2.0, 0.0])
    assert nn.get_nonlinearity(tf.sin) is tf.sin
    np.testing.assert_array_equal(nn.get_nonlinearity(None)(x), x)
    with pytest.raises(ValueError, match="nonlinearity is 'no_such'"):
        nn.get_nonlinearity('no_such')


def test_embedding():
    embedding = nn.get_embedding(vocab_size=5, n_dims=3)
    vectors = embedding(tf.constant([[0, 4], [4, 4]]))
    assert vectors.shape == (2, 2, 3)
    np.testing.assert_array_equal(vectors[0, 1], vectors[1, 0])
    assert embedding.weights[0].shape == (5, 3)


@gin.configurable
def layer_of_gin(layer=gin.REQUIRED):
    return layer


def test_gin_knows_the_layers_of_keras_and_of_the_library():
    nn.gin_register_keras_layers()
    gin.parse_config("""
        layer_of_gin.layer = @tf.keras.layers.Dense()
        tf.keras.layers.Dense.units = 7
        nn.FcStack.ch = 6
    """)
    assert layer_of_gin().units == 7
    gin.parse_config('layer_of_gin.layer = @nn.FcStack()')
    assert layer_of_gin().ch == 6


def test_split_to_dict():
    x = noise(2, 5, 6)
    parts = nn.split_to_dict(x, (('a', 1), ('b', 2), ('c', 3)))
    np.testing.assert_array_equal(tf.concat(list(parts.values()), -1), x)
    assert [part.shape[-1] for part in parts.values()] == [1, 2, 3]
    with pytest.raises(ValueError, match=r'sum to 5.*6 channels'):
        nn.split_to_dict(x, (('a', 1), ('b', 4)))


@pytest.mark.parametrize('shape', [(2, 3), (2, 5, 3), (2, 5, 4, 3)])
def test_four_axes_and_back(shape):
    x = noise(*shape)
    four = nn.ensure_4d(x)
    assert four.shape.rank == 4
    assert four.shape[0] == 2 and four.shape[-1] == 3
    np.testing.assert_array_equal(nn.inv_ensure_4d(four, len(shape)), x)


def test_other_numbers_of_axes():
    with pytest.raises(ValueError, match='expected 2, 3 or 4 axes'):
        nn.ensure_4d(noise(3))
    with pytest.raises(ValueError, match='n_dims is 5'):
        nn.inv_ensure_4d(noise(2, 3, 4, 5), 5)
