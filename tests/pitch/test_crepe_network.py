import keras
import numpy as np
import pytest
import tensorflow as tf
import torch_files

from ddsp.pitch import CrepeNetwork, crepe_network, load_crepe_weights


@pytest.fixture(scope='module')
def state():
    return torch_files.random_crepe_state(4)


@pytest.fixture(scope='module')
def network(state, tmp_path_factory):
    path = tmp_path_factory.mktemp('weights') / 'tiny.pth'
    torch_files.write_state_dict(path, state)
    return load_crepe_weights(CrepeNetwork('tiny'), path)


def reference(state, frames):
    """The published network in float64, from weights as PyTorch lays them out.

    Returns every layer's output, `[frames, steps, channels]`.
    """
    x, outputs = frames.astype(np.float64)[:, :, None], {}
    for i in range(1, 7):
        kernel = state[f'conv{i}.weight'].astype(np.float64)[..., 0]
        stride, pads = (4, (254, 254)) if i == 1 else (1, (31, 32))
        padded = np.pad(x, [(0, 0), pads, (0, 0)])
        windows = np.lib.stride_tricks.sliding_window_view(
            padded, kernel.shape[2], axis=1
        )[:, ::stride]
        x = np.einsum('btcw,ocw->bto', windows, kernel) + state[f'conv{i}.bias']
        x = np.maximum(x, 0)
        outputs[f'conv{i}'] = x
        norm = {k: state[f'conv{i}_BN.{k}'].astype(np.float64) for k in BN}
        x = (x - norm['running_mean']) / np.sqrt(norm['running_var'] + 1e-3)
        x = x * norm['weight'] + norm['bias']
        outputs[f'conv{i}-BN'] = x
        x = np.maximum(x[:, 0::2], x[:, 1::2])
        outputs[f'conv{i}-maxpool'] = x
    x = x.reshape(len(x), -1)
    outputs['flatten'] = x
    logits = x @ state['classifier.weight'].astype(np.float64).T
    outputs['classifier'] = 1 / (1 + np.exp(-logits - state['classifier.bias']))
    return outputs


BN = ('weight', 'bias', 'running_mean', 'running_var')


def test_every_layer_agrees_with_float64(network, state):
    frames = np.random.default_rng(1).normal(size=(2, 1024)).astype(np.float32)
    expected = reference(state, frames)
    assert list(expected) == list(crepe_network.ACTIVATION_LAYERS)
    for layer, values in expected.items():
        found = network(frames, activation_layer=layer).numpy()
        assert found.shape == values.shape
        scale = np.abs(values).max()
        np.testing.assert_allclose(found / scale, values / scale, atol=1e-5)


def test_dropout_passes_through(network):
    frames = np.random.default_rng(1).normal(size=(1, 1024)).astype(np.float32)
    np.testing.assert_array_equal(
        network(frames, activation_layer='conv5-dropout'),
        network(frames, activation_layer='conv5-maxpool'),
    )


@pytest.mark.parametrize('jit', [False, True])
def test_unknown_sizes_and_gradient(network, jit):
    @tf.function(input_signature=[tf.TensorSpec([None, None])], jit_compile=jit)
    def gradient(frames):
        with tf.GradientTape() as tape:
            tape.watch(frames)
            normal = crepe_network.normalize_frames(frames)
            loss = tf.reduce_sum(network(normal, activation_layer='conv5-maxpool'))
        return loss, tape.gradient(loss, frames)

    rng = np.random.default_rng(2)
    frames = np.stack([rng.normal(size=1024), np.zeros(1024)]).astype(np.float32)
    loss, slope = gradient(frames)
    assert np.isfinite(loss) and np.isfinite(slope).all()
    assert np.abs(slope[0]).max() > 0


def test_it_is_frozen(network):
    assert network.trainable_variables == []
    assert len(network.variables) == 38


@pytest.mark.parametrize('capacity, n', [('tiny', 486_000), ('full', 22_240_000)])
def test_number_of_weights(capacity, n):
    # 0.486 and 22.24 million in all, batch statistics included.
    network = CrepeNetwork(capacity)
    network.build()
    assert sum(np.prod(v.shape) for v in network.variables) == pytest.approx(
        n, rel=3e-3
    )


def test_it_is_saved_whole(network, tmp_path):
    inputs = keras.Input((1024,))
    model = keras.Model(inputs, network(inputs))
    path = tmp_path / 'model.keras'
    model.save(path)
    again = keras.models.load_model(path)
    frames = np.random.default_rng(1).normal(size=(2, 1024)).astype(np.float32)
    np.testing.assert_array_equal(again(frames), model(frames))
    assert CrepeNetwork.from_config(network.get_config()).capacity == 'tiny'


def test_normalised_frames():
    rng = np.random.default_rng(0)
    frames = 0.01 * rng.normal(size=(2, 3, 1024)) + 0.5
    normal = crepe_network.normalize_frames(tf.constant(frames, tf.float32)).numpy()
    np.testing.assert_allclose(normal.mean(-1), 0, atol=1e-5)
    np.testing.assert_allclose(normal.std(-1), 1, atol=1e-4)
    silent = crepe_network.normalize_frames(tf.zeros([1, 1024]))
    np.testing.assert_array_equal(silent, np.zeros([1, 1024]))


def test_errors_are_for_people(network):
    with pytest.raises(ValueError, match=r"unknown capacity 'huge'.*'medium'"):
        CrepeNetwork('huge')
    with pytest.raises(ValueError, match=r"no activation layer 'conv9'.*conv6-BN"):
        network(np.zeros((1, 1024), np.float32), activation_layer='conv9')
    with pytest.raises(ValueError, match='frames have 512 samples, expected 1024'):
        network(np.zeros((1, 512), np.float32))
