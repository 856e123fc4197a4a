"""SIGTERM as an exception, for what has to be put in order before the end."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

#: The exit statuses that shells know a program by which Ctrl-C, or SIGTERM, has ended.
ABORTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


class Terminated(SystemExit):
    """SIGTERM came; where nobody catches it, the program ends with its status."""

    def __init__(self) -> None:
        super().__init__(TERMINATED)


@contextlib.contextmanager
def sigterm_raises() -> Iterator[None]:
    """Lets SIGTERM end what goes on in order, as Ctrl-C does.

    Only the main thread can listen for it; elsewhere nothing is changed.

    Raises
    ------
    Terminated
        When it came.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def leave(status: int) -> int:
    """Gives an exit status back, or, after an interruption, ends the process.

    Worker threads are in the midst of their work then. Python would wait for them, or
    take from them what they work with, which ends in an abort.
    """
    if status in (ABORTED, TERMINATED):
        for stream in (sys.stdout, sys.stderr):
            # There may be none, and a pipe may be closed at its other end.
            with contextlib.suppress(AttributeError, OSError, ValueError):
                stream.flush()
        os._exit(status)
    return status
