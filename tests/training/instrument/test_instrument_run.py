from __future__ import annotations

import pytest
from busy_directory import held_elsewhere

from ddsp import recordings
from ddsp.training.instrument.run import train_instrument


def test_a_directory_where_another_one_trains_is_left_alone(tmp_path):
    # Looks like a run that was put aside, and is not settled while it is in use.
    (tmp_path / 'overwritten_run').mkdir()
    with held_elsewhere(tmp_path), pytest.raises(OSError, match='is in use'):
        train_instrument(recordings.singing_path(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ['overwritten_run']
