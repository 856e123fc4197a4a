"""Folders for what is made on the way, of preparations that run, end or are killed."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterator

import tensorflow as tf

from ddsp.training.data.dataset_info import glob_escape

#: Within a working folder: old records that could not be moved back.
REPLACED = 'replaced'
_OWNER = 'owner'
_SECONDS_OF_A_DAY = 86_400

# Outputs that this process is preparing.
_ACTIVE: set[str] = set()
_ACTIVE_LOCK = threading.Lock()


@contextlib.contextmanager
def work_folder(output: str) -> Iterator[str]:
    """A folder beside the output for what is made on the way, removed at the end.

    Each call has one of its own: workers that outlive the call, as after Ctrl-C in a
    notebook, never write into that of the next. Those that killed preparations of the
    same records have left are removed at the start. Whether one of another machine
    still runs cannot be told: its folder is removed only when nothing was written there
    for a day, and it is not waited for.

    Raises
    ------
    RuntimeError
        When another preparation of the same records is running on this machine.
    """
    folder, name = os.path.split(output)
    with _only_one_here(output):
        with _alone_in(folder):
            for path in _folders_of(folder, name):
                if _is_abandoned(path, output):
                    remove_all(path)
            token = secrets.token_hex(8)
            path = os.path.join(folder, f'.{name}.unfinished-{token}')
            tf.io.gfile.makedirs(path)
            with tf.io.gfile.GFile(os.path.join(path, _OWNER), 'w') as file:
                file.write(' '.join([socket.gethostname(), *_process(os.getpid())]))
        try:
            yield path
        finally:
            if not tf.io.gfile.exists(os.path.join(path, REPLACED)):
                remove_all(path)


def remove_all(path: str) -> None:
    """Removes a folder with what is in it, as far as that can be done.

    Workers that outlive an aborted call may still write into its working folder.
    """
    with contextlib.suppress(tf.errors.OpError):
        tf.io.gfile.rmtree(path)


@contextlib.contextmanager
def _only_one_here(output: str) -> Iterator[None]:
    """Lets each output be prepared once at a time by this process."""
    key = output if '://' in output else os.path.realpath(output)
    with _ACTIVE_LOCK:
        if key in _ACTIVE:
            raise _already('this process', output)
        _ACTIVE.add(key)
    try:
        yield
    finally:
        _ACTIVE.discard(key)


@contextlib.contextmanager
def _alone_in(folder: str) -> Iterator[None]:
    """Lets one process at a time go on, of those that share a folder of this machine.

    Two that start at once would else find no working folder both.
    """
    descriptor = -1
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _folders_of(folder: str, name: str) -> list[str]:
    """Working folders for records of a name, also those of versions before this one."""
    own = re.compile(re.escape(f'.{name}.unfinished') + r'(-[0-9a-f]+)?')
    pattern = os.path.join(glob_escape(folder), f'.{glob_escape(name)}.unfinished*')
    paths = tf.io.gfile.glob(pattern)
    return sorted(path for path in paths if own.fullmatch(os.path.basename(path)))


def _is_abandoned(path: str, output: str) -> bool:
    """Whether nothing is at work any more in a folder.

    Raises
    ------
    RuntimeError
        When another process of this machine is.
    """
    try:
        with tf.io.gfile.GFile(os.path.join(path, _OWNER)) as file:
            host, *process = file.read().split()
        number = int(process[0])
    except (tf.errors.OpError, ValueError, IndexError):
        return True
    if host != socket.gethostname():
        return _is_old(path)
    now = _process(number)
    if len(now) == len(process) and list(now) != process:
        return True
    running = _is_running(number)
    if running:
        raise _already(f'process {number}', output)
    return _is_old(path) if running is None else True


def _already(who: str, output: str) -> RuntimeError:
    return RuntimeError(
        f'{who} is preparing {output} already; wait for it, or choose another '
        '--output_tfrecord_path.'
    )


def _is_old(path: str) -> bool:
    """Whether nothing in a folder was written for a day."""
    newest = 0.0
    for name in tf.io.gfile.listdir(path):
        # May be gone by the time that it is asked for.
        with contextlib.suppress(tf.errors.NotFoundError):
            status = tf.io.gfile.stat(os.path.join(path, name))
            newest = max(newest, status.mtime_nsec / 1e9)
    return time.time() - newest > _SECONDS_OF_A_DAY


def _process(number: int) -> tuple[str, ...]:
    """What tells a process from others, as far as this system says.

    Its number alone does not: it is soon given to another, in a container above all,
    where the first process always has the same one.
    """
    with contextlib.suppress(OSError):
        with open(f'/proc/{number}/stat') as file:
            # After the name, which may hold anything, the 20th word is when it began.
            began = file.read().rpartition(')')[2].split()[19]
        with open('/proc/sys/kernel/random/boot_id') as file:
            return str(number), began, file.read().strip()
    return (str(number),)


def _is_running(process: int) -> bool | None:
    """Whether a process runs, other than this one; None where nobody can tell."""
    if process == os.getpid():
        return False
    if os.name == 'nt':  # Where the question would be sent to it as Ctrl-C.
        return None
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
