from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from ddsp import core, losses, spectral_ops
from ddsp.training import encoders, models, nn
from ddsp.training.data_preparation import synthetic_data

SINES, HARMONICS, BANDS, FRAMES, SAMPLES = 5, 6, 7, 4, 1024


def logmel(audio: tf.Tensor) -> tf.Tensor:
    return spectral_ops.compute_logmel(audio, bins=32, fft_size=512, overlap=0.5)


def make_model(net=None, **kwargs) -> models.InverseSynthesis:
    keras.utils.set_random_seed(1)
    given = {
        'losses': [losses.SpectralLoss(fft_sizes=(64,))],
        'sinusoidal_consistency_losses': [
            losses.KDEConsistencyLoss(name='kde_consistency_loss')
        ],
        'harmonic_consistency_losses': [
            losses.HarmonicConsistencyLoss(name='harmonic_consistency_loss')
        ],
        'filtered_noise_consistency_loss': losses.FilteredNoiseConsistencyLoss(
            name='filtered_noise_consistency_loss'
        ),
        'twm_loss': losses.TWMLoss(name='twm_loss'),
        'reverb': False,
        'n_samples': SAMPLES,
    }
    return models.InverseSynthesis(
        sinusoidal_encoder=Ear(),
        harmonic_encoder=encoders.SinusoidalToHarmonicEncoder(
            net=net, n_harmonics=HARMONICS
        ),
        **{**given, **kwargs},
    )


@keras.saving.register_keras_serializable('tests')
class Ear(nn.DictLayer):
    """A dense layer where a residual network would take long."""

    output_keys = ('frequencies', 'amplitudes', 'noise_magnitudes')

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(SINES * 64 + SINES + BANDS)

    def call(self, audio):
        heard = self.dense(logmel(audio))
        return tf.split(heard, [SINES * 64, SINES, BANDS], axis=-1)


def notes(seed: int = 0) -> dict[str, np.ndarray]:
    drawn = synthetic_data.generate_notes_v2(
        2, FRAMES, n_harmonics=HARMONICS, n_mags=BANDS, seed=seed
    )
    return {name: value.numpy() for name, value in drawn.items()}


def recording() -> dict[str, np.ndarray]:
    t = np.arange(SAMPLES) / 16000
    audio = 0.3 * np.sin(2 * np.pi * 440 * t) + 0.1 * np.sin(2 * np.pi * 880 * t)
    return {'audio': np.stack([audio, 0.5 * audio]).astype(np.float32)}


@pytest.fixture(scope='module')
def model() -> models.InverseSynthesis:
    return make_model()


def test_synthetic_notes_sound_as_their_controls_say(model) -> None:
    features = {
        'f0_hz': np.full([1, FRAMES, 1], 500.0, np.float32),
        'harm_amp': np.full([1, FRAMES, 1], 0.5, np.float32),
        'harm_dist': np.eye(1, HARMONICS, 1)[np.newaxis].repeat(FRAMES, 1),
        'noise_magnitudes': np.zeros([1, FRAMES, BANDS], np.float32),
    }
    audio = model.generate_synthetic_audio(features).numpy()[0]
    # All of the tone is in its second harmonic; phase counts the first sample.
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(1, SAMPLES + 1) / 16000)
    np.testing.assert_allclose(audio, expected, atol=1e-4)


def test_notes_give_losses_against_the_truth(model) -> None:
    outputs, found = model(notes(), return_losses=True)
    assert set(found) == {
        'synthetic_sinusoidal_spectral_loss',
        'synthetic_harmonic_spectral_loss',
        'synthetic_kde_consistency_loss',
        'synthetic_harmonic_consistency_loss',
        'synthetic_filtered_noise_consistency_loss',
        'total_loss',
    }
    truth = notes()
    expected = losses.HarmonicConsistencyLoss()(
        outputs['harm_amp_pred'],
        truth['harm_amp'],
        outputs['harm_dist_pred'],
        truth['harm_dist'],
        outputs['f0_hz_pred'],
        truth['f0_hz'],
    )
    np.testing.assert_allclose(
        found['synthetic_harmonic_consistency_loss'], expected, rtol=1e-5
    )
    np.testing.assert_array_equal(outputs['f0_hz'], truth['f0_hz'])
    assert outputs['audio_synth'].shape == [2, SAMPLES]
    partials = outputs['sinusoidal']['controls']
    assert partials['frequencies'].shape == [2, FRAMES, SINES]
    assert np.all((partials['frequencies'] >= 20) & (partials['frequencies'] <= 8001))


def test_recordings_are_compared_with_what_was_heard(model) -> None:
    outputs, found = model(recording(), return_losses=True)
    assert set(found) == {
        'recorded_sinusoidal_spectral_loss',
        'recorded_harmonic_spectral_loss',
        'recorded_kde_consistency_loss',
        'recorded_twm_loss',
        'total_loss',
    }
    amps, freqs = core.harmonic_to_sinusoidal(
        outputs['harm_amp_pred'], outputs['harm_dist_pred'], outputs['f0_hz_pred']
    )
    expected = losses.KDEConsistencyLoss()(
        outputs['sin_amps_pred'], outputs['sin_freqs_pred'], amps, freqs
    )
    np.testing.assert_allclose(
        found['recorded_kde_consistency_loss'], expected, rtol=1e-5
    )


