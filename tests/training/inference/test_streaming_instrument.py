from __future__ import annotations

import gin
import numpy as np
import pytest
import tensorflow as tf
import tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsp import core
from ddsp.training import decoders, gin_files, models, transfer
from ddsp.training.inference import StreamingInstrument

FRAMES, HOP, SEED = 24, 128, 5
POWER = """
include 'models/vst/vst.gin'
RnnFcDecoder.rnn_channels = 8
RnnFcDecoder.ch = 4
RnnFcDecoder.output_splits = (
    ('amps', 1), ('harmonic_distribution', 6), ('noise_magnitudes', 5))
FilteredNoiseReverb.reverb_length = 700
FilteredNoiseReverb.n_frames = 10
FilteredNoiseReverb.n_filter_banks = 4
"""


@pytest.fixture(scope='module')
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp('streaming') / 'tiny'
    tiny_model.write_tiny_model(directory, tiny_model.REVERB)
    return directory


@pytest.fixture(scope='module')
def loaded(directory):
    instrument = transfer.load_instrument(directory)
    # What it plays at once then has this noise.
    instrument.processor_group.filtered_noise.seed = SEED
    return instrument


@pytest.fixture(scope='module')
def streaming(loaded):
    return StreamingInstrument.from_instrument(loaded)


def melody():
    place = np.linspace(0.0, 1.0, FRAMES, dtype=np.float32)
    return {
        'f0_hz': (220.0 + 200.0 * place)[np.newaxis],
        'loudness_db': (-40.0 + 30.0 * np.sin(np.pi * place))[np.newaxis],
    }


def noise():
    return core.uniform_noise([1, FRAMES * HOP], SEED).numpy()


def stream(instrument, features, ends, with_noise=None):
    """Plays blocks that end where it is told, and joins them."""
    hop = instrument.hop_size
    state, played, first = instrument.initial_state(), [], 0
    for end in ends:
        block = {name: value[:, first:end] for name, value in features.items()}
        part = with_noise
        if part is not None:
            part = part[:, first * hop : end * hop]
        audio, state = instrument.step(block, state, part)
        played.append(audio.numpy())
        first = end
    return np.concatenate(played, axis=1)


def test_what_it_tells(streaming, loaded):
    assert (streaming.sample_rate, streaming.frame_rate) == (16000, 125)
    assert streaming.hop_size == HOP
    assert streaming.input_keys == ('f0_hz', 'loudness_db')
    assert streaming.takes_noise
    assert streaming.latency == loaded.processor_group.latency > 0
    assert streaming.shown == loaded.name
    state = streaming.initial_state()
    assert tuple(state) == streaming.state_keys
    assert all(value.shape.is_fully_defined() for value in state.values())


@pytest.fixture(scope='module')
def at_once(loaded):
    features = melody()
    adjusted = transfer.Adjusted(
        features['f0_hz'][0], features['loudness_db'][0], np.ones(FRAMES, bool), 0, ()
    )
    return loaded.play(adjusted)


@settings(max_examples=6, deadline=None)
@given(st.sets(st.integers(1, FRAMES - 1), max_size=6))
def test_any_blocks_are_what_the_player_plays(streaming, at_once, cuts):
    features, expected = melody(), at_once
    played = stream(streaming, features, [*sorted(cuts), FRAMES], noise())[0]
    late = streaming.latency
    assert np.abs(expected).max() > 1e-3
    assert not played[:late].any()
    np.testing.assert_allclose(played[late:], expected[:-late], atol=1e-5)


def test_xla(loaded, streaming):
    compiled = StreamingInstrument.from_instrument(loaded, jit_compile=True)
    ends = [8, 16, 24]
    np.testing.assert_allclose(
        stream(compiled, melody(), ends, noise()),
        stream(streaming, melody(), ends, noise()),
        atol=1e-6,
    )


def test_noise_is_new_without_any(directory):
    instrument = StreamingInstrument.load(directory)
    blocks = melody(), [12, 24]
    first, second = stream(instrument, *blocks), stream(instrument, *blocks)
    assert np.abs(first - second).max() > 1e-6


def test_a_batch_of_streams(streaming):
    features = melody()
    two = {name: np.concatenate([x, x[:, ::-1]]) for name, x in features.items()}
    breath = np.concatenate([noise(), noise()])
    audio, _ = streaming.step(two, streaming.initial_state(2), breath)
    np.testing.assert_allclose(
        audio[:1], stream(streaming, features, [FRAMES], noise()), atol=1e-6
    )
    assert np.abs(audio[0] - audio[1]).max() > 1e-3


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('ends', [range(1, FRAMES + 1), [8, 24]])
def test_features_that_are_no_numbers_do_not_stay(streaming, bad, ends):
    broken, held = melody(), melody()
    for values in broken.values():
        values[:, 6:11] = bad
    held['f0_hz'][:, 6:11] = held['f0_hz'][:, 5]
    held['loudness_db'][:, 6:11] = -80.0
    played = stream(streaming, broken, ends, noise())
    assert np.isfinite(played).all()
    expected = stream(streaming, held, ends, noise())
    np.testing.assert_allclose(played, expected, atol=1e-6)
    assert np.abs(played[:, -4 * HOP :]).max() > 1e-4


def test_a_stream_may_begin_with_no_numbers(streaming):
    features = {name: np.full([1, 3], np.nan) for name in streaming.input_keys}
    bad_noise = np.full([1, 3 * HOP], np.nan)
    audio, state = streaming.step(features, streaming.initial_state(), bad_noise)
    assert np.isfinite(audio).all()
    assert all(np.isfinite(value).all() for value in state.values())


