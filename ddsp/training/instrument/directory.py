"""The directory of a run: what is in it, and whether a run may go on there."""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ddsp.training import checkpoint_files
from ddsp.training.data import dataset_info
from ddsp.training.instrument.choices import Settings
from ddsp.training.output_paths import check_no_file, check_writable

# What a run writes, and so may remove. Those with a dot are left of files whose writing
# was killed.
_OUTPUTS = (
    '.ddsp-unfinished-*',
    '.report.html.unfinished-*',
    '.writing-*',
    'checkpoint*',
    'ckpt-*',
    'data',
    'data.unfinished',
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
#: The file that every run has from its beginning.
SETTINGS = 'run.json'
#: The file beside records that says what they were made from.
SOURCES = 'sources.json'
# What may be there before these: the command was killed while it made records.
_FIRST = ['data.unfinished']
# What is of use to the next command where a run came to no checkpoint.
_KEPT = (SETTINGS, 'data')
# What cannot change once there is a checkpoint, and how the command line calls it.
_FIXED = {
    'model': '--model',
    'seed': '--seed',
    'eval_split': '--eval_split',
    'method': '--method',
}


def find_run(
    out_dir: Path, given: Mapping[str, Any], overwrite: bool = False
) -> tuple[Settings, Settings | None]:
    """Finds the run of a directory, or sees that one may begin; changes nothing.

    Parameters
    ----------
    out_dir : of the run.
    given : settings by name; None where the run, or else the default, decides.
    overwrite : whether the run is to begin anew, whatever is there.

    Returns
    -------
    The settings that the run is to have, and those it has had, if it is to go on.

    Raises
    ------
    FileExistsError, NotADirectoryError
        When there is something in the directory but no run, or a file in its place.
    ValueError
        When the run that is there is of another model or seed.
    PermissionError
        When nothing may be written there.
    """
    check_no_file(out_dir)
    check_writable(out_dir.absolute(), out_dir)
    _check_begun(out_dir)
    before = None if overwrite else _read(out_dir)
    settings = (before or Settings()).changed(given)
    if before is not None and has_checkpoint(out_dir):
        _check_same(out_dir, before, settings)
    return settings, before


@contextlib.contextmanager
def made_folder(out_dir: Path) -> Iterator[None]:
    """Makes a folder; one that stays empty goes again, when an error ends the context.

    Parameters
    ----------
    out_dir : absolute. Folders around it are made as well, and go as well.
    """
    made = [path for path in (out_dir, *out_dir.parents) if not path.exists()]
    out_dir.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for folder in made:
            with contextlib.suppress(OSError):  # There is something in it.
                folder.rmdir()
        raise


@contextlib.contextmanager
def begun_run(out_dir: Path, settings: Settings) -> Iterator[None]:
    """Begins a run, or goes on with one, once its records are there.

    An error that ends the context before a checkpoint was written undoes it: of a run
    that has begun, the records stay, and those settings that they depend on; one that
    went on has the settings again that it had. Ctrl-C is no error, nor is an end by
    force: the run can go on after these.

    Parameters
    ----------
    out_dir : of the run, with `data` in it.
    settings : to be recorded.
    """
    path = out_dir / SETTINGS
    before = path.read_bytes() if path.exists() else None
    checkpoint = checkpoint_files.newest_complete(str(out_dir))
    dataset_info.write_json(str(path), dataclasses.asdict(settings))
    try:
        yield
    except Exception:
        if checkpoint_files.newest_complete(str(out_dir)) != checkpoint:
            pass  # It has come further with these settings.
        elif before is not None:
            path.write_bytes(before)
        else:
            _forget(out_dir, settings)
        raise


def _forget(out_dir: Path, settings: Settings) -> None:
    """Leaves of a run that failed what took long to make, and what it was made by.

    The other settings may be what was wrong.
    """
    for output in outputs(out_dir):
        if output.name not in _KEPT:
            remove(output)
    kept = Settings(**{name: getattr(settings, name) for name in _FIXED})
    dataset_info.write_json(str(out_dir / SETTINGS), dataclasses.asdict(kept))


def is_run(folder: Path) -> bool:
    """Whether a folder is the directory of a run, also of one that cannot go on."""
    return _has(folder / SETTINGS, 'gin_params')


def has_checkpoint(out_dir: Path) -> bool:
    """Whether training has come to a first checkpoint."""
    return checkpoint_files.newest_complete(str(out_dir)) is not None


def outputs(out_dir: Path) -> list[Path]:
    """What a run has written into a directory."""
    return [path for path in out_dir.iterdir() if _is_output(path.name)]


def remove(path: Path) -> None:
    """Removes a file, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _is_output(name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in _OUTPUTS)


def _check_begun(out_dir: Path) -> None:
    if is_run(out_dir) or _has(out_dir / 'data' / SOURCES, 'wanted'):
        return  # Whatever else is there, it is left alone.
    names = sorted(path.name for path in out_dir.iterdir()) if out_dir.is_dir() else []
    others = [name for name in names if not _is_output(name)]
    begun = SETTINGS in names or names in ([], _FIRST)
    if others or not begun:
        found = others[0] if others else names[0]
        raise FileExistsError(
            f'the directory {out_dir} holds what ddsp train has not written, such as '
            f'{found}; name a new or empty one.'
        )


def _has(path: Path, key: str) -> bool:
    """Whether a file is a JSON object with a key that others have no use for."""
    try:
        content = json.loads(path.read_text('utf-8'))
    except (ValueError, OSError):
        return False
    return isinstance(content, dict) and key in content


def _read(out_dir: Path) -> Settings | None:
    path = out_dir / SETTINGS
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
