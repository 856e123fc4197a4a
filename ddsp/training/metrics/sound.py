"""Metrics of audio: loudness, and the multi-scale spectral loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ddsp import losses, spectral_ops
from ddsp.core import checks, tensors
from ddsp.training.metrics.base import BaseMetrics, RunningMean
from ddsp.training.metrics.features import l1_distance


class LoudnessMetrics(BaseMetrics):
    """How far the loudness of generated audio is from the recording's.

    Both are measured in the same way, in the audio. A batch without `audio` has to
    bring `loudness_db`, and that is believed.

    Parameters
    ----------
    sample_rate : of audio, in Hz.
    frame_rate : in frames a second.
    name : stands before the names of the metrics.

    Notes
    -----
    The metrics are:

    - `l1_db`: mean absolute difference over all frames, in dB.
    - `l1_deviations`: the same in standard deviations of the recordings' loudness, the
      unit of Engel et al. ("DDSP", ICLR 2020), who normalise loudness.
    """

    def __init__(
        self, sample_rate: int, frame_rate: int, name: str = 'loudness'
    ) -> None:
        super().__init__(sample_rate, frame_rate, name)
        self._metrics = {'l1_db': RunningMean()}
        self._level, self._square = RunningMean(), RunningMean()

    def update_state(self, batch: Mapping[str, Any], audio_gen: Any) -> None:
        """Adds a batch.

        Parameters
        ----------
        batch : of the data; `audio` `[batch, samples]`, or `loudness_db`
            `[batch, frames]` or `[batch, frames, 1]`.
        audio_gen : generated audio, `[batch, samples]`.

        Raises
        ------
        KeyError
            When the batch has neither.
        ValueError
            When the number of examples differs.
        """
        generated = self._measure(audio_gen)
        recorded = self._recorded(batch)
        check_batch(len(recorded), len(generated), self._name)
        for target, value in zip(recorded, generated):
            distance = l1_distance(value, target)
            weight = len(distance)
            self._metrics['l1_db'].update_state(distance.mean(), weight)
            target = np.asarray(target, np.float64).reshape(-1)[:weight]
            self._level.update_state(target.mean(), weight)
            self._square.update_state(np.mean(target**2), weight)

    def results(self) -> dict[str, float]:
        """Gives both metrics; the second where loudness is not constant."""
        results = super().results()
        variance = self._square.result() - self._level.result() ** 2
        if variance > 1e-6:
            distance = self._metrics['l1_db'].result()
            results[f'{self._name}/l1_deviations'] = float(distance / variance**0.5)
        return results

    def flush(self, step: int) -> dict[str, float]:
        """Writes and prints the means, gives them, and starts afresh."""
        results = super().flush(step)
        self._level.reset_state()
        self._square.reset_state()
        return results

    def _recorded(self, batch: Mapping[str, Any]) -> np.ndarray:
        if 'audio' in batch:
            return self._measure(batch['audio'])
        if 'loudness_db' in batch:
            return np.asarray(batch['loudness_db'])
        raise KeyError(
            f"{self._name}: the batch has neither 'audio' nor 'loudness_db'; "
            f'it has {sorted(batch)}.'
        )

    def _measure(self, audio: Any) -> np.ndarray:
        return spectral_ops.compute_loudness(
            as_audio(audio, self._name), self._sample_rate, self._frame_rate
        ).numpy()


class SpectralMetrics(BaseMetrics):
    """The multi-scale spectral loss, always the same whatever a model was trained by.

    L1 distances of magnitudes and of their logarithms, summed over FFT sizes of 2048 to
    64 (`losses.SpectralLoss`).

    Parameters
    ----------
    sample_rate : of audio, in Hz.
    frame_rate : in frames a second.
    name : stands before the names of the metrics.

    Notes
    -----
    The metrics are:

    - `total`, `mag`, `logmag`: the loss and its two parts, means over examples.
    """

    def __init__(
        self, sample_rate: int, frame_rate: int, name: str = 'spectral'
    ) -> None:
        super().__init__(sample_rate, frame_rate, name)
        self._metrics = {key: RunningMean() for key in ('total', 'mag', 'logmag')}
        self._loss = losses.SpectralLoss(mag_weight=1.0, logmag_weight=1.0)

    def update_state(self, batch: Mapping[str, Any], audio_gen: Any) -> None:
        """Adds a batch.

        Parameters
        ----------
        batch : of the data, with `audio` `[batch, samples]`.
        audio_gen : generated audio, `[batch, samples]`; where one is longer, its end is
            left out.

        Raises
        ------
        KeyError
            When the batch has no audio.
        ValueError
            When the number of examples differs.
        """
        if 'audio' not in batch:
            raise KeyError(
                f"{self._name}: the batch has no 'audio'; it has {sorted(batch)}."
            )
        target = as_audio(batch['audio'], self._name)
        generated = as_audio(audio_gen, self._name)
        check_batch(len(target), len(generated), self._name)
        length = min(target.shape[1], generated.shape[1])
        terms = self._loss.get_terms(target[:, :length], generated[:, :length])
        weight = len(target)
        for key, value in terms.items():
            self._metrics[key].update_state(float(value), weight)
        self._metrics['total'].update_state(sum(map(float, terms.values())), weight)


def as_audio(audio: Any, where: str) -> Any:
    """Audio `[batch, samples]`, given with a last axis of size 1 or without."""
    audio = tensors.without_channel(audio)
    checks.check_rank(audio, 2, 'audio', where, '[batch, samples]')
    return audio


def check_batch(recorded: int, generated: int, where: str) -> None:
    """Refuses batches of different sizes."""
    if recorded != generated:
        raise ValueError(
            f'{where}: the batch has {recorded} examples, and {generated} were '
            'generated; compare the outputs of this batch.'
        )
