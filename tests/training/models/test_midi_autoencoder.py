from __future__ import annotations

import gin
import keras
import numpy as np
import pytest
import tensorflow as tf

from ddsp import core, losses
from ddsp.training import decoders, encoders, gin_files, models, nn, preprocessing
from ddsp.training.models import midi_autoencoder

FRAMES, HOP = 20, 64
SPLITS = (('amplitudes', 1), ('harmonic_distribution', 3), ('magnitudes', 5))


def features(batch: int = 2) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    roll = np.zeros([batch, FRAMES, 128], np.float32)
    roll[:, 2:9, 60], roll[:, 12:19, 64] = 90.0, 70.0
    return {
        'audio': rng.uniform(-0.1, 0.1, [batch, FRAMES * HOP]).astype(np.float32),
        'f0_hz': np.full([batch, FRAMES], 261.63, np.float32),
        'loudness_db': rng.uniform(-40, -20, [batch, FRAMES]).astype(np.float32),
        'note_active_velocities': roll,
        'instrument_id': np.arange(batch),
    }


def stack(**kwargs) -> nn.DilatedConvStack:
    return nn.DilatedConvStack(ch=4, layers_per_stack=1, stacks=1, **kwargs)


def parts(conditional: bool = False, **kwargs) -> dict:
    keras.utils.set_random_seed(0)
    decoder = decoders.MidiToHarmonicDecoder(
        net=stack(conditional=conditional), output_splits=(('f0_midi', 1), *SPLITS)
    )
    given = {
        'preprocessor': preprocessing.F0LoudnessPreprocessor(
            time_steps=FRAMES, compute_loudness=False
        ),
        'synthcoder': decoders.DilatedConvDecoder(
            ch=4,
            layers_per_stack=1,
            stacks=1,
            output_splits=SPLITS,
            conditioning_keys='z' if conditional else None,
        ),
        'midi_decoder': decoder,
        'reverb': False,
        'reconstruction_losses': losses.LossGroup(
            dag=[
                (losses.SpectralLoss(fft_sizes=(64,)), ['audio', 'synth_audio']),
                (
                    losses.ParamLoss(loss_type='L2', name='f0_loss'),
                    ['f0_midi', 'f0_midi_pred', 'f0_loss_weights'],
                ),
                (losses.ParamLoss(name='amps_loss'), ['amps', 'amps_pred']),
                (losses.ParamLoss(name='hd_loss'), ['hd', 'hd_pred']),
                (losses.ParamLoss(name='noise_loss'), ['noise', 'noise_pred']),
            ]
        ),
    }
    return {**given, **kwargs}


def make_model(**kwargs) -> models.MidiAutoencoder:
    return models.MidiAutoencoder(**parts(**kwargs))


def encoder() -> encoders.HarmonicToMidiEncoder:
    return encoders.HarmonicToMidiEncoder(net=stack())


@pytest.fixture(scope='module')
def heard() -> tuple:
    """A model without an encoder, and what it makes of notes of the data."""
    model = make_model()
    return (model, *model(features(), return_losses=True))


def test_notes_of_the_data_are_played(heard) -> None:
    _, outputs, found = heard
    assert set(found) == {
        'spectral_loss',
        'f0_loss',
        'amps_loss',
        'hd_loss',
        'noise_loss',
        'total_loss',
    }
    assert outputs['midi_audio'].shape == outputs['audio'].shape == [2, FRAMES * HOP]
    pitch = outputs['q_pitch'].numpy()[0, :, 0]
    expected = np.zeros(FRAMES)
    expected[2:9], expected[12:19] = 60, 64
    np.testing.assert_array_equal(pitch, expected)
    np.testing.assert_array_equal(
        outputs['q_vel'].numpy()[0, :, 0], 90 * (pitch == 60) + 70 * (pitch == 64)
    )
    # f0 counts where a note sounds.
    np.testing.assert_array_equal(outputs['f0_loss_weights'][0, :, 0], pitch > 0)


def test_losses_compare_what_their_names_say(heard) -> None:
    _, outputs, found = heard
    distance = outputs['f0_midi'] - outputs['f0_midi_pred']
    weights = outputs['f0_loss_weights']
    expected = losses.mean_difference(
        tf.zeros_like(distance), distance, 'L2', weights=weights
    )
    np.testing.assert_allclose(found['f0_loss'], expected, rtol=1e-5)
    difference = np.abs(outputs['hd'] - outputs['hd_pred'])
    np.testing.assert_allclose(found['hd_loss'], difference.mean(), rtol=1e-4)
    amplitudes = outputs['synth_params']['amplitudes']
    np.testing.assert_allclose(
        outputs['amps'], np.log10(np.maximum(amplitudes, 1e-5)), rtol=1e-4
    )


