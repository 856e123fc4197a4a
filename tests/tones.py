"""Tones of known fundamental frequency."""

import numpy as np


def tone(f0_hz, sample_rate=16000, n_partials=15, level=0.3):
    """A sawtooth-like tone that follows f0 at every sample, silent above Nyquist."""
    f0_hz = np.asarray(f0_hz, np.float64)
    phase = 2 * np.pi * np.cumsum(f0_hz) / sample_rate
    audio = np.zeros_like(phase)
    for k in range(1, n_partials + 1):
        audio += (k * f0_hz < 0.45 * sample_rate) * np.sin(k * phase) / k
    return (level * audio).astype(np.float32)


def glissando(from_hz, to_hz, seconds, sample_rate=16000):
    """f0 at every sample, moving at an even pace in octaves."""
    t = np.arange(int(seconds * sample_rate)) / (seconds * sample_rate)
    return from_hz * (to_hz / from_hz) ** t


def vibrato(f0_hz, seconds, cents=60.0, rate_hz=5.5, sample_rate=16000):
    t = np.arange(int(seconds * sample_rate)) / sample_rate
    return f0_hz * 2 ** (cents / 1200 * np.sin(2 * np.pi * rate_hz * t))


def cents_off(found_hz, f0_hz, hop_size):
    """Distance of frames at `k * hop_size` from the truth, in cents."""
    samples = np.minimum(np.arange(len(found_hz)) * hop_size, len(f0_hz) - 1)
    return 1200 * np.log2(found_hz / f0_hz[samples])
