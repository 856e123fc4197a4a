"""What watches a training run: progress, TensorBoard, checkpoints, reasons to stop."""

from __future__ import annotations

import collections
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from ddsp.training.fit.progress import on_terminal
from ddsp.training.telling import tell
from ddsp.training.trainers import Trainer


class _Watcher(keras.callbacks.Callback):
    """A callback that knows the trainer, and counts steps from the run's beginning.

    Parameters
    ----------
    trainer : whose run it watches.
    first_step : how many steps there were before.
    """

    def __init__(self, trainer: Trainer, first_step: int) -> None:
        super().__init__()
        self.trainer = trainer
        self.first_step = first_step

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Hands the step's number and losses on."""
        self.after_step(self.first_step + batch + 1, logs)

    def after_step(self, step: int, losses: Mapping[str, Any]) -> None:
        """Does what is to be done after each step; `step` counts from 1."""
        raise NotImplementedError(f'{type(self).__name__} must define after_step.')


class FiniteLoss(_Watcher):
    """Ends training when the loss or a gradient is NaN or infinite, and says where.

    Parameters
    ----------
    trainer, first_step : see above.
    batch_of : gives the batch of a step, counted from 0, to look for the first tensor
        that went wrong; None when it cannot be had again.
    """

    def __init__(
        self,
        trainer: Trainer,
        first_step: int,
        batch_of: Callable[[int], Mapping[str, Any] | None],
    ) -> None:
        super().__init__(trainer, first_step)
        self.batch_of = batch_of

    def after_step(self, step: int, losses: Mapping[str, Any]) -> None:
        """Refuses a loss or gradients that are not finite."""
        total = float(losses['total_loss'])
        norm = float(self.trainer.optimizer.gradient_norm)
        if math.isfinite(total) and math.isfinite(norm):
            return
        what = (
            f'the loss became {total}'
            if not math.isfinite(total)
            else f'the gradients became {norm}'
        )
        raise FloatingPointError(
            f'{what} at step {step}: {self._first(step, losses)}. {self._kept()} Try '
            "a lower learning rate, such as --gin_param 'learning_rate = 1e-4', or "
            'look at the data.'
        )

    def _kept(self) -> str:
        path = self.trainer.last_checkpoint
        if path is None:
            return 'There is no checkpoint yet.'
        return f'No checkpoint was written since; {path} is good.'

    def _first(self, step: int, losses: Mapping[str, Any]) -> str:
        from ddsp.training.diagnosis import first_not_finite

        seed = getattr(self.trainer.model, 'noise_seed', None)
        try:
            batch = self.batch_of(step - 1)
            found = batch and first_not_finite(
                self.trainer.model, batch, None if seed is None else seed + step - 1
            )
        except Exception as error:  # Whatever happens, the loss itself must be told.
            found = None
            tell(f'looking for the cause failed: {error}')
        if found:
            return f'the first that is not finite is {found}'
        bad = [name for name, loss in losses.items() if not math.isfinite(float(loss))]
        where = f' ({", ".join(bad)})' if bad else ''
        return f'when repeated, the step gave finite numbers{where}'


class Progress(_Watcher):
    """Shows step, loss, speed and time left: a bar on a terminal, else plain lines.

    Parameters
    ----------
    trainer, first_step : see above.
    num_steps : the step at which training ends.
    line_seconds : time between two lines where there is no terminal.
    """

    def __init__(
        self,
        trainer: Trainer,
        first_step: int,
        num_steps: int,
        line_seconds: float = 10.0,
    ) -> None:
        super().__init__(trainer, first_step)
        self.num_steps = num_steps
        self.line_seconds = line_seconds
        self._recent: collections.deque[float] = collections.deque(maxlen=20)
        self._bar: Any = None
        self._begin = self._last_line = 0.0

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Makes the bar on a terminal."""
        if on_terminal():
            import tqdm

            self._bar = tqdm.tqdm(
                total=self.num_steps,
                initial=self.first_step,
                desc='training',
                unit='step',
                dynamic_ncols=True,
            )

    def on_train_end(self, logs: dict | None = None) -> None:
        """Finishes the bar."""
        self.close()

    def close(self) -> None:
        """Leaves the bar as it stands, also when training ended by an error."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def after_step(self, step: int, losses: Mapping[str, Any]) -> None:
        """Shows how far training is."""
        self._recent.append(float(losses['total_loss']))
        loss = sum(self._recent) / len(self._recent)
        if self._bar is not None:
            self._bar.set_postfix(loss=f'{loss:.3f}', refresh=False)
            self._bar.update()
        else:
            self._write_line(step, loss)

    def _write_line(self, step: int, loss: float) -> None:
        now, done = time.monotonic(), step - self.first_step
        line = f'step {step} of {self.num_steps}: loss {loss:.3f}'
        if done == 1:
            # The first step includes compilation and says nothing about the speed.
            self._begin = self._last_line = now
        elif now - self._last_line >= self.line_seconds or step == self.num_steps:
            self._last_line = now
            speed = (done - 1) / max(now - self._begin, 1e-9)
            left = (self.num_steps - step) / speed
            line += f', {speed:.2f} steps/s, {left:.0f} s left'
        else:
            return
        tell(line)