def test_it_plays_any_notes(heard) -> None:
    model, outputs, _ = heard
    audio = model.midi_to_audio(outputs['q_pitch'], outputs['q_vel'])
    np.testing.assert_allclose(audio, outputs['midi_audio'], atol=0.2)
    assert model.midi_to_audio(np.full([1, 7, 1], 60.0), np.ones([1, 7, 1])).shape == [
        1,
        7 * HOP,
    ]


def test_it_plays_f0_and_loudness(heard) -> None:
    model, outputs, _ = heard
    audio, params = model.synthesize_audio(
        outputs['f0_hz'], outputs['loudness_db'], return_params=True
    )
    assert audio.shape == [2, FRAMES * HOP]
    for key, value in outputs['synth_params'].items():
        np.testing.assert_allclose(params[key], value, atol=1e-5)


def test_an_encoder_finds_notes_as_whole_numbers() -> None:
    model = make_model(
        midi_encoder=encoder(),
        qpitch_f0rec_loss=losses.ParamLoss(name='closeness'),
        pitch_f0rec_loss=losses.ParamLoss(name='closeness'),
        pitch_qpitch_loss=losses.ParamLoss(name='closeness'),
        midi_slowness_loss=losses.ParamLoss(name='slowness'),
    )
    outputs, found = model(features(), return_losses=True)
    pitch = outputs['q_pitch'].numpy()
    np.testing.assert_array_equal(pitch, np.round(outputs['z_pitch']))
    assert {
        'qpitch_f0rec_closeness',
        'pitch_f0rec_closeness',
        'pitch_qpitch_closeness',
        'midi_slowness_slowness',
    } < set(found)
    rounding = np.abs(outputs['z_pitch'] - pitch)
    np.testing.assert_allclose(
        found['pitch_qpitch_closeness'], rounding.mean(), rtol=1e-4
    )


def test_what_is_too_soft_can_become_louder() -> None:
    raw = tf.constant([[[-7.0], [-4.0], [0.0]]])
    with tf.GradientTape() as tape:
        tape.watch(raw)
        amplitudes = core.exp_sigmoid(raw)
        params = {
            'f0_hz': tf.fill([1, 3, 1], 440.0),
            'amplitudes': amplitudes,
            'harmonic_distribution': tf.ones([1, 3, 1]),
            'magnitudes': amplitudes,
        }
        controls = models.MidiAutoencoder.extract_harm_controls(params)
    _, amps, _, magnitudes = controls
    expected = np.log10(np.maximum(amplitudes, 1e-5))
    assert abs(expected[0, 0, 0] + 5.0) < 1e-5 < 5.0 + expected[0, 1, 0]
    np.testing.assert_allclose(amps, expected, rtol=1e-5)
    np.testing.assert_allclose(magnitudes, expected, rtol=1e-5)
    slopes = tape.gradient(amps, raw).numpy().ravel()
    # d log10(max sigmoid^p) / dx = p (1 - sigmoid) / ln 10, and p is ln 10.
    sigmoid = 1.0 / (1.0 + np.exp(-raw.numpy().ravel()))
    np.testing.assert_allclose(slopes[1:], 1.0 - sigmoid[1:], rtol=1e-2)
    assert 0.01 < slopes[0] < 0.1


@pytest.mark.parametrize('held_back', [True, False])
def test_notes_leave_the_synthcoder_alone_when_told(held_back) -> None:
    model = make_model(
        midi_encoder=encoder(),
        sg_before_midiae=held_back,
        reconstruction_losses=losses.LossGroup(
            dag=[(losses.ParamLoss(name='hd_loss'), ['hd', 'hd_pred'])]
        ),
    )
    model(features())
    with tf.GradientTape() as tape:
        _, found = model(features(), return_losses=True)
    weights = model.synthcoder.trainable_variables
    gradients = [
        g for g in tape.gradient(found['total_loss'], weights) if g is not None
    ]
    moved = any(np.abs(g).max() > 0 for g in gradients)
    assert moved != held_back


def test_a_decoder_of_loudness_plays_through_the_synthcoder() -> None:
    model = make_model(
        midi_decoder=decoders.MidiDecoder(net=stack()), reconstruction_losses=None
    )
    outputs = model(features())
    expected = model.synthesize_audio(
        440.0 * 2.0 ** ((outputs['f0_midi_pred'] - 69.0) / 12.0),
        outputs['loudness_db_pred'],
        return_params=True,
    )[1]
    for key in ('amplitudes', 'harmonic_distribution'):
        np.testing.assert_allclose(
            outputs['midi_params'][key], expected[key], atol=1e-5
        )


