"""Mends pitches that are an octave off, by looking at the partials.

Estimators judge a frame by what they learnt, and of a sound that they do not know they
may take one octave for another. The partials tell: those of the octave below include
the half multiples of a pitch, those of the octave above only its even ones.
"""

from __future__ import annotations

import numpy as np

from ddsp.training.fit.features import Features
from ddsp.training.transcription.partials import (
    LOBE_BINS,
    partial_powers,
    power_spectra,
)

# 0.13 s tell apart partials that are 8 Hz apart or more.
_FRAME_SECONDS = 0.128
# Looked at so often; pitch frames between take the nearest.
_HOP_SECONDS = 0.016
_N_PARTIALS = 16
# Half multiples so strong, in parts of the power of the partials, are partials of the
# octave below, if they stand out so far from what is around them, which noise does not;
# odd partials weaker than this part of the even ones are none.
_LOWER_PART, _OUTSTANDING, _UPPER_PART = 0.3, 4.0, 0.01
_MOST_OCTAVES = 2
# Between partials, where none of an octave below is; a sixth of f0 from the halves. At
# this many lobes they are told apart: 140 Hz.
_ELSEWHERE = (1 / 3, 2 / 3)
_LOWEST_LOBES = 9


def mend_octaves(features: Features) -> np.ndarray:
    """Moves the pitch of frames by octaves to where its partials are.

    Parameters
    ----------
    features : of a recording.

    Returns
    -------
    f0 in Hz, `[frames]`.
    """
    f0_hz = np.array(features.f0_hz, np.float64)
    n_fft = 2 * round(_FRAME_SECONDS * features.sample_rate / 2)
    bin_hz = features.sample_rate / n_fft
    step = max(1, round(_HOP_SECONDS * features.frame_rate))
    # Estimators can be sure of the wrong octave, too.
    pitched = np.flatnonzero(features.confident(1e-3))
    looked_at, where = np.unique(pitched // step, return_inverse=True)
    if not len(looked_at):
        return f0_hz
    middles = np.minimum(looked_at * step + step // 2, len(f0_hz) - 1)
    power = power_spectra(features.audio, middles * features.hop, n_fft)
    mended = f0_hz[pitched]
    for _ in range(_MOST_OCTAVES):
        mended = mended * 2.0 ** _octave(power[where], mended, bin_hz)
    f0_hz[pitched] = mended
    return f0_hz


def _octave(power: np.ndarray, f0_hz: np.ndarray, bin_hz: float) -> np.ndarray:
    """By how many octaves each frame is off: -1, 0 or 1."""
    partials = np.arange(1, _N_PARTIALS + 1)
    whole = partial_powers(power, f0_hz, partials, bin_hz)
    halves = partial_powers(power, f0_hz, partials - 0.5, bin_hz).sum(axis=1)
    odd, even = whole[:, 0::2].sum(axis=1), whole[:, 1::2].sum(axis=1)
    around = 0.5 * sum(
        partial_powers(power, f0_hz, partials - part, bin_hz).sum(axis=1)
        for part in _ELSEWHERE
    )
    # What is between them has to be told apart from them, too.
    resolved = f0_hz > _LOWEST_LOBES * LOBE_BINS * bin_hz
    standing = halves > _OUTSTANDING * around
    lower = resolved & standing & (halves > _LOWER_PART * (odd + even))
    upper = odd < _UPPER_PART * even
    return np.where(lower, -1, np.where(upper, 1, 0))
