"""How strong the partials of a pitch are, in short stretches of a recording."""

from __future__ import annotations

import numpy as np

# A partial is looked for this many bins to either side of where it should be, which is
# the half of a Hann window's main lobe.
LOBE_BINS = 2.0
# Partials above are weak, and noise is strong.
HIGHEST_HZ = 5000.0
_BLOCK_FRAMES = 2048


def power_spectra(audio: np.ndarray, centers: np.ndarray, n_fft: int) -> np.ndarray:
    """Takes the power of Hann-windowed frames, float32 `[frames, n_fft // 2 + 1]`.

    Parameters
    ----------
    audio : `[samples]`; beyond its ends there is silence.
    centers : the sample at the middle of each frame, `[frames]`.
    n_fft : samples of a frame.
    """
    window = np.hanning(n_fft + 1)[:-1].astype(np.float32)
    padded = np.pad(audio, (n_fft // 2, n_fft))
    centers = np.clip(np.asarray(centers, int), 0, len(audio))
    power = np.empty([len(centers), n_fft // 2 + 1], np.float32)
    for first in range(0, len(centers), _BLOCK_FRAMES):
        block = slice(first, first + _BLOCK_FRAMES)
        frames = padded[centers[block, np.newaxis] + np.arange(n_fft)]
        power[block] = np.abs(np.fft.rfft(frames * window)) ** 2
    return power


def partial_powers(
    power: np.ndarray, f0_hz: np.ndarray, multiples: np.ndarray, bin_hz: float
) -> np.ndarray:
    """Reads the peak at each multiple of a pitch, `[frames, multiples]`.

    Parameters
    ----------
    power : see `power_spectra`.
    f0_hz : `[frames]`.
    multiples : of f0, such as 1, 2, 3; fractions are allowed.
    bin_hz : from one bin to the next.

    Returns
    -------
    The greatest power within a bin of each; 0 above `HIGHEST_HZ` and the last bin.
    """
    frequencies = f0_hz[:, np.newaxis] * multiples
    bins = np.round(frequencies / bin_hz).astype(int)
    last = power.shape[1] - 1
    peak = np.zeros(bins.shape, power.dtype)
    for step in (-1, 0, 1):
        there = np.take_along_axis(power, np.clip(bins + step, 0, last), axis=1)
        peak = np.maximum(peak, there)
    heard = (frequencies < HIGHEST_HZ) & (bins < last)
    return np.where(heard, peak, 0.0)
