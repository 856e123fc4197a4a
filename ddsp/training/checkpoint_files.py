"""Which checkpoints a directory has, which is to be read, which to be removed."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import Any

import tensorflow as tf

_INDEX = re.compile(r'^(?P<name>.+)\.index$')
_NUMBER = re.compile(r'-(?P<number>\d+)$')
# What TensorFlow says of files that are cut short, garbled or gone.
_UNREADABLE = (tf.errors.OpError, OSError, IndexError)


def step_of(path: str) -> int:
    """The number at the end of a checkpoint's name, `ckpt-STEP`; -1 without one."""
    found = _NUMBER.search(os.path.basename(path))
    return int(found['number']) if found else -1


def list_checkpoints(save_dir: str) -> list[str]:
    """The checkpoints of a directory, oldest first, without those that lack a file."""
    if not tf.io.gfile.isdir(save_dir):
        return []
    names = set(tf.io.gfile.listdir(save_dir))
    found = [match['name'] for match in map(_INDEX.match, names) if match]
    whole = [
        name
        for name in found
        if _NUMBER.search(name) and any(n.startswith(f'{name}.data-') for n in names)
    ]
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
    checkpoint_path: str | os.PathLike[str], load: Callable[[str], Any]
) -> str:
    """Loads the newest checkpoint that can be read.

    Parameters
    ----------
    checkpoint_path : a checkpoint or a directory.
    load : is given a path; what it raises of damaged files lets the one before it be
        tried, with a message on stderr.

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
        except _UNREADABLE as error:
            reason = ' '.join(str(error).split())[:200]
            print(
                f'the checkpoint {path} is damaged ({reason}); trying the one before',
                file=sys.stderr,
                flush=True,
            )
    raise OSError(
        f'no checkpoint of {checkpoint_path} can be read: all {len(paths)} are damaged.'
    )


def keep_newest(save_dir: str, keep: int) -> None:
    """Removes all checkpoints but the newest `keep`, and lists these for TensorFlow.

    With `keep` 0 or less, nothing is removed.
    """
    paths = list_checkpoints(save_dir)
    if keep > 0:
        for path in paths[:-keep]:
            _remove(path)
        paths = paths[-keep:]
    write_state(save_dir, paths)


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
    target = os.path.join(save_dir, 'checkpoint')
    with tf.io.gfile.GFile(f'{target}.tmp', 'w') as file:
        file.write('\n'.join(lines) + '\n')
    tf.io.gfile.rename(f'{target}.tmp', target, overwrite=True)


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
    # The index first: without it the rest is no checkpoint any more.
    tf.io.gfile.remove(f'{path}.index')
    folder, name = os.path.split(path)
    # No pattern: in one, a folder `run[1]` would be another.
    for file in tf.io.gfile.listdir(folder or '.'):
        if file.startswith(f'{name}.data-'):
            tf.io.gfile.remove(os.path.join(folder, file))
