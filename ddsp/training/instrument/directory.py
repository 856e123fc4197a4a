"""The directory of a run: what is in it, and whether a run may go on there."""

from __future__ import annotations

import dataclasses
import fnmatch
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ddsp.training import checkpoint_files
from ddsp.training.data import dataset_info
from ddsp.training.fit.directory import check_folder
from ddsp.training.instrument.settings import Settings

# What a run writes, and so may remove.
_OUTPUTS = (
    'checkpoint*',
    'ckpt-*',
    'data',
    'dataset.json*',
    'dataset_statistics.json*',
    'impulse_response.wav',
    'metrics.json*',
    'operative_config-*.gin*',
    'report.html',
    'run.json*',
    'samples',
    'summaries',
)
_SETTINGS = 'run.json'
# What cannot change once there is a checkpoint, and how the command line calls it.
_FIXED = {
    'model': '--model',
    'seed': '--seed',
    'eval_split': '--eval_split',
    'method': '--method',
}


def open_run(
    out_dir: Path, given: Mapping[str, Any], overwrite: bool = False
) -> Settings:
    """Makes the directory of a run, or finds the run that is there already.

    Parameters
    ----------
    out_dir : of the run.
    given : settings by name; None where the run, or else the default, decides.
    overwrite : whether to remove an earlier run and start again.

    Returns
    -------
    The settings of the run, which the directory has recorded.

    Raises
    ------
    FileExistsError, NotADirectoryError
        When there is something else in the directory, or a file in its place.
    ValueError
        When the run that is there is of another model or seed.
    PermissionError
        When nothing may be written there.
    """
    if out_dir.exists() and not out_dir.is_dir():
        raise NotADirectoryError(f'{out_dir} is a file, expected a directory.')
    check_folder(out_dir.absolute(), out_dir)
    _check_own(out_dir)
    if overwrite:
        _remove_outputs(out_dir)
    before = _read(out_dir)
    settings = (before or Settings()).changed(given)
    if before is not None and has_checkpoint(out_dir):
        _check_same(out_dir, before, settings)
    out_dir.mkdir(parents=True, exist_ok=True)
    dataset_info.write_json(str(out_dir / _SETTINGS), dataclasses.asdict(settings))
    return settings


def has_checkpoint(out_dir: Path) -> bool:
    """Whether training has come to a first checkpoint."""
    return checkpoint_files.newest_complete(str(out_dir)) is not None


def _check_own(out_dir: Path) -> None:
    names = sorted(path.name for path in out_dir.iterdir()) if out_dir.is_dir() else []
    others = [
        name for name in names if not any(fnmatch.fnmatch(name, p) for p in _OUTPUTS)
    ]
    if names and (others or _SETTINGS not in names):
        found = others[0] if others else names[0]
        raise FileExistsError(
            f'the directory {out_dir} holds what ddsp train has not written, such as '
            f'{found}; name a new or empty one.'
        )


def _remove_outputs(out_dir: Path) -> None:
    for path in out_dir.iterdir() if out_dir.is_dir() else []:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _read(out_dir: Path) -> Settings | None:
    path = out_dir / _SETTINGS
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text('utf-8'))
        return Settings(**{**content, 'gin_params': tuple(content['gin_params'])})
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise ValueError(
            f'{path} is no description of a run ({error}); name another directory, or '
            'start again with --overwrite.'
        ) from error


def _check_same(out_dir: Path, before: Settings, now: Settings) -> None:
    for name, option in _FIXED.items():
        old, new = getattr(before, name), getattr(now, name)
        if old != new:
            raise ValueError(
                f'{out_dir} holds a run of {option} {old}, not {new}: go on without '
                f'{option}, name another directory, or start again with --overwrite.'
            )
