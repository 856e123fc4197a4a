"""Files in Google Cloud Storage, and reports to its search of hyperparameters."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ddsp.optional import import_optional

_PREFIX = 'gs://'


def download_from_gstorage(gstorage_path: str, local_path: str) -> None:
    """Copies one file from Google Cloud Storage.

    Parameters
    ----------
    gstorage_path : such as `'gs://bucket/folder/file'`.
    local_path : where to put it; its folder is made.

    Raises
    ------
    ValueError
        When the path does not name a file in a bucket.
    FileNotFoundError
        When there is no such file.
    ImportError
        When google-cloud-storage is missing.
    """
    bucket_name, _, blob_name = gstorage_path.removeprefix(_PREFIX).partition('/')
    if not (gstorage_path.startswith(_PREFIX) and bucket_name and blob_name):
        raise ValueError(
            f'download_from_gstorage: {gstorage_path!r} is no file in Google Cloud '
            "Storage, expected 'gs://bucket/path/to/file'."
        )
    storage = import_optional(
        'google.cloud.storage', f'{gstorage_path}', 'google-cloud-storage'
    )
    blob = storage.Client().bucket(bucket_name).get_blob(blob_name)
    if blob is None:
        raise FileNotFoundError(f'there is no file {gstorage_path}.')
    os.makedirs(os.path.dirname(os.path.abspath(local_path)), exist_ok=True)
    # A download that stops halfway must not pass for the file.
    partial = f'{local_path}.unfinished'
    blob.download_to_filename(partial)
    os.replace(partial, local_path)


def make_file_paths_local(paths: str | Sequence[str], local_directory: str) -> Any:
    """Copies files that are in Google Cloud Storage, and says where they are now.

    Parameters
    ----------
    paths : one path, or several. Those that do not begin with `gs://` stay as they are.
    local_directory : where copies go, under their own names.

    Returns
    -------
    A path for one path, a list for several.

    Raises
    ------
    ValueError
        When two files in Google Cloud Storage would be copied to one name.
    """
    if isinstance(paths, str):
        return make_file_paths_local([paths], local_directory)[0]
    copies: dict[str, str] = {}
    local_paths = []
    for path in paths:
        if path.startswith(_PREFIX):
            local_path = os.path.join(local_directory, path.rpartition('/')[2])
            if copies.setdefault(local_path, path) != path:
                raise ValueError(
                    f'make_file_paths_local: {copies[local_path]} and {path} both '
                    f'would become {local_path}; copy them one by one.'
                )
            path = local_path
        local_paths.append(path)
    for local_path, path in copies.items():
        download_from_gstorage(path, local_path)
    return local_paths


def report_metric_to_hypertune(metric_value: Any, step: int, tag: str = 'Loss') -> None:
    """Reports a number to the hyperparameter search of Google Cloud.

    Parameters
    ----------
    metric_value : a number or a scalar tensor.
    step : of training.
    tag : name of the metric, as the search was told.

    Raises
    ------
    ImportError
        When cloudml-hypertune is missing.
    """
    hypertune = import_optional('hypertune', f'reporting {tag}', 'cloudml-hypertune')
    hypertune.HyperTune().report_hyperparameter_tuning_metric(
        hyperparameter_metric_tag=tag,
        metric_value=float(metric_value),
        global_step=int(step),
    )
