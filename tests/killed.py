"""A program that is killed between two changes of files, at each of them in turn."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_CHANGES = (
    *((Path, name) for name in ('mkdir', 'rename', 'rmdir', 'unlink')),
    *((os, name) for name in ('replace', 'rmdir', 'unlink')),
)


class Killed(BaseException):
    """The program is at its end; what it does to clear up has no effect either."""


@contextlib.contextmanager
def killed_at(change: int) -> Iterator[None]:
    """Within the context, the change of that number raises, and so do all after it."""
    done = 0

    def counted(function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal done
            if done >= change:
                raise Killed
            done += 1
            return function(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in _CHANGES:
            patch.setattr(owner, name, counted(getattr(owner, name)))
        yield


def contents(folder: Path) -> dict[str, str | None]:
    """The text of each file by its path within a folder; None for each folder."""
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else None
        for path in sorted(folder.rglob('*'))
    }
