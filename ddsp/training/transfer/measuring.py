"""Measures the recordings that a model was trained on."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ddsp.training import postprocessing
from ddsp.training.data import TFRecordProvider, dataset_info
from ddsp.training.instrument import data
from ddsp.training.instrument.statistics import BATCH, FILE_NAME
from ddsp.training.transfer.finding import Place, located
from ddsp.training.transfer.loading import rates_of

_EXAMPLE_SECS = 4.0


def measure_recordings(
    recordings: Path,
    instrument: str | Path,
    method: str = 'swift-f0',
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measures the recordings that a model was trained on, and keeps that beside it.

    What was kept there before is replaced, in an archive too.

    Parameters
    ----------
    recordings : a folder with recordings, or one recording.
    instrument : directory of the model, a checkpoint in it, or a zip file of it.
    method : pitch estimator.
    say : is told what is going on.

    Returns
    -------
    The statistics, see `postprocessing.compute_dataset_statistics`.

    Raises
    ------
    OSError, ValueError
        When there are no recordings that can be read, there is no such model, or it
        cannot be written.
    """
    with located(instrument) as place:
        if place.shipped:
            raise ValueError(
                f'{place.shown} comes with the package and has its statistics; name '
                'the directory of a model.'
            )
        statistics = _measure(Path(recordings), rates_of(place), method, say)
        _keep(statistics, place)
    return statistics


def _measure(
    recordings: Path,
    rates: dict[str, int],
    method: str,
    say: Callable[[str], None],
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix='ddsp-statistics-') as folder:
        wanted = data.Wanted(
            **rates,
            example_secs=_EXAMPLE_SECS,
            center=False,
            eval_split_fraction=0.0,
            pitch_method=method,
            seed=0,
        )
        info = data.prepare(recordings, Path(folder), wanted, False, say)
        pattern, _ = data.patterns(Path(folder), info)
        provider = TFRecordProvider(
            pattern, example_secs=_EXAMPLE_SECS, centered=False, **rates
        )
        return postprocessing.compute_dataset_statistics(provider, BATCH)


def _keep(statistics: dict[str, Any], place: Place) -> None:
    """Writes statistics beside a model, or into its archive."""
    if place.archive is None:
        dataset_info.write_json(str(place.directory / FILE_NAME), statistics)
        return
    # A whole new archive: the old one stays as it is until that is there.
    partial = place.archive.with_name(f'{place.archive.name}.unfinished')
    try:
        _copy_with(place.archive, partial, json.dumps(statistics))
        os.replace(partial, place.archive)
    finally:
        partial.unlink(missing_ok=True)


def _copy_with(archive: Path, target: Path, statistics: str) -> None:
    with (
        zipfile.ZipFile(archive) as source,
        zipfile.ZipFile(target, 'w', zipfile.ZIP_DEFLATED) as copy,
    ):
        names = source.namelist()
        # Beside the description of the model, which may stand in a folder.
        configs = [n for n in names if Path(n).name.startswith('operative_config-')]
        name = (Path(configs[0]).parent / FILE_NAME).as_posix()
        for member in source.infolist():
            if member.filename != name and not member.is_dir():
                with source.open(member) as a, copy.open(member.filename, 'w') as b:
                    shutil.copyfileobj(a, b)
        copy.writestr(name, statistics)