def test_both_at_once_in_either_order(model) -> None:
    pairs = (notes(), recording()), (recording(), notes())
    (first, losses_a), (second, losses_b) = (
        model(pair, return_losses=True) for pair in pairs
    )
    assert set(losses_a) == set(losses_b) and len(losses_a) == 10
    np.testing.assert_allclose(
        losses_a['recorded_twm_loss'], losses_b['recorded_twm_loss'], rtol=1e-5
    )
    # What it gives is of the recording.
    for outputs in (first, second):
        np.testing.assert_array_equal(outputs['audio'], recording()['audio'])


def test_the_truth_is_resampled_where_frames_are_unknown() -> None:
    model = make_model()
    with_more = notes()
    for name in ('sin_amps', 'sin_freqs'):
        with_more[name] = np.repeat(with_more[name], 2, axis=1)
    with core.reproducible_noise(0):
        _, expected = model(with_more, return_losses=True)
    given = {name: tf.constant(value) for name, value in with_more.items()}
    signature = {
        name: tf.TensorSpec([None, None, *value.shape[2:]])
        for name, value in given.items()
    }
    step = tf.function(
        lambda x: model(x, return_losses=True)[1], input_signature=[signature]
    )
    with core.reproducible_noise(0):
        found = step(given)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-5)


def test_it_learns_from_notes() -> None:
    model = make_model(losses=None, twm_loss=None)
    model.compile(optimizer=keras.optimizers.Adam(1e-2))
    data = tf.data.Dataset.from_tensors(notes())
    history = model.fit(data, epochs=30, verbose=0).history
    assert history['total_loss'][-1] < 0.5 * history['total_loss'][0]


def test_the_harmonic_encoder_leaves_sinusoids_alone_unless_told() -> None:
    def gradient_of_the_ear(stop_gradient: bool) -> float:
        model = make_model(
            losses=None,
            sinusoidal_consistency_losses=None,
            filtered_noise_consistency_loss=None,
            stop_gradient=stop_gradient,
        )
        model(notes())
        with tf.GradientTape() as tape:
            _, found = model(notes(), return_losses=True)
        weights = model.sinusoidal_encoder.trainable_variables
        gradients = tape.gradient(found['total_loss'], weights)
        return sum(float(tf.norm(g)) for g in gradients if g is not None)

    assert gradient_of_the_ear(True) == 0.0
    assert gradient_of_the_ear(False) > 0.0


@pytest.mark.parametrize('kind', ['silence', 'coincident', 'nyquist'])
def test_gradients_are_finite_at_the_edges(kind) -> None:
    model = make_model()
    features = notes()
    if kind == 'silence':
        for name in ('harm_amp', 'sin_amps', 'noise_magnitudes'):
            features[name] = np.zeros_like(features[name])
    elif kind == 'coincident':
        features['sin_freqs'] = np.full_like(features['sin_freqs'], 440.0)
    else:
        features['f0_hz'] = np.full_like(features['f0_hz'], 8000.0)
    model(features)
    with tf.GradientTape() as tape:
        _, found = model(
            (features, {'audio': 0.0 * recording()['audio']}), return_losses=True
        )
    gradients = tape.gradient(found['total_loss'], model.trainable_variables)
    assert np.isfinite(found['total_loss'])
    assert all(np.isfinite(g).all() for g in gradients if g is not None)


def test_a_room_is_learned_for_recordings_only() -> None:
    model = make_model(reverb=True)
    dry = model(notes())
    np.testing.assert_allclose(
        dry['audio_synth'],
        dry['harmonic']['signal'] + dry['filtered_noise']['signal'],
        atol=1e-6,
    )
    outputs = model(recording())
    assert model.reverb.trainable_variables
    heard = outputs['harmonic']['signal'] + outputs['filtered_noise']['signal']
    np.testing.assert_allclose(outputs['audio_synth'], model.reverb(heard), atol=1e-5)


def test_it_saves_and_loads(tmp_path) -> None:
    model = make_model(net=nn.FcStack(4, 1))
    expected = model(recording())['f0_hz_pred']
    model.save(tmp_path / 'model.keras')
    loaded = keras.saving.load_model(tmp_path / 'model.keras')
    np.testing.assert_allclose(loaded(recording())['f0_hz_pred'], expected, rtol=1e-5)
    again = models.InverseSynthesis.from_config(loaded.get_config())
    assert [loss.name for loss in again.loss_objs] == ['spectral_loss']
    assert type(again.twm_loss) is losses.TWMLoss and again.n_samples == SAMPLES


def test_features_of_neither_kind_are_refused(model) -> None:
    part = {name: value for name, value in notes().items() if name != 'harm_dist'}
    with pytest.raises(KeyError, match='harm_dist missing'):
        model.parse_zipped_features(part)
    with pytest.raises(ValueError, match='both of the zipped features are recorded'):
        model.parse_zipped_features((recording(), recording()))
