from __future__ import annotations

import gin
import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_model
import tiny_vst
from tiny_vst import BANDS, CHANNELS, HARMONICS, melody

import ddsp
from ddsp import spectral_ops
from ddsp.training import inference, models, preprocessing
from ddsp.training.transfer.playing import network_features

FRAMES = 9


@pytest.fixture(scope='module')
def places(tmp_path_factory):
    """Of each rate a directory and the model in it."""
    root = tmp_path_factory.mktemp('vst')
    return {
        rate: (root / name, tiny_vst.write_tiny_vst(root / name, rate))
        for rate, name in tiny_vst.FILES.items()
    }


@pytest.fixture(scope='module')
def directory(places):
    return places[16000][0]


def scaled():
    f0_hz, power_db = melody(FRAMES)
    f0_scaled = preprocessing.scale_f0_hz(f0_hz).numpy()
    return f0_scaled, preprocessing.scale_db(power_db)


def offline_controls(model):
    """What the whole autoencoder makes of the features, `[frames, channels]`."""
    f0_hz, power_db = melody(FRAMES)
    features = network_features(f0_hz, power_db, power_db)
    features = {key: np.float32(x)[None, :, None] for key, x in features.items()}
    features.update(model.decoder(features, training=False))
    controls = model.processor_group.get_controls(features)
    harmonic, noise = controls['harmonic'], controls['filtered_noise']
    return {
        'amplitudes': harmonic['controls']['amplitudes'][0].numpy(),
        'harmonic_distribution': harmonic['controls']['harmonic_distribution'][
            0
        ].numpy(),
        'noise_magnitudes': noise['controls']['magnitudes'][0].numpy(),
    }


def chain(step, state):
    """Frame after frame of a step that is given its state."""
    frames = []
    for f0, pw in zip(*scaled()):
        controls = step(
            f0_scaled=tf.constant([f0]), pw_scaled=tf.constant([pw]), state=state
        )
        state = controls['state']
        frames.append({k: v.numpy() for k, v in controls.items() if k != 'state'})
    return {key: np.stack([frame[key] for frame in frames]) for key in frames[0]}


def assert_same(found, expected):
    assert set(found) == set(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-4, atol=1e-5, err_msg=key)


@pytest.mark.parametrize('rate', tiny_vst.FILES)
def test_stateless_controls_are_those_of_the_autoencoder(places, rate):
    directory, model = places[rate]
    module = inference.VSTStatelessPredictControls(directory)
    assert isinstance(module, models.Autoencoder)
    assert module.sample_rate == rate
    assert module.hop_size == rate // 50
    assert module.state_dims == CHANNELS
    expected = offline_controls(model)
    found = chain(module, tf.zeros([CHANNELS]))
    assert found['harmonic_distribution'].shape == (FRAMES, HARMONICS)
    assert found['noise_magnitudes'].shape == (FRAMES, BANDS)
    assert found['amplitudes'].shape == (FRAMES, 1)
    assert np.ptp(expected['amplitudes']) > 0.01
    assert_same(found, expected)


def test_controls_with_a_state_inside(places):
    directory, model = places[16000]
    module = inference.VSTPredictControls(directory)
    expected = offline_controls(model)
    for _ in range(2):
        frames = [module([f0], [pw]) for f0, pw in zip(*scaled())]
        found = {key: np.stack([frame[key] for frame in frames]) for key in frames[0]}
        assert_same(found, expected)
        module.reset()


@pytest.mark.parametrize('rate', tiny_vst.FILES)
def test_a_stream_is_the_autoencoder(places, rate):
    directory, model = places[rate]
    instrument = inference.StreamingInstrument.load(directory)
    hop = rate // 50
    assert (instrument.sample_rate, instrument.hop_size) == (rate, hop)
    for group in (model.processor_group, instrument.processor_group):
        group.filtered_noise.seed = group.reverb.seed = 2
    f0_hz, power_db = melody(FRAMES)
    features = network_features(f0_hz, power_db, power_db)
    features = {key: np.float32(x)[None, :, None] for key, x in features.items()}
    expected = model.decode(features, training=False).numpy()
    # Of all frames but the last, which is cropped.
    assert expected.shape == (1, (FRAMES - 1) * hop)
    assert np.abs(expected).max() > 1e-3
    state, played = instrument.initial_state(), []
    for first in range(0, FRAMES, 3):
        block = {
            'f0_hz': f0_hz[None, first : first + 3],
            'power_db': power_db[None, first : first + 3],
        }
        shapes = {name: value.shape for name, value in state.items()}
        audio, state = instrument.step(block, state)
        assert {name: value.shape for name, value in state.items()} == shapes
        played.append(audio)
    played = np.concatenate(played, axis=1)[:, instrument.latency :]
    n_samples = min(played.shape[1], expected.shape[1])
    assert n_samples >= (FRAMES - 2) * hop
    np.testing.assert_allclose(
        played[:, :n_samples], expected[:, :n_samples], atol=1e-5
    )


