"""Ctrl-C, and the like, while a model is trained."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import keras


class Signals(keras.callbacks.Callback):
    """Ends training after the running step once a signal came."""

    def __init__(self) -> None:
        super().__init__()
        self.received: signal.Signals | None = None

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Stops where a signal came."""
        if self.received is not None:
            self.model.stop_training = True


@contextlib.contextmanager
def catch_signals(numbers: Sequence[signal.Signals], said: str) -> Iterator[Signals]:
    """Gives a callback that a first signal makes end training; a second one aborts.

    Only the main thread can listen for them; elsewhere nothing is changed.

    Parameters
    ----------
    numbers : signals to listen for.
    said : what a first one has told on stderr, with `{name}` for its name.
    """
    signals = Signals()

    def receive(number: int, frame: Any) -> None:
        if signals.received is not None:
            raise KeyboardInterrupt
        signals.received = signal.Signals(number)
        text = said.format(name=signals.received.name)
        print(f'\n{text}', file=sys.stderr, flush=True)

    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = [signal.signal(number, receive) for number in numbers]
    try:
        yield signals
    finally:
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)
