"""An instrument without a network, which plays sines, and recordings for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from ddsp.training.fit.features import Features
from ddsp.training.serve.choices import Choice
from ddsp.training.transfer.adjust import Adjusted

RATE, FRAME_RATE, HOP = 16000, 250, 64


class Kazoo:
    """Hears 220 Hz in everything that is not silent, and plays a sine an octave higher.

    Parameters
    ----------
    broken : an error that playing raises.
    """

    name, title, sample_rate, frame_rate = 'kazoo', 'Kazoo', RATE, FRAME_RATE

    def __init__(self, broken: Exception | None = None) -> None:
        self.broken = broken
        self.asked: list[Any] = []

    def listen(self, audio: np.ndarray, sample_rate: int) -> Features:
        assert sample_rate == RATE
        if not audio.any():
            raise ValueError('the recording is silent; expected a melody.')
        audio = np.pad(audio, (0, -len(audio) % HOP))
        ones = np.ones(len(audio) // HOP, np.float32)
        return Features(audio, 220 * ones, ones, -20 * ones, RATE, FRAME_RATE)

    def adjust(self, features: Features, controls: Any) -> Adjusted:
        self.asked.append(controls)
        return Adjusted(
            f0_hz=2 * features.f0_hz,
            loudness_db=features.loudness_db,
            notes=features.f0_hz > 0,
            octaves=1,
            warnings=('<9%> of the notes are too high; pitch_shift moves them.',),
        )

    def play(self, adjusted: Adjusted, features: Features, progress: Any) -> np.ndarray:
        if self.broken is not None:
            raise self.broken
        progress(len(adjusted.f0_hz) // 2, len(adjusted.f0_hz))
        progress(len(adjusted.f0_hz), len(adjusted.f0_hz))
        phase = 2 * np.pi * np.cumsum(np.repeat(adjusted.f0_hz, HOP)) / RATE
        return (0.3 * np.sin(phase)).astype(np.float32)


def choice(kazoo: Kazoo | None = None) -> Choice:
    """A kazoo among the instruments of a page."""
    kazoo = kazoo or Kazoo()
    return Choice('Kazoo', 'At home in every pocket.', lambda: kazoo)


def record(
    path: Path,
    seconds: float = 1.0,
    rate: int = RATE,
    channels: int = 1,
    f0: float = 220,
) -> Path:
    """Writes a sine into a sound file; silence for an f0 of 0."""
    times = np.arange(round(seconds * rate)) / rate
    audio = 0.3 * np.sin(2 * np.pi * f0 * times)
    soundfile.write(path, np.stack([audio] * channels, axis=1), rate)
    return path
