"""Norms against NumPy, conditional norms, kernels of largest singular value 1."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

from ddsp.training import nn

EPS = 1e-5


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def normalized(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    x = x.astype(np.float64)
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + EPS)


@pytest.mark.parametrize('shape', [(2, 64), (2, 7, 64), (2, 7, 3, 64)])
def test_layer_norm_is_over_all_but_the_batch(shape: tuple[int, ...]) -> None:
    x = 3.0 + 2.0 * noise(*shape)
    expected = normalized(x, tuple(range(1, len(shape))))
    np.testing.assert_allclose(nn.normalize_op(x, 'layer'), expected, atol=1e-5)
    np.testing.assert_allclose(nn.Normalize('layer')(x), expected, atol=1e-5)


@pytest.mark.parametrize('shape', [(2, 7, 5), (2, 7, 3, 5)])
def test_instance_norm_is_over_time_and_width(shape: tuple[int, ...]) -> None:
    x = 3.0 + 2.0 * noise(*shape)
    expected = normalized(x, tuple(range(1, len(shape) - 1)))
    np.testing.assert_allclose(nn.normalize_op(x, 'instance'), expected, atol=1e-5)


def test_group_norm_is_over_neighbouring_channels() -> None:
    x = 3.0 + 2.0 * noise(2, 7, 3, 64)
    groups = x.reshape(2, 7, 3, 32, 2)
    expected = normalized(groups, (1, 2, 4)).reshape(x.shape)
    np.testing.assert_allclose(nn.normalize_op(x, 'group'), expected, atol=1e-5)


def test_no_norm_leaves_everything() -> None:
    x = noise(2, 7, 5)
    np.testing.assert_array_equal(nn.normalize_op(x, None), x)


def test_a_large_mean_does_not_drown_the_variance() -> None:
    x = 1000.0 + noise(1, 500, 1)
    y = nn.normalize_op(x, 'layer').numpy()
    assert abs(y.std() - 1.0) < 1e-3


def test_half_precision_survives_large_values() -> None:
    x = tf.constant(300.0 * noise(1, 500, 4), tf.float16)  # Squares reach 90000.
    y = nn.normalize_op(x, 'layer')
    assert y.dtype == tf.float16
    assert abs(float(tf.math.reduce_std(tf.cast(y, tf.float32))) - 1.0) < 1e-2


def test_errors_name_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"'batch', expected None or one of.*'layer'"):
        nn.Normalize('batch')
    with pytest.raises(ValueError, match='multiple of 32'):
        nn.normalize_op(noise(1, 2, 33), 'group')


def test_scale_and_shift_are_learned_for_each_channel() -> None:
    layer = nn.Normalize('instance')
    x = noise(2, 7, 3)
    layer(x)
    assert {weight.name: weight.shape for weight in layer.weights} == {
        'scale': (1, 1, 1, 3),
        'shift': (1, 1, 1, 3),
    }
    layer.scale.assign(np.reshape([1.0, 2.0, 3.0], [1, 1, 1, 3]))
    layer.shift.assign(np.reshape([0.0, -1.0, 5.0], [1, 1, 1, 3]))
    expected = normalized(x, (1,)) * [1.0, 2.0, 3.0] + [0.0, -1.0, 5.0]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


@pytest.mark.parametrize('z_shape', [(2, 4), (2, 1, 4), (2, 7, 4)])
def test_condition_scales_and_shifts(z_shape: tuple[int, ...]) -> None:
    x, z = noise(2, 7, 3), noise(*z_shape, seed=1)
    layer = nn.ConditionalScaleAndShift()
    y = layer([x, z])
    kernel, bias = (weight.numpy() for weight in layer.weights)
    scale, shift = np.split(z @ kernel + bias, 2, axis=-1)
    if len(z_shape) == 2:
        scale, shift = scale[:, None], shift[:, None]
    np.testing.assert_allclose(y, x * scale + shift, atol=1e-5)


def test_condition_of_frames_reaches_all_of_the_width() -> None:
    x, z = noise(2, 7, 6, 3), noise(2, 7, 4, seed=1)
    layer = nn.ConditionalScaleAndShift(shift_only=True)
    y = layer([x, z])
    kernel, bias = (weight.numpy() for weight in layer.weights)
    assert kernel.shape == (4, 3)
    np.testing.assert_allclose(y, x + (z @ kernel + bias)[:, :, None], atol=1e-5)


def test_conditional_norm_normalises_first() -> None:
    x, z = 5.0 + noise(2, 7, 3), noise(2, 4, seed=1)
    layer = nn.ConditionalNorm('instance', shift_only=True)
    y = layer([x, z]).numpy()
    y -= y.mean(axis=1, keepdims=True)  # What z shifted.
    np.testing.assert_allclose(y, normalized(x, (1,)), atol=1e-5)


def test_get_norm() -> None:
    assert isinstance(nn.get_norm('layer', False, False), nn.Normalize)
    norm = nn.get_norm('layer', True, True)
    assert isinstance(norm, nn.ConditionalNorm)
    assert norm.shift_only
    assert norm.norm_type == 'layer'


@pytest.mark.parametrize(
    'make',
    [
        nn.ConditionalScaleAndShift,
        nn.ConditionalNorm,
        lambda **kwargs: nn.DilatedConvStack(4, 1, 1, conditional=True, **kwargs),
        lambda **kwargs: nn.ResNet('tiny', conditional=True, **kwargs),
    ],
)
def test_a_condition_must_be_given(make: Callable) -> None:
    message = r'told is conditional: expected a list \[x, z\].*got EagerTensor'
    with pytest.raises(ValueError, match=message):
        make(name='told').call(tf.zeros([2, 7, 3]))


def test_spectral_norm_finds_the_largest_singular_value() -> None:
    layer = nn.SpectralNormalization(keras.layers.Dense(8), power_iterations=3)
    x = noise(5, 6)
    for _ in range(100):
        y = layer(x, training=True)
    kernel = layer.layer.kernel.numpy()
    largest = np.linalg.svd(kernel, compute_uv=False)[0]
    np.testing.assert_allclose(y, x @ kernel / largest, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(layer(x), y, rtol=1e-4, atol=1e-5)


def test_spectral_norm_knows_kernels_of_convolutions_and_embeddings() -> None:
    conv = nn.SpectralNormalization(keras.layers.Conv2D(4, (3, 2)), 100)
    conv(noise(1, 5, 5, 3))
    conv.normalize_weights()
    kernel = conv.layer.kernel.numpy().reshape(-1, 4)
    assert abs(np.linalg.svd(kernel, compute_uv=False)[0] - 1.0) < 1e-3
    embedding = nn.SpectralNormalization(keras.layers.Embedding(5, 3), 100)
    rows = embedding(np.arange(5)).numpy()
    assert abs(np.linalg.svd(rows, compute_uv=False)[0] - 1.0) < 1e-3


def test_spectral_norm_only_learns_in_training() -> None:
    layer = nn.SpectralNormalization(keras.layers.Dense(8))
    x = noise(5, 6)
    layer(x)
    before = layer.u.numpy()
    layer(x, training=False)
    np.testing.assert_array_equal(layer.u, before)
    layer(x, training=True)
    assert np.abs(layer.u.numpy() - before).max() > 1e-3
    assert [weight.name for weight in layer.trainable_weights] == ['kernel', 'bias']


def test_gradient_of_a_normalised_kernel_keeps_its_size() -> None:
    # A kernel divided by its norm does not change along itself.
    layer = nn.SpectralNormalization(keras.layers.Dense(4, use_bias=False), 100)
    x = noise(5, 6)
    layer(x)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x) ** 3)
    gradient = tape.gradient(loss, layer.layer.kernel.value).numpy()
    kernel = layer.layer.kernel.numpy()
    assert np.abs(gradient).max() > 1e-2
    assert abs((gradient * kernel).sum()) < 1e-3 * np.linalg.norm(gradient)


def test_spectral_norm_needs_a_kernel() -> None:
    with pytest.raises(ValueError, match='neither a kernel'):
        nn.SpectralNormalization(keras.layers.ReLU())(noise(2, 3))
    with pytest.raises(ValueError, match='power_iterations is 0'):
        nn.SpectralNormalization(keras.layers.Dense(2), 0)
