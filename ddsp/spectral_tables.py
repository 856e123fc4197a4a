"""Windows, weightings and transforms that spectra are multiplied by, computed once.

Each table is a read-only NumPy array, float32 but computed in float64, and kept for the
next call with the same arguments.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np


def _table(values: np.ndarray) -> np.ndarray:
    values = values.astype(np.float32)
    values.flags.writeable = False
    return values


@functools.lru_cache(maxsize=64)
def hann(size: int) -> np.ndarray:
    """The periodic Hann window, float32 `[size]`: zero at 0 and next at `size`."""
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)
    return _table(window)


@functools.lru_cache(maxsize=64)
def a_weighting(n_fft: int, sample_rate: float) -> np.ndarray:
    """A-weighting of power (IEC 61672-1, Annex E), 1 at 1 kHz, float32 `[bins]`."""
    square = np.fft.rfftfreq(n_fft, 1.0 / sample_rate) ** 2
    # The four corner frequencies of the standard, in Hz.
    low, mid_low, mid_high, high = 20.598997, 107.65265, 737.86223, 12194.217
    amplitude = (high * square) ** 2 / (square + high**2) / (square + low**2)
    amplitude /= np.sqrt((square + mid_low**2) * (square + mid_high**2))
    # The standard's gain that makes 1 kHz the reference: 2.000 dB.
    return _table(amplitude**2 * 10.0**0.2)


@functools.lru_cache(maxsize=64)
def mel_weights(
    bins: int, n_spectrum: int, sample_rate: float, lo_hz: float, hi_hz: float
) -> np.ndarray:
    """Triangles on the mel scale, float32 `[n_spectrum, bins]`; 0 Hz is in none."""
    if not 0.0 <= lo_hz < hi_hz or bins < 1:
        raise ValueError(
            f'{bins} mel bins from {lo_hz} to {hi_hz} Hz: expected at least 1 bin, and '
            '0 <= lo_hz < hi_hz.'
        )
    if hi_hz > sample_rate / 2:
        raise ValueError(
            f'mel bins up to hi_hz={hi_hz} pass half the sample rate, '
            f'{sample_rate / 2} Hz; give the sample_rate of the audio or a lower hi_hz.'
        )
    edges = np.linspace(_mel(lo_hz), _mel(hi_hz), bins + 2)
    left, peak, right = edges[:-2], edges[1:-1], edges[2:]
    mel = _mel(np.linspace(0.0, sample_rate / 2, n_spectrum))[:, np.newaxis]
    rise, fall = (mel - left) / (peak - left), (right - mel) / (right - peak)
    weights = np.maximum(0.0, np.minimum(rise, fall))
    weights[0] = 0.0
    return _table(weights)


def _mel(hz: Any) -> Any:
    """`core.hz_to_mel` in float64, for constants."""
    return 1127.0 * np.log1p(np.asarray(hz) / 700.0)


@functools.lru_cache(maxsize=64)
def cosine_transform(n_in: int, n_out: int) -> np.ndarray:
    """The first terms of HTK's DCT-II, float32 `[n_in, n_out]`."""
    angles = np.outer(np.arange(n_in) + 0.5, np.arange(n_out)) * (np.pi / n_in)
    return _table(np.sqrt(2.0 / n_in) * np.cos(angles))
