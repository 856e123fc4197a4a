"""Normalisation and nonlinearity with gradients of their own, against Keras's."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from ddsp.training.nn import basic
from ddsp.training.nn.layer_norm import LayerNorm


def both(shape: tuple[int, ...]) -> tuple:
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(2.0, 3.0, shape), tf.float32)
    weights = [rng.normal(size=shape[-1:]) for _ in range(2)]
    layers = LayerNorm(1e-3), keras.layers.LayerNormalization(epsilon=1e-3)
    for layer in layers:
        layer.build(shape)
        layer.set_weights(weights)
    upstream = tf.constant(rng.normal(size=shape), tf.float32)
    return x, upstream, layers


@pytest.mark.parametrize('shape', [(2, 5, 7), (3, 4), (1, 2, 3, 8)])
@pytest.mark.parametrize('jit', [False, True])
def test_layer_norm_and_its_gradients_are_those_of_keras(shape, jit) -> None:
    x, upstream, layers = both(shape)
    results = []
    for layer in layers:

        @tf.function(jit_compile=jit)
        def run(x, layer=layer):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x)
                loss = tf.reduce_sum(y * upstream)
            weights = [w.value for w in layer.trainable_weights]
            return y, *tape.gradient(loss, [x, *weights])

        results.append(run(x))
    for ours, theirs in zip(*results):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5)


def test_layer_norm_of_a_constant_is_its_beta() -> None:
    layer = LayerNorm()
    x = tf.Variable(tf.fill([1, 2, 6], 3.0))
    with tf.GradientTape() as tape:
        y = layer(x)
    np.testing.assert_array_equal(y, np.zeros([1, 2, 6]))
    np.testing.assert_allclose(tape.gradient(y, x), np.zeros([1, 2, 6]), atol=1e-6)


@pytest.mark.parametrize(
    ('policy', 'tolerance'), [('float64', 1e-12), ('float16', 1e-2), ('bfloat16', 5e-2)]
)
def test_layer_norm_in_other_precisions(policy: str, tolerance: float) -> None:
    rng = np.random.default_rng(0)
    x, gamma, beta = rng.normal(size=(2, 3, 8)), rng.normal(size=8), rng.normal(size=8)
    layer = LayerNorm(1e-3, dtype=policy)
    layer.build(x.shape)
    layer.set_weights([gamma, beta])
    watched = tf.constant(x, policy)
    with tf.GradientTape() as tape:
        tape.watch(watched)
        y = layer(watched)
    sources = [watched, layer.gamma.value, layer.beta.value]
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    unit = (x - mean) / np.sqrt(variance + 1e-3)
    assert y.dtype == policy
    np.testing.assert_allclose(
        tf.cast(y, tf.float64), gamma * unit + beta, atol=tolerance
    )
    grads = tape.gradient(y, sources)
    assert [grad.dtype for grad in grads] == [policy] * 3
    np.testing.assert_allclose(
        tf.cast(grads[1], tf.float64), unit.sum((0, 1)), atol=2 * tolerance
    )


def test_leaky_relu_and_its_gradient() -> None:
    x = tf.constant([-2.0, -1e-30, 0.5])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = basic.get_nonlinearity('leaky_relu')(x)
    np.testing.assert_allclose(y, [-0.4, -2e-31, 0.5], rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(y, x), [0.2, 0.2, 1.0], rtol=1e-6)
