from __future__ import annotations

from types import SimpleNamespace

import pytest
import tensorflow as tf

from ddsp.training import callbacks

_LOGS = {'spectral_loss': tf.constant(0.25), 'total_loss': tf.constant(0.5)}


def _run(progress: callbacks.Progress, steps: int) -> None:
    progress.on_train_begin()
    for batch in range(steps):
        progress.on_train_batch_end(batch, _LOGS)
    progress.on_train_end()


def test_progress_is_told_in_lines_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr(callbacks.time, 'monotonic', lambda: float(next(clock)))
    _run(callbacks.Progress(None, 20, 30, line_seconds=6.0), 10)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        'step 21 of 30: loss 0.500',
        'step 24 of 30: loss 0.500, 0.50 steps/s, 12 s left',
        'step 27 of 30: loss 0.500, 0.50 steps/s, 6 s left',
        'step 30 of 30: loss 0.500, 0.50 steps/s, 0 s left',
    ]


def test_progress_is_a_bar_on_a_terminal(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(callbacks, 'on_terminal', lambda: True)
    _run(callbacks.Progress(None, 20, 30), 10)
    last = capsys.readouterr().err.splitlines()[-1].split('\r')[-1]
    assert 'training: 100%' in last
    assert '30/30' in last


def test_early_stop_waits_for_its_loss():
    model = SimpleNamespace(stop_training=False)
    for value, stops in ((0.4, False), (0.5, True)):
        callback = callbacks.EarlyStop(None, 0, value)
        callback.set_model(model)
        callback.on_train_batch_end(0, _LOGS)
        assert callback.stopped is model.stop_training is stops


def test_checkpoints_are_written_every_so_often_and_at_the_end():
    saved, shown = [], []
    trainer = SimpleNamespace(step=7, save=saved.append)
    callback = callbacks.Checkpoints(trainer, 2, 'run', 3, shown.append)
    for batch in range(5):
        callback.on_train_batch_end(batch, _LOGS)
    callback.on_train_end()
    assert shown == [3, 6, 7]
    assert saved == ['run'] * 3
    # Nothing is written twice.
    callback.on_train_end()
    assert len(saved) == 3


def test_the_last_losses_are_kept():
    callback = callbacks.LastLosses(None, 0)
    assert callback.values() == {}
    callback.on_train_batch_end(0, _LOGS)
    assert callback.values() == {'spectral_loss': 0.25, 'total_loss': 0.5}


@pytest.mark.parametrize(
    ('checkpoint', 'told'),
    [
        (None, 'There is no checkpoint yet.'),
        ('run/ckpt-4', 'No checkpoint was written since; run/ckpt-4 is good.'),
    ],
)
def test_a_loss_that_is_no_number_tells_where_the_good_checkpoint_is(
    checkpoint: str | None, told: str
):
    trainer = SimpleNamespace(
        model=SimpleNamespace(),
        optimizer=SimpleNamespace(gradient_norm=1.0),
        last_checkpoint=checkpoint,
    )
    callback = callbacks.FiniteLoss(trainer, 0, lambda step: None)
    with pytest.raises(FloatingPointError) as caught:
        callback.on_train_batch_end(0, {'total_loss': tf.constant(float('nan'))})
    assert told in str(caught.value)
    assert ('good' in str(caught.value)) is (checkpoint is not None)
