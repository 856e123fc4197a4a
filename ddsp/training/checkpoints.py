"""Checkpoints: weights by paths that do not depend on how Keras calls them.

The files are TensorFlow's, `PREFIX.index` and `PREFIX.data-*`, and the paths are those
of the established library, so that its checkpoints can be read; see `checkpoint_paths`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ddsp.training import established_optimizer
from ddsp.training.checkpoint_files import DamagedCheckpointError, is_damage
from ddsp.training.checkpoint_paths import (
    former_paths,
    seed_states_by_path,
    variables_by_path,
)

_SUFFIX = '/.ATTRIBUTES/VARIABLE_VALUE'
_MODEL, _OPTIMIZER, _EXTRA = 'model/', 'optimizer/', 'extra/'
# Written by this library only, and not by all of its versions.
_SEEDS = 'seeds/'
# Written by this library only: how the numbered variables of the optimizer are meant.
_ORDER = 'optimizer/order' + _SUFFIX


@dataclasses.dataclass(frozen=True)
class Report:
    """What `load` did.

    Parameters
    ----------
    prefix : the checkpoint.
    restored : paths of the weights that were filled.
    optimizer_restored : whether the state of the optimizer was filled.
    note : what was left out, and why; empty if nothing was.
    extra : the arrays that were saved beside the model.
    """

    prefix: str
    restored: tuple[str, ...]
    optimizer_restored: bool = False
    note: str = ''
    extra: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        what = f'{len(self.restored)} weights'
        what += ' and the optimizer' if self.optimizer_restored else ''
        note = f' ({self.note})' if self.note else ''
        return f'Restored {what} from {self.prefix}{note}.'


def save(
    prefix: str | os.PathLike[str],
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer | None = None,
    extra: Mapping[str, Any] | None = None,
) -> str:
    """Writes a checkpoint: weights, and the states of `keras.random.SeedGenerator`s.

    It is complete or not there: files are written under another name first, and the
    index, without which there is no checkpoint, gets its name last.

    Parameters
    ----------
    prefix : path without ending, such as `DIR/ckpt-100`; folders that are not there
        are made.
    model : whose weights to write.
    optimizer : whose state to write.
    extra : arrays to write beside them.

    Returns
    -------
    The prefix.

    Raises
    ------
    ValueError
        When the model has no weights yet, or two of one path.
    OSError
        When it cannot be written, as on a full disk; what was there before is intact.
    """
    prefix = os.fspath(prefix)
    variables = variables_by_path(model)
    if not variables:
        raise ValueError(
            f'{model.name} has no weights yet: call it once before saving it.'
        )
    values = {_MODEL + path: v.value for path, v in variables.items()}
    for path, state in seed_states_by_path(model).items():
        values[_SEEDS + path] = state.value
    if optimizer is not None:
        values.update(_optimizer_values(optimizer, model))
    for key, value in (extra or {}).items():
        values[_EXTRA + key] = tf.convert_to_tensor(value)
    _write(prefix, {key + _SUFFIX: value for key, value in values.items()})
    return prefix


def _optimizer_values(
    optimizer: keras.optimizers.Optimizer, model: keras.Model
) -> dict[str, Any]:
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    values = {
        f'{_OPTIMIZER}variables/{i}': v.value for i, v in enumerate(optimizer.variables)
    }
    paths = {id(v): path for path, v in variables_by_path(model).items()}
    order = _order(optimizer, model, paths)
    values[_ORDER.removesuffix(_SUFFIX)] = tf.constant(order)
    return values


def _order(
    optimizer: keras.optimizers.Optimizer, model: keras.Model, paths: Mapping[int, str]
) -> list[str]:
    """What the numbered variables of an optimizer belong to."""
    trained = [paths.get(id(v), v.path) for v in model.trainable_variables]
    return [type(optimizer).__name__, *trained]


def _write(prefix: str, values: Mapping[str, Any]) -> None:
    folder, name = os.path.split(prefix)
    temporary = os.path.join(folder, f'.writing-{os.getpid()}-{name}')
    names = list(values)
    try:
        if folder:
            tf.io.gfile.makedirs(folder)
        tf.raw_ops.SaveV2(
            prefix=temporary,
            tensor_names=names,
            shape_and_slices=[''] * len(names),
            tensors=[tf.convert_to_tensor(values[key]) for key in names],
        )
        _put_in_place(temporary, prefix)
    except (tf.errors.OpError, OSError) as error:
        reason = ' '.join(str(error).split())
        raise OSError(f'cannot write the checkpoint {prefix}: {reason}') from error
    finally:
        for left in _endings(temporary):
            tf.io.gfile.remove(temporary + left)


def _endings(prefix: str) -> list[str]:
    """What comes after a prefix in the names of the files that begin with it.

    Not by a pattern, in which the name of a folder such as `run[1]` means another.
    """
    folder, name = os.path.split(prefix)
    if not tf.io.gfile.isdir(folder or '.'):
        return []
    names = tf.io.gfile.listdir(folder or '.')
    return [x[len(name) :] for x in names if x.startswith(name)]


def _put_in_place(temporary: str, prefix: str) -> None:
    # A checkpoint of this name must not be read with the data of another.
    if tf.io.gfile.exists(f'{prefix}.index'):
        tf.io.gfile.remove(f'{prefix}.index')
    for ending in _endings(temporary):
        if ending.startswith('.data-'):
            tf.io.gfile.rename(temporary + ending, prefix + ending, overwrite=True)
    tf.io.gfile.rename(f'{temporary}.index', f'{prefix}.index', overwrite=True)


def load(
    prefix: str | os.PathLike[str],
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer | None = None,
    restore_keys: Sequence[str] | None = None,
) -> Report:
    """Fills the weights of a model, and the state of an optimizer, from a checkpoint.

    Nothing is filled unless everything fits. The state of Adam is read from checkpoints
    of the established library, too, unless they do not say which weight it belongs to;
    the report says so.

    Parameters
    ----------
    prefix : path without ending, such as `DIR/ckpt-100`.
    model : whose weights to fill; it must have been called once.
    optimizer : whose state to fill, too.
    restore_keys : parts to fill, such as `['decoder']`; all without it.

    Returns
    -------
    What was filled.

    Raises
    ------
    FileNotFoundError
        When there is no such checkpoint.
    OSError
        When it cannot be read.
    DamagedCheckpointError
        When its files are damaged; it is an `OSError` too.
    ValueError
        When weights are missing in the checkpoint or in the model, or shapes differ:
        all are listed by name.
    """
    prefix = os.fspath(prefix)
    with _open(prefix) as reader:
        return _load(reader, prefix, model, optimizer, restore_keys)


def _load(
    reader: Any,
    prefix: str,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer | None,
    restore_keys: Sequence[str] | None,
) -> Report:
    variables = variables_by_path(model)
    if not variables:
        raise ValueError(
            f'{model.name} has no weights to fill from {prefix} yet: call it once.'
        )
    shapes = _model_shapes(reader)
    names = _names_in(shapes, variables, model)
    paths = {name: path for path, name in names.items()}
    stored = {paths.get(name, name): shape for name, shape in shapes.items()}
    ids = {id(variable): names[path] for path, variable in variables.items()}
    if restore_keys:
        variables, stored = _only(restore_keys, variables, stored, prefix)
    _check_agreement(prefix, variables, stored)
    values = {
        path: reader.get_tensor(_MODEL + names[path] + _SUFFIX) for path in variables
    }
    note, state = '', None
    if optimizer is not None:
        state, note = _optimizer_state(reader, optimizer, model, ids, prefix)
    seeds = [] if restore_keys else _seeds(reader, model)
    extra = _extra(reader)
    for path, variable in variables.items():
        variable.assign(values[path])
    for variable, value in zip(optimizer.variables if state else (), state or ()):
        variable.assign(value)
    for variable, value in seeds:
        variable.assign(value)
    return Report(prefix, tuple(variables), state is not None, note, extra)


def _names_in(
    shapes: Mapping[str, Any], variables: Mapping[str, Any], model: keras.Model
) -> dict[str, str]:
    """What a checkpoint calls the weights of a model, by their paths."""
    former = former_paths(model)
    names = {}
    for path in variables:
        then = former.get(path, path)
        known = path not in shapes and then in shapes and then not in variables
        names[path] = then if known else path
    return names


def _seeds(reader: Any, model: keras.Model) -> list[tuple[keras.Variable, np.ndarray]]:
    """The states of seeds that are in the checkpoint as in the model."""
    shapes = reader.get_variable_to_shape_map()
    return [
        (state, reader.get_tensor(_SEEDS + path + _SUFFIX))
        for path, state in seed_states_by_path(model).items()
        if shapes.get(_SEEDS + path + _SUFFIX) == list(state.shape)
    ]


def inspect(prefix: str | os.PathLike[str]) -> list[tuple[str, list[int], str]]:
    """Lists what a checkpoint holds: name, shape and dtype of each tensor.

    Raises
    ------
    FileNotFoundError
        When there is no such checkpoint.
    OSError
        When it cannot be read.
    DamagedCheckpointError
        When its index is damaged; it is an `OSError` too.
    """
    with _open(os.fspath(prefix)) as reader:
        dtypes = reader.get_variable_to_dtype_map()
        shapes = reader.get_variable_to_shape_map()
    return [
        (key.removesuffix(_SUFFIX), list(shapes[key]), dtypes[key].name)
        for key in sorted(shapes, key=_natural)
    ]


def _natural(key: str) -> list[Any]:
    return [int(x) if x.isdigit() else x for x in re.split(r'(\d+)', key)]


@contextlib.contextmanager
def _open(prefix: str) -> Iterator[Any]:
    """Opens a checkpoint; names it in what TensorFlow says of damaged files."""
    if not tf.io.gfile.exists(f'{prefix}.index'):
        raise FileNotFoundError(f'there is no checkpoint {prefix} ({prefix}.index).')
    try:
        with _without_brackets(prefix) as path:
            yield tf.train.load_checkpoint(path)
    except (tf.errors.OpError, IndexError) as error:
        reason = ' '.join(str(error).split())
        if is_damage(error):
            raise DamagedCheckpointError(
                f'the checkpoint {prefix} is damaged: {reason}'
            ) from error
        raise OSError(f'cannot read the checkpoint {prefix}: {reason}') from error


@contextlib.contextmanager
def _without_brackets(prefix: str) -> Iterator[str]:
    """A path by which TensorFlow finds a checkpoint also in a folder `run[1]`."""
    folder, name = os.path.split(os.path.abspath(prefix))
    if '[' not in prefix or not os.path.isdir(folder):
        yield prefix
        return
    with tempfile.TemporaryDirectory() as place:
        link = os.path.join(place, 'folder')
        os.symlink(folder, link)
        yield os.path.join(link, name)


def _model_shapes(reader: Any) -> dict[str, list[int]]:
    """Shapes of the weights of the model that a checkpoint holds, by path."""
    return {
        key[len(_MODEL) : -len(_SUFFIX)]: list(shape)
        for key, shape in reader.get_variable_to_shape_map().items()
        if key.startswith(_MODEL)
        and key.endswith(_SUFFIX)
        # Moments of the optimizers of old stand beside the weights.
        and '/.OPTIMIZER_SLOT/' not in key
    }


def _extra(reader: Any) -> dict[str, np.ndarray]:
    return {
        key[len(_EXTRA) : -len(_SUFFIX)]: reader.get_tensor(key)
        for key in reader.get_variable_to_shape_map()
        if key.startswith(_EXTRA)
    }


def _only(
    restore_keys: Sequence[str],
    variables: Mapping[str, Any],
    stored: Mapping[str, Any],
    prefix: str,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keeps what lies below one of the keys."""
    keys = [restore_keys] if isinstance(restore_keys, str) else list(restore_keys)
    keys = [key.replace('.', '/').strip('/') for key in keys]
    for key in keys:
        for paths, where in ((variables, 'the model'), (stored, prefix)):
            if not any(_below(path, key) for path in paths):
                known = sorted({path.split('/')[0] for path in paths})
                near = difflib.get_close_matches(key, known, 1)
                hint = f" Did you mean '{near[0]}'?" if near else ''
                raise ValueError(
                    f'restore_keys has {key!r}, but {where} has no weights there, only '
                    f'in {known}.{hint}'
                )
    return tuple(
        {p: x for p, x in paths.items() if any(_below(p, key) for key in keys)}
        for paths in (variables, stored)
    )


