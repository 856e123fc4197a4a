from __future__ import annotations

import gin
import keras
import numpy as np
import pytest
import tensorflow as tf

import ddsp
from ddsp.training import checkpoints, decoders, models, nn, preprocessing

RATE, FRAMES, SAMPLES = 16000, 20, 1280


def features(batch: int = 2, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        'audio': rng.normal(0, 0.1, [batch, SAMPLES]).astype(np.float32),
        'f0_hz': rng.uniform(100, 400, [batch, FRAMES]).astype(np.float32),
        'f0_confidence': np.ones([batch, FRAMES], np.float32),
        'loudness_db': rng.uniform(-60, 0, [batch, FRAMES]).astype(np.float32),
    }


def make_model(losses='default', encoder=None, **kwargs) -> models.Autoencoder:
    keras.utils.set_random_seed(0)
    dag = [
        (ddsp.synths.Harmonic(SAMPLES), ['amps', 'harmonic_distribution', 'f0_hz']),
        (ddsp.synths.FilteredNoise(SAMPLES, seed=1), ['noise_magnitudes']),
        (ddsp.processors.Add(), ['filtered_noise/signal', 'harmonic/signal']),
        (ddsp.effects.Reverb(trainable=True, reverb_length=100), ['add/signal']),
    ]
    if losses == 'default':
        losses = [ddsp.losses.SpectralLoss(fft_sizes=(64, 128))]
    return models.Autoencoder(
        preprocessor=preprocessing.F0LoudnessPreprocessor(time_steps=FRAMES),
        encoder=encoder,
        decoder=decoders.RnnFcDecoder(
            rnn_channels=6,
            ch=5,
            layers_per_stack=1,
            input_keys=('ld_scaled', 'f0_scaled'),
            output_splits=(
                ('amps', 1),
                ('harmonic_distribution', 4),
                ('noise_magnitudes', 9),
            ),
        ),
        processor_group=ddsp.processors.ProcessorGroup(dag=dag),
        losses=losses,
        **kwargs,
    )


def dataset(n_batches: int = 4) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(features(2 * n_batches)).batch(2)


def test_outputs_are_the_features_the_controls_and_the_audio():
    outputs = make_model()(features())
    for key in ('audio', 'ld_scaled', 'f0_scaled', 'amps', 'noise_magnitudes'):
        assert key in outputs
    assert outputs['f0_hz'].shape == (2, FRAMES, 1)
    assert outputs['harmonic']['controls']['f0_hz'].shape == (2, FRAMES, 1)
    np.testing.assert_array_equal(outputs['audio_synth'], outputs['reverb']['signal'])
    assert outputs['audio_synth'].shape == (2, SAMPLES)


def test_losses_come_on_demand_and_total_is_their_sum():
    losses = [
        ddsp.losses.SpectralLoss(fft_sizes=(64,)),
        ddsp.losses.LossGroup(
            [(ddsp.losses.ParamLoss(weight=3.0, name='pitch'), ['f0_scaled', 'amps'])]
        ),
    ]
    model = make_model(losses)
    assert model.loss_names == ['spectral_loss', 'pitch']
    outputs, found = model(features(), training=False, return_losses=True)
    assert list(found) == ['spectral_loss', 'pitch', 'total_loss']
    np.testing.assert_allclose(
        found['total_loss'], found['spectral_loss'] + found['pitch']
    )
    expected = 3 * np.abs(outputs['f0_scaled'] - outputs['amps']).mean()
    np.testing.assert_allclose(found['pitch'], expected, rtol=1e-5)
    alone = losses[0](outputs['audio'], outputs['audio_synth'])
    np.testing.assert_allclose(found['spectral_loss'], alone, rtol=1e-6)


def test_inference_needs_no_audio_where_loudness_is_given():
    model = make_model()
    model.preprocessor.compute_loudness = False
    given = {k: v for k, v in features().items() if k != 'audio'}
    assert model(given)['audio_synth'].shape == (2, SAMPLES)
    with pytest.raises(ValueError, match="'audio'"):
        model(given, return_losses=True)


def test_encode_and_decode_are_the_two_halves():
    model = make_model()
    whole = model(features())
    latent = model.encode(features())
    assert {'f0_scaled', 'ld_scaled', 'audio'} <= set(latent)
    np.testing.assert_allclose(model.decode(latent), whole['audio_synth'], atol=1e-5)
    np.testing.assert_array_equal(
        model.get_audio_from_outputs(whole), whole['audio_synth']
    )


class Mean(nn.DictLayer):
    output_keys = ('z',)

    def call(self, ld_scaled):
        return tf.zeros_like(ld_scaled) + tf.reduce_mean(ld_scaled)


def test_an_encoder_sees_what_the_preprocessor_made():
    latent = make_model(encoder=Mean()).encode(features())
    np.testing.assert_allclose(
        latent['z'][0, 0, 0], np.mean(latent['ld_scaled']), rtol=1e-5
    )


