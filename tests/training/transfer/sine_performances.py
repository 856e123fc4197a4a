"""Performances without an instrument: sines, told and played."""

from __future__ import annotations

import numpy as np

from ddsp.training.fit.features import Features
from ddsp.training.transfer.adjust import Adjusted
from ddsp.training.transfer.instrument import Performance

RATE, FRAME_RATE, HOP = 16000, 250, 64


def sine(f0_hz: np.ndarray, amplitude: np.ndarray | float = 0.3) -> np.ndarray:
    """A sine whose frequency and amplitude are given for each frame."""
    f0_hz = np.repeat(np.asarray(f0_hz, np.float64), HOP)
    amplitude = np.broadcast_to(amplitude, len(f0_hz) // HOP)
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE
    return (np.repeat(amplitude, HOP) * np.sin(phase)).astype('float32')


def make_performance(
    f0_hz: np.ndarray,
    audio: np.ndarray | None = None,
    notes: np.ndarray | None = None,
    confidence: np.ndarray | None = None,
    loudness_db: np.ndarray | None = None,
    octaves: int = 0,
    warnings: tuple[str, ...] = (),
) -> Performance:
    """Asks for `f0_hz` [frames], sung `octaves` lower; it is played well by default."""
    f0_hz = np.asarray(f0_hz, np.float32)
    n_frames = len(f0_hz)
    everywhere = np.ones(n_frames, np.float32)
    loudness = -20 * everywhere if loudness_db is None else loudness_db
    features = Features(
        audio=sine(f0_hz / 2**octaves),
        f0_hz=f0_hz / 2**octaves,
        f0_confidence=everywhere if confidence is None else confidence,
        loudness_db=np.asarray(loudness, np.float32) + 5,
        sample_rate=RATE,
        frame_rate=FRAME_RATE,
    )
    adjusted = Adjusted(
        f0_hz=f0_hz,
        loudness_db=np.asarray(loudness, np.float32),
        notes=everywhere > 0 if notes is None else notes,
        octaves=octaves,
        warnings=warnings,
    )
    return Performance(features, adjusted, sine(f0_hz) if audio is None else audio)
