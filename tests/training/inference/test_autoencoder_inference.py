from __future__ import annotations

import gin
import numpy as np
import pytest
import tensorflow as tf
import tiny_model
import tiny_vst

from ddsp import core, effects, processors, spectral_ops, synths
from ddsp.training import inference, models
from ddsp.training.inference.autoencoder import without_reverb
from ddsp.training.transfer.playing import network_features

FRAMES, HOP = 50, 128
SECONDS = FRAMES / 125
# Noise that is the same in each rendering.
MORE = '\nFilteredNoise.seed = 3\n'


@pytest.fixture(scope='module')
def loudness(tmp_path_factory):
    directory = tmp_path_factory.mktemp('inference') / 'loudness'
    return directory, tiny_model.write_tiny_model(directory, tiny_model.REVERB + MORE)


@pytest.fixture(scope='module')
def power(tmp_path_factory):
    directory = tmp_path_factory.mktemp('inference') / 'power'
    return directory, tiny_vst.write_tiny_vst(directory, more=MORE)


def melody():
    f0_hz, level_db = tiny_vst.melody(FRAMES)
    return {'f0_hz': f0_hz, 'loudness_db': level_db}


def offline(model, dry):
    given = melody()
    features = network_features(*given.values(), given['loudness_db'])
    features = {key: np.float32(x)[None, :, None] for key, x in features.items()}
    features.update(model.decoder(features, training=False))
    controls = {key: features[key] for key in model.processor_group.input_keys}
    # The noise of a seed depends on the number of samples only in its end.
    filled = {
        key: tf.concat([x, tf.repeat(x[:, -1:], 125 - FRAMES, axis=1)], axis=1)
        for key, x in controls.items()
    }
    results = model.processor_group(filled, return_outputs_dict=True)
    node = 'add' if dry else 'reverb'
    return results['controls'][node]['signal'][0].numpy()


@pytest.mark.parametrize('dry', [True, False])
def test_it_plays_what_the_autoencoder_plays(loudness, dry, capsys):
    directory, model = loudness
    module = inference.AutoencoderInference(
        directory, length_seconds=SECONDS, remove_reverb=dry
    )
    assert 'ckpt-7' in capsys.readouterr().out
    assert isinstance(module, models.Autoencoder)
    assert (module.n_frames, module.n_samples) == (FRAMES, FRAMES * HOP)
    names = [module.name for module in module.processor_group.processors]
    assert ('reverb' in names) is not dry
    outputs = module(melody())
    audio = module.get_audio_from_outputs(outputs).numpy()
    assert audio.shape == (1, FRAMES * HOP)
    expected = offline(model, dry)[: FRAMES * HOP]
    assert np.abs(expected).max() > 1e-3
    # Both filters reach over what comes after.
    np.testing.assert_allclose(audio[0, : -2 * HOP], expected[: -2 * HOP], atol=1e-5)
    assert outputs['harmonic']['controls']['amplitudes'].shape == [1, FRAMES, 1]
    assert {'f0_scaled', 'ld_scaled', 'amps'} <= set(outputs)
    assert 'pw_scaled' not in outputs


def test_shapes_of_inputs(loudness):
    module = inference.AutoencoderInference(loudness[0], SECONDS, verbose=False)
    expected = module(melody())['audio_synth']
    for more in (1, 2):
        features = melody()
        features = {key: x[None, :, None] for key, x in features.items()}
        if more == 1:
            features = {key: x[..., 0] for key, x in features.items()}
        np.testing.assert_allclose(module(features)['audio_synth'], expected, atol=1e-6)
    features = melody()
    half = {key: core.resample(x[None, :, None], 25) for key, x in features.items()}
    assert module(half)['audio_synth'].shape == [1, FRAMES * HOP]
    features['f0_hz'][7], features['loudness_db'][9] = np.nan, np.inf
    assert np.isfinite(module(features)['audio_synth']).all()


def test_loudness_of_audio(loudness):
    module = inference.AutoencoderInference(loudness[0], SECONDS, verbose=False)
    audio = np.random.default_rng(0).uniform(-0.5, 0.5, FRAMES * HOP)
    heard = spectral_ops.compute_loudness(
        np.float32(audio)[None], sample_rate=16000, frame_rate=125
    )
    heard = core.resample(heard[..., None], FRAMES)
    f0_hz = melody()['f0_hz']
    np.testing.assert_allclose(
        module({'f0_hz': f0_hz, 'audio': audio})['audio_synth'],
        module({'f0_hz': f0_hz, 'loudness_db': heard[..., 0]})['audio_synth'],
        atol=1e-5,
    )