def power_model():
    gin_files.add_search_paths()
    gin.parse_config(POWER)
    model = models.get_model()
    gin.clear_config()
    tf.keras.utils.set_random_seed(2)
    features = {
        'audio': tf.zeros([1, 320 * FRAMES]),
        'f0_hz': tf.fill([1, FRAMES + 1, 1], 300.0),
    }
    model.processor_group.harmonic.n_samples = 320 * (FRAMES + 1)
    model.processor_group.filtered_noise.n_samples = 320 * (FRAMES + 1)
    model(features, training=False)
    return model


def test_a_model_of_power():
    model = power_model()
    instrument = StreamingInstrument.from_model(model)
    assert instrument.input_keys == ('f0_hz', 'power_db')
    assert (instrument.sample_rate, instrument.frame_rate) == (16000, 50)
    block = {'f0_hz': np.full([1, 2], 300.0), 'power_db': np.full([1, 2], -20.0)}
    audio, state = instrument.step(block, instrument.initial_state())
    assert audio.shape == (1, 640)
    assert instrument.step(block, state)[0].numpy().any()
    with pytest.raises(ValueError, match=r"\['power_db'\] are missing"):
        instrument.step(melody(), state)


@pytest.mark.parametrize(
    'changed, said',
    [
        ({'loudness_db': np.zeros([1, 3])}, r'loudness_db \[1, 3\]'),
        ({'f0_hz': np.zeros([2])}, r'f0_hz \[2\]'),
        ({'f0_hz': np.zeros([1, 0]), 'loudness_db': np.zeros([1, 0])}, r'\[1, 0\]'),
        ({'noise': np.zeros([1, 100])}, r'\[1, 100\], expected \[1, 3072\]'),
        ({'state': {}}, 'expected .*decoder_state'),
        ({'state': None}, 'the state has NoneType'),
    ],
)
def test_a_wrong_block(streaming, changed, said):
    given_state = changed.get('state', streaming.initial_state())
    features = {key: changed.get(key, value) for key, value in melody().items()}
    with pytest.raises(ValueError, match=said):
        streaming.step(features, given_state, changed.get('noise'))


def test_what_cannot_stream(directory, streaming):
    group = streaming.processor_group
    dilated = decoders.DilatedConvDecoder(
        input_keys=('f0_scaled', 'ld_scaled'), conditioning_keys=None
    )
    with pytest.raises(ValueError, match=r'KAZOO does not play block by block: .*Dila'):
        StreamingInstrument(dilated, group, 16000, 125, shown='KAZOO')
    with pytest.raises(ValueError, match='16000 samples and 130 frames'):
        StreamingInstrument(streaming.decoder, group, 16000, 130)
    unbuilt = models.Autoencoder(
        decoder=decoders.RnnFcDecoder(input_keys=('f0_scaled',)), processor_group=group
    )
    with pytest.raises(ValueError, match='no weights yet'):
        StreamingInstrument.from_model(unbuilt)
    with pytest.raises(ValueError, match='no decoder'):
        StreamingInstrument.from_model(models.Autoencoder(processor_group=group))


def play_module(step, module, features):
    state, played = module.initial_state(), []
    n = module.frames_per_block
    for first in range(0, FRAMES, n):
        block = {
            name: tf.constant(features[name][:, first : first + n])
            for name in module.feature_names
        }
        breath = tf.constant(noise()[:, first * HOP : (first + n) * HOP])
        state = {name: tf.constant(value) for name, value in state.items()}
        outputs = step(**block, noise=breath, **state)
        played.append(outputs['audio'].numpy())
        state = {name: outputs[f'next_{name}'] for name in state}
    return np.concatenate(played, axis=1)


def test_a_module_plays_the_same(streaming):
    expected = stream(streaming, melody(), [FRAMES], noise())
    for n_frames in (1, 8):
        module = streaming.as_module(n_frames)
        played = play_module(module.step, module, melody())
        np.testing.assert_allclose(played, expected, atol=1e-5)


def test_a_module_is_saved_and_loaded(streaming, tmp_path):
    module = streaming.as_module(4)
    module.save(tmp_path)
    loaded = tf.saved_model.load(str(tmp_path)).signatures['serving_default']
    assert set(loaded.structured_input_signature[1]) == set(module.input_names)
    assert set(loaded.structured_outputs) == set(module.output_names)
    for spec in loaded.structured_outputs.values():
        assert spec.shape.is_fully_defined()
    expected = stream(streaming, melody(), [FRAMES], noise())
    played = play_module(loaded, module, melody())
    np.testing.assert_allclose(played, expected, atol=1e-5)


def test_a_module_names_its_tensors(streaming):
    module = streaming.as_module(2)
    assert module.input_names[:3] == ('f0_hz', 'loudness_db', 'noise')
    assert module.output_names[0] == 'audio'
    concrete = module.step.get_concrete_function()
    names = [x.name.split(':')[0] for x in concrete.inputs]
    assert names[: len(module.input_names)] == list(module.input_names)
    for name, value in module.initial_state().items():
        assert module.input_specs[name].shape == value.shape
        assert concrete.structured_outputs[f'next_{name}'].shape == value.shape
    n_weights = sum(v.shape.num_elements() for v in module.variables)
    layers = streaming.decoder, streaming.processor_group
    assert n_weights == sum(layer.count_params() for layer in layers)


@pytest.mark.parametrize('frames', [0, -1, 1.5])
def test_a_module_of_no_frames(streaming, frames):
    with pytest.raises(ValueError, match='expected a whole number'):
        streaming.as_module(frames)
