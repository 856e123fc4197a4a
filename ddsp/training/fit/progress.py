"""What watches a training run: the progress bar, and a loss gone wrong."""

from __future__ import annotations

import math
import os
import sys
import time
from typing import Any

import keras

from ddsp.training.telling import tell


class Progress(keras.callbacks.Callback):
    """Shows the loss, the speed and the time left; keeps the losses of all steps.

    On a terminal this is a bar; elsewhere, such as in a log file, a plain line now and
    then.

    Parameters
    ----------
    steps : how many there will be.
    line_seconds : time between two lines where there is no terminal.
    """

    def __init__(self, steps: int, line_seconds: float = 10.0) -> None:
        super().__init__()
        self.steps = steps
        self.line_seconds = line_seconds
        self.losses: list[float] = []
        self._bar: Any = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Makes the bar on a terminal."""
        if on_terminal():
            import tqdm

            self._bar = tqdm.tqdm(
                total=self.steps, desc='training', unit='step', dynamic_ncols=True
            )

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Keeps the loss and shows how far training is."""
        self.losses.append(float(logs['loss']))
        recent = self.losses[-20:]
        loss = sum(recent) / len(recent)
        if self._bar is not None:
            self._bar.set_postfix(loss=f'{loss:.3f}', refresh=False)
            self._bar.update()
        else:
            self._write_line(loss)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Finishes the bar."""
        self.close()

    def close(self) -> None:
        """Leaves the bar as it stands, also when training ended by an error."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _write_line(self, loss: float) -> None:
        now, done = time.monotonic(), len(self.losses)
        line = f'step {done} of {self.steps}: loss {loss:.3f}'
        if done == 1:
            # The first step includes compilation and says nothing about the speed.
            self._started = self._last_line = now
        elif now - self._last_line >= self.line_seconds or done == self.steps:
            self._last_line = now
            speed = (done - 1) / (now - self._started)
            left = (self.steps - done) / speed
            line += f', {speed:.1f} steps/s, {left:.0f} s left'
        else:
            return
        tell(line)


def on_terminal() -> bool:
    """Whether stderr is a terminal that has a size; some in containers say 0 by 0."""
    try:
        size = os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return size.columns > 0 and size.lines > 0


class StopAtNaN(keras.callbacks.Callback):
    """Ends a training run whose loss is no number any more, with advice."""

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Refuses a loss that is NaN or infinite."""
        loss = float(logs['loss'])
        if not math.isfinite(loss):
            raise FloatingPointError(
                f'the loss became {loss} at step {batch + 1}; try a lower learning '
                "rate, such as --gin_param 'FitSettings.learning_rate = 1e-4'."
            )
