"""Which checkpoints a directory has, which is to be read, which to be removed."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ddsp.training.telling import tell
from ddsp.training.whole_files import write_text

_INDEX = re.compile(r'^(?P<name>.+)\.index$')
_NUMBER = re.compile(r'-(?P<number>\d+)$')
# What `Trainer` writes, and what may be removed.
_OURS = re.compile(r'ckpt-\d+')
_DAMAGED = 'damaged-'


class DamagedCheckpointError(OSError):
    """The files of a checkpoint are cut short, garbled or gone."""


_DAMAGE = (
    DamagedCheckpointError,
    FileNotFoundError,
    IndexError,
    tf.errors.DataLossError,
    tf.errors.InvalidArgumentError,
    tf.errors.NotFoundError,
    tf.errors.OutOfRangeError,
)
# TensorFlow's reader tells most of what happens to it without its kind.
_DAMAGE_SAID = re.compile(
    'sstable|checksum|corrupt|truncated block|bad block|bad entry|less bytes'
    '|no such file|is a directory',
    re.IGNORECASE,
)


def is_damage(error: Exception) -> bool:
    """Whether an error says that files are bad, not that they cannot be had just now.

    A disk or a network that fails, or a right to read that is missing, is no damage.
    """
    if isinstance(error, tf.errors.OpError) and error.error_code == tf.errors.UNKNOWN:
        return _DAMAGE_SAID.search(str(error)) is not None
    return isinstance(error, _DAMAGE)


def step_of(path: str) -> int:
    """The number at the end of a checkpoint's name, `ckpt-STEP`; -1 without one."""
    found = _NUMBER.search(os.path.basename(path))
    return int(found['number']) if found else -1


def list_checkpoints(save_dir: str) -> list[str]:
    """The checkpoints of a directory, oldest first, without those that lack a file.

    These are `ckpt-STEP`; where there are none, all called `NAME-STEP`.
    """
    if not tf.io.gfile.isdir(save_dir):
        return []
    names = set(tf.io.gfile.listdir(save_dir))
    found = [match['name'] for match in map(_INDEX.match, names) if match]
    whole = [
        name
        for name in found
        if _NUMBER.search(name)
        and not name.startswith(_DAMAGED)
        and any(n.startswith(f'{name}.data-') for n in names)
    ]
    whole = [name for name in whole if _OURS.fullmatch(name)] or whole
    return [os.path.join(save_dir, name) for name in sorted(whole, key=step_of)]


def newest_complete(save_dir: str) -> str | None:
    """The checkpoint of the highest step, or None."""
    found = list_checkpoints(save_dir)
    return found[-1] if found else None


def latest(checkpoint_path: str) -> str:
    """The checkpoint that a path means: itself, or the newest of a directory.

    Raises
    ------
    FileNotFoundError
        When there is none.
    """
    return _candidates(checkpoint_path)[0]


def load_newest(
    checkpoint_path: str | os.PathLike[str],
    load: Callable[[str], Any],
    damaged: list[str] | None = None,
) -> str:
    """Loads the newest checkpoint that can be read.

    Parameters
    ----------
    checkpoint_path : a checkpoint or a directory.
    load : is given a path; what it raises of damaged files lets the one before it be
        tried, with a message on stderr. What else it raises is raised.
    damaged : those found damaged are added to this list.

    Returns
    -------
    The path of the checkpoint that was loaded.

    Raises
    ------
    FileNotFoundError
        When there is none.
    OSError
        When all of them are damaged.
    """
    paths = _candidates(os.path.expanduser(os.fspath(checkpoint_path)))
    for path in paths:
        try:
            load(path)
            return path
        except Exception as error:
            if not is_damage(error):
                raise
            _tell_damage(path, error, last=path == paths[-1])
            if damaged is not None:
                damaged.append(path)
    raise OSError(
        f'no checkpoint of {checkpoint_path} can be read: '
        + ('it is damaged.' if len(paths) == 1 else f'all {len(paths)} are damaged.')
    )


def _tell_damage(path: str, error: Exception, last: bool) -> None:
    reason = ' '.join(str(error).split())[:200]
    then = '' if last else '; trying the one before'
    tell(f'the checkpoint {path} is damaged ({reason}){then}')


def keep_newest(save_dir: str, keep: int, written: str | None = None) -> None:
    """Removes all but the newest `keep` of `ckpt-STEP`, and lists these for TensorFlow.

    Parameters
    ----------
    save_dir : their directory.
    keep : how many are left; with 0 or less, nothing is removed.
    written : the one just written; it stays, and those of later steps are left alone.
    """
    paths = list_checkpoints(save_dir)
    last = step_of(written) if written else math.inf
    ours = [path for path in paths if _OURS.fullmatch(os.path.basename(path))]
    before = [path for path in ours if step_of(path) <= last]
    removed = before[:-keep] if keep > 0 else []
    for path in removed:
        _remove(path)
    write_state(save_dir, [path for path in paths if path not in removed])


def set_aside(path: str) -> None:
    """Calls a damaged checkpoint `damaged-NAME`, so that it is not taken for one."""
    folder, name = os.path.split(path)
    for file in _files_of(path):
        aside = os.path.join(folder, _DAMAGED + file)
        tf.io.gfile.rename(os.path.join(folder, file), aside, overwrite=True)
    tell(f'the damaged checkpoint {path} is called {_DAMAGED}{name} from now on')


def remove_unfinished(save_dir: str) -> None:
    """Removes what is left of checkpoints whose writing was killed."""
    if tf.io.gfile.isdir(save_dir):
        for name in tf.io.gfile.listdir(save_dir):
            if name.startswith('.writing-'):
                tf.io.gfile.remove(os.path.join(save_dir, name))


def write_state(save_dir: str, paths: list[str]) -> None:
    """Writes the file `checkpoint`, which `tf.train.latest_checkpoint` reads."""
    if not paths:
        return
    names = [os.path.basename(path) for path in paths]
    lines = [f'model_checkpoint_path: "{names[-1]}"']
    lines += [f'all_model_checkpoint_paths: "{name}"' for name in names]
    write_text(os.path.join(save_dir, 'checkpoint'), '\n'.join(lines) + '\n')


def _candidates(checkpoint_path: str) -> list[str]:
    """The checkpoints that a path may mean, the best first."""
    if tf.io.gfile.isdir(checkpoint_path):
        found = list_checkpoints(checkpoint_path)[::-1]
    else:
        prefix = re.sub(r'\.(index|data-\d+-of-\d+)$', '', checkpoint_path)
        found = [prefix] if tf.io.gfile.exists(f'{prefix}.index') else []
    if not found:
        raise FileNotFoundError(
            f'there is no checkpoint {checkpoint_path}: expected a directory with '
            'files ckpt-STEP.index and ckpt-STEP.data-*, or the path of one without '
            'the ending.'
        )
    return found


def _remove(path: str) -> None:
    folder = os.path.dirname(path)
    for file in _files_of(path):
        tf.io.gfile.remove(os.path.join(folder, file))


def _files_of(path: str) -> list[str]:
    """The files of a checkpoint: its index first, without which it is none."""
    folder, name = os.path.split(path)
    # No pattern: in one, a folder `run[1]` would be another.
    files = tf.io.gfile.listdir(folder or '.')
    index = [file for file in files if file == f'{name}.index']
    return index + [file for file in files if file.startswith(f'{name}.data-')]