class Scalars(_Watcher):
    """Writes the mean losses, the speed and the learning rate for TensorBoard.

    Parameters
    ----------
    trainer, first_step : see above.
    writer : a `tf.summary` writer.
    steps_per_summary : how often.
    report : is told the mean loss and the step as well; or None.
    """

    def __init__(
        self,
        trainer: Trainer,
        first_step: int,
        writer: Any,
        steps_per_summary: int,
        report: Callable[[float, int], None] | None = None,
    ) -> None:
        super().__init__(trainer, first_step)
        self.writer = writer
        self.steps_per_summary = steps_per_summary
        self.report = report
        self._sums: dict[str, float] = {}
        self._count = 0
        self._since: float | None = None

    def after_step(self, step: int, losses: Mapping[str, Any]) -> None:
        """Adds the losses up, and writes their means when it is time."""
        for name, loss in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(loss)
        self._count += 1
        if step % self.steps_per_summary == 0:
            self.write(step)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Writes what has gathered since the last time."""
        if self._count:
            self.write(int(self.trainer.step))

    def write(self, step: int) -> None:
        """Writes the means since the last time, under a step."""
        now = time.monotonic()
        means = {name: total / self._count for name, total in self._sums.items()}
        with self.writer.as_default():
            for name, mean in means.items():
                tf.summary.scalar(f'losses/{name}', mean, step=step)
            tf.summary.scalar('learning_rate', self.trainer.learning_rate, step=step)
            norm = self.trainer.optimizer.gradient_norm
            tf.summary.scalar('gradient_norm', norm, step=step)
            if self._since is not None:
                speed = self._count / max(now - self._since, 1e-9)
                tf.summary.scalar('steps_per_second', speed, step=step)
        self.writer.flush()
        if self.report is not None:
            self.report(means['total_loss'], step)
        self._sums, self._count, self._since = {}, 0, now


class Checkpoints(_Watcher):
    """Saves every so many steps, and at the end if something is not saved yet.

    Parameters
    ----------
    trainer, first_step : see above.
    save_dir : directory of the checkpoints.
    steps_per_save : how often.
    also : is called with the step after each checkpoint, to write summaries.
    """

    def __init__(
        self,
        trainer: Trainer,
        first_step: int,
        save_dir: str,
        steps_per_save: int,
        also: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__(trainer, first_step)
        self.save_dir = save_dir
        self.steps_per_save = steps_per_save
        self.also = also
        self._saved = first_step

    def after_step(self, step: int, losses: Mapping[str, Any]) -> None:
        """Saves when it is time."""
        if step % self.steps_per_save == 0:
            self.save(step)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Saves the end."""
        step = int(self.trainer.step)
        if step != self._saved:
            self.save(step)

    def save(self, step: int) -> None:
        """Writes a checkpoint, and then what goes with it."""
        self.trainer.save(self.save_dir)
        self._saved = step
        if self.also is not None:
            self.also(step)


class EarlyStop(_Watcher):
    """Ends training when the loss has come down to a value.

    Parameters
    ----------
    trainer, first_step : see above.
    loss_value : where to stop.
    """

    def __init__(self, trainer: Trainer, first_step: int, loss_value: float) -> None:
        super().__init__(trainer, first_step)
        self.loss_value = loss_value
        self.stopped = False

    def after_step(self, step: int, losses: Mapping[str, Any]) -> None:
        """Stops when the loss is low enough."""
        if float(losses['total_loss']) <= self.loss_value:
            self.stopped = True
            self.model.stop_training = True


class LastLosses(_Watcher):
    """Keeps the losses of the last step."""

    losses: dict[str, float] = {}

    def after_step(self, step: int, losses: Mapping[str, Any]) -> None:
        """Replaces the losses of the step before."""
        self.losses = losses

    def values(self) -> dict[str, float]:
        """The losses by name, as numbers."""
        return {name: float(loss) for name, loss in self.losses.items()}
