from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf
import tiny_training
from busy_directory import held_elsewhere

from ddsp.training import save_directory

# Whether another process may hold a directory.
_HOLD = """
import json, sys
from ddsp.training import save_directory
try:
    with save_directory.held(sys.argv[1]):
        print(json.dumps('held'))
except OSError as error:
    print(json.dumps(str(error)))
"""


def test_a_directory_is_made_and_left_empty(tmp_path: Path):
    save_directory.make_writable(str(tmp_path / 'a' / 'b'))
    assert list((tmp_path / 'a').rglob('*')) == [tmp_path / 'a' / 'b']
    save_directory.make_writable(str(tmp_path / 'a' / 'b'))


def test_a_directory_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(path: str, mode: str):
        raise tf.errors.PermissionDeniedError(None, None, f'{path}; Permission denied')

    monkeypatch.setattr(tf.io.gfile, 'GFile', refuse)
    with pytest.raises(OSError, match=r'cannot be written: .*Permission denied.* Name'):
        save_directory.make_writable(str(tmp_path))


def test_one_at_a_time(tmp_path: Path):
    with save_directory.held(str(tmp_path)):
        told = tiny_training.run_python(_HOLD, str(tmp_path))
        with save_directory.held(str(tmp_path / '.')):
            pass
        told_again = tiny_training.run_python(_HOLD, str(tmp_path))
    assert told.startswith(f'the directory {tmp_path} is in use')
    assert told_again == told
    assert not list(tmp_path.iterdir())
    with (
        held_elsewhere(tmp_path),
        pytest.raises(OSError, match='is in use'),
        save_directory.held(str(tmp_path)),
    ):
        pass
    # Let go of, it can be held again.
    with save_directory.held(str(tmp_path)) as locked:
        assert locked
        with save_directory.held(str(tmp_path)) as locked_again:
            assert locked_again


def test_what_cannot_be_held_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(descriptor: int, operation: int):
        raise OSError(9, 'Bad file descriptor')

    monkeypatch.setattr(save_directory.fcntl, 'flock', refuse)
    with save_directory.held(str(tmp_path)) as locked:
        assert not locked
    with save_directory.held('gs://bucket/run') as locked:
        assert not locked
    monkeypatch.setattr(save_directory, 'fcntl', None)
    with save_directory.held(str(tmp_path)) as locked:
        assert not locked
