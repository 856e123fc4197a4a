"""An output directory that is complete, or is not there."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

# What a fit writes, and so may replace.
OUTPUTS = frozenset(
    {
        'original.wav',
        'resynthesis.wav',
        'transposed.wav',
        'impulse_response.wav',
        'model.weights.h5',
        'operative_config.gin',
        'metrics.json',
        'report.html',
    }
)


def check_free(out_dir: Path, overwrite: bool) -> None:
    """Refuses a directory that cannot be written, before any work is done.

    Raises
    ------
    FileExistsError, NotADirectoryError
        When there is something in it and it may not be replaced, which is never so for
        files that are not a fit's; or when the name is taken by a file.
    PermissionError
        When nothing may be written beside it.
    """
    if out_dir.exists() and not out_dir.is_dir():
        raise NotADirectoryError(f'{out_dir} is a file, expected a directory.')
    check_folder(out_dir.absolute().parent, out_dir)
    if not out_dir.is_dir() or not any(out_dir.iterdir()):
        return
    if not overwrite:
        raise FileExistsError(
            f'the directory {out_dir} is not empty; name another one, '
            'or replace it with --overwrite.'
        )
    others = sorted({path.name for path in out_dir.iterdir()} - OUTPUTS)
    if others:
        raise FileExistsError(
            f'the directory {out_dir} holds what no fit has written, such as '
            f'{others[0]}, and would be lost; name another directory.'
        )


def check_folder(folder: Path, path: Path) -> None:
    """Refuses what would be written into a folder that cannot be.

    Parameters
    ----------
    folder : absolute; where it is not there yet, it has to be possible to make it.
    path : what is to be written, for the message.

    Raises
    ------
    PermissionError
        When the folder cannot be made, or written into.
    """
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        # Asking for permission would not tell of disks that take nothing.
        tempfile.TemporaryDirectory(prefix='.ddsp-unfinished-', dir=folder).cleanup()
    except OSError as error:
        raise PermissionError(
            f'{path} cannot be written: {folder} is no folder that may be written '
            'into; name another.'
        ) from error


@contextlib.contextmanager
def new_directory(
    out_dir: Path,
    overwrite: bool,
    check: Callable[[Path, bool], None] = check_free,
) -> Iterator[Path]:
    """Gives a directory to write into, which becomes `out_dir` when all went well.

    Until then it stands beside it under another name, and an old `out_dir` stays as it
    is. When an error ends the context, what was written is removed.

    Parameters
    ----------
    out_dir : the directory to make; its parents are made as well.
    overwrite : replace a directory that has something in it.
    check : refuses a directory that may not be replaced.
    """
    out_dir = out_dir.absolute()
    check(out_dir, overwrite)
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(
        tempfile.mkdtemp(prefix=f'.{out_dir.name}.unfinished-', dir=out_dir.parent)
    )
    try:
        yield partial
        _move(partial, out_dir)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _move(partial: Path, out_dir: Path) -> None:
    # mkdtemp makes a directory that nobody else may read.
    umask = os.umask(0)
    os.umask(umask)
    partial.chmod(0o777 & ~umask)
    if not out_dir.exists():
        partial.rename(out_dir)
        return
    old = out_dir.with_name(f'{partial.name}-old')
    out_dir.rename(old)
    try:
        partial.rename(out_dir)
    except BaseException:
        with contextlib.suppress(OSError):
            old.rename(out_dir)
        raise
    shutil.rmtree(old, ignore_errors=True)
