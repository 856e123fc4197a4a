from __future__ import annotations

import os
import signal
import threading

import pytest

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
