"""How near a resynthesis is to its recording, in numbers."""

from __future__ import annotations

import numpy as np

from ddsp import losses
from ddsp.training.fit.features import Features, measure_f0, measure_loudness

# The spectral distance is computed over this many samples at once.
_BLOCK_SAMPLES = 1 << 20
# Distance up to which two pitches count as the same.
_SAME_PITCH_CENTS = 50.0


def spectral_distance(target: np.ndarray, audio: np.ndarray) -> dict[str, float]:
    """The multi-scale spectral loss between two recordings, whole.

    Always the same measure, whatever a model was trained by: L1 distances of magnitudes
    and of their logarithms, summed over FFT sizes of 2048 to 64.

    Parameters
    ----------
    target, audio : `[samples]` each.

    Returns
    -------
    `total`, and its parts `magnitude` and `log_magnitude`.
    """
    both = losses.SpectralLoss(mag_weight=1.0, logmag_weight=1.0)
    magnitude_only = losses.SpectralLoss(mag_weight=1.0, logmag_weight=0.0)
    total = magnitude = 0.0
    for start in range(0, len(target), _BLOCK_SAMPLES):
        block = slice(start, start + _BLOCK_SAMPLES)
        pair = target[np.newaxis, block], audio[np.newaxis, block]
        share = pair[0].size / len(target)
        total += share * float(both(*pair))
        magnitude += share * float(magnitude_only(*pair))
    return {
        'total': total,
        'magnitude': magnitude,
        'log_magnitude': total - magnitude,
    }


def f0_distance(
    features: Features, f0_hz: np.ndarray, min_confidence: float | None = None
) -> dict[str, float | int | None]:
    """How far apart two courses of f0 are, where that of the recording is sure.

    Parameters
    ----------
    features : of the recording.
    f0_hz : `[frames]`, of the resynthesis.
    min_confidence : frames of the recording at least this confident are compared; those
        whose f0 is believed without it.

    Returns
    -------
    `confident_frames`; `within_50_cents`, a fraction of them; `median_cents`, of the
    distance. The last two are `None` where no frame is confident.
    """
    sure = features.confident(min_confidence)
    if not sure.any():
        return {'confident_frames': 0, 'within_50_cents': None, 'median_cents': None}
    cents = 1200.0 * np.abs(np.log2(f0_hz[sure] / features.f0_hz[sure]))
    return {
        'confident_frames': int(sure.sum()),
        'within_50_cents': float(np.mean(cents <= _SAME_PITCH_CENTS)),
        'median_cents': float(np.median(cents)),
    }


def loudness_distance(features: Features, loudness_db: np.ndarray) -> float:
    """Mean absolute difference of loudness over all frames, in dB."""
    return float(np.mean(np.abs(loudness_db - features.loudness_db)))


def resynthesis_features(
    features: Features, audio: np.ndarray, method: str
) -> tuple[np.ndarray, np.ndarray]:
    """f0 in Hz and loudness in dB of a resynthesis, measured as in the recording."""
    rates = features.sample_rate, features.frame_rate
    f0_hz, _ = measure_f0(audio, *rates, method)
    return f0_hz, measure_loudness(audio, *rates)
