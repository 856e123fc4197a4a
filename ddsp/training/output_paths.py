"""Files and directories that commands write: checked before there is work in them.

None is replaced unasked, and none is left half written: what is there stays as it is
until all of the new is complete.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

_UNFINISHED = '.ddsp-unfinished-'
# At the end of the name of a directory that is being replaced, for that moment.
_OLD = '-old'


def check_file(path: Path, overwrite: bool, source: Path, what: str) -> None:
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
    check_writable(path.absolute().parent, path)


def check_directory(
    out_dir: Path, overwrite: bool, foreign: Callable[[Path], str | None]
) -> None:
    """Refuses a directory that may not be made, or replaced.

    Parameters
    ----------
    out_dir : to be made; it may be there, and empty.
    overwrite : whether something may be in it already.
    foreign : says what is in a directory that may not be replaced at all, such as
        `'what no fit has written'`; None where all of it may.

    Raises
    ------
    FileExistsError, NotADirectoryError
        When there is something in it that may not be replaced; or when the name is
        taken by a file.
    PermissionError
        When nothing may be written beside it.
    """
    check_no_file(out_dir)
    check_writable(out_dir.resolve().parent, out_dir)
    if not out_dir.is_dir() or not any(out_dir.iterdir()):
        return
    if not overwrite:
        raise FileExistsError(
            f'the directory {out_dir} is not empty; name another one, '
            'or replace it with --overwrite.'
        )
    found = foreign(out_dir)
    if found is not None:
        raise FileExistsError(
            f'the directory {out_dir} holds {found}, and would be lost; name another '
            'directory.'
        )


def check_no_file(out_dir: Path) -> None:
    """Refuses a file in the place of a directory.

    Raises
    ------
    NotADirectoryError
        When it is one.
    """
    if out_dir.exists() and not out_dir.is_dir():
        raise NotADirectoryError(f'{out_dir} is a file, expected a directory.')


def check_writable(folder: Path, path: Path) -> None:
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
        tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=folder).cleanup()
    except OSError as error:
        raise PermissionError(
            f'{path} cannot be written: {folder} is no folder that may be written '
            'into; name another.'
        ) from error


def write_text(path: Path, text: str) -> None:
    """Writes a file of UTF-8 that is complete, or stays as it was.

    Folders that are missing are made. Names of files that are no Unicode are written
    with question marks.
    """
    if path.exists() and not path.is_file():  # Such as /dev/null.
        path.write_text(text, 'utf-8', 'replace')
        return
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.name}.unfinished-{os.getpid()}')
    try:
        partial.write_text(text, 'utf-8', 'replace')
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def new_files(*paths: Path) -> Iterator[list[Path]]:
    """Gives names to write under; files appear whole, or none of them does.

    When an error ends the context, or one file cannot be put in its place, all that was
    there before is as it was.

    Parameters
    ----------
    *paths : to be written. Each name to write under is in the folder of its file and
        has its suffix.
    """
    with contextlib.ExitStack() as stack:
        partial = []
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            folder = tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=path.parent)
            partial.append(Path(stack.enter_context(folder), f'file{path.suffix}'))
        yield partial
        _put_together(partial, paths)


def _put_together(written: Sequence[Path], paths: Sequence[Path]) -> None:
    """Puts all files in their places, or none of them."""
    with contextlib.ExitStack() as way_back:
        for new, path in zip(written, paths):
            if path.exists():
                old = _kept(path, new.with_name(f'old{path.suffix}'))
                way_back.callback(os.replace, old, path)
            else:
                way_back.callback(path.unlink, missing_ok=True)
            os.replace(new, path)
        way_back.pop_all()


def _kept(path: Path, name: Path) -> Path:
    """Gives a file one more name, or a copy where a disk has no two names for one."""
    try:
        os.link(path, name, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(path, name, follow_symlinks=False)
    return name


@contextlib.contextmanager
def new_directory(
    out_dir: Path, overwrite: bool, foreign: Callable[[Path], str | None]
) -> Iterator[Path]:
    """Gives a directory to write into, which becomes `out_dir` when all went well.

    Until then it stands beside it under another name, and an old `out_dir` stays as it
    is. When an error ends the context, what was written is removed.

    Parameters
    ----------
    out_dir : the directory to make; its parents are made as well. A link stays, and
        what it leads to is made.
    overwrite, foreign : see `check_directory`, which is done first.
    """
    out_dir = out_dir.resolve()
    _put_back(out_dir)
    check_directory(out_dir, overwrite, foreign)
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=_beside(out_dir), dir=out_dir.parent))
    try:
        yield partial
        _put_in_place(partial, out_dir)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _beside(out_dir: Path) -> str:
    """How names begin under which a directory stands before it is in its place."""
    return f'.{out_dir.name}.unfinished-'


def _put_in_place(partial: Path, out_dir: Path) -> None:
    # mkdtemp makes a directory that nobody else may read.
    umask = os.umask(0)
    os.umask(umask)
    partial.chmod(0o777 & ~umask)
    if not out_dir.exists():
        partial.rename(out_dir)
        return
    old = out_dir.with_name(f'{partial.name}{_OLD}')
    try:
        # A program that is killed between these leaves the old one to `_put_back`.
        out_dir.rename(old)
        partial.rename(out_dir)
    except BaseException:
        if not out_dir.exists():
            with contextlib.suppress(OSError):
                old.rename(out_dir)
        raise
    # Half of it must not be put back: from here on it is as good as removed.
    old.rename(partial)
    shutil.rmtree(partial, ignore_errors=True)


def _put_back(out_dir: Path) -> None:
    """Puts a directory back whose replacement was killed while there was none."""
    if out_dir.exists() or not out_dir.parent.is_dir():
        return
    for path in out_dir.parent.iterdir():
        if path.name.startswith(_beside(out_dir)) and path.name.endswith(_OLD):
            path.rename(out_dir)
            return
