"""Records small enough to write many of in a test."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from ddsp.training.data import record_files

RATE, FRAME_RATE, SECS = 1600, 50, 0.5
SAMPLES, FRAMES = 800, 25
ARGUMENTS = {'example_secs': SECS, 'sample_rate': RATE, 'frame_rate': FRAME_RATE}


def features(number: int, **lengths: int) -> dict[str, np.ndarray]:
    """Features of an example; its number is in the audio's first sample."""
    sizes = {
        'audio': SAMPLES,
        'audio_16k': 8000,
        'f0_hz': FRAMES,
        'f0_confidence': FRAMES,
        'loudness_db': FRAMES,
        **lengths,
    }
    rng = np.random.default_rng(number)
    found = {name: rng.uniform(0, 1, size) for name, size in sizes.items() if size}
    if 'audio' in found:
        found['audio'][0] = number
    return {name: value.astype(np.float32) for name, value in found.items()}


def serialize(values: dict[str, np.ndarray | bytes]) -> bytes:
    feature = {}
    for name, value in values.items():
        if isinstance(value, bytes):
            kind = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        else:
            numbers = np.ravel(value)
            kind = tf.train.Feature(float_list=tf.train.FloatList(value=numbers))
        feature[name] = kind
    return tf.train.Example(
        features=tf.train.Features(feature=feature)
    ).SerializeToString()


def write_file(path: pathlib.Path, examples: list[dict[str, np.ndarray]]) -> None:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for example in examples:
            writer.write(serialize(example))


def write_records(
    folder: pathlib.Path, count: int, n_files: int = 3, name: str = 'a', **lengths: int
) -> str:
    """Writes examples 0, 1, ... to several files; gives their pattern."""
    for index in range(n_files):
        path = folder / f'{name}.tfrecord-{index:05d}-of-{n_files:05d}'
        numbers = range(index, count, n_files)
        write_file(path, [features(number, **lengths) for number in numbers])
    return str(folder / f'{name}.tfrecord*')


def numbers_of(batches: tf.data.Dataset, count: int | None = None) -> list[list[int]]:
    """Numbers of the examples in each batch."""
    taken = batches if count is None else batches.take(count)
    return [batch['audio'][:, 0].numpy().astype(int).tolist() for batch in taken]


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by the number of each record that is read from now on."""
    read: list[int] = []
    original = record_files.RecordIndex.read

    def counted(index: record_files.RecordIndex, record: int) -> bytes:
        read.append(record)
        return original(index, record)

    monkeypatch.setattr(record_files.RecordIndex, 'read', counted)
    return read
