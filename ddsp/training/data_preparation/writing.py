"""Records on disk: written aside, and put in place only when all are complete."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from ddsp.training.data.dataset_info import files_of, glob_escape, read_json
from ddsp.training.data_preparation.features import (
    read_audio,
    read_audio_16k,
    read_features,
)
from ddsp.training.data_preparation.settings import Settings
from ddsp.training.data_preparation.splitting import Shard

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
    """
    folder, name = os.path.split(output_path)
    path = os.path.join(folder, f'.{name}.unfinished')
    if tf.io.gfile.exists(path):
        _check_abandoned(path, output_path)
        tf.io.gfile.rmtree(path)
    tf.io.gfile.makedirs(path)
    try:
        with tf.io.gfile.GFile(os.path.join(path, _OWNER), 'w') as file:
            file.write(f'{socket.gethostname()} {os.getpid()}')
        yield path
    finally:
        with contextlib.suppress(tf.errors.OpError):
            tf.io.gfile.rmtree(path)


def _check_abandoned(path: str, output_path: str) -> None:
    try:
        with tf.io.gfile.GFile(os.path.join(path, _OWNER)) as file:
            host, number = file.read().split()
    except (tf.errors.OpError, ValueError):
        return
    if host == socket.gethostname() and _is_running(int(number)):
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


def put_in_place(moves: list[tuple[str, str]], info: str) -> None:
    """Replaces old records by new ones.

    Old ones go first, those that the old description names and those that share the
    beginning of a name with new ones, of whatever number of shards. At no time do old
    and new files stand side by side, and one that is missing shows in the numbers of
    the others.

    Parameters
    ----------
    moves : for each file, where it was written and where it belongs.
    info : path of the old description.
    """
    for old in old_records([path for _, path in moves], info):
        tf.io.gfile.remove(old)
    if tf.io.gfile.exists(info):
        tf.io.gfile.remove(info)
    for temporary, path in moves:
        tf.io.gfile.rename(temporary, path, overwrite=True)


def old_records(new: list[str], info: str) -> list[str]:
    """Record files that new ones replace.

    Parameters
    ----------
    new : paths of the new ones.
    info : path of the description of the old ones, which need not be there.
    """
    folder = os.path.dirname(info)
    described = read_json(info) or {}
    old = {os.path.join(folder, name) for name in files_of(described)}
    found = {path for path in old if tf.io.gfile.exists(path)}
    for prefix in {re.sub(_SHARD_NUMBERS, '', path) for path in new}:
        for path in tf.io.gfile.glob(f'{glob_escape(prefix)}-*-of-*'):
            if re.fullmatch(re.escape(prefix) + _SHARD_NUMBERS, path):
                found.add(path)
    return sorted(found)