def test_it_learns_and_is_saved(tmp_path) -> None:
    model = make_model(midi_encoder=encoder())
    model.compile(optimizer=keras.optimizers.Adam(1e-2))
    data = tf.data.Dataset.from_tensors(features())
    history = model.fit(data, epochs=15, verbose=0).history
    assert history['total_loss'][-1] < 0.7 * history['total_loss'][0]
    expected = model(features())['f0_midi_pred']
    model.save(tmp_path / 'model.keras')
    loaded = keras.saving.load_model(tmp_path / 'model.keras')
    np.testing.assert_allclose(loaded(features())['f0_midi_pred'], expected, rtol=1e-4)


def test_latent_variables_are_of_the_whole_and_of_each_note() -> None:
    encode = encoders.ExpressionEncoder
    model = models.ZMidiAutoencoder(
        **parts(conditional=True),
        z_synth_encoders=[encoders.OneHotEncoder('instrument_id', 3, 2)],
        z_global_encoders=[encode(net=None, z_dims=3, mfcc_bins=4)],
        z_note_encoder=encode(
            net=None,
            z_dims=4,
            pool_time=False,
            input_keys=('f0_scaled', 'amps_scaled', 'hd_scaled', 'noise_scaled'),
        ),
    )
    outputs, found = model(features(), return_losses=True)
    z = outputs['z'].numpy()
    assert z.shape == (2, FRAMES, 7) and np.isfinite(found['total_loss'])
    assert np.ptp(z[..., :3], axis=1).max() == 0.0
    of_notes = z[0, :, 3:]
    assert np.ptp(of_notes[2:9], axis=0).max() < 1e-6
    assert np.abs(of_notes[2] - of_notes[12]).max() > 1e-6
    assert np.abs(of_notes[:2]).max() == 0.0
    again = models.ZMidiAutoencoder.from_config(model.get_config())
    assert again.z_note_encoder.z_dims == 4 and len(again.z_synth_encoders) == 1


@pytest.mark.parametrize('name', ['midiae', 'z_midiae'])
def test_the_gin_files_make_models_that_run(name) -> None:
    small = [
        f'F0LoudnessPreprocessor.time_steps = {FRAMES}',
        'F0LoudnessPreprocessor.compute_loudness = False',
        'DilatedConvDecoder.ch = 4',
        'DilatedConvDecoder.layers_per_stack = 1',
        'SpectralLoss.fft_sizes = (64,)',
        'MfccTimeDistributedRnnEncoder.rnn_channels = 4',
        'MfccTimeDistributedRnnEncoder.z_time_steps = 63',
    ]
    for scope in ('midi_decoder', 'z_global', 'z_note'):
        small += [
            f'{scope}/DilatedConvStack.{what}'
            for what in ('ch = 4', 'layers_per_stack = 1', 'stacks = 1')
        ]
    gin_files.add_search_paths()
    try:
        gin_files.parse_files(
            [
                f'models/midiae/{name}.gin',
                'models/midiae/mixins/recon_lossgroup.gin',
            ]
        )
        gin_files.parse_params(small)
        model = models.get_model()
        assert (
            type(model)
            is {
                'midiae': models.MidiAutoencoder,
                'z_midiae': models.ZMidiAutoencoder,
            }[name]
        )
        _, found = model(features(), return_losses=True)
    finally:
        gin.clear_config()
    assert np.isfinite(found['total_loss']) and 'noise_loss' in found


def test_the_model_with_latents_is_found_where_it_was() -> None:
    from ddsp.training.models.midi_autoencoder import ZMidiAutoencoder

    assert ZMidiAutoencoder is models.ZMidiAutoencoder
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        midi_autoencoder.Other  # noqa: B018


def test_rolls_go_to_notes_and_back() -> None:
    roll = features()['note_active_velocities']
    pitch, velocity = models.MidiAutoencoder.pianoroll_to_midi(roll)
    back = models.MidiAutoencoder.midi_to_pianoroll(pitch, velocity)
    np.testing.assert_array_equal(back, roll)
    low = models.MidiAutoencoder.midi_to_pianoroll([[[19.0]]], [[[90.0]]])
    assert not np.any(low)


def test_data_without_notes_is_told_so(heard) -> None:
    model, *_ = heard
    without = {k: v for k, v in features().items() if k != 'note_active_velocities'}
    with pytest.raises(KeyError, match="no 'note_active_velocities'"):
        model.get_gt_midi(without)


def test_notes_of_another_length_are_told_so(heard) -> None:
    model, *_ = heard
    longer = features()
    roll = longer['note_active_velocities']
    longer['note_active_velocities'] = np.concatenate([roll, roll], axis=1)
    with pytest.raises(ValueError, match=f'have {2 * FRAMES} frames'):
        model(longer)
