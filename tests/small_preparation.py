"""Preparing records of one second each, by the library and by the command."""

from __future__ import annotations

import numpy as np

from ddsp.training import data
from ddsp.training.data_preparation import ddsp_prepare_tfrecord
from ddsp.training.data_preparation import prepare_tfrecord_lib as lib

ARGUMENTS = {'example_secs': 1, 'hop_secs': 0.5, 'chunk_secs': 2, 'num_shards': 2}
FLAGS = [f'--{name}={value}' for name, value in ARGUMENTS.items()]


def prepare(path, folder, **kwargs):
    kwargs = {**ARGUMENTS, 'say': lambda line: None, **kwargs}
    paths = path if isinstance(path, list) else [path]
    return lib.prepare_tfrecord(paths, str(folder / 'a.tfrecord'), **kwargs)


def records(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob('*tfrecord-*'))}


def examples(folder, pattern='a.tfrecord*', **kwargs) -> list[dict[str, np.ndarray]]:
    provider = data.TFRecordProvider(str(folder / pattern), 1, **kwargs)
    return list(provider.get_dataset(False).as_numpy_iterator())


def command(folder, out, *flags) -> int:
    return ddsp_prepare_tfrecord.main(
        [
            f'--input_audio_filepatterns={folder}',
            f'--output_tfrecord_path={out}/a.tfrecord',
            *FLAGS,
            *flags,
        ]
    )
