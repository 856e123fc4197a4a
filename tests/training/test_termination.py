from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading

import pytest

from ddsp.training import termination
from ddsp.training.termination import Terminated, leave, sigterm_raises


def test_sigterm_ends_in_order():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated) as caught, sigterm_raises():
        os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_another_thread_leaves_the_signal_alone():
    found = []

    def look():
        with sigterm_raises():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGTERM)]


@pytest.mark.parametrize('status, left', [(130, [130]), (143, [143]), (1, []), (0, [])])
def test_an_interrupted_command_waits_for_no_worker(
    status: int, left: list[int], monkeypatch: pytest.MonkeyPatch
):
    ended = []
    monkeypatch.setattr(os, '_exit', ended.append)
    assert leave(status) == status
    assert ended == left


def test_what_was_told_before_an_interruption_arrives():
    """Into a pipe, Python writes when it ends, or when it is told to."""
    # Without the packages around it, which load TensorFlow.
    module = f'runpy.run_path({termination.__file__!r})'
    program = f'import runpy; print("told"); {module}["leave"](130)'
    environment = {**os.environ}
    environment.pop('PYTHONUNBUFFERED', None)
    done = subprocess.run(
        [sys.executable, '-c', program],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )
    assert (done.returncode, done.stdout) == (130, 'told\n')


class _Closed(io.StringIO):
    """A pipe at whose other end nobody reads any more."""

    def flush(self) -> None:
        raise BrokenPipeError


@pytest.mark.parametrize('stdout', [_Closed(), None])
def test_an_interrupted_command_ends_though_nobody_listens(
    stdout: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
):
    ended = []
    monkeypatch.setattr(os, '_exit', ended.append)
    monkeypatch.setattr(sys, 'stdout', stdout)
    leave(143)
    assert ended == [143]
