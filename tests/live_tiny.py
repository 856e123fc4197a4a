"""A tiny instrument to play live, and something to sing to it."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np
import tiny_model

from ddsp.training.live import LiveVoice
from ddsp.training.quantiles import QuantileTransformer
from ddsp.training.transfer import Instrument, load_instrument
from ddsp.training.transfer.statistics import Statistics

RATE, HOP = 16000, 128


def statistics(mean_pitch=70.0, mean_db=-20.0, deviation_db=6.0) -> Statistics:
    """Of notes whose loudness is normally distributed."""
    loudness = QuantileTransformer(n_quantiles=200)
    rng = np.random.default_rng(0)
    loudness.fit(mean_db + deviation_db * rng.standard_normal(20000))
    return Statistics(mean_pitch, 40.0, 100.0, loudness)


@functools.lru_cache(maxsize=1)
def tiny_instrument() -> Instrument:
    with tempfile.TemporaryDirectory() as directory:
        tiny_model.write_tiny_model(Path(directory) / 'tiny')
        instrument = load_instrument(Path(directory) / 'tiny')
    instrument.statistics = statistics()
    return instrument


@functools.lru_cache(maxsize=1)
def tiny_voice() -> LiveVoice:
    return LiveVoice(tiny_instrument())


def melody(seconds: float, rate: int = RATE) -> np.ndarray:
    """Notes of a voice, with breath between them."""
    t = np.arange(round(seconds * rate)) / rate
    note = np.floor(t / 0.3)
    f0_hz = 150.0 * 2.0 ** (note % 5 / 6.0) * (1.0 + 0.004 * np.sin(2 * np.pi * 5 * t))
    phase = 2.0 * np.pi * np.cumsum(f0_hz) / rate
    sound = sum(np.sin(h * phase) / h for h in range(1, 7))
    sung = 0.15 * sound * np.sin(np.pi * np.clip((t % 0.3) / 0.25, 0.0, 1.0)) ** 0.5
    rng = np.random.default_rng(1)
    return (sung + 0.001 * rng.standard_normal(len(t))).astype(np.float32)
