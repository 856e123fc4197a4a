"""Encoders: frames, keys, meaning of what they give, and the standard settings."""

from __future__ import annotations

import functools

import gin
import keras
import numpy as np
import pytest
import tensorflow as tf

from ddsp import core, spectral_ops, synths
from ddsp.training import encoders, nn
from ddsp.training.encoders.midi import VELOCITY_DB

SAMPLES, FRAMES = 4096, 64


def noise(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=shape)
    return (scale * values).astype(np.float32)


audio = noise(2, SAMPLES, scale=0.1)
f0_scaled, ld_scaled = noise(2, FRAMES, 1), noise(2, FRAMES, 1, seed=1)
features = {'audio': audio, 'f0_scaled': f0_scaled, 'ld_scaled': ld_scaled}


class Level(encoders.ZEncoder):
    def compute_z(self, audio):
        return tf.reduce_mean(tf.abs(audio), axis=-1, keepdims=True)


class Melody(encoders.ZEncoder):
    def compute_z(self, f0_scaled, ld_scaled=None):
        z = f0_scaled[:, ::2]
        return z if ld_scaled is None else z + ld_scaled[:, ::2]


def test_a_latent_is_held_over_the_frames_of_f0() -> None:
    z = Level()(features)['z']
    assert z.shape == (2, FRAMES, 1)
    np.testing.assert_allclose(z[:, 0, 0], np.abs(audio).mean(axis=-1), rtol=1e-5)
    np.testing.assert_array_equal(z[:, 0], z[:, -1])
    np.testing.assert_array_equal(Level()(audio, f0_scaled)['z'], z)


