from __future__ import annotations

import pytest
from busy_directory import held_elsewhere

from ddsp import recordings
from ddsp.training import save_directory
from ddsp.training.instrument.run import train_instrument


def test_a_directory_where_another_one_trains_is_left_alone(tmp_path):
    # Looks like a run that was put aside, and is not settled while it is in use.
    (tmp_path / 'overwritten_run').mkdir()
    with held_elsewhere(tmp_path), pytest.raises(OSError, match='is in use'):
        train_instrument(recordings.singing_path(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ['overwritten_run']


def test_a_directory_that_cannot_be_held_may_be_of_another_one(tmp_path, monkeypatch):
    def refuse(descriptor, operation):
        raise OSError(9, 'Bad file descriptor')

    monkeypatch.setattr(save_directory.fcntl, 'flock', refuse)
    (tmp_path / 'overwritten_run').mkdir()
    # The other one is in the midst of it.
    (tmp_path / 'run.json').write_text('{"gin_params": []}')
    with pytest.raises(OSError, match=r'overwritten_run holds an earlier .* Wait'):
        train_instrument(recordings.singing_path(), tmp_path)
    assert (tmp_path / 'run.json').exists()