def _below(path: str, key: str) -> bool:
    return path == key or path.startswith(f'{key}/')


def _check_agreement(
    prefix: str, variables: Mapping[str, Any], stored: Mapping[str, list[int]]
) -> None:
    missing = [path for path in variables if path not in stored]
    unmatched = [path for path in stored if path not in variables]
    wrong = [
        f'{path}: {stored[path]} in the checkpoint, {list(variable.shape)} in the model'
        for path, variable in variables.items()
        if path in stored and list(variable.shape) != stored[path]
    ]
    lines = []
    for title, paths in (
        ('weights of the model that the checkpoint lacks', missing),
        ('weights of the checkpoint that the model lacks', unmatched),
        ('weights of other shapes', wrong),
    ):
        if paths:
            lines += [f'{title}:', *(f'  {path}' for path in sorted(paths))]
    if lines:
        listed = '\n'.join(lines)
        raise ValueError(
            f'the checkpoint {prefix} is not one of this model; nothing was restored. '
            'Build the model from the operative config beside the checkpoint, or name '
            f'the parts to restore in restore_keys.\n{listed}'
        )


def _optimizer_state(
    reader: Any,
    optimizer: keras.optimizers.Optimizer,
    model: keras.Model,
    paths: Mapping[int, str],
    prefix: str,
) -> tuple[list[np.ndarray] | None, str]:
    """The state of the optimizer in order, or none and the reason."""
    shapes = reader.get_variable_to_shape_map()
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    if _ORDER not in shapes:
        return _established_state(reader, optimizer, paths)
    order = [item.decode() for item in reader.get_tensor(_ORDER)]
    expected = _order(optimizer, model, paths)
    keys = [
        f'{_OPTIMIZER}variables/{i}{_SUFFIX}' for i in range(len(optimizer.variables))
    ]
    n_stored = sum(key.startswith(f'{_OPTIMIZER}variables/') for key in shapes)
    fits = order == expected and n_stored == len(keys)
    if not fits or any(
        list(shapes[key]) != list(variable.shape)
        for key, variable in zip(keys, optimizer.variables)
    ):
        raise ValueError(
            f'the checkpoint {prefix} has the state of {order[0]} training '
            f'{len(order) - 1} weights ({n_stored} numbers and arrays), not that of '
            f'{expected[0]} training {len(expected) - 1} ({len(keys)}); nothing was '
            'restored.'
        )
    return [reader.get_tensor(key) for key in keys], ''


def _established_state(
    reader: Any, optimizer: keras.optimizers.Optimizer, paths: Mapping[int, str]
) -> tuple[list[np.ndarray] | None, str]:
    stored = reader.get_variable_to_shape_map()
    if not any(key.startswith(_OPTIMIZER) for key in stored):
        return None, 'the state of the optimizer, not in the checkpoint, was not read'
    if isinstance(optimizer, keras.optimizers.Adam):
        state = established_optimizer.adam_state(reader, optimizer, paths)
        if state is not None:
            return state, ''
    return None, (
        'the state of the optimizer, of the established library, was not read: not all '
        'of it is there, with the names of the weights that it belongs to'
    )
