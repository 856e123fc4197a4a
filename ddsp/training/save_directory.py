"""The directory of a run: that it can be written, and by one process at a time."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

import tensorflow as tf

try:
    import fcntl
except ImportError:  # Windows has no such locks.
    fcntl = None

# What this thread holds; of a directory that is held twice, only the outer one counts.
_OWN = threading.local()


def expand_path(file_path: str | os.PathLike[str]) -> str:
    """Puts in the home directory for `~`, and the values of `$VARIABLES`."""
    return os.path.expanduser(os.path.expandvars(os.fspath(file_path)))


def make_writable(save_dir: str) -> None:
    """Makes a directory, if it is not there, and tries whether it can be written.

    Parameters
    ----------
    save_dir : path of the directory.

    Raises
    ------
    OSError
        When it cannot be made, or nothing can be written into it.
    """
    # Of a name that is removed with unfinished checkpoints, should this be killed.
    trial = os.path.join(save_dir, f'.writing-{os.getpid()}-trial')
    what = 'made'
    try:
        tf.io.gfile.makedirs(save_dir)
        what = 'written'
        with tf.io.gfile.GFile(trial, 'w') as file:
            file.write('trial')
        tf.io.gfile.remove(trial)
    except tf.errors.OpError as error:
        raise OSError(
            f'save_dir {save_dir} cannot be {what}: {error.message}. Name a directory '
            'that can be written.'
        ) from error


@contextlib.contextmanager
def held(save_dir: str) -> Iterator[bool]:
    """Keeps others from training in a directory, within a `with` block.

    Others are processes, and threads of this one; who holds it may hold it once more.

    The operating system lets go of it when the process ends, however that comes about.
    Where it cannot hold a directory, as on remote file systems, nothing is done.

    Parameters
    ----------
    save_dir : path of a directory that is there.

    Returns
    -------
    Whether it is held: if not, others may be at work there.

    Raises
    ------
    OSError
        When something else holds it.
    """
    own = _OWN.__dict__.setdefault('paths', set())
    path = os.path.realpath(save_dir)
    if fcntl is None or path in own or not os.path.isdir(path):
        yield path in own
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        locked = _lock(descriptor, save_dir)
        if locked:
            own.add(path)
        yield locked
    finally:
        own.discard(path)
        os.close(descriptor)


def _lock(descriptor: int, save_dir: str) -> bool:
    """Whether the operating system can hold a directory, which it does then."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError as error:
        raise OSError(
            f'the directory {save_dir} is in use: something else is training there. '
            'Wait for it, stop it, or name another directory.'
        ) from error
    except OSError:  # Some network file systems refuse to lock a directory.
        return False
