"""Files that commands write: none is replaced unasked, none is left half written."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ddsp.training.fit.directory import check_folder

_PARTIAL = '.ddsp-unfinished-'


def check_free(path: Path, overwrite: bool, source: Path, what: str) -> None:
    """Refuses a file that may not be written.

    Parameters
    ----------
    path : to be written.
    overwrite : whether it may be there already.
    source : what it is made from, which it may not be.
    what : the source is, for the message, such as `'recording'`.

    Raises
    ------
    OSError, ValueError
        When it may not; the message says what to do.
    """
    if path.is_dir():
        raise IsADirectoryError(f'{path} is a directory, expected the name of a file.')
    if path.exists() and source.exists() and path.samefile(source):
        raise ValueError(f'{path} is the {what} itself: name another file.')
    if path.exists() and not overwrite:
        raise FileExistsError(
            f'{path} is there already: name another file, or give --overwrite.'
        )
    check_folder(path.absolute().parent, path)


@contextlib.contextmanager
def finished(*paths: Path) -> Iterator[list[Path]]:
    """Gives names to write under; files appear whole, or none of them does.

    Parameters
    ----------
    *paths : to be written. Each name to write under is in the folder of its file and
        has its suffix.
    """
    with contextlib.ExitStack() as stack:
        partial = []
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            folder = tempfile.TemporaryDirectory(prefix=_PARTIAL, dir=path.parent)
            partial.append(Path(stack.enter_context(folder), f'file{path.suffix}'))
        yield partial
        for written, path in zip(partial, paths):
            os.replace(written, path)
