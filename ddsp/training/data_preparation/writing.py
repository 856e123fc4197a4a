"""Records on disk: written aside, and put in place only when all are complete."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp.training.data.dataset_info import FILE_NAME, write_json
from ddsp.training.data_preparation.features import (
    read_audio,
    read_audio_16k,
    read_features,
)
from ddsp.training.data_preparation.places import (
    check_free,
    new_info,
    old_infos,
    old_records,
)
from ddsp.training.data_preparation.settings import Settings
from ddsp.training.data_preparation.splitting import (
    SHARD_NUMBERS,
    SPLITS,
    Shard,
    record_prefix,
)
from ddsp.training.data_preparation.work_folders import REPLACED, remove_all


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


def put_in_place(
    moves: list[tuple[str, str]], output: str, info: dict[str, Any], work_dir: str
) -> None:
    """Replaces old records and their description by new ones, or nothing at all.

    Old records go first, then their description. At no time do old and new files stand
    side by side, and one that is missing shows in the numbers of the others.

    Parameters
    ----------
    moves : for each file, where it was written and where it belongs.
    output : what names of records begin with.
    info : the new description.
    work_dir : the working folder.

    Raises
    ------
    ValueError
        When the place is taken, or for a description that is not JSON.
    RuntimeError
        When new files could not be put in place, nor old ones back; it says where they
        are.
    """
    prefixes = {SHARD_NUMBERS.sub('', path) for _, path in moves}
    splits = [split for split in SPLITS if record_prefix(output, split) in prefixes]
    check_free(output, splits)
    aside = os.path.join(work_dir, FILE_NAME)
    write_json(aside, info)
    replaced = os.path.join(work_dir, REPLACED)
    away = [
        (path, os.path.join(replaced, os.path.basename(path)))
        for path in [*old_records(output), *old_infos(output)]
    ]
    with _undisturbed():
        tf.io.gfile.makedirs(replaced)
        _move_all([*away, *moves, (aside, new_info(output))], replaced)
        remove_all(replaced)


def _move_all(moves: list[tuple[str, str]], replaced: str) -> None:
    """Moves files, one after the other; back again where one cannot be moved."""
    begun = []
    try:
        for old, new in moves:
            begun.append((old, new))
            tf.io.gfile.rename(old, new, overwrite=True)
    except BaseException as error:
        _move_back(begun, error, replaced)
        remove_all(replaced)
        raise


def _move_back(
    begun: list[tuple[str, str]], error: BaseException, replaced: str
) -> None:
    """Moves files back, the last one first, so that old and new ones never meet."""
    try:
        for old, new in reversed(begun):
            if not tf.io.gfile.exists(old):
                tf.io.gfile.rename(new, old)
            elif tf.io.gfile.exists(new):  # Copied, but not moved.
                tf.io.gfile.remove(new)
    except tf.errors.OpError as again:
        raise RuntimeError(
            f'records cannot be put in place ({error}), nor the older ones back '
            f'({again}): what is missing of these is in {replaced}; move it back '
            'before you prepare them again.'
        ) from error


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
