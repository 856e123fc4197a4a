"""pYIN: autocorrelation and a hidden Markov model; it needs no weights."""

from __future__ import annotations

import math

import numpy as np

from ddsp.optional import import_optional
from ddsp.pitch.base import PitchEstimator, register_estimator


@register_estimator('pyin')
class PyinEstimator(PitchEstimator):
    """Probabilistic YIN (Mauch and Dixon 2014), from the package `librosa`.

    The choice for instruments that go below 47 Hz, where SwiftF0 ends. It takes longer
    than the recording lasts, smooths fast glides and is easily lost in noise. It always
    finds a smooth path, whatever `viterbi` says.

    Parameters
    ----------
    fmin, fmax : range of f0 in Hz; C1 to C7 by default. Each frame is at least four
        periods of `fmin` long, 128 ms for C1: a higher `fmin` follows faster glides.
    hop_size : samples at 16 kHz from frame to frame; 64 gives 250 frames per second,
        160 takes less than half the time and loses next to nothing.
    resolution : step between candidates of f0, in semitones.

    Raises
    ------
    ImportError
        When the package `librosa` is not installed.
    ValueError
        When the range or the hop makes no sense.

    Notes
    -----
    Confidence is `(1 + p) / 2` in frames on the path of f0 and `p / 2` off it, with
    `p` pYIN's probability that the frame has a pitch: `p` by itself stays low in
    frames that the path rightly goes through.
    """

    sample_rate = 16000

    def __init__(
        self,
        fmin: float = 32.7,
        fmax: float = 2093.0,
        hop_size: int = 64,
        resolution: float = 0.1,
    ) -> None:
        if not 0 < fmin < fmax <= self.sample_rate / 2:
            raise ValueError(
                f'estimate_f0: pyin was given the range {fmin} to {fmax} Hz; expected '
                f'0 < fmin < fmax <= {self.sample_rate // 2}.'
            )
        if hop_size < 1:
            raise ValueError(
                f'estimate_f0: pyin was given a hop of {hop_size} samples.'
            )
        self.fmin, self.fmax = fmin, fmax
        self.hop_size, self.resolution = hop_size, resolution
        # Four periods of the lowest pitch, so that two fit at every lag.
        periods = 4 * self.sample_rate / fmin
        self._frame_size = max(512, 2 ** math.ceil(math.log2(periods)))
        # The path forgets what was before after a second.
        self.context = -(-self.sample_rate // hop_size) * hop_size
        self._librosa = import_optional(
            'librosa', "estimate_f0: method 'pyin'", 'ddsp[pitch]'
        )

    def estimate(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `PitchEstimator.estimate`."""
        f0_hz, voiced, probability = self._librosa.pyin(
            audio,
            sr=self.sample_rate,
            fmin=self.fmin,
            fmax=self.fmax,
            frame_length=self._frame_size,
            hop_length=self.hop_size,
            resolution=self.resolution,
        )
        return f0_hz, (voiced + probability) / 2
