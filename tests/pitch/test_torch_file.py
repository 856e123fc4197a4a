import pickle
import zipfile

import numpy as np
import pytest
import torch_files

from ddsp.pitch.torch_file import read_state_dict


def test_arrays_come_back(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        'a.weight': rng.normal(size=(3, 2, 5)).astype(np.float32),
        'a.bias': rng.normal(size=4),
        'half': rng.normal(size=(2, 2)).astype(np.float16),
        'count': np.array(12345678901, np.int64),
    }
    path = torch_files.write_state_dict(tmp_path / 'x.pth', arrays)
    found = read_state_dict(path)
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_views_of_a_storage(tmp_path):
    data = np.arange(12, dtype=np.float32)
    items = {
        'transposed': torch_files.tensor('0', 'float32', 12, (4, 3), (1, 4)),
        'offset': torch_files.tensor('0', 'float32', 12, (2, 3), (3, 1), offset=6),
        'every other': torch_files.tensor('0', 'float32', 12, (6,), (2,)),
        'empty': torch_files.tensor('0', 'float32', 12, (0, 3), (3, 1)),
    }
    path = tmp_path / 'x.pth'
    torch_files.write_file(path, torch_files.index_of(items), {'0': data.tobytes()})
    found = read_state_dict(path)
    np.testing.assert_array_equal(found['transposed'], data.reshape(3, 4).T)
    np.testing.assert_array_equal(found['offset'], data[6:].reshape(2, 3))
    np.testing.assert_array_equal(found['every other'], data[::2])
    assert found['empty'].shape == (0, 3)


@pytest.mark.parametrize(
    'shape, strides, offset',
    [
        ((13,), (1,), 0),
        ((4, 3), (3, 2), 0),
        ((4,), (1,), 9),
        ((4,), (-1,), 3),
        ((4,), (1,), -1),
        ((2, 2), (1,), 0),
    ],
)
def test_a_tensor_beyond_its_storage_is_refused(tmp_path, shape, strides, offset):
    opcodes = torch_files.tensor('0', 'float32', 12, shape, strides, offset)
    index = torch_files.index_of({'x': opcodes})
    path = torch_files.write_file(tmp_path / 'x.pth', index, {'0': bytes(48)})
    with pytest.raises(ValueError, match=r'damaged|larger than its storage'):
        read_state_dict(path)


def test_a_storage_of_another_size_is_refused(tmp_path):
    opcodes = torch_files.tensor('0', 'float32', 12, (12,), (1,))
    index = torch_files.index_of({'x': opcodes})
    path = torch_files.write_file(tmp_path / 'x.pth', index, {'0': bytes(44)})
    with pytest.raises(ValueError, match='44 bytes for 12 numbers'):
        read_state_dict(path)


class _Runs:
    """Unpickled by the ordinary rules, it would make a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, 'w')


def test_a_pickle_that_runs_something_does_not(tmp_path):
    trap = tmp_path / 'trap'
    index = pickle.dumps({'x': _Runs(trap)}, protocol=2)
    path = torch_files.write_file(tmp_path / 'x.pth', index, {})
    with pytest.raises(ValueError, match='open, which is not a tensor'):
        read_state_dict(path)
    assert not trap.exists()


@pytest.mark.parametrize(
    'module, name',
    [
        ('builtins', 'eval'),
        ('os', 'system'),
        ('torch', 'load'),
        ('torch._utils', '_rebuild_parameter'),
        ('torch.nn.modules.linear', 'Linear'),
        ('collections', 'OrderedDict.__init__'),
        ('numpy', 'load'),
    ],
)
def test_other_names_are_refused(tmp_path, module, name):
    index = b'\x80\x02' + torch_files.named(module, name) + b'.'
    path = torch_files.write_file(tmp_path / 'x.pth', index, {})
    with pytest.raises(ValueError, match='which is not a tensor'):
        read_state_dict(path)


def test_something_else_is_refused(tmp_path):
    path = tmp_path / 'x.pth'
    path.write_bytes(pickle.dumps({'an': 'old pickle'}))
    with pytest.raises(ValueError, match='not a state dictionary'):
        read_state_dict(path)
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('readme', 'no index')
    with pytest.raises(ValueError, match='0 indices'):
        read_state_dict(path)
    torch_files.write_file(path, b'\x80\x02]q\x00.', {})
    with pytest.raises(ValueError, match='holds a list'):
        read_state_dict(path)
    torch_files.write_file(path, b'\x80\x02}X', {})
    with pytest.raises(ValueError, match='not a state dictionary'):
        read_state_dict(path)


def test_a_missing_storage_is_refused(tmp_path):
    opcodes = torch_files.tensor('0', 'float32', 12, (12,), (1,))
    index = torch_files.index_of({'x': opcodes})
    path = torch_files.write_file(tmp_path / 'x.pth', index, {})
    with pytest.raises(ValueError, match='archive/data/0'):
        read_state_dict(path)