def test_without_f0_a_latent_keeps_its_frames() -> None:
    assert Level()(audio)['z'].shape == (2, 1)
    z = encoders.MfccTimeDistributedRnnEncoder(4, z_dims=3, z_time_steps=1000)(audio)
    assert z['z'].shape == (2, SAMPLES // 64, 3)


def test_f0_itself_may_be_what_is_encoded() -> None:
    layer = Melody()
    assert layer.all_input_keys == ['f0_scaled', 'ld_scaled']
    expected = core.resample(f0_scaled[:, ::2], FRAMES)
    np.testing.assert_allclose(layer({'f0_scaled': f0_scaled})['z'], expected)
    expected = core.resample((f0_scaled + ld_scaled)[:, ::2], FRAMES)
    np.testing.assert_allclose(layer(features)['z'], expected)


def test_keys_can_be_renamed_and_are_saved() -> None:
    layer = Level(input_keys=['audio_16k'])
    z = layer({'audio_16k': audio, 'f0_scaled': f0_scaled})['z']
    assert z.shape == (2, FRAMES, 1)
    clone = Level.from_config(layer.get_config())
    assert clone.all_input_keys == layer.all_input_keys == ['audio_16k', 'f0_scaled']
    clone = encoders.ExpressionEncoder(None, 3, ('ld_scaled', 'z'))
    clone = encoders.ExpressionEncoder.from_config(clone.get_config())
    assert clone.input_keys == ['ld_scaled', 'z']
    assert clone.all_input_keys == ['ld_scaled', 'z', 'f0_scaled']


def test_unknown_frames_of_f0() -> None:
    layer = Level()
    signature = [tf.TensorSpec([None, None]), tf.TensorSpec([None, None, 1])]
    encode = tf.function(layer, input_signature=signature)
    np.testing.assert_allclose(
        encode(audio, f0_scaled)['z'], layer(features)['z'], rtol=1e-6
    )


def test_compute_z_must_be_written() -> None:
    with pytest.raises(NotImplementedError, match='must define compute_z'):
        encoders.ZEncoder(input_keys=['audio'])(features)


@pytest.mark.parametrize(
    ('z_time_steps', 'n_frames'), [(63, 4), (125, 8), (250, 16), (500, 32), (1000, 64)]
)
def test_time_steps_of_the_latent(z_time_steps: int, n_frames: int) -> None:
    layer = encoders.MfccTimeDistributedRnnEncoder(
        4, z_dims=3, z_time_steps=z_time_steps
    )
    assert layer.compute_z(audio).shape == (2, n_frames, 3)


def test_time_steps_of_the_latent_are_few() -> None:
    with pytest.raises(ValueError, match=r'z_time_steps is 100, expected one of \[63'):
        encoders.MfccTimeDistributedRnnEncoder(z_time_steps=100)


def test_the_autoencoders_setting() -> None:
    layer = encoders.MfccTimeDistributedRnnEncoder(512, 'gru', 16, 125)
    assert layer(features)['z'].shape == (2, FRAMES, 16)
    shapes = {weight.path.split('/', 1)[1]: weight.shape for weight in layer.weights}
    assert sorted(shapes.values(), key=str) == sorted(
        [(1, 1, 1, 30)] * 2 + [(30, 1536), (512, 1536), (2, 1536), (512, 16), (16,)],
        key=str,
    )


def test_mfccs_are_normalised_over_time() -> None:
    layer = encoders.MfccEncoder((512,), (40,), (8,), time_steps=32)
    z = layer.compute_z(audio).numpy()
    mfccs = spectral_ops.compute_mfcc(audio, fft_size=512, mel_bins=40, mfcc_bins=8)
    mfccs = mfccs.numpy()
    assert mfccs.shape == z.shape
    expected = (mfccs - mfccs.mean(1, keepdims=True)) / mfccs.std(1, keepdims=True)
    np.testing.assert_allclose(z, expected, atol=1e-2)


def test_mfccs_of_several_sizes_stand_side_by_side() -> None:
    layer = encoders.MfccEncoder((512, 1024), (40, 60), (8, 6), time_steps=50)
    assert layer.compute_z(audio).shape == (2, 50, 14)
    with pytest.raises(ValueError, match='must be of one length'):
        encoders.MfccEncoder((512, 1024))


@pytest.mark.parametrize('sample_rate', [8000, 48000])
def test_mfccs_at_other_rates(sample_rate: int) -> None:
    layer = encoders.MfccEncoder((512,), (40,), (8,), sample_rate=sample_rate)
    assert np.isfinite(layer(features)['z']).all()


@pytest.mark.parametrize('mean_aggregate', [False, True])
def test_one_latent_for_a_recording(mean_aggregate: bool) -> None:
    layer = encoders.MfccRnnEncoder(4, 'gru', 3, mean_aggregate)
    assert layer.compute_z(audio).shape == (2, 1, 3)
    z = layer(features)['z'].numpy()
    assert z.shape == (2, FRAMES, 3)
    np.testing.assert_array_equal(z, np.repeat(z[:, :1], FRAMES, axis=1))


@pytest.mark.parametrize('shape', [(2,), (2, 1)])
def test_one_hot(shape: tuple[int, ...]) -> None:
    ids = np.reshape([3, 0], shape)
    layer = encoders.OneHotEncoder('instrument_id', 4, 5)
    z = layer({'instrument_id': ids, 'f0_scaled': f0_scaled})['z']
    table = layer.embedding.embeddings.numpy()
    np.testing.assert_array_equal(z, table[ids])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(ids)['z'])
    gradient = tape.gradient(loss, layer.embedding.embeddings.value)
    np.testing.assert_array_equal(tf.convert_to_tensor(gradient)[:, 0], [1, 0, 0, 1])
    spread = encoders.OneHotEncoder('instrument_id', 4, 5, skip_expand=False)
    z = spread({'instrument_id': ids, 'f0_scaled': f0_scaled})['z']
    assert z.shape == (2, FRAMES, 5)
    np.testing.assert_array_equal(z[:, 0], z[:, -1])


def test_aggregates_do_not_depend_on_when() -> None:
    layer = encoders.AggregateFeaturesEncoder(6)
    z = layer(features)['z']
    assert z.shape == (2, FRAMES, 6)
    # Backwards, means and spreads are the same, but for the sign of the mean change.
    loop = np.concatenate([f0_scaled, f0_scaled[:, ::-1]], axis=1)
    steady = np.zeros_like(loop)
    z = layer({'f0_scaled': loop, 'ld_scaled': steady})['z']
    back = layer({'f0_scaled': loop[:, ::-1], 'ld_scaled': steady})['z']
    np.testing.assert_allclose(z, back, atol=1e-4)
    # A norm inside forgets a common factor: the loudness must not be 0 here.
    z = layer({'f0_scaled': loop, 'ld_scaled': 1.0 + steady})['z']
    wider = layer({'f0_scaled': 2.0 * loop, 'ld_scaled': 1.0 + steady})['z']
    assert np.abs(z - wider).max() > 1e-3
    one_frame = layer({'f0_scaled': loop[:, :1], 'ld_scaled': steady[:, :1]})['z']
    assert np.isfinite(one_frame).all()


