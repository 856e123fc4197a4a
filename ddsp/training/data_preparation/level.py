"""Whether a recording is too loud or too quiet to be what was meant."""

from __future__ import annotations

import math

import numpy as np

# Below it there is little but noise, in 16 bits, and no loudness to learn from.
_QUIET_DB = -60.0
# Where a waveform is cut at full scale, neighbouring samples there are the same.
_NEAR_FULL_SCALE = 0.99
_MOST_CLIPPED = 0.002


class Level:
    """Sums up blocks of samples as they come."""

    def __init__(self) -> None:
        self._peak = 0.0
        self._n_clipped = 0
        self._n_samples = 0

    def add(self, block: np.ndarray) -> None:
        """Adds samples, `[samples]`, of full scale [-1, 1]."""
        if not len(block):
            return
        size = np.abs(block)
        flat = (np.diff(block) == 0) & (size[1:] >= _NEAR_FULL_SCALE)
        self._peak = max(self._peak, float(size.max()))
        self._n_clipped += int(np.sum(flat))
        self._n_samples += len(block)

    def remark(self) -> str | None:
        """What to know of the recording, in words; None when there is nothing."""
        if not self._n_samples:
            return None
        if not self._peak:
            return 'is silent throughout.'
        peak_db = 20 * math.log10(self._peak)
        if peak_db < _QUIET_DB:
            return f'is very quiet: its loudest sample is at {peak_db:.0f} dB.'
        clipped = self._n_clipped / self._n_samples
        if clipped > _MOST_CLIPPED:
            return f'is clipped: {100 * clipped:.1f}% of its samples are at full scale.'
        return None