@pytest.mark.parametrize(
    'kind', [inference.VSTPredictControls, inference.VSTStatelessPredictControls]
)
def test_controls_are_saved(places, tmp_path, kind):
    directory, model = places[16000]
    module = kind(directory)
    if kind is inference.VSTPredictControls:
        module([0.7], [0.9])  # What was heard is not saved.
    module.save_model(tmp_path)
    loaded = tf.saved_model.load(str(tmp_path))
    signature = loaded.signatures['serving_default']

    def step(state, **features):
        found = signature(**features, **({'state': state} if stateless else {}))
        return {'state': state, **found}

    stateless = kind is inference.VSTStatelessPredictControls
    names = {'f0_scaled', 'pw_scaled'} | ({'state'} if stateless else set())
    assert set(signature.structured_input_signature[1]) == names
    assert_same(chain(step, tf.zeros([CHANNELS])), offline_controls(model))


def test_no_numbers_do_not_stay(directory):
    module = inference.VSTPredictControls(directory)
    for bad in (np.nan, np.inf):
        assert all(np.isfinite(x).all() for x in module([bad], [bad]).values())
    expected = module([0.5], [0.5])
    assert all(np.isfinite(x).all() for x in expected.values())


def test_gin_is_left_alone_and_words_are_said(directory, capsys):
    gin.parse_config('RnnFcDecoder.rnn_channels = 3')
    inference.VSTPredictControls(directory)
    assert capsys.readouterr().out == ''
    inference.VSTPredictControls(directory, verbose=True)
    assert 'ckpt-3' in capsys.readouterr().out
    assert gin.query_parameter('RnnFcDecoder.rnn_channels') == 3


def test_parse_operative_config(directory):
    inference.parse_operative_config(directory)
    assert gin.query_parameter('RnnFcDecoder.rnn_channels') == CHANNELS
    gin.clear_config()
    inference.parse_operative_config(str(directory / 'ckpt-3'))
    assert gin.query_parameter('RnnFcDecoder.rnn_channels') == CHANNELS
    assert isinstance(models.get_model(), models.Autoencoder)


class Stub(keras.layers.Layer):
    """In place of CREPE, whose weights may not be there: it counts crossings of 0."""

    def __init__(self, model_size_or_path, hop_size):
        super().__init__()
        assert (model_size_or_path, hop_size) == ('tiny', 320)

    def predict_f0_and_confidence(self, audio, viterbi, padding):
        assert padding == 'valid'
        rises = (audio[:, 1:] >= 0) & (audio[:, :-1] < 0)
        f0_hz = tf.reduce_sum(tf.cast(rises, tf.float32), axis=1) * 16000 / 1024
        return f0_hz[:, tf.newaxis], tf.ones([1, 1])


@pytest.mark.parametrize('rate', tiny_vst.FILES)
def test_features_of_a_frame(places, rate, monkeypatch, tmp_path):
    monkeypatch.setattr(ddsp.spectral_ops, 'PretrainedCREPE', Stub, raising=False)
    module = inference.VSTExtractFeatures(
        places[rate][0], crepe_saved_model_path='tiny'
    )
    assert module.decoder is None
    assert module.input_specs['audio'].shape == [1024]
    audio = 0.5 * np.sin(2 * np.pi * 500.0 * np.arange(1024) / 16000 + 0.1)
    found = module(audio)
    assert {key: value.shape for key, value in found.items()} == {
        'f0_hz': [1],
        'pw_db': [1],
        'f0_scaled': [1],
        'pw_scaled': [1],
    }
    np.testing.assert_allclose(found['f0_hz'], 500.0, atol=16.0)
    np.testing.assert_allclose(found['pw_db'], 10 * np.log10(0.125), atol=0.1)
    np.testing.assert_allclose(
        found['pw_scaled'], preprocessing.scale_db(found['pw_db'])
    )
    assert np.isfinite(list(module(np.full(1024, np.nan)).values())).all()
    module.save_model(tmp_path)
    again = tf.saved_model.load(str(tmp_path)).call(tf.constant(audio, tf.float32))
    for key, value in found.items():
        np.testing.assert_allclose(again[key], value, rtol=1e-6)
    with pytest.raises(
        ValueError, match=r'audio has the shape \[100\], expected \[1024'
    ):
        module(np.zeros(100))