def test_fit_reports_each_loss_of_each_step_and_trains():
    model = make_model()
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(logs['total_loss'])
    )
    history = model.fit(
        dataset(), epochs=15, verbose=0, shuffle=False, callbacks=[watch]
    ).history
    assert set(history) == {'spectral_loss', 'total_loss'}
    assert history['total_loss'][-1] < 0.9 * history['total_loss'][0]
    by_epoch = np.reshape(seen, [15, 4])
    assert len(np.unique(by_epoch)) > 50
    np.testing.assert_allclose(history['total_loss'], by_epoch.mean(1), rtol=1e-5)


def test_evaluate_gives_the_mean_over_batches():
    model = make_model()
    model.compile(optimizer='adam')
    found = model.evaluate(dataset(2), verbose=0, return_dict=True)
    each = [
        float(model(batch, training=False, return_losses=True)[1]['total_loss'])
        for batch in dataset(2)
    ]
    np.testing.assert_allclose(found['total_loss'], np.mean(each), rtol=1e-5)


def test_a_step_gives_the_gradient_of_the_total_loss():
    model = make_model()
    model.compile(optimizer=keras.optimizers.SGD(0.5))
    batch = features()
    with tf.GradientTape() as tape:
        total = model(batch, training=True, return_losses=True)[1]['total_loss']
    weights = model.trainable_variables
    expected = [w - 0.5 * g for w, g in zip(weights, tape.gradient(total, weights))]
    model.train_step({key: tf.constant(value) for key, value in batch.items()})
    for weight, value in zip(weights, expected):
        np.testing.assert_allclose(weight, value, atol=1e-6)


def test_another_length_of_audio_is_refused_by_name():
    batch = features()
    batch['audio'] = batch['audio'][:, :-64]
    model = make_model()
    with pytest.raises(ValueError, match=r'1216 samples.*1280.*Harmonic\.n_samples'):
        model(batch, return_losses=True)


def test_two_losses_of_one_name_are_refused():
    losses = [ddsp.losses.SpectralLoss(fft_sizes=(64,)) for _ in range(2)]
    with pytest.raises(ValueError, match="two losses are called 'spectral_loss'"):
        make_model(losses)(features(), return_losses=True)


def test_a_model_without_processors_says_so():
    with pytest.raises(ValueError, match='processor_group'):
        models.Autoencoder()({'f0_hz': np.ones([1, 4])})


@pytest.mark.parametrize('jit', [False, True])
def test_unknown_batch_in_a_function(jit):
    model = make_model()
    expected = model(features())['audio_synth']
    given = {key: tf.constant(value) for key, value in features().items()}
    signature = {
        key: tf.TensorSpec([None, *value.shape[1:]]) for key, value in given.items()
    }
    run = tf.function(
        lambda x: model(x)['audio_synth'], input_signature=[signature], jit_compile=jit
    )
    np.testing.assert_allclose(run(given), expected, atol=1e-4)


def test_saved_and_loaded_as_keras_file(tmp_path):
    model = make_model(encoder=None)
    expected = model(features())['audio_synth']
    model.save(tmp_path / 'model.keras')
    loaded = keras.saving.load_model(tmp_path / 'model.keras')
    assert type(loaded) is type(model)
    outputs, losses = loaded(features(), return_losses=True)
    np.testing.assert_allclose(outputs['audio_synth'], expected, atol=1e-6)
    assert 'spectral_loss' in losses


def test_gin_makes_the_model(tmp_path):
    config = f"""
        import ddsp
        import ddsp.training
        get_model.model = @models.Autoencoder()
        Autoencoder.preprocessor = @preprocessing.F0LoudnessPreprocessor()
        Autoencoder.decoder = @decoders.RnnFcDecoder()
        Autoencoder.encoder = None
        Autoencoder.processor_group = @processors.ProcessorGroup()
        Autoencoder.losses = [@losses.SpectralLoss()]
        F0LoudnessPreprocessor.time_steps = {FRAMES}
        RnnFcDecoder.rnn_channels = 3
        RnnFcDecoder.ch = 4
        RnnFcDecoder.layers_per_stack = 0
        RnnFcDecoder.input_keys = ('ld_scaled', 'f0_scaled')
        RnnFcDecoder.output_splits = (('amps', 1), ('harmonic_distribution', 5))
        ProcessorGroup.dag = [
            (@synths.Harmonic(), ['amps', 'harmonic_distribution', 'f0_hz'])]
        Harmonic.n_samples = {SAMPLES}
        SpectralLoss.fft_sizes = (64,)
    """
    gin.parse_config(config)
    model = models.get_model()
    assert type(model) is models.Autoencoder
    assert len(model(features())) > 5
    assert model.decoder.n_out == 6
    assert len(checkpoints.variables_by_path(model)) == 5
    model.save(tmp_path / 'gin.keras')
    gin.clear_config()
    loaded = keras.saving.load_model(tmp_path / 'gin.keras')
    np.testing.assert_allclose(
        loaded(features())['audio_synth'], model(features())['audio_synth'], atol=1e-6
    )
