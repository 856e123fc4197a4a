"""Records on disk: written aside, and put in place only when all are complete."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp.training.data.dataset_info import (
    files_of,
    glob_escape,
    info_path,
    infos_in,
    read_json,
    write_json,
)
from ddsp.training.data_preparation.features import (
    read_audio,
    read_audio_16k,
    read_features,
)
from ddsp.training.data_preparation.settings import Settings
from ddsp.training.data_preparation.splitting import SPLITS, Shard, record_prefix

_OWNER = 'owner'
_SHARD_NUMBERS = r'-\d{5,}-of-\d{5,}$'


def write_shard(shard: Shard, settings: Settings) -> tuple[str, str, int, int]:
    """Writes one file aside.

    Returns
    -------
    Its split, the path it will have, how many examples and how many bytes it holds.
    """
    with tf.io.TFRecordWriter(shard.temporary_path) as writer:
        for recording, chunk_start, start in shard.examples.tolist():
            features = example_features(recording, chunk_start, start, settings)
            writer.write(serialize(features))
    n_bytes = tf.io.gfile.stat(shard.temporary_path).length
    return shard.split, shard.path, len(shard.examples), int(n_bytes)


def example_features(
    recording: int, chunk_start: int, start: int, settings: Settings
) -> dict[str, np.ndarray]:
    """Everything about one example, each `[numbers]`."""
    s = settings
    measured = read_features(s, recording, chunk_start, start, s.n_frames)
    return {
        'audio': read_audio(s, recording, start, s.example_frames),
        'audio_16k': read_audio_16k(s, recording, start, s.example_frames),
        'f0_hz': measured[:, 0],
        'f0_confidence': measured[:, 1],
        'loudness_db': measured[:, 2],
    }


def feature_lengths(settings: Settings) -> dict[str, int]:
    """How many numbers of each feature a record holds."""
    return {
        'audio': settings.n_samples,
        'audio_16k': settings.n_samples_16k,
        'f0_hz': settings.n_frames,
        'f0_confidence': settings.n_frames,
        'loudness_db': settings.n_frames,
    }


def serialize(features: dict[str, np.ndarray]) -> bytes:
    """A `tf.train.Example` of lists of floats."""
    feature = {
        name: tf.train.Feature(float_list=tf.train.FloatList(value=values))
        for name, values in features.items()
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return example.SerializeToString(deterministic=True)


@contextlib.contextmanager
def work_folder(output_path: str) -> Iterator[str]:
    """A folder beside the output for what is made on the way, removed at the end.

    One that a killed preparation has left is removed at the start.

    Raises
    ------
    RuntimeError
        When another preparation of the same records is running.
    ValueError
        When there is a `dataset.json` already that cannot be read: that would stop the
        work at its end.
    """
    folder, name = os.path.split(output_path)
    for path in infos_in(folder):
        read_json(path)
    path = os.path.join(folder, f'.{name}.unfinished')
    with _alone_in(folder):
        if tf.io.gfile.exists(path):
            _check_abandoned(path, output_path)
            tf.io.gfile.rmtree(path)
        tf.io.gfile.makedirs(path)
        with tf.io.gfile.GFile(os.path.join(path, _OWNER), 'w') as file:
            file.write(' '.join([socket.gethostname(), *_process(os.getpid())]))
    try:
        yield path
    finally:
        with contextlib.suppress(tf.errors.OpError):
            tf.io.gfile.rmtree(path)


@contextlib.contextmanager
def _alone_in(folder: str) -> Iterator[None]:
    """Lets one process at a time go on, of those that share a folder of this machine.

    Two that start at once would else find no working folder both, and share one.
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


def _check_abandoned(path: str, output_path: str) -> None:
    try:
        with tf.io.gfile.GFile(os.path.join(path, _OWNER)) as file:
            host, *process = file.read().split()
        number = int(process[0])
    except (tf.errors.OpError, ValueError, IndexError):
        return
    now = _process(number)
    same = len(now) != len(process) or list(now) == process
    if host == socket.gethostname() and same and _is_running(number):
        raise RuntimeError(
            f'process {number} is preparing {output_path} already; wait for it, or '
            'choose another --output_tfrecord_path.'
        )


def _is_running(process: int) -> bool:
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def put_in_place(
    moves: list[tuple[str, str]], output_path: str, info: dict[str, Any]
) -> None:
    """Replaces old records and their description by new ones.

    Old records go first, then their description. At no time do old and new files stand
    side by side, and one that is missing shows in the numbers of the others.

    Parameters
    ----------
    moves : for each file, where it was written and where it belongs.
    output_path : what names of records begin with.
    info : the new description.
    """
    folder, name = os.path.dirname(output_path), info['name']
    old_infos = _infos_of(folder, name)
    with _undisturbed():
        for old in [*old_records(output_path, name), *old_infos]:
            tf.io.gfile.remove(old)
        for temporary, path in moves:
            tf.io.gfile.rename(temporary, path, overwrite=True)
        write_json(info_path(folder, name), info)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Takes no notice of Ctrl-C and SIGTERM, for a moment after all work is done.

    Stopped there, a preparation would leave neither the old records nor the new ones.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Which Python gives no signals to.
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.SIG_IGN) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before):
            signal.signal(number, handler)


def old_records(output_path: str, name: str) -> list[str]:
    """Record files that new ones replace, of whatever number of shards and splits.

    Those that a description of the dataset names, and those with the same beginning of
    a name, with or without a split: an interrupted preparation leaves no description.

    Parameters
    ----------
    output_path : what names of new records begin with.
    name : of the dataset.
    """
    folder = os.path.dirname(output_path)
    own, of_others = set(), set()
    for path in infos_in(folder):
        info = read_json(path) or {}
        files = {os.path.join(folder, file) for file in files_of(info)}
        (own if info.get('name') == name else of_others).update(files)
    found = {path for path in own if tf.io.gfile.exists(path)}
    for prefix in [record_prefix(output_path, split) for split in SPLITS]:
        for path in tf.io.gfile.glob(f'{glob_escape(prefix)}-*-of-*'):
            if re.fullmatch(re.escape(prefix) + _SHARD_NUMBERS, path):
                found.add(path)
    return sorted(found - of_others)


def _infos_of(folder: str, name: str) -> list[str]:
    """Descriptions of a dataset: `dataset.json`, `dataset-NAME.json`, or both.

    One that stayed behind would speak of the new records.
    """
    paths = infos_in(folder)
    return [path for path in paths if (read_json(path) or {}).get('name') == name]
