"""Models that come back from their files as they were: lists of parts, own classes."""

from __future__ import annotations

import json

import gin
import keras
import numpy as np
import pytest
import test_inverse_synthesis
import test_midi_autoencoder as midi
import test_models_autoencoder

from ddsp import core, losses
from ddsp.training import encoders, models, nn


def through_json(model: keras.Model) -> keras.Model:
    """The model that the text of a configuration gives."""
    config = keras.saving.serialize_keras_object(model)
    return keras.saving.deserialize_keras_object(json.loads(json.dumps(config)))


def z_model(**kwargs) -> models.ZMidiAutoencoder:
    latents = {
        'z_synth_encoders': [encoders.OneHotEncoder('instrument_id', 3, 2)],
        'z_global_encoders': [encoders.OneHotEncoder('instrument_id', 3, 2)],
    }
    return models.ZMidiAutoencoder(**midi.parts(conditional=True), **latents, **kwargs)


def test_lists_of_encoders_are_loaded(tmp_path) -> None:
    model = z_model()
    expected = model(midi.features())
    model.save(tmp_path / 'model.keras')
    loaded = keras.saving.load_model(tmp_path / 'model.keras')
    found = loaded(midi.features())
    for name in ('z', 'f0_midi_pred', 'amps', 'amps_pred'):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('kind', [models.MidiAutoencoder, models.ZMidiAutoencoder])
def test_lists_of_losses_are_loaded(kind) -> None:
    parts = midi.parts()
    group = parts.pop('reconstruction_losses')
    own = losses.SpectralLoss(fft_sizes=(32,), name='own')
    model = kind(reconstruction_losses=[group, own], **parts)
    _, found = through_json(model)(midi.features(), return_losses=True)
    assert {'own', 'f0_loss', 'hd_loss'} <= set(found)


def test_latents_are_quantised_and_held_to_their_codes() -> None:
    model = z_model(
        z_global_prior=nn.VectorQuantization(4, name='codes'),
        z_preconditioning_stack=midi.stack(),
    )
    _, found = model(midi.features(), training=False, return_losses=True)
    features = {**midi.features(), 'f0_scaled': np.zeros([2, 5, 1])}
    z = model.z_global_encoders[0](features)['z']
    quantised = model.z_global_encode(features)
    codebook = model.z_global_prior.codebook.numpy()[0]
    for row in quantised.numpy().reshape(-1, 2):
        assert np.abs(codebook - row).sum(-1).min() < 1e-5
    distance = np.mean((z - quantised[:, :1]) ** 2)
    np.testing.assert_allclose(
        found['codes_commitment_loss'], 0.2 * distance, rtol=1e-4
    )


def test_the_codebook_of_a_prior_learns_in_training() -> None:
    model = z_model(z_global_prior=nn.VectorQuantization(4))
    model(midi.features(), training=False)
    before = model.z_global_prior.codebook.numpy()
    model(midi.features(), training=False)
    np.testing.assert_array_equal(model.z_global_prior.codebook, before)
    model(midi.features(), training=True)
    assert np.abs(model.z_global_prior.codebook.numpy() - before).max() > 0.0


@keras.saving.register_keras_serializable('test_models_saved')
class MyAutoencoder(models.Autoencoder):
    def __init__(self, extra: int = 3, **kwargs) -> None:
        super().__init__(**kwargs)
        self.extra = extra


@keras.saving.register_keras_serializable('test_models_saved')
class MyInverseSynthesis(models.InverseSynthesis):
    def __init__(self, extra: int = 3, **kwargs) -> None:
        super().__init__(**kwargs)
        self.extra = extra


@keras.saving.register_keras_serializable('test_models_saved')
class WithConfig(models.Autoencoder):
    """Keeps its argument in its own way, and says so."""

    def __init__(self, extra: int = 3, **kwargs) -> None:
        super().__init__(**kwargs)
        self.twice = 2 * extra

    def get_config(self) -> dict:
        return {**super().get_config(), 'extra': self.twice // 2}


def test_an_autoencoder_of_ones_own_keeps_its_arguments() -> None:
    parts = test_models_autoencoder.make_model().get_config()
    whole = {**parts, 'extra': 5, 'name': 'mine'}
    found = through_json(MyAutoencoder.from_config(whole))
    assert type(found) is MyAutoencoder
    assert (found.extra, found.name) == (5, 'mine')
    assert found.loss_names == ['spectral_loss']
    assert found.decoder.rnn_channels == 6
    assert through_json(WithConfig(extra=7)).twice == 14


def test_an_inverse_synthesis_of_ones_own_keeps_its_arguments() -> None:
    parts = test_inverse_synthesis.make_model(
        reverb=True, freq_scale_fn=core.frequencies_sigmoid
    ).get_config()
    found = through_json(MyInverseSynthesis.from_config({**parts, 'extra': 5}))
    assert type(found) is MyInverseSynthesis and found.extra == 5
    assert found.reverb is not None
    assert found.freq_scale_fn is core.frequencies_sigmoid
    assert [loss.name for loss in found.loss_objs] == ['spectral_loss']
    assert type(found.twm_loss) is losses.TWMLoss


@keras.saving.register_keras_serializable('test_models_saved')
class MyMidiAutoencoder(models.ZMidiAutoencoder):
    def __init__(self, extra: int = 3, **kwargs) -> None:
        super().__init__(**kwargs)
        self.extra = extra


@gin.register(module='test_models_saved')
@keras.saving.register_keras_serializable('test_models_saved')
class WithDecoder(models.Autoencoder):
    """Brings a part of its own along, which none can hand in."""

    def __init__(self, **kwargs) -> None:
        super().__init__(decoder=keras.layers.Dense(3, name='mine'), **kwargs)


def test_a_midi_autoencoder_of_ones_own_keeps_its_arguments() -> None:
    model = MyMidiAutoencoder(
        extra=5, mask_f0_loss=False, name='mine', **midi.parts(conditional=True)
    )
    found = through_json(model)
    assert type(found) is MyMidiAutoencoder
    assert (found.extra, found.name, found.mask_f0_loss) == (5, 'mine', False)
    assert type(found.midi_encoder) is type(model.midi_encoder)
    assert found.get_config().keys() == model.get_config().keys()


def test_what_a_model_of_ones_own_brings_along_is_not_handed_in() -> None:
    loss = losses.SpectralLoss(fft_sizes=(32,), name='own')
    found = through_json(WithDecoder(losses=[loss]))
    assert found.decoder.name == 'mine'
    assert found.loss_names == ['own']


@pytest.mark.parametrize('bound', ['WithDecoder', 'Autoencoder'])
def test_what_gin_hands_in_is_kept(bound: str) -> None:
    gin.parse_config(f"""
        get_model.model = @WithDecoder()
        {bound}.losses = @losses.SpectralLoss()
        losses.SpectralLoss.fft_sizes = (32,)
    """)
    model = models.get_model()
    config = model.get_config()
    gin.clear_config()
    found = WithDecoder.from_config(config)
    assert [loss.fft_sizes for loss in found.loss_objs] == [(32,)]


def test_a_configuration_of_an_earlier_release_is_read() -> None:
    config = test_inverse_synthesis.make_model().get_config()
    # Functions stood there without what says that they are such.
    config['freq_scale_fn'] = 'ddsp.core.frequencies_sigmoid'
    found = models.InverseSynthesis.from_config(config)
    assert found.freq_scale_fn is core.frequencies_sigmoid
