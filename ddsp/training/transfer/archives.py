"""Opens archives of models, and lets nothing out of them that does not belong there."""

from __future__ import annotations

import contextlib
import lzma
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

_MOST_BYTES = 1 << 30
# What reading says, and writing of names that cannot be.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    OSError,
)
_MOST_FILES = 10_000


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Gives a directory with what a zip file holds, while the context lasts.

    Parameters
    ----------
    path : of the archive. Folders around the model are left out.

    Raises
    ------
    ValueError
        When the archive is damaged or encrypted, is no zip file, would write outside
        of the directory, holds links, or is far too large for a model.
    """
    with tempfile.TemporaryDirectory(prefix='ddsp-archive-') as folder:
        target = Path(folder)
        try:
            with zipfile.ZipFile(path) as archive:
                _check(archive, path)
                for member in archive.infolist():
                    _extract(archive, member, target)
        except _DAMAGE as error:
            raise ValueError(
                f'{path} is damaged, or no zip file ({error}); get it again.'
            ) from error
        yield _innermost(target)


def _check(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuses an archive for what its list of contents says."""
    members = archive.infolist()
    total = sum(member.file_size for member in members)
    if len(members) > _MOST_FILES or total > _MOST_BYTES:
        raise ValueError(
            f'{path} would unpack to {len(members)} files of {total / 1e9:.1f} GB: '
            f'that is no model; expected at most {_MOST_FILES} files and '
            f'{_MOST_BYTES / 1e9:.1f} GB.'
        )
    for member in members:
        if member.flag_bits & 1:
            raise ValueError(f'{path} is encrypted; unpack it yourself and name that.')
        if leaves(member.filename) or stat.S_ISLNK(member.external_attr >> 16):
            raise ValueError(
                f'{path} holds {member.filename!r}, which would be written outside of '
                'the directory it is unpacked in, or is a link: it is not opened.'
            )


def leaves(name: str) -> bool:
    """Whether the name of a member leads out of the directory it is unpacked in."""
    for kind in (PurePosixPath, PureWindowsPath):
        path = kind(name)
        if path.root or path.drive or '..' in path.parts:
            return True
    return False


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    path = target.joinpath(*PurePosixPath(member.filename).parts)
    if member.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Reading to the end checks the sum of what was packed; no more than was announced
    # comes out.
    with archive.open(member) as source, open(path, 'wb') as file:
        shutil.copyfileobj(source, file)


def _innermost(folder: Path) -> Path:
    """The folder with the model, as archivers put some around everything."""
    found = {path.parent for path in folder.rglob('operative_config-*.gin')}
    return min(found, key=lambda path: (len(path.parts), path), default=folder)