def test_sinusoids_of_the_standard_size() -> None:
    layer = encoders.ResnetSinusoidalEncoder(
        output_splits=(
            ('frequencies', 6400),
            ('amplitudes', 100),
            ('noise_magnitudes', 65),
        ),
        spectral_fn=functools.partial(
            spectral_ops.compute_logmel,
            lo_hz=0.0,
            hi_hz=8000.0,
            bins=229,
            fft_size=2048,
            overlap=0.75,
        ),
        size='small',
    )
    outputs = layer(audio[:1, :1024])
    assert {key: value.shape[1:] for key, value in outputs.items()} == {
        'frequencies': (2, 6400),
        'amplitudes': (2, 100),
        'noise_magnitudes': (2, 65),
    }
    assert layer.dense_outs[0].kernel.shape == (8 * 1024, 6400)
    controls = synths.Sinusoidal(
        1024, freq_scale_fn=functools.partial(core.frequencies_sigmoid, depth=64)
    ).get_controls(outputs['amplitudes'], outputs['frequencies'])
    assert controls['frequencies'].shape == (1, 2, 100)
    clone = encoders.ResnetSinusoidalEncoder.from_config(layer.get_config())
    assert clone.spectral_fn(audio).shape == layer.spectral_fn(audio).shape


def test_harmonics_are_audible_and_sum_to_one() -> None:
    layer = encoders.SinusoidalToHarmonicEncoder(nn.RnnSandwich(8, 1, 8), 20)
    sinusoids = {
        'sin_freqs': 8000.0 * np.random.default_rng(0).random((2, 5, 3)),
        'sin_amps': np.ones([2, 5, 3]),
    }
    outputs = layer({key: value.astype(np.float32) for key, value in sinusoids.items()})
    assert list(outputs) == ['harm_amp', 'harm_dist', 'f0_hz']
    assert outputs['harm_amp'].shape == outputs['f0_hz'].shape == (2, 5, 1)
    f0_hz, distribution = outputs['f0_hz'].numpy(), outputs['harm_dist'].numpy()
    assert np.all((f0_hz >= 20.0) & (f0_hz <= 1200.0))
    assert np.all(outputs['harm_amp'] > 0.0)
    np.testing.assert_allclose(distribution.sum(axis=-1), 1.0, rtol=1e-5)
    high = f0_hz * np.arange(1, 21) >= 8000.0
    assert np.all(distribution[high] == 0.0)


def test_default_scales_are_saved_by_name() -> None:
    config = encoders.SinusoidalToHarmonicEncoder().get_config()
    assert config['freq_scale_fn'] == {
        'callable': {
            'partial': 'ddsp.core.frequencies_softmax',
            'keywords': {'depth': 64, 'hz_min': 20.0, 'hz_max': 1200.0},
        }
    }
    clone = encoders.SinusoidalToHarmonicEncoder.from_config(config)
    f0 = noise(1, 2, 64)
    original = encoders.SinusoidalToHarmonicEncoder()
    np.testing.assert_allclose(clone.freq_scale_fn(f0), original.freq_scale_fn(f0))


MIDI = 60.0 + noise(2, 7, 1)


@pytest.mark.parametrize(
    ('layer', 'n_controls'),
    [
        (encoders.MidiEncoder(nn.DilatedConvStack(4, 1, 1)), 1),
        (encoders.HarmonicToMidiEncoder(nn.DilatedConvStack(4, 1, 1)), 3),
    ],
)
def test_pitch_is_f0_and_what_the_network_adds(
    layer: nn.DictLayer, n_controls: int
) -> None:
    controls = [noise(2, 7, i + 1) for i in range(n_controls)]
    outputs = layer(MIDI, *controls)
    assert list(outputs) == ['z_pitch', 'z_vel']
    assert outputs['z_vel'].shape == (2, 7, 1)
    added = outputs['z_pitch'] - MIDI
    for weight in layer.dense_out.weights:
        weight.assign(tf.zeros(weight.shape))
    np.testing.assert_array_equal(layer(MIDI, *controls)['z_pitch'], MIDI)
    assert np.abs(added).max() > 1e-3


def test_pitch_without_f0() -> None:
    layer = encoders.MidiEncoder(f0_residual=False)
    layer(MIDI, MIDI)
    for weight in layer.dense_out.weights:
        weight.assign(tf.zeros(weight.shape))
    np.testing.assert_array_equal(layer(MIDI, MIDI)['z_pitch'], np.zeros([2, 7, 1]))


