"""What metrics share: means that grow batch by batch, printed and written."""

from __future__ import annotations

import abc
import math

import tensorflow as tf


class RunningMean:
    """The mean of numbers that come one by one, in float64.

    Examples
    --------
    >>> mean = RunningMean()
    >>> mean.result()
    nan
    >>> mean.update_state(1.0)
    >>> mean.update_state(4.0, weight=2.0)
    >>> mean.result()
    3.0
    """

    def __init__(self) -> None:
        self.reset_state()

    def update_state(self, value: float, weight: float = 1.0) -> None:
        """Adds one number.

        Parameters
        ----------
        value : the number.
        weight : how often it counts.
        """
        self._sum += float(value) * weight
        self._weight += weight

    def result(self) -> float:
        """Gives the mean of what came since the last reset; NaN if nothing did."""
        return self._sum / self._weight if self._weight else math.nan

    def reset_state(self) -> None:
        """Forgets everything."""
        self._sum = self._weight = 0.0


class BaseMetrics(abc.ABC):
    """Abstract base class of metrics: numbers gathered over batches, then flushed.

    To make your own, fill `self._metrics` with `RunningMean`s by name and update them
    in `update_state`.

    Parameters
    ----------
    sample_rate : of audio, in Hz.
    frame_rate : of controls, in frames a second.
    name : stands before the name of each number, as in `'loudness/l1_db'`.
    """

    def __init__(self, sample_rate: int, frame_rate: int, name: str) -> None:
        self._sample_rate = sample_rate
        self._frame_rate = frame_rate
        self._name = name
        self._metrics: dict[str, RunningMean] = {}

    @property
    def metrics(self) -> dict[str, RunningMean]:
        """The running means, by name."""
        return self._metrics

    @abc.abstractmethod
    def update_state(self) -> None:
        """Adds one batch."""

    def results(self) -> dict[str, float]:
        """Gives what was measured so far, `{'name/metric': number}`.

        A metric that nothing could be measured for, such as f0 of noise, is left out.
        """
        means = {key: mean.result() for key, mean in self.metrics.items()}
        return {
            f'{self._name}/{key}': mean
            for key, mean in means.items()
            if not math.isnan(mean)
        }

    def flush(self, step: int) -> dict[str, float]:
        """Writes the means as `tf.summary` scalars, prints them, and starts afresh.

        Parameters
        ----------
        step : of training.

        Returns
        -------
        What `results` gave. The tags in TensorBoard have `metrics/` before them.
        """
        results = self.results()
        write_metrics(results, step, prefix='metrics/')
        for mean in self.metrics.values():
            mean.reset_state()
        return results


def write_metrics(results: dict[str, float], step: int, prefix: str = '') -> None:
    """Prints numbers, and writes them where the default summary writer does.

    Parameters
    ----------
    results : numbers by name.
    step : of training.
    prefix : what stands before the names in TensorBoard.
    """
    for name, value in results.items():
        tf.summary.scalar(f'{prefix}{name}', value, step)
        print(f'step {int(step)}: {name} {value:.4g}', flush=True)
