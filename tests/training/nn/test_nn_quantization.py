"""Nearest neighbours, codebooks that follow the data, codes that start again."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ddsp import core
from ddsp.training import nn


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def built(k: int, channels: int, **kwargs) -> nn.VectorQuantization:
    layer = nn.VectorQuantization(k, **kwargs)
    layer.build((None, None, channels))
    layer.codebook.assign(noise(*layer.codebook.shape, seed=9))
    return layer


def nearest(x: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    return ((x[..., None, :] - codebook) ** 2).sum(axis=-1).argmin(axis=-1)


@pytest.mark.parametrize('shape', [(7, 6), (2, 5, 6), (2, 3, 4, 6)])
def test_each_head_takes_its_nearest_code(shape: tuple[int, ...]) -> None:
    layer = built(5, 6, num_heads=2)
    x = noise(*shape)
    quantized, codes = layer(x)
    codebook = layer.codebook.numpy()
    for head in range(2):
        part = slice(3 * head, 3 * head + 3)
        expected = nearest(x[..., part], codebook[head])
        np.testing.assert_array_equal(codes[..., head], expected)
        np.testing.assert_array_equal(quantized[..., part], codebook[head][expected])
    np.testing.assert_array_equal(layer.unquantize(codes), quantized)
    np.testing.assert_array_equal(layer.codebook, codebook)  # No training.


def test_gradient_passes_as_if_nothing_had_been_done() -> None:
    layer, x = built(5, 4), tf.constant(noise(2, 3, 4))
    weights = noise(2, 3, 4, seed=1)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(weights * layer(x, training=True)[0])
    np.testing.assert_allclose(tape.gradient(loss, x), weights, rtol=1e-6)


def test_codes_are_means_that_fade() -> None:
    gamma, layer = 0.9, built(4, 3, gamma=0.9)
    codebook = layer.codebook.numpy()[0].astype(np.float64)
    counts, sums = np.zeros(4), np.zeros((4, 3))
    for step in range(3):
        x = noise(2, 5, 3, seed=step)
        layer(x, training=True)
        codes = nearest(x, codebook).ravel()
        one_hot = np.eye(4)[codes]
        counts = gamma * counts + (1 - gamma) * one_hot.sum(axis=0)
        sums = gamma * sums + (1 - gamma) * one_hot.T @ x.reshape(-1, 3)
        used = counts > 0
        codebook[used] = sums[used] / counts[used, None]
        np.testing.assert_allclose(layer.codebook[0], codebook, atol=1e-5)
        np.testing.assert_allclose(layer.counts[0], counts, rtol=1e-5)
    assert not layer.trainable_weights


def test_it_finds_clusters() -> None:
    centres = np.array([[5.0, 0.0], [-5.0, 0.0], [0.0, 5.0], [0.0, -5.0]])
    rng = np.random.default_rng(0)
    layer = nn.VectorQuantization(4, gamma=0.5, restart_threshold=1.0)
    for step in range(30):
        x = centres[rng.integers(4, size=64)] + 0.01 * rng.normal(size=(64, 2))
        with core.reproducible_noise(step):
            layer(x.astype(np.float32), training=True)
    codebook = layer.codebook.numpy()[0]
    distances = np.linalg.norm(codebook[None] - centres[:, None], axis=-1)
    assert distances.min(axis=1).max() < 0.1  # One code at each centre.


def test_codes_without_visitors_start_again_at_vectors_of_the_step() -> None:
    layer = built(6, 3, restart_threshold=0.01)
    far = np.full((1, 6, 3), 1000.0)
    far[0, 0] = 0.0  # Only this one is near the vectors.
    layer.codebook.assign(far)
    x = noise(2, 4, 3)
    layer(x, training=True)
    codebook = layer.codebook.numpy()[0]
    np.testing.assert_allclose(codebook[0], x.reshape(-1, 3).mean(axis=0), atol=1e-5)
    vectors = x.reshape(-1, 3)
    for code in codebook[1:]:
        assert np.abs(vectors - code).max(axis=-1).min() < 1e-6
    assert np.all(layer.counts.numpy() >= 0.01)
    np.testing.assert_allclose(
        layer.sums[0], codebook * layer.counts.numpy()[0][:, None], rtol=1e-5
    )


def test_without_a_threshold_they_stay() -> None:
    layer = built(6, 3)
    far = np.full((1, 6, 3), 1000.0)
    far[0, 0] = 0.0
    layer.codebook.assign(far)
    layer(noise(2, 4, 3), training=True)
    np.testing.assert_array_equal(layer.codebook[0, 1:], far[0, 1:])


def test_commitment_loss() -> None:
    layer = built(5, 4, commitment_loss_weight=0.5)
    z = tf.constant(noise(2, 3, 4))
    with tf.GradientTape() as tape:
        tape.watch(z)
        quantized, _ = layer(z)
        loss = layer.committment_loss(z, quantized)
    expected = 0.5 * np.mean((z - quantized) ** 2)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    # The codes stay where they are; the vectors move towards them.
    gradient = tape.gradient(loss, z)
    np.testing.assert_allclose(gradient, (z - quantized) / 24.0, atol=1e-6)
    named = layer.get_losses_dict(z, quantized)
    assert list(named) == [f'{layer.name}_commitment_loss']
    np.testing.assert_allclose(named[f'{layer.name}_commitment_loss'], loss)


@pytest.mark.parametrize('jit_compile', [False, True])
def test_it_learns_in_a_function_of_unknown_sizes(jit_compile: bool) -> None:
    layer, same = (built(5, 4, restart_threshold=0.1) for _ in range(2))

    @tf.function(
        jit_compile=jit_compile, input_signature=[tf.TensorSpec([None, None, 4])]
    )
    def step(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with core.reproducible_noise(3):
            return layer(x, training=True)

    x = noise(2, 3, 4)
    quantized, _ = step(x)
    with core.reproducible_noise(3):
        expected, _ = same(x, training=True)
    np.testing.assert_allclose(quantized, expected, atol=1e-6)
    np.testing.assert_allclose(layer.codebook, same.codebook, atol=1e-6)


def test_mixed_precision_leaves_it_exact() -> None:
    layer = nn.VectorQuantization(5, dtype='mixed_float16')
    quantized, codes = layer(noise(2, 3, 4).astype(np.float64))
    assert quantized.dtype == tf.float32
    assert codes.dtype == tf.int32


def test_errors_name_the_numbers() -> None:
    with pytest.raises(ValueError, match='5 channels cannot be shared out among'):
        nn.VectorQuantization(3, num_heads=2)(noise(2, 5))
    with pytest.raises(ValueError, match='gamma is 1'):
        nn.VectorQuantization(3, gamma=1.0)
    with pytest.raises(ValueError, match='k is 0'):
        nn.VectorQuantization(0)
