from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from ddsp import losses
from ddsp.pitch import crepe_network, crepe_weights


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(scale=0.1, size=shape)


@pytest.fixture
def weights_path(tmp_path):
    """A file of random weights of the smallest network."""
    path = tmp_path / 'tiny.npz'
    crepe_weights.save_crepe_weights(crepe_network.CrepeNetwork('tiny'), path)
    return str(path)


def test_loss_is_the_mean_difference_of_embeddings():
    model = keras.layers.Dense(3, name='embedding')
    target, audio = noise(2, 50), noise(2, 50, seed=1)
    loss = losses.EmbeddingLoss(weight=2.0, loss_type='L2', pretrained_model=model)
    got = loss(target, audio)
    kernel = model.kernel.numpy()
    want = 2.0 * np.mean((target @ kernel - audio @ kernel) ** 2)
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_only_audio_has_a_gradient():
    loss = losses.EmbeddingLoss(pretrained_model=keras.layers.Dense(3))
    target, audio = (tf.constant(noise(2, 50, seed=i), tf.float32) for i in range(2))
    with tf.GradientTape() as tape:
        tape.watch([target, audio])
        value = loss(target, audio)
    of_target, of_audio = tape.gradient(value, [target, audio])
    assert of_target is None
    assert np.abs(of_audio).max() > 0.0


def test_wrong_arguments_are_explained():
    with pytest.raises(ValueError, match='give a pretrained_model'):
        losses.EmbeddingLoss()
    loss = losses.EmbeddingLoss(pretrained_model=keras.layers.Dense(3))
    with pytest.raises(ValueError, match='cut or pad them to one shape'):
        loss(noise(1, 50), noise(1, 60))
    with pytest.raises(ValueError, match='audio is empty'):
        loss(noise(1, 0), noise(1, 0))


def test_crepe_frames_have_mean_0_and_deviation_1(weights_path):
    crepe = losses.PretrainedCREPE(weights_path=weights_path)
    audio = 0.3 + noise(2, 3000)
    frames = crepe.frame_audio(audio, hop_length=512, center=False)
    assert frames.shape == (2 * 4, 1024)
    np.testing.assert_allclose(np.mean(frames, axis=-1), 0.0, atol=1e-5)
    np.testing.assert_allclose(np.std(frames, axis=-1), 1.0, rtol=1e-4)
    want = audio[1, 512:1536]
    want = (want - want.mean()) / want.std()
    np.testing.assert_allclose(frames[5], want, rtol=1e-4, atol=1e-4)
    assert crepe.frame_audio(audio, hop_length=500).shape == (2 * 7, 1024)


def test_crepe_gives_the_layer_asked_for(weights_path):
    crepe = losses.PretrainedCREPE(
        activation_layer='conv1-maxpool', weights_path=weights_path
    )
    activations = crepe(noise(2, 2048))
    assert activations.shape == (2 * 3, 128, 128)
    network = crepe_network.CrepeNetwork('tiny')
    crepe_weights.load_crepe_weights(network, weights_path)
    want = network(crepe.frame_audio(noise(2, 2048)), activation_layer='conv1-maxpool')
    np.testing.assert_allclose(activations, want, rtol=1e-5)


def test_crepe_is_frozen_unless_asked(weights_path):
    for trainable in (False, True):
        crepe = losses.PretrainedCREPE(trainable=trainable, weights_path=weights_path)
        crepe(noise(1, 1024))
        assert bool(crepe.trainable_weights) == trainable
        loss = losses.EmbeddingLoss(pretrained_model=crepe)
        assert bool(loss.trainable_weights) == trainable


def test_crepe_loss_has_finite_gradients_in_silence_and_unknown_sizes(weights_path):
    crepe = losses.PretrainedCREPE('tiny', 'classifier', weights_path=weights_path)
    loss = losses.EmbeddingLoss(pretrained_model=crepe)

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32)] * 2)
    def gradient(target, audio):
        with tf.GradientTape() as tape:
            tape.watch(audio)
            value = loss(target, audio)
        return value, tape.gradient(value, audio)

    tone = tf.constant(noise(1, 1500), tf.float32)
    for pair in ((tone, tf.zeros([1, 1500])), (tf.zeros([1, 1500]), tone)):
        value, slope = gradient(*pair)
        assert np.isfinite(value)
        assert np.isfinite(slope).all()


def test_missing_weights_are_named_when_they_are_needed(tmp_path):
    path = str(tmp_path / 'nowhere.npz')
    crepe = losses.PretrainedCREPE(weights_path=path)
    with pytest.raises(FileNotFoundError, match=r'nowhere\.npz'):
        crepe(noise(1, 1024))


def test_an_unknown_layer_is_refused_at_once():
    with pytest.raises(ValueError, match=r"'conv9', expected one of .*'conv1-max"):
        losses.PretrainedCREPEEmbeddingLoss(activation_layer='conv9')


def test_crepe_is_configured_by_its_arguments():
    loss = losses.PretrainedCREPEEmbeddingLoss(2.0, 'L2', 'small', 'conv5-maxpool')
    config = loss.get_config()
    clone = losses.PretrainedCREPEEmbeddingLoss.from_config(config)
    assert clone.pretrained_model.model_capacity == 'small'
    assert clone.pretrained_model.activation_layer == 'conv5-maxpool'
    assert clone.get_config() == config
