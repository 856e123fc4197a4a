"""Dilated and residual convolutions against NumPy, phases of time as channels."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ddsp.training import nn


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0.0)


def convolved(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, dilation: int):
    """`[batch, time, in]` with an odd kernel `[taps, 1, in, out]`, centred."""
    reach = dilation * (len(kernel) // 2)
    padded = np.pad(x, [[0, 0], [reach, reach], [0, 0]])
    n_frames = x.shape[1]
    taps = [
        padded[:, i * dilation : i * dilation + n_frames] @ kernel[i, 0]
        for i in range(len(kernel))
    ]
    return sum(taps) + bias


@pytest.mark.parametrize(
    ('dilation', 'rates'), [(2, [1, 2, 4]), (3, [1, 3, 9]), (-2, [4, 2, 1])]
)
def test_dilated_stack(dilation: int, rates: list[int]) -> None:
    layer = nn.DilatedConvStack(4, 3, 2, kernel_size=3, dilation=dilation)
    x = noise(2, 20, 5)
    output = layer(x)
    y = convolved(x, layer.conv_in.kernel.numpy(), layer.conv_in.bias.numpy(), 1)
    for stack, rate in zip(layer.layers, [*rates, *rates]):
        conv = stack.layers[-1]
        y = y + convolved(relu(y), conv.kernel.numpy(), conv.bias.numpy(), rate)
    np.testing.assert_allclose(output, y, atol=1e-4)


def test_dilated_stack_hears_so_far_and_no_further() -> None:
    layer = nn.DilatedConvStack(4, 3, 2, kernel_size=3, dilation=2)
    x = noise(1, 60, 5)
    changed = x.copy()
    changed[0, 30] += 1.0
    heard = np.abs(layer(changed) - layer(x)).max(axis=-1)[0] > 0.0
    reach = 1 + 2 * (1 + 2 + 4)
    assert np.flatnonzero(heard).min() >= 30 - reach
    assert np.flatnonzero(heard).max() <= 30 + reach
    assert heard.sum() > reach


def test_norms_and_conditions_act_on_each_layer() -> None:
    layer = nn.DilatedConvStack(4, 2, 1, norm_type='instance', conditional=True)
    x, z = noise(2, 9, 5), noise(2, 9, 3, seed=1)
    assert layer([x, z]).shape == (2, 9, 4)
    assert [type(norm) for norm in layer.norms] == [nn.ConditionalNorm] * 2
    # Conditions that scale and shift by 0 leave what the first convolution gave.
    for norm in layer.norms:
        for weight in norm.weights:
            weight.assign(tf.zeros(weight.shape))
    first = convolved(x, layer.conv_in.kernel.numpy(), layer.conv_in.bias.numpy(), 1)
    np.testing.assert_allclose(layer([x, z]), first, atol=1e-5)


@pytest.mark.parametrize('n_frames', [12, 13])
def test_downsampled_frames(n_frames: int) -> None:
    layer = nn.DilatedConvStack(
        4, 1, 4, resample_type='downsample', resample_stride=2, stacks_per_resample=2
    )
    assert len(layer.resample_layers) == 2
    output = layer(noise(2, n_frames, 5))
    expected = {12: 3, 13: 4}[n_frames]
    assert output.shape == (2, expected, 4)
    assert layer.compute_output_shape((2, n_frames, 5)) == (2, expected, 4)
    assert layer.compute_output_shape((None, None, 5)) == (None, None, 4)


@pytest.mark.parametrize('after', [False, True])
def test_upsampled_frames(after: bool) -> None:
    layer = nn.DilatedConvStack(
        4,
        1,
        3,
        resample_type='upsample',
        resample_stride=3,
        stacks_per_resample=2,
        resample_after_convolve=after,
    )
    # Three stacks are one whole group of two, or one and the beginning of the next.
    factor = 3 if after else 9
    assert layer(noise(2, 5, 5)).shape == (2, 5 * factor, 4)


def test_orthogonal_kernels() -> None:
    layer = nn.DilatedConvStack(4, 1, 1, ortho_init=True)
    layer(noise(1, 5, 4))
    kernel = layer.conv_in.kernel.numpy().reshape(-1, 4)
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(4), atol=1e-5)


def test_kernels_are_normalised() -> None:
    layer = nn.DilatedConvStack(4, 1, 1, spectral_norm=True)
    x = noise(1, 5, 4)
    layer(x)
    kernels = [weight for weight in layer.trainable_weights if weight.name == 'kernel']
    assert len(kernels) == 2
    before = layer(x).numpy()
    for kernel in kernels:  # Their size makes no difference.
        kernel.assign(7.0 * kernel)
    np.testing.assert_allclose(layer(x), before, rtol=1e-4, atol=1e-5)


def test_dilated_stack_refuses() -> None:
    with pytest.raises(ValueError, match="resample_type is 'up'"):
        nn.DilatedConvStack(resample_type='up')
    with pytest.raises(ValueError, match='layers_per_stack is 0'):
        nn.DilatedConvStack(layers_per_stack=0)
    with pytest.raises(ValueError, match='dilation is 0'):
        nn.DilatedConvStack(dilation=0)
    with pytest.raises(ValueError, match=r'expected a list \[x, z\]'):
        nn.DilatedConvStack(conditional=True)(noise(1, 5, 4))
    with pytest.raises(ValueError, match='x has shape'):
        nn.DilatedConvStack()(noise(1, 5))


def test_norm_relu_conv() -> None:
    layer = nn.NormReluConv(3, 1, 2, 'instance')
    x = noise(2, 4, 6, 5)
    normalized = nn.normalize_op(x, 'instance').numpy()
    output = layer(x)
    kernel, bias = layer.layers[-1].kernel.numpy(), layer.layers[-1].bias.numpy()
    expected = relu(normalized)[:, :, ::2] @ kernel[0, 0] + bias
    np.testing.assert_allclose(output, expected, atol=1e-5)


def test_residual_layer_adds_to_its_input() -> None:
    layer = nn.ResidualLayer(2, 1, False, 'layer', False, False)
    x = noise(2, 4, 6, 8)
    assert np.abs(layer(x) - x).max() > 1e-3
    last = layer.bottleneck.layers[-1].layers[-1]
    last.kernel.assign(tf.zeros(last.kernel.shape))
    np.testing.assert_array_equal(layer(x), x)


def test_residual_shortcut_comes_after_norm_and_nonlinearity() -> None:
    layer = nn.ResidualLayer(2, 3, True, 'instance', False, False)
    x = noise(2, 4, 6, 5)
    layer(x)
    last = layer.bottleneck.layers[-1].layers[-1]
    last.kernel.assign(tf.zeros(last.kernel.shape))
    expected = relu(nn.normalize_op(x, 'instance').numpy())[:, :, ::3]
    expected = expected @ layer.conv_proj.kernel.numpy()[0, 0]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


def test_residual_layer_without_shortcut_must_fit() -> None:
    with pytest.raises(ValueError, match='4 \\* ch = 8 channels, it has 5'):
        nn.ResidualLayer(2, 1, False, 'layer', False, False)(noise(1, 4, 6, 5))


def test_residual_stack() -> None:
    layer = nn.ResidualStack([2, 3], [2, 1], [1, 2], 'layer')
    x = noise(2, 4, 7, 5)
    output = layer(x)
    assert output.shape == layer.compute_output_shape(x.shape) == (2, 4, 4, 12)
    assert np.min(output) == 0.0  # The last nonlinearity.
    assert [residual.shortcut for residual in layer.layers[:3]] == [True, False, True]
    with pytest.raises(ValueError, match='one entry for each block'):
        nn.ResidualStack([2, 3], [2], [1, 2], 'layer')


@pytest.mark.parametrize(
    ('size', 'channels'), [('tiny', 512), ('small', 1024), ('large', 2048)]
)
def test_resnet_makes_frequency_coarser(size: str, channels: int) -> None:
    layer = nn.ResNet(size)
    assert layer.compute_output_shape((3, 125, 229, 1)) == (3, 125, 8, channels)
    assert layer.compute_output_shape((None, None, 229, 1)) == (None, None, 8, channels)


def test_resnet_refuses_unknown_sizes() -> None:
    with pytest.raises(ValueError, match=r"'huge', expected one of \['tiny', 'small'"):
        nn.ResNet('huge')


def test_conditional_resnet_hears_its_condition() -> None:
    layer = nn.ResNet('tiny', conditional=True)
    x, z = noise(1, 3, 33, 1), noise(1, 3, 2, seed=1)
    first, second = layer([x, z]), layer([x, -z])
    assert first.shape == (1, 3, 2, 512)
    assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize('shape', [(2, 6, 3), (2, 6, 4, 3)])
def test_polyphase_puts_neighbouring_frames_side_by_side(shape: tuple) -> None:
    x = noise(*shape)
    down = nn.polyphase_resample(x, 3)
    np.testing.assert_array_equal(
        down, np.concatenate([x[:, 0::3], x[:, 1::3], x[:, 2::3]], axis=-1)
    )
    np.testing.assert_array_equal(nn.polyphase_resample(down, 3, 'up'), x)


@pytest.mark.parametrize(('what', 'n_frames'), [('pad', 4), ('trim', 3)])
def test_polyphase_of_sizes_that_do_not_divide(what: str, n_frames: int) -> None:
    x = noise(2, 7, 3)
    whole = np.pad(x, [[0, 0], [0, 1], [0, 0]])[:, : 2 * n_frames]
    down = nn.polyphase_resample(x, 2, 'down', what)
    np.testing.assert_array_equal(down, whole.reshape(2, n_frames, 6))
    up = nn.polyphase_resample(x, 2, 'up', what)
    channels = {'pad': 2, 'trim': 1}[what]
    assert up.shape == (2, 14, channels)
    np.testing.assert_array_equal(up[:, ::2], x[..., :channels])


def test_polyphase_refuses() -> None:
    x = noise(2, 7, 3)
    with pytest.raises(ValueError, match="resample_type is 'sideways'"):
        nn.PolyphaseResample(2, 'sideways')
    with pytest.raises(ValueError, match='stride is 0'):
        nn.polyphase_resample(x, 0)
    with pytest.raises(ValueError, match='3 channels cannot become 4 frames'):
        nn.polyphase_resample(x, 4, 'up', 'trim')
    with pytest.raises(ValueError, match='x has shape'):
        nn.polyphase_resample(x[0])
