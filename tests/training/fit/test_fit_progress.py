from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from ddsp.training.fit import progress as progress_room
from ddsp.training.fit.progress import Progress, StopAtNaN


def steps(callback, losses):
    callback.on_train_begin()
    for i, loss in enumerate(losses):
        callback.on_train_batch_end(i, {'loss': np.float32(loss)})
    callback.on_train_end()


def test_lines_where_there_is_no_terminal(capsys):
    progress = Progress(3, line_seconds=1000)
    steps(progress, [4.0, 3.0, 2.0])
    first, last = capsys.readouterr().err.splitlines()
    assert first == 'step 1 of 3: loss 4.000'
    assert last.startswith('step 3 of 3: loss 3.000')
    assert last.endswith('0 s left')
    assert progress.losses == [4, 3, 2]


@pytest.mark.parametrize(
    'size, expected', [((80, 24), True), ((0, 0), False), (None, False)]
)
def test_what_is_a_terminal(size, expected, monkeypatch):
    def get_terminal_size(fd):
        if size is None:
            raise OSError('not a terminal')
        return os.terminal_size(size)

    monkeypatch.setattr(sys, 'stderr', sys.__stderr__)
    monkeypatch.setattr(os, 'get_terminal_size', get_terminal_size)
    assert progress_room.on_terminal() is expected


def test_a_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(progress_room, 'on_terminal', lambda: True)
    steps(Progress(3), [4.0, 3.0, 2.0])
    shown = capsys.readouterr().err
    assert 'training' in shown
    assert '3/3' in shown
    assert 'loss=3.000' in shown


@pytest.mark.parametrize('loss', [np.nan, np.inf])
def test_a_loss_that_is_no_number_ends_it(loss):
    with pytest.raises(FloatingPointError, match=r'at step 2; try a lower learning'):
        steps(StopAtNaN(), [1.0, loss])
