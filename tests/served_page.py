"""The page of `ddsp serve`, as a process of its own, and a browser to look at it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

COMMAND = [sys.executable, '-m', 'ddsp_command', 'serve']
BROWSERS = ('chromium', 'chromium-browser', 'google-chrome')


class Served:
    """A running page.

    Parameters
    ----------
    process : of the command.
    url : where the page is.
    said : the line in which the command said so.
    """

    def __init__(self, process: subprocess.Popen, url: str, said: str) -> None:
        self.process = process
        self.url = url
        self.said = said
        self.errors = ''

    def end(self, number: int = signal.SIGTERM) -> int:
        """Sends a signal; gives the exit status."""
        if self.process.returncode is None:
            self.process.send_signal(number)
            _, self.errors = self.process.communicate(timeout=60)
        return self.process.returncode


@contextlib.contextmanager
def serve(temporary: Path, *arguments: object) -> Iterator[Served]:
    """Starts the command on a free port; ends it if nobody did.

    Parameters
    ----------
    temporary : folder for temporary files.
    *arguments : of the command.
    """
    environment = {
        **os.environ,
        'CUDA_VISIBLE_DEVICES': '-1',
        'TMPDIR': str(temporary),
        # Nobody is there: what asks the network for something fails.
        'http_proxy': 'http://127.0.0.1:9',
        'https_proxy': 'http://127.0.0.1:9',
    }
    for name in ('TF_CPP_MIN_LOG_LEVEL', 'GRADIO_ANALYTICS_ENABLED', 'GRADIO_TEMP_DIR'):
        environment.pop(name, None)
    process = subprocess.Popen(
        [*COMMAND, '--port', '0', '--no_open', *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        # A test suite that runs in the background may have Ctrl-C switched off.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    served = None
    try:
        said = process.stdout.readline()
        found = re.search(r'http://\S+', said)
        assert found, process.communicate()[1]
        served = Served(process, found.group(), said)
        yield served
    finally:
        if served is not None:
            served.end()
        process.kill()
        process.communicate()


def find_browser() -> str | None:
    """Path of a chromium of this machine."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)
