"""Metrics of pitch: how near f0 of generated audio, or predicted f0, is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ddsp.optional import import_optional
from ddsp.training.metrics.base import BaseMetrics, RunningMean
from ddsp.training.metrics.features import (
    MIN_F0_CONFIDENCE,
    OUTLIER_MIDI_THRESH,
    estimate_f0,
    f0_dist_conf_thresh,
    is_outlier,
    squeeze,
)
from ddsp.training.metrics.sound import as_audio, check_batch

# mir_eval counts cents from here; 0 stands for no pitch.
_CENTS_BASE_HZ = 10.0


class _PitchMetrics(BaseMetrics):
    """Compares courses of f0, example by example, where the recording's is sure.

    Metrics
    -------
    l1_semitones : mean absolute difference, without outliers.
    outlier_ratio : part of the examples that are off by more than 12 semitones.
    raw_pitch_accuracy : part of an example's frames within `rpa_tolerance`, as a mean
        over examples, outliers included. Each example counts the same, however many of
        its frames are sure.
    raw_chroma_accuracy : the same where octaves do not count.
    """

    def __init__(
        self, sample_rate: int, frame_rate: int, rpa_tolerance: float, name: str
    ) -> None:
        super().__init__(sample_rate, frame_rate, name)
        self._rpa_tolerance = rpa_tolerance
        self._metrics = {
            'l1_semitones': RunningMean(),
            'outlier_ratio': RunningMean(),
            'raw_pitch_accuracy': RunningMean(),
            'raw_chroma_accuracy': RunningMean(),
        }

    def _compare(
        self, f0_hz: Any, f0_hz_gen: Any, f0_confidence: Any, unpitched: bool = False
    ) -> None:
        """Adds one example; one without any sure frame tells nothing."""
        distance = f0_dist_conf_thresh(f0_hz, f0_hz_gen, f0_confidence)
        if distance is None:
            return
        # Written so that a distance that is not a number is one, too.
        outlier = unpitched or not distance <= OUTLIER_MIDI_THRESH
        self._metrics['outlier_ratio'].update_state(outlier)
        if not outlier:
            self._metrics['l1_semitones'].update_state(distance)
        accuracies = _accuracies(f0_hz, f0_hz_gen, f0_confidence, self._rpa_tolerance)
        for name, value in accuracies.items():
            self._metrics[name].update_state(value)


class F0CrepeMetrics(_PitchMetrics):
    """Compares the recording's f0 with that of the audio generated from it.

    f0 of generated audio is estimated. Only frames count in which the recording's
    confidence is at least 0.85; examples without any are left out.

    Parameters
    ----------
    sample_rate : of audio, in Hz.
    frame_rate : in frames a second.
    name : stands before the names of the metrics.
    method : name of the pitch estimator, see `ddsp.pitch`. The class bears the name of
        the one that the established library uses.
    rpa_tolerance : distance up to which pitches are the same, in cents.

    Notes
    -----
    The metrics are:

    - `l1_semitones`: mean absolute difference over examples, without outliers.
    - `outlier_ratio`: part of the examples that are off by more than 12 semitones, or
      in whose generated audio no frame has a confidence of 0.85.
    - `raw_pitch_accuracy`: part of an example's frames within `rpa_tolerance`, as a
      mean over examples, outliers too. Each example counts the same, however many of
      its frames are sure.
    - `raw_chroma_accuracy`: the same where octaves do not count.
    """

    def __init__(
        self,
        sample_rate: int,
        frame_rate: int,
        name: str = 'f0_crepe',
        method: str = 'swift-f0',
        rpa_tolerance: float = 50,
    ) -> None:
        super().__init__(sample_rate, frame_rate, rpa_tolerance, name)
        self._method = method

    def update_state(self, batch: Mapping[str, Any], audio_gen: Any) -> None:
        """Adds a batch.

        Parameters
        ----------
        batch : of the data; `f0_hz` and `f0_confidence`, `[batch, frames]` or
            `[batch, frames, 1]`, or else `audio`, in which both are then estimated.
        audio_gen : generated audio, `[batch, samples]`.

        Raises
        ------
        KeyError
            When the batch has neither.
        ValueError
            When the number of examples differs.
        """
        audio_gen = as_audio(audio_gen, self._name).numpy()
        recorded = list(self._recorded(batch))
        check_batch(len(recorded), len(audio_gen), self._name)
        for (f0_hz, f0_confidence), audio in zip(recorded, audio_gen):
            if is_outlier(f0_confidence):
                continue  # Nothing to compare: spare the estimate.
            f0_hz_gen, confidence_gen = self._estimate(audio)
            self._compare(f0_hz, f0_hz_gen, f0_confidence, is_outlier(confidence_gen))

    def _recorded(self, batch: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
        if 'f0_hz' in batch and 'f0_confidence' in batch:
            yield from zip(batch['f0_hz'], batch['f0_confidence'])
        elif 'audio' in batch:
            yield from map(self._estimate, as_audio(batch['audio'], self._name).numpy())
        else:
            raise KeyError(
                f"{self._name}: the batch has neither 'f0_hz' and 'f0_confidence' nor "
                f"'audio'; it has {sorted(batch)}."
            )

    def _estimate(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return estimate_f0(audio, self._sample_rate, self._frame_rate, self._method)


class F0Metrics(_PitchMetrics):
    """Compares the recording's f0 with the f0 that a model predicts.

    Only frames count in which the recording's confidence is at least 0.85, all of them
    where the data has no confidence. The metrics are those of `F0CrepeMetrics`.

    Parameters
    ----------
    sample_rate : of audio, in Hz.
    frame_rate : in frames a second.
    rpa_tolerance : distance up to which pitches are the same, in cents.
    name : stands before the names of the metrics.
    """

    def __init__(
        self,
        sample_rate: int,
        frame_rate: int,
        rpa_tolerance: float = 50,
        name: str = 'f0',
    ) -> None:
        super().__init__(sample_rate, frame_rate, rpa_tolerance, name)

    def update_state(self, batch: Mapping[str, Any], f0_hz_predict: Any) -> None:
        """Adds a batch.

        Parameters
        ----------
        batch : of the data; `f0_hz` and `f0_confidence`, `[batch, frames]` or
            `[batch, frames, 1]`. Frames without a pitch may be told by an f0 of 0.
        f0_hz_predict : the same shape. Another number of frames is resampled to that
            of the data: what a model says of the whole length.

        Raises
        ------
        KeyError
            When the batch has no f0.
        ValueError
            When the number of examples differs.
        """
        if 'f0_hz' not in batch:
            raise KeyError(
                f"{self._name}: the batch has no 'f0_hz'; it has {sorted(batch)}."
            )
        check_batch(len(batch['f0_hz']), len(f0_hz_predict), self._name)
        confidences = batch.get('f0_confidence', [None] * len(f0_hz_predict))
        for f0_hz, f0_hz_gen, confidence in zip(
            batch['f0_hz'], f0_hz_predict, confidences
        ):
            f0_hz = squeeze(f0_hz)
            if confidence is None:
                confidence = (f0_hz > 0).astype(np.float32)
            f0_hz_gen = _held(squeeze(f0_hz_gen), len(f0_hz))
            self._compare(f0_hz, f0_hz_gen, confidence)


def _accuracies(
    f0_hz: Any, f0_hz_gen: Any, f0_confidence: Any, tolerance: float
) -> dict[str, float]:
    """Raw pitch and raw chroma accuracy (Poliner et al. 2007), by mir_eval."""
    melody = import_optional('mir_eval.melody', 'raw pitch accuracy')
    f0_hz, f0_hz_gen, confidence = map(squeeze, (f0_hz, f0_hz_gen, f0_confidence))
    length = min(len(f0_hz), len(f0_hz_gen), len(confidence))
    sure = (confidence[:length] >= MIN_F0_CONFIDENCE) & (f0_hz[:length] > 0)
    if not sure.any():
        return {}
    # Raw accuracies do not ask whether the generated audio is voiced.
    voicing, all_voiced = sure.astype(np.float64), np.ones(length)
    cents, cents_gen = (
        melody.hz2cents(x[:length].astype(np.float64), _CENTS_BASE_HZ)
        for x in (f0_hz, f0_hz_gen)
    )
    arguments = voicing, cents, all_voiced, cents_gen, tolerance
    return {
        'raw_pitch_accuracy': float(melody.raw_pitch_accuracy(*arguments)),
        'raw_chroma_accuracy': float(melody.raw_chroma_accuracy(*arguments)),
    }


def _held(f0_hz: np.ndarray, n_frames: int) -> np.ndarray:
    """f0 at another number of frames, each from the one that lies nearest before it."""
    if abs(len(f0_hz) - n_frames) <= 1:
        return f0_hz  # Centred or not: the frames stand where they stood.
    return f0_hz[np.arange(n_frames) * len(f0_hz) // n_frames]
