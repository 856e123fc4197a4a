"""SwiftF0: a small convolutional network, accurate and fast; the default."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ddsp.optional import import_optional
from ddsp.pitch.base import PitchEstimator, register_estimator

# Layers of seven frames around a spectrum of 2048 samples (swift-f0 0.3.0).
_REACH = 2048 // 2 + 7 * 256


@functools.lru_cache(maxsize=1)
def load_detector() -> Any:
    """Makes the detector, once."""
    # A sleeping thread pool leaves the processor to whatever trains meanwhile.
    package = import_optional(
        'swift_f0', "estimate_f0: method 'swift-f0'", 'ddsp[pitch]'
    )
    return package.SwiftF0(spin=False)


@register_estimator('swift-f0')
class SwiftF0Estimator(PitchEstimator):
    """SwiftF0 (Nieradzik 2025), from the package `swift-f0` with its own weights.

    62.5 frames per second, 46.9 to 2093.75 Hz. It judges each frame by a third of a
    second around it, so there is no path to smooth: `viterbi` changes nothing.

    Parameters
    ----------
    fmin, fmax : range of f0 in Hz within the network's own; `None` is all of it.

    Raises
    ------
    ImportError
        When the package `swift-f0` is not installed.
    ValueError
        When the range is empty or outside of the network's.
    """

    sample_rate = 16000
    hop_size = 256
    # A whole number of frames, so that windows keep the frame grid.
    context = -(-_REACH // 256) * 256

    def __init__(self, fmin: float | None = None, fmax: float | None = None) -> None:
        self.fmin, self.fmax = fmin, fmax
        self._detector = load_detector()

    def estimate(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `PitchEstimator.estimate`."""
        # The network gives samples // hop frames: one more hop is the last frame's.
        padded = np.pad(audio, (0, self.hop_size))
        found = self._detector.detect(padded, self.sample_rate, self.fmin, self.fmax)
        return found.pitch_hz, found.confidence
