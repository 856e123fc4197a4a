"""Reads tensors from a PyTorch file without PyTorch, and without running its pickle."""

from __future__ import annotations

import collections
import pickle
import zipfile
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

_DTYPES = {
    'DoubleStorage': np.float64,
    'FloatStorage': np.float32,
    'HalfStorage': np.float16,
    'LongStorage': np.int64,
    'IntStorage': np.int32,
    'ShortStorage': np.int16,
    'CharStorage': np.int8,
    'ByteStorage': np.uint8,
    'BoolStorage': np.bool_,
}
# The index of a state dictionary takes kilobytes; more is no such thing.
_LARGEST_INDEX = 2**24


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """Reads the tensors of a `state_dict` saved by `torch.save`.

    The index of such a file is a pickle, which could name any function to be called.
    Here it can name only an ordered dictionary, a tensor and the types of its numbers;
    all else is refused before it is run.

    Parameters
    ----------
    path : of a file in the zip format of PyTorch 1.6 and later.

    Returns
    -------
    Arrays by name.

    Raises
    ------
    ValueError
        When the file is something else, damaged, or names anything else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, Path(path).name)
    except (zipfile.BadZipFile, KeyError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(
            f'{str(path)!r} is not a state dictionary of tensors in the zip format of '
            f'PyTorch: {error}'
        ) from error


def _read(archive: zipfile.ZipFile, name: str) -> dict[str, np.ndarray]:
    indices = [entry for entry in archive.namelist() if entry.endswith('/data.pkl')]
    if len(indices) != 1:
        raise pickle.UnpicklingError(f'it has {len(indices)} indices data.pkl')
    folder = indices[0][: -len('data.pkl')]
    if archive.getinfo(indices[0]).file_size > _LARGEST_INDEX:
        raise pickle.UnpicklingError('its index is too large')
    with archive.open(indices[0]) as index:
        loaded = _TensorUnpickler(index, archive, folder).load()
    if not isinstance(loaded, dict):
        raise pickle.UnpicklingError(f'it holds a {type(loaded).__name__}')
    return {key: x for key, x in loaded.items() if isinstance(x, np.ndarray)}


class _TensorUnpickler(pickle.Unpickler):
    """An unpickler that knows nothing but arrays."""

    def __init__(self, file: Any, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(file)
        self._archive, self._folder = archive, folder

    def find_class(self, module: str, name: str) -> Any:
        """Finds one of the few permitted names; see `pickle.Unpickler`."""
        if (module, name) == ('collections', 'OrderedDict'):
            return collections.OrderedDict
        if (module, name) == ('torch._utils', '_rebuild_tensor_v2'):
            return _rebuild_tensor
        if module == 'torch' and name in _DTYPES:
            return np.dtype(_DTYPES[name])
        _refuse(f'it names {module}.{name}, which is not a tensor')

    def persistent_load(self, pid: Any) -> np.ndarray:
        """Reads the numbers of one storage; see `pickle.Unpickler`."""
        if not (isinstance(pid, tuple) and len(pid) == 5 and pid[0] == 'storage'):
            _refuse('it refers to something that is not a storage')
        _, dtype, key, _, n_numbers = pid
        if not isinstance(dtype, np.dtype):
            _refuse('a storage has no known type')
        entry = f'{self._folder}data/{key}'
        size = self._archive.getinfo(entry).file_size
        if size != n_numbers * dtype.itemsize:
            _refuse(f'{entry} has {size} bytes for {n_numbers} numbers')
        return np.frombuffer(self._archive.read(entry), dtype.newbyteorder('<'))


def _rebuild_tensor(
    storage: np.ndarray, offset: int, shape: tuple, strides: tuple, *_: Any
) -> np.ndarray:
    """Views a storage as a tensor, refusing to look beyond its end."""
    if not isinstance(storage, np.ndarray) or len(shape) != len(strides):
        _refuse('a tensor is damaged')
    if min((offset, *shape, *strides)) < 0:
        _refuse('a tensor is damaged')
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides))
    if 0 not in shape and last >= storage.size:
        _refuse('a tensor is larger than its storage')
    if 0 in shape:
        return np.zeros(shape, storage.dtype)
    steps = [step * storage.itemsize for step in strides]
    view = np.lib.stride_tricks.as_strided(storage[offset:], shape, steps)
    return view.copy()


def _refuse(why: str) -> NoReturn:
    raise pickle.UnpicklingError(why)
