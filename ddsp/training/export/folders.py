"""The directory of an export, which is complete and right, or not there."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from ddsp.training.export import metadata
from ddsp.training.fit import directory


def check_free(out_dir: Path, overwrite: bool) -> None:
    """Refuses a directory that cannot be written, before any work is done.

    Raises
    ------
    FileExistsError, NotADirectoryError
        When there is something in it and it may not be replaced, which is never so for
        a directory that is not an export; or when the name is taken by a file.
    """
    if out_dir.exists() and not out_dir.is_dir():
        raise NotADirectoryError(f'{out_dir} is a file, expected a directory.')
    if not out_dir.is_dir() or not any(out_dir.iterdir()):
        return
    if not overwrite:
        raise FileExistsError(
            f'the directory {out_dir} is not empty; name another one, '
            'or replace it with --overwrite.'
        )
    if not _is_export(out_dir):
        raise FileExistsError(
            f'the directory {out_dir} holds what no export has written, and would be '
            'lost; name another directory.'
        )


@contextlib.contextmanager
def new_export(out_dir: Path, overwrite: bool) -> Iterator[Path]:
    """Gives a directory to write into, which becomes `out_dir` when all went well."""
    with directory.new_directory(out_dir, overwrite, check_free) as partial:
        yield partial


def _is_export(out_dir: Path) -> bool:
    try:
        told = json.loads((out_dir / metadata.FILE_NAME).read_text('utf-8'))
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and 'ddsp_version' in told and 'files' in told
