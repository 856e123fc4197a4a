"""Every layer of `nn` and every encoder goes through the same checks."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from layer_testing import CHECKS, Case, assert_alike, dtype_policy

from ddsp import spectral_ops
from ddsp.training import encoders, nn

BATCH, FRAMES, CHANNELS = 2, 6, 4


def noise(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return scale * np.random.default_rng(seed).normal(size=shape)


@dataclasses.dataclass
class NetCase(Case):
    """`run(layer, inputs)` calls a layer that takes its inputs in another way."""

    run: Callable[..., Any] | None = None

    def call(self, layer: Any, inputs: Any, **kwargs: Any) -> Any:
        if self.run is None:
            return super().call(layer, inputs, **kwargs)
        return self.run(layer, inputs, **kwargs)


def as_pair(layer: Any, inputs: Any, **kwargs: Any) -> Any:
    return layer([inputs['x'], inputs['z']], **kwargs)


def conditional(make_layer: Callable, x: np.ndarray, shape: Any, **kwargs: Any) -> Case:
    inputs = {'x': x, 'z': noise(*x.shape[:2], 3, seed=1)}
    return NetCase(make_layer, inputs, shape, ['x', 'z'], run=as_pair, **kwargs)


def plain(make_layer: Callable, x: np.ndarray, shape: Any, **kwargs: Any) -> Case:
    run = kwargs.pop('run', lambda layer, inputs, **kw: layer(inputs['x'], **kw))
    return NetCase(make_layer, {'x': x}, shape, ['x'], run=run, **kwargs)


def encoder(make_layer: Callable, inputs: dict, gradients: Any, shape: Any) -> Case:
    return NetCase(
        make_layer,
        inputs,
        shape,
        gradients,
        takes_dictionary=True,
        # One output: its tensor itself, so that it has a shape.
        run=lambda layer, features: layer(dict(features))['z'],
    )


x_3d = noise(BATCH, FRAMES, CHANNELS)
x_4d = noise(BATCH, FRAMES, 9, CHANNELS)
audio = noise(BATCH, 2048, scale=0.1)
one = noise(BATCH, FRAMES, 1)
f0_midi = 60.0 + one

NN = {
    'Normalize': plain(lambda: nn.Normalize('layer'), x_3d, x_3d.shape),
    'Normalize instance': plain(lambda: nn.Normalize('instance'), x_4d, x_4d.shape),
    'Normalize group': plain(
        lambda: nn.Normalize('group'),
        noise(BATCH, FRAMES, 64),
        (BATCH, FRAMES, 64),
    ),
    'Normalize nothing': plain(lambda: nn.Normalize(None), x_3d, x_3d.shape),
    'PolyphaseResample': plain(
        lambda: nn.PolyphaseResample(4), x_3d, (BATCH, 2, 4 * CHANNELS)
    ),
    'PolyphaseResample up': plain(
        lambda: nn.PolyphaseResample(2, 'up', 'trim'),
        x_3d,
        (BATCH, 2 * FRAMES, CHANNELS // 2),
    ),
    'NormReluConv': plain(
        lambda: nn.NormReluConv(3, 3, 2, 'layer'), x_4d, (BATCH, FRAMES, 5, 3)
    ),
    'ResidualLayer': plain(
        lambda: nn.ResidualLayer(1, 1, False, 'layer', False, False), x_4d, x_4d.shape
    ),
    'ResidualLayer conditional': conditional(
        lambda: nn.ResidualLayer(2, 2, True, 'layer', True, False),
        x_4d,
        (BATCH, FRAMES, 5, 8),
    ),
    'ResidualStack': conditional(
        lambda: nn.ResidualStack(
            [2, 3], [1, 2], [1, 2], 'layer', True, True, 'leaky_relu'
        ),
        x_4d,
        (BATCH, FRAMES, 5, 12),
    ),
    # The encoder with it below goes through all checks.
    'ResNet tiny': plain(lambda: nn.ResNet('tiny'), noise(1, 5, 33, 1), (1, 5, 2, 512)),
    'SpectralNormalization': plain(
        lambda: nn.SpectralNormalization(keras.layers.Dense(3)),
        x_3d,
        (BATCH, FRAMES, 3),
    ),
    'SpectralNormalization of a convolution': plain(
        lambda: nn.SpectralNormalization(keras.layers.Conv2D(3, 3), 2),
        x_4d,
        (BATCH, FRAMES - 2, 7, 3),
    ),
    'ConditionalScaleAndShift': conditional(
        nn.ConditionalScaleAndShift, x_3d, x_3d.shape
    ),
    'ConditionalNorm': conditional(nn.ConditionalNorm, x_4d, x_4d.shape),
    'DilatedConvStack': plain(
        lambda: nn.DilatedConvStack(5, 2, 2, norm_type='layer'),
        x_3d,
        (BATCH, FRAMES, 5),
    ),
    'DilatedConvStack conditional, up': conditional(
        lambda: nn.DilatedConvStack(
            5,
            2,
            2,
            dilation=-2,
            resample_type='upsample',
            resample_stride=2,
            resample_after_convolve=False,
            ortho_init=True,
            conditional=True,
        ),
        x_3d,
        (BATCH, 4 * FRAMES, 5),
    ),
    'DilatedConvStack normalised, down': plain(
        lambda: nn.DilatedConvStack(
            5,
            1,
            2,
            norm_type='instance',
            resample_type='downsample',
            resample_stride=3,
            stacks_per_resample=2,
            spectral_norm=True,
        ),
        x_3d,
        (BATCH, 2, 5),
    ),
    'VectorQuantization': plain(
        lambda: nn.VectorQuantization(8, num_heads=2, restart_threshold=0.1),
        x_3d,
        x_3d.shape,
        run=lambda layer, inputs, **kwargs: layer(inputs['x'], **kwargs)[0],
    ),
}

ENCODERS = {
    'MfccTimeDistributedRnnEncoder': encoder(
        lambda: encoders.MfccTimeDistributedRnnEncoder(4, 'gru', 3, 1000),
        {'audio': audio, 'f0_scaled': one},
        ['audio'],
        (BATCH, FRAMES, 3),
    ),
    'MfccEncoder': encoder(
        lambda: encoders.MfccEncoder((512, 256), (40, 20), (8, 6), 10),
        {'audio': audio, 'f0_scaled': one},
        ['audio'],
        (BATCH, FRAMES, 14),
    ),
    'MfccRnnEncoder': encoder(
        lambda: encoders.MfccRnnEncoder(4, 'lstm', 3, mean_aggregate=True),
        {'audio': audio, 'f0_scaled': one},
        ['audio'],
        (BATCH, FRAMES, 3),
    ),
    'OneHotEncoder': encoder(
        lambda: encoders.OneHotEncoder('instrument_id', 4, 3, skip_expand=False),
        {'instrument_id': np.array([[1], [3]]), 'f0_scaled': one},
        [],
        (BATCH, FRAMES, 3),
    ),
    'AggregateFeaturesEncoder': encoder(
        lambda: encoders.AggregateFeaturesEncoder(5),
        {'f0_scaled': one, 'ld_scaled': noise(BATCH, FRAMES, 1, seed=1)},
        ['f0_scaled', 'ld_scaled'],
        (BATCH, FRAMES, 5),
    ),
    'ResnetSinusoidalEncoder': NetCase(
        lambda: encoders.ResnetSinusoidalEncoder(
            (('frequencies', 6), ('amplitudes', 3)), spectral_ops.compute_logmel
        ),
        {'audio': audio},
        None,
        ['audio'],
    ),
    'SinusoidalToHarmonicEncoder': NetCase(
        lambda: encoders.SinusoidalToHarmonicEncoder(nn.RnnSandwich(6, 1, 5), 7),
        {
            'sin_freqs': 4000.0 * np.abs(noise(BATCH, FRAMES, 3)),
            'sin_amps': np.abs(noise(BATCH, FRAMES, 3, seed=1)),
        },
        None,
        ['sin_freqs', 'sin_amps'],
    ),
    'BandSinusoidalEncoder': NetCase(
        lambda: encoders.BandSinusoidalEncoder(4, 5, 256),
        {'audio': audio},
        None,
        ['audio'],
    ),
    'SalienceHarmonicEncoder': NetCase(
        lambda: encoders.SalienceHarmonicEncoder(7, 4),
        {
            'sin_freqs': 100.0 + 2000.0 * np.abs(noise(BATCH, FRAMES, 3)),
            'sin_amps': 0.1 + np.abs(noise(BATCH, FRAMES, 3, seed=1)),
        },
        None,
        ['sin_freqs', 'sin_amps'],
    ),
    'MidiEncoder': NetCase(
        lambda: encoders.MidiEncoder(nn.DilatedConvStack(4, 2, 1)),
        {'f0_midi': f0_midi, 'loudness': one},
        None,
        ['f0_midi', 'loudness'],
    ),
    'HarmonicToMidiEncoder': NetCase(
        lambda: encoders.HarmonicToMidiEncoder(nn.Fc(4), False),
        {
            'f0_midi': f0_midi,
            'amps': one,
            'hd': noise(BATCH, FRAMES, 5),
            'noise': noise(BATCH, FRAMES, 6),
        },
        None,
        ['f0_midi', 'amps', 'hd', 'noise'],
    ),
    'ExpressionEncoder': encoder(
        lambda: encoders.ExpressionEncoder(nn.FcStack(4, 1), 3),
        {'f0_scaled': one, 'ld_scaled': noise(BATCH, FRAMES, 1, seed=1)},
        ['f0_scaled', 'ld_scaled'],
        (BATCH, FRAMES, 3),
    ),
    'ExpressionEncoder of audio': encoder(
        lambda: encoders.ExpressionEncoder(
            None, 3, ('ld_scaled', 'audio'), 5, 256, 20, pool_time=False
        ),
        {'ld_scaled': noise(BATCH, 3, 1, seed=1), 'audio': audio, 'f0_scaled': one},
        ['ld_scaled', 'audio'],
        (BATCH, FRAMES, 3),
    ),
}
CASES = NN | ENCODERS


def check_eager(case: Case, _: pathlib.Path) -> None:
    layer = case.make_layer()
    output = case.call(layer, {k: tf.constant(v) for k, v in case.inputs.items()})
    for leaf in tf.nest.flatten(output):
        assert leaf.dtype == tf.float32
        assert np.isfinite(leaf).all()
    if case.shape is not None:
        assert tuple(output.shape) == tuple(case.shape)


def check_half_precision(case: Case, _: pathlib.Path) -> None:
    """Under a mixed policy it gives about the same, and never NaN."""
    inputs = {key: tf.constant(value) for key, value in case.inputs.items()}
    layer = case.make_layer()
    expected = case.call(layer, inputs)
    for policy in ('mixed_float16', 'mixed_bfloat16'):
        with dtype_policy(policy):
            mixed = case.make_layer()
            case.call(mixed, inputs)
            mixed.set_weights(layer.get_weights())
            output = case.call(mixed, inputs)
        output = tf.nest.map_structure(lambda x: tf.cast(x, tf.float32), output)
        # A bfloat16 keeps 8 bits, and layers add their errors up.
        assert_alike(output, expected, snr_db=15.0)


NET_CHECKS = {
    'eager': check_eager,
    'half_precision': check_half_precision,
    **{key: CHECKS[key] for key in ('function', 'jit', 'config', 'save', 'gradients')},
}


# Other settings of a layer need not be saved once more.
VARIANT_CHECKS = ('eager', 'jit', 'gradients')
RUNS = [
    (name, check)
    for name, case in CASES.items()
    for check in NET_CHECKS
    if (check in VARIANT_CHECKS or ' ' not in name)
    # Gradients of an embedding are no plain tensors; it has a test of its own.
    and (check != 'gradients' or case.gradients)
]


@pytest.mark.parametrize(('name', 'check'), RUNS)
def test_layer(name: str, check: str, tmp_path: pathlib.Path) -> None:
    NET_CHECKS[check](CASES[name], tmp_path)


def test_no_layer_is_left_out() -> None:
    tested = {name.split(' ')[0] for name in CASES}
    assert set(encoders.__all__) - {'ZEncoder'} <= tested