@pytest.mark.parametrize(
    ('make', 'quiet', 'loud'),
    [
        (encoders.MidiEncoder, 0.0, 1.0),
        (encoders.HarmonicToMidiEncoder, -5.0, np.log10(2.0)),
    ],
)
def test_velocity_is_loudness_and_what_the_network_adds(
    make: type[nn.DictLayer], quiet: float, loud: float
) -> None:
    layer = make(velocity_residual=True)
    plain = make.from_config({**layer.get_config(), 'velocity_residual': False})
    loudness = np.linspace(quiet, loud, 7, dtype=np.float32)[None, :, None]
    n_controls = 1 if make is encoders.MidiEncoder else 3
    controls = [loudness, *[noise(1, 7, 4)] * (n_controls - 1)]
    ours = layer(MIDI[:1], *controls)
    plain(MIDI[:1], *controls)
    plain.set_weights(layer.get_weights())
    theirs = plain(MIDI[:1], *controls)
    added = (ours['z_vel'] - theirs['z_vel'])[0, :, 0]
    np.testing.assert_allclose(added, np.linspace(0.0, 127.0, 7), atol=1e-3)
    np.testing.assert_array_equal(ours['z_pitch'], theirs['z_pitch'])


def test_a_step_of_velocity_in_db() -> None:
    layer = encoders.HarmonicToMidiEncoder(velocity_residual=True)
    amplitudes = np.array([0.1, 1.0], np.float32)[None, :, None]
    controls = [noise(1, 1, 4).repeat(2, axis=1)] * 2
    layer(MIDI[:1, :2], np.log10(amplitudes), *controls)
    for weight in layer.dense_out.weights:
        weight.assign(tf.zeros(weight.shape))
    found = layer(MIDI[:1, :2], np.log10(amplitudes), *controls)['z_vel']
    apart = float(found[0, 1, 0] - found[0, 0, 0])
    assert abs(apart * VELOCITY_DB - 20.0) < 1e-3


def test_expression_is_pooled_or_not() -> None:
    pooled = encoders.ExpressionEncoder(nn.FcStack(4, 1), 3)
    z = pooled(features)['z']
    assert z.shape == (2, FRAMES, 3)
    np.testing.assert_allclose(z[:, 0], z[:, -1], atol=1e-6)
    by_frame = encoders.ExpressionEncoder(nn.FcStack(4, 1), 3, pool_time=False)
    by_frame(features)
    by_frame.set_weights(pooled.get_weights())
    every = by_frame(features)['z']
    np.testing.assert_allclose(tf.reduce_mean(every, axis=1), z[:, 0], atol=1e-5)


def test_expression_hears_audio_where_asked_to() -> None:
    keys = ('f0_scaled', 'ld_scaled', 'audio')
    layer = encoders.ExpressionEncoder(nn.FcStack(4, 1), 3, keys, 5, 256, 20)
    z = layer(features)['z']
    other = layer({**features, 'audio': audio[:, ::-1] ** 2})['z']
    assert np.abs(z - other).max() > 1e-3
    assert layer.net.weights[0].shape == (2 + 5, 4)


class Twofold(keras.layers.Layer):
    def call(self, x):
        return {'a': x, 'b': x}


class Named(keras.layers.Layer):
    def call(self, x):
        return {'out': 2.0 * x, 'state': x}


def test_networks_may_name_their_output() -> None:
    layer = encoders.MidiEncoder(Named())
    assert layer(MIDI, MIDI)['z_vel'].shape == (2, 7, 1)
    with pytest.raises(ValueError, match="expected one tensor, or 'out' among them"):
        encoders.MidiEncoder(Twofold())(MIDI, MIDI)


def test_gin_makes_them() -> None:
    gin.clear_config()
    try:
        gin.parse_config(
            """
            MfccTimeDistributedRnnEncoder.rnn_channels = 4
            MfccTimeDistributedRnnEncoder.z_dims = 16
            ExpressionEncoder.net = @nn.DilatedConvStack()
            ExpressionEncoder.input_keys = ['ld_scaled']
            DilatedConvStack.ch = 7
            SinusoidalToHarmonicEncoder.net = @nn.RnnSandwich()
            ResnetSinusoidalEncoder.spectral_fn = @compute_logmel
            compute_logmel.bins = 229
            first.x = @encoders.MfccTimeDistributedRnnEncoder()
        """,
            skip_unknown=['first'],
        )
        mfcc = gin.get_configurable('encoders.MfccTimeDistributedRnnEncoder')()
        expression = gin.get_configurable('encoders.ExpressionEncoder')()
        resnet = gin.get_configurable('encoders.ResnetSinusoidalEncoder')()
        clone = encoders.ResnetSinusoidalEncoder.from_config(resnet.get_config())
    finally:
        gin.clear_config()
    assert mfcc(features)['z'].shape == (2, FRAMES, 16)
    assert expression.net.ch == 7
    assert expression.all_input_keys == ['ld_scaled', 'f0_scaled']
    assert expression.get_config()['input_keys'] == ['ld_scaled']
    assert clone.spectral_fn(audio).shape[-1] == 229