def test_an_online_preprocessor_takes_blocks():
    """Blocks of audio, each with the samples that frames share, are the whole."""
    layer = preprocessing.OnlineF0PowerPreprocessor(
        frame_rate=50, padding='valid', compute_f0=False
    )
    hop, size, n_frames = 320, 1024, 12
    n_samples = (n_frames - 1) * hop + size
    audio = np.random.default_rng(0).uniform(-0.5, 0.5, [1, n_samples])
    f0_hz = np.full([1, n_frames], 300.0)
    whole = layer({'audio': audio, 'f0_hz': f0_hz})['pw_db']
    assert whole.shape == [1, n_frames, 1]
    blocks = []
    for first, last in [(0, 1), (1, 5), (5, 12)]:
        part = audio[:, first * hop : (last - 1) * hop + size]
        block = layer({'audio': part, 'f0_hz': f0_hz[:, first:last]})
        blocks.append(block['pw_scaled'])
    np.testing.assert_allclose(
        np.concatenate(blocks, axis=1), preprocessing.scale_db(whole), atol=1e-5
    )
    expected = spectral_ops.compute_power(
        audio, frame_rate=50, frame_size=size, padding='valid'
    )
    np.testing.assert_allclose(whole[..., 0], expected, atol=1e-4)


def test_a_checkpoint_without_what_is_needed(tmp_path, directory):
    tiny_model.write_tiny_model(tmp_path / 'loudness')
    kinds = inference.VSTPredictControls, inference.VSTStatelessPredictControls
    for kind in kinds:
        with pytest.raises(ValueError, match=r"\['f0_scaled', 'ld_scaled'\], expected"):
            kind(tmp_path / 'loudness')
    with pytest.raises(ValueError, match='has a F0LoudnessPreprocessor, expected Onl'):
        inference.VSTExtractFeatures(tmp_path / 'loudness')
    with pytest.raises(FileNotFoundError, match='nowhere'):
        inference.VSTPredictControls(tmp_path / 'nowhere')
    config = 'operative_config-3.gin'
    bare = tmp_path / 'bare'
    bare.mkdir()
    with pytest.raises(ValueError, match='holds no model'):
        inference.VSTPredictControls(bare)
    (bare / config).write_text((directory / config).read_text())
    with pytest.raises(ValueError, match='holds no weights'):
        inference.VSTPredictControls(bare)
    text = (directory / config).read_text()
    other = text.replace('RnnFcDecoder.ch = 4', 'RnnFcDecoder.ch = 7')
    wrong = tmp_path / 'wrong'
    wrong.mkdir()
    for file in directory.iterdir():
        (wrong / file.name).write_bytes(file.read_bytes())
    (wrong / config).write_text(other)
    with pytest.raises(ValueError, match='decoder'):
        inference.VSTPredictControls(wrong)
    (wrong / config).write_text(text.replace('@synths.FilteredNoise', '@synths.Noise'))
    with pytest.raises(ValueError, match='Noise'):
        inference.VSTPredictControls(wrong)


def test_a_rate_that_frames_do_not_divide(tmp_path, directory):
    for file in directory.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = tmp_path / 'operative_config-3.gin'
    config.write_text(config.read_text() + '\nFRAME_RATE = 47\n')
    for kind in (inference.VSTPredictControls, inference.VSTSynthesize):
        with pytest.raises(ValueError, match='16000 samples and 47 frames a second'):
            kind(tmp_path)
    with pytest.raises(ValueError, match='47'):
        inference.StreamingInstrument.load(tmp_path)


@pytest.mark.parametrize(
    'given, said',
    [
        (([1.0], [1.0, 2.0]), r'pw_scaled has the shape \[2\], expected \[1\]'),
        ((1.0, [1.0]), r'f0_scaled has the shape \[\]'),
    ],
)
def test_a_block_of_another_size(directory, given, said):
    module = inference.VSTPredictControls(directory)
    with pytest.raises(ValueError, match=said):
        module(*given)
    with pytest.raises(TypeError, match='pw_scaled'):
        module([1.0])


def test_a_model_without_noise(tmp_path):
    more = """
processors.ProcessorGroup.dag = [
    (@synths.Harmonic(), ['amps', 'harmonic_distribution', 'f0_hz'])]
"""
    tiny_vst.write_tiny_vst(tmp_path, more=more)
    for kind in (inference.VSTPredictControls, inference.VSTSynthesize):
        with pytest.raises(ValueError, match='has no FilteredNoise'):
            kind(tmp_path)
