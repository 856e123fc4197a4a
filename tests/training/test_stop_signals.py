from __future__ import annotations

import os
import signal
import threading

import keras
import numpy as np
import pytest

from ddsp.training.stop_signals import catch_signals

SAID = '{name}: stopping'


def small_model():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(loss='mse')
    return model


class PressAt(keras.callbacks.Callback):
    """Sends Ctrl-C to this process after a step."""

    def __init__(self, step):
        super().__init__()
        self.step = step
        self.steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps = batch + 1
        if self.steps == self.step:
            os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_ends_training_after_the_step(capsys):
    before = signal.getsignal(signal.SIGINT)
    press = PressAt(2)
    x = np.zeros((50, 1), np.float32)
    with catch_signals([signal.SIGINT], SAID) as signals:
        callbacks = [press, signals]
        small_model().fit(x, x, batch_size=1, verbose=0, callbacks=callbacks)
    assert signals.received == signal.SIGINT
    assert press.steps == 2
    assert capsys.readouterr().err == '\nSIGINT: stopping\n'
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_again_aborts():
    with (
        pytest.raises(KeyboardInterrupt),
        catch_signals([signal.SIGINT], SAID) as signals,
    ):
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.received == signal.SIGINT
        os.kill(os.getpid(), signal.SIGINT)


def test_another_thread_listens_for_nothing():
    found = []

    def work():
        with catch_signals([signal.SIGINT], SAID) as signals:
            found.append(signals.received)

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [None]
    assert signal.getsignal(signal.SIGINT) is before
