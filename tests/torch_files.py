"""Writes PyTorch's zip format without PyTorch, for tests of its reader."""

import struct
import zipfile

import numpy as np

STORAGE_NAMES = {
    'float64': 'DoubleStorage',
    'float32': 'FloatStorage',
    'float16': 'HalfStorage',
    'int64': 'LongStorage',
}


def text(value):
    encoded = value.encode()
    return b'X' + struct.pack('<I', len(encoded)) + encoded


def number(value):
    return b'J' + struct.pack('<i', value)


def numbers(values):
    return b'(' + b''.join(number(v) for v in values) + b't'


def named(module, name):
    return f'c{module}\n{name}\n'.encode()


EMPTY_DICT = named('collections', 'OrderedDict') + b')R'


def tensor(key, dtype, n_numbers, shape, strides, offset=0):
    """The opcodes of one tensor that views a storage."""
    storage = (
        b'('
        + text('storage')
        + named('torch', STORAGE_NAMES[dtype])
        + text(key)
        + text('cpu')
        + number(n_numbers)
        + b'tQ'
    )
    view = number(offset) + numbers(shape) + numbers(strides) + b'\x89' + EMPTY_DICT
    return named('torch._utils', '_rebuild_tensor_v2') + b'(' + storage + view + b'tR'


def index_of(items):
    """The whole pickle of a state dictionary from `{name: opcodes}`."""
    body = b''.join(text(name) + opcodes for name, opcodes in items.items())
    return b'\x80\x02' + EMPTY_DICT + b'(' + body + b'u.'


def write_file(path, index, storages, folder='archive'):
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr(f'{folder}/data.pkl', index)
        for key, data in storages.items():
            archive.writestr(f'{folder}/data/{key}', data)
        archive.writestr(f'{folder}/version', '3\n')
    return path


def write_state_dict(path, arrays):
    items, storages = {}, {}
    for i, (name, array) in enumerate(arrays.items()):
        array = np.ascontiguousarray(array) if array.ndim else array
        strides = [step // array.itemsize for step in array.strides]
        items[name] = tensor(str(i), array.dtype.name, array.size, array.shape, strides)
        storages[str(i)] = array.tobytes()
    return write_file(path, index_of(items), storages)


def random_crepe_state(capacity_factor=4, seed=0):
    """Weights of a CREPE as PyTorch lays them out, no two layers alike."""
    rng = np.random.default_rng(seed)
    filters = [n * capacity_factor for n in (32, 4, 4, 4, 8, 16)]
    state, channels = {}, 1
    for i, (n, width) in enumerate(zip(filters, (512, 64, 64, 64, 64, 64)), start=1):
        scale = np.sqrt(2 / (width * channels))
        shape = (n, channels, width, 1)
        state[f'conv{i}.weight'] = rng.normal(0, scale, shape).astype(np.float32)
        state[f'conv{i}.bias'] = rng.normal(0, 0.1, n).astype(np.float32)
        state[f'conv{i}_BN.weight'] = rng.uniform(0.5, 1.5, n).astype(np.float32)
        state[f'conv{i}_BN.bias'] = rng.normal(0, 0.1, n).astype(np.float32)
        state[f'conv{i}_BN.running_mean'] = rng.normal(0, 0.2, n).astype(np.float32)
        state[f'conv{i}_BN.running_var'] = rng.uniform(0.5, 2, n).astype(np.float32)
        state[f'conv{i}_BN.num_batches_tracked'] = np.array(7, np.int64)
        channels = n
    features = 4 * channels
    weight = rng.normal(0, 1 / np.sqrt(features), (360, features))
    state['classifier.weight'] = weight.astype(np.float32)
    state['classifier.bias'] = rng.normal(0, 0.1, 360).astype(np.float32)
    return state
