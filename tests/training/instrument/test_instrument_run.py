from __future__ import annotations

import threading

import pytest

from ddsp import recordings
from ddsp.training import save_directory
from ddsp.training.instrument.run import train_instrument


def test_a_directory_where_another_one_trains_is_left_alone(tmp_path):
    # Looks like a run that was put aside, and is not settled while it is in use.
    (tmp_path / 'overwritten_run').mkdir()
    held, done = threading.Event(), threading.Event()

    def hold():
        with save_directory.held(str(tmp_path)):
            held.set()
            done.wait()

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    try:
        with pytest.raises(OSError, match='is in use'):
            train_instrument(recordings.singing_path(), tmp_path)
    finally:
        done.set()
        other.join()
    assert [path.name for path in tmp_path.iterdir()] == ['overwritten_run']
