"""What pitch and loudness a model was trained on, kept beside it."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ddsp.training import postprocessing
from ddsp.training.data import TFRecordProvider, dataset_info
from ddsp.training.instrument import data

#: Name of the file beside a model.
FILE_NAME = 'dataset_statistics.json'
_BATCH = 16
_EXAMPLE_SECS = 4.0


def write_statistics(directory: Path, provider: Any) -> None:
    """Measures a dataset, unless it was, and writes `dataset_statistics.json`.

    Parameters
    ----------
    directory : of the model.
    provider : of the examples that it is trained on.
    """
    path = directory / FILE_NAME
    if not path.exists():
        statistics = postprocessing.compute_dataset_statistics(provider, _BATCH)
        dataset_info.write_json(str(path), statistics)


def measure_recordings(
    recordings: Path,
    model: Path,
    sample_rate: int,
    frame_rate: int,
    method: str = 'swift-f0',
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measures the recordings that a model was trained on, and keeps that beside it.

    Parameters
    ----------
    recordings : a folder with recordings, or one recording.
    model : directory of the model, a checkpoint in it, or a zip file of it.
    sample_rate, frame_rate : of the model, in Hz.
    method : pitch estimator.
    say : is told what is going on.

    Returns
    -------
    The statistics, see `postprocessing.compute_dataset_statistics`.

    Raises
    ------
    OSError, ValueError
        When there are no recordings that can be read, or the model cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix='ddsp-statistics-') as folder:
        wanted = data.Wanted(
            sample_rate=sample_rate,
            frame_rate=frame_rate,
            example_secs=_EXAMPLE_SECS,
            center=False,
            eval_split_fraction=0.0,
            pitch_method=method,
            seed=0,
        )
        info = data.prepare(recordings, Path(folder), wanted, False, say)
        pattern, _ = data.patterns(Path(folder), info)
        provider = TFRecordProvider(
            pattern,
            example_secs=_EXAMPLE_SECS,
            sample_rate=sample_rate,
            frame_rate=frame_rate,
            centered=False,
        )
        statistics = postprocessing.compute_dataset_statistics(provider, _BATCH)
    _keep(statistics, model)
    return statistics


def _keep(statistics: dict[str, Any], model: Path) -> None:
    """Writes statistics beside a model, or into its archive."""
    if model.is_dir():
        dataset_info.write_json(str(model / FILE_NAME), statistics)
    elif zipfile.is_zipfile(model):
        _add_to_archive(statistics, model)
    else:
        dataset_info.write_json(str(model.parent / FILE_NAME), statistics)


def _add_to_archive(statistics: dict[str, Any], archive_path: Path) -> None:
    with zipfile.ZipFile(archive_path, 'a', zipfile.ZIP_DEFLATED) as archive:
        names = archive.namelist()
        # Beside the description of the model, which may stand in a folder.
        configs = [n for n in names if Path(n).name.startswith('operative_config-')]
        folder = Path(configs[0]).parent if configs else Path()
        name = (folder / FILE_NAME).as_posix()
        if name in names:
            raise ValueError(
                f'{archive_path} has statistics already, and a file in an archive '
                'cannot be replaced: unpack it and name the directory.'
            )
        archive.writestr(name, json.dumps(statistics))
