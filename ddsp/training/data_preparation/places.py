"""Where records go, and what stands there already."""

from __future__ import annotations

import os
from collections.abc import Sequence

import tensorflow as tf

from ddsp.training.data.dataset_info import (
    files_of,
    glob_escape,
    info_path,
    infos_in,
    read_json,
)
from ddsp.training.data_preparation.splitting import (
    SHARD_NUMBERS,
    SPLITS,
    record_prefix,
)


def output_path(given: str | os.PathLike[str]) -> str:
    """The absolute form of what names of records shall begin with.

    Parameters
    ----------
    given : path with or without a leading `~`, or one on another machine, `gs://...`.

    Raises
    ------
    ValueError
        When it is a folder.
    """
    path = os.path.expanduser(os.fspath(given))
    output = path if '://' in path else os.path.abspath(path)
    if not os.path.basename(path) or tf.io.gfile.isdir(output):
        raise ValueError(
            f'output_tfrecord_path {os.fspath(given)!r} is a folder, expected the '
            "beginning of file names in it, such as 'data/violin.tfrecord'."
        )
    return output


def check_writable(folder: str) -> None:
    """Makes a folder where there is none.

    Raises
    ------
    OSError
        When no file may be written in it.
    """
    try:
        tf.io.gfile.makedirs(folder)
        if '://' not in folder and not os.access(folder, os.W_OK):
            raise PermissionError(f'no file may be made in {folder}')
    except (OSError, tf.errors.OpError) as error:
        raise OSError(
            f'records cannot be written to {folder} ({getattr(error, "message", error)}'
            '); choose another --output_tfrecord_path.'
        ) from error


def dataset_name(output: str) -> str:
    """What a dataset is called whose records begin with a path."""
    return os.path.basename(output).removesuffix('.tfrecord')


def check_free(output: str, splits: Sequence[str]) -> None:
    """Refuses a place where new records would meet what they must not replace.

    Parameters
    ----------
    output : what names of new records begin with.
    splits : of the new records; the only one of a dataset that is not divided is `''`.

    Raises
    ------
    ValueError
        When files of such names belong to another dataset; when one of them, or a
        description, is a folder; when a description cannot be read.
    """
    folder, name = os.path.dirname(output), dataset_name(output)
    for path in infos_in(folder):
        _check_is_file(path)
    prefixes = [record_prefix(output, split) for split in splits]
    for path, (of, info) in _records_of_others(folder, name).items():
        if _without_numbers(path) in prefixes:
            raise ValueError(
                f'{path} is of dataset {of!r}, which {info} describes: records of '
                f'{name!r} would stand in its place or beside it; '
                'choose another --output_tfrecord_path.'
            )
    for path in old_records(output):
        _check_is_file(path)


def old_records(output: str) -> list[str]:
    """Record files that new ones replace, of whatever number of shards and splits.

    Those that a description of the dataset names, and those with the same beginning of
    a name, with or without a split: an interrupted preparation leaves no description.

    Parameters
    ----------
    output : what names of new records begin with.
    """
    folder, name = os.path.dirname(output), dataset_name(output)
    found = {
        os.path.join(folder, file)
        for path in old_infos(output)
        for file in files_of(read_json(path) or {})
    }
    found = {path for path in found if tf.io.gfile.exists(path)}
    for prefix in [record_prefix(output, split) for split in SPLITS]:
        paths = tf.io.gfile.glob(f'{glob_escape(prefix)}-*-of-*')
        found.update(path for path in paths if _without_numbers(path) == prefix)
    return sorted(found - set(_records_of_others(folder, name)))


def old_infos(output: str) -> list[str]:
    """Descriptions of a dataset: `dataset.json`, `dataset-NAME.json`, or both.

    One that stayed behind would speak of the new records.
    """
    name = dataset_name(output)
    paths = infos_in(os.path.dirname(output))
    return [path for path in paths if (read_json(path) or {}).get('name') == name]


def new_info(output: str) -> str:
    """Where the description of new records goes."""
    return info_path(os.path.dirname(output), dataset_name(output))


def _records_of_others(folder: str, name: str) -> dict[str, tuple[str, str]]:
    """Record files of datasets that are not called `name`.

    Returns
    -------
    By path, the name of the dataset and the path of its description.
    """
    found = {}
    for path in infos_in(folder):
        info = read_json(path) or {}
        if info.get('name') != name:
            for file in files_of(info):
                found[os.path.join(folder, file)] = str(info.get('name')), path
    return found


def _without_numbers(path: str) -> str | None:
    """What the name of a record file begins with; None for that of another file."""
    start = SHARD_NUMBERS.search(path)
    return path[: start.start()] if start else None


def _check_is_file(path: str) -> None:
    if tf.io.gfile.isdir(path):
        raise ValueError(
            f'{path} is a folder, which stands where a file of the dataset belongs; '
            'move it away, or choose another --output_tfrecord_path.'
        )
