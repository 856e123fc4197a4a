"""Noise by numbers that every language can count: the page plays the same."""

from __future__ import annotations

import numpy as np

_STEP = 0x9E3779B9
_WHOLE = 1 << 32


def counted_noise(position: int, n_samples: int, seed: int = 0) -> np.ndarray:
    """Uniform noise in [-1, 1), the same at a place of a stream however it is cut.

    The number of a sample is mixed by the 32-bit hash `lowbias32` of Chris Wellons
    (2018); `noise.js` of the exported page does the same.

    Parameters
    ----------
    position : number of the first sample, modulo 2**32.
    n_samples : how many.
    seed : a whole number, modulo 2**32.

    Returns
    -------
    float32 `[samples]`, multiples of 2**-23.

    Examples
    --------
    >>> float(counted_noise(0, 1)[0])
    -1.0
    >>> bool((counted_noise(7, 5) == counted_noise(0, 12)[7:]).all())
    True
    """
    counts = (position + np.arange(n_samples, dtype=np.uint64)) % _WHOLE
    bits = ((counts * _STEP + seed % _WHOLE) % _WHOLE).astype(np.uint32)
    bits ^= bits >> 16
    bits *= np.uint32(0x7FEB352D)
    bits ^= bits >> 15
    bits *= np.uint32(0x846CA68B)
    bits ^= bits >> 16
    return ((bits >> 8) * 2.0**-23 - 1.0).astype(np.float32)