def test_a_model_of_power(power, tmp_path):
    module = inference.AutoencoderInference(power[0], 0.4, verbose=False)
    assert module.takes_power
    assert (module.n_frames, module.hop_size) == (20, 320)
    f0_hz, power_db = tiny_vst.melody(20)
    played = module({'f0_hz': f0_hz, 'power_db': power_db})
    same = module({'f0_hz': f0_hz, 'pw_db': power_db})
    np.testing.assert_array_equal(played['audio_synth'], same['audio_synth'])
    noisy = np.random.default_rng(0).uniform(-0.5, 0.5, [1, 6400])
    assert module({'f0_hz': f0_hz, 'audio': noisy})['audio_synth'].shape[0] == 1
    module.save_model(tmp_path)
    signature = tf.saved_model.load(str(tmp_path)).signatures['serving_default']
    again = signature(
        f0_hz=tf.constant(f0_hz[None]), power_db=tf.constant(power_db[None])
    )
    np.testing.assert_allclose(again['audio_synth'], played['audio_synth'], atol=1e-6)
    np.testing.assert_allclose(again['amps'], played['amps'], atol=1e-5)


def test_it_is_saved(loudness, tmp_path):
    module = inference.AutoencoderInference(
        loudness[0], SECONDS, remove_reverb=False, verbose=False
    )
    module.save_model(tmp_path)
    signature = tf.saved_model.load(str(tmp_path)).signatures['serving_default']
    names = {'audio_synth', 'amps', 'harmonic_distribution', 'noise_magnitudes'}
    assert set(signature.structured_outputs) == names
    again = signature(**{key: tf.constant(x[None]) for key, x in melody().items()})
    np.testing.assert_allclose(
        again['audio_synth'], module(melody())['audio_synth'], atol=1e-6
    )


def test_gin_configures_it(loudness):
    gin.parse_config(
        """
AutoencoderInference.length_seconds = 0.8
AutoencoderInference.verbose = False
Harmonic.sample_rate = 8000
"""
    )
    module = inference.AutoencoderInference(loudness[0])
    assert module.n_frames == 100
    assert module.sample_rate == 16000
    assert gin.query_parameter('Harmonic.sample_rate') == 8000


def test_what_is_missing(loudness, power, tmp_path):
    module = inference.AutoencoderInference(loudness[0], SECONDS, verbose=False)
    f0_hz = melody()['f0_hz']
    with pytest.raises(ValueError, match="'loudness_db' is missing, and so is 'audio'"):
        module({'f0_hz': f0_hz})
    with pytest.raises(ValueError, match="'f0_hz' is missing"):
        module({'loudness_db': f0_hz})
    with pytest.raises(ValueError, match=r'loudness_db has the shape \[1, 0, 1\]'):
        module({'f0_hz': f0_hz, 'loudness_db': f0_hz[:0]})
    for seconds in (0, -1, np.nan, 'a', 0.0123):
        with pytest.raises(ValueError, match='length_seconds is'):
            inference.AutoencoderInference(loudness[0], seconds, verbose=False)
    with pytest.raises(FileNotFoundError, match='nowhere'):
        inference.AutoencoderInference(tmp_path / 'nowhere')


def test_without_reverb():
    reverb = effects.Reverb(reverb_length=10, name='room')
    nodes = [
        (synths.TensorToAudio(), ['samples']),
        (reverb, ['tensor_to_audio/signal']),
    ]
    crop = processors.Crop(4, 'back')
    group = processors.ProcessorGroup([*nodes, (crop, ['room/signal'])])
    dry = without_reverb(group)
    assert [step.name for step in dry.steps] == ['tensor_to_audio', 'crop']
    samples = np.random.default_rng(0).uniform(size=[1, 12, 1]).astype(np.float32)
    np.testing.assert_allclose(dry({'samples': samples}), samples[:, :8, 0])
    assert without_reverb(dry) is dry
    only = processors.ProcessorGroup([(effects.Reverb(), ['audio'])])
    with pytest.raises(ValueError, match='nothing but reverb'):
        without_reverb(only)
