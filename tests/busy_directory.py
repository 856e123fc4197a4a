"""A directory in which somebody else is training."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from ddsp.training import save_directory


@contextlib.contextmanager
def held_elsewhere(path: Path) -> Iterator[None]:
    """Lets another thread hold a directory meanwhile."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with save_directory.held(str(path)):
            held.set()
            done.wait()

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    try:
        yield
    finally:
        done.set()
        other.join()
