"""Whether a recording holds more than the one voice that can be transcribed."""

from __future__ import annotations

import numpy as np

from ddsp.training.fit.features import Features
from ddsp.training.transcription.partials import HIGHEST_HZ, LOBE_BINS, power_spectra

_FRAME_SECONDS, _HOP_SECONDS = 0.128, 0.032
_WIDENING = 0.02
# Frames so far below the loud parts do not count.
_LOUD_DB = -20.0
# A frame with more of its power elsewhere holds other sound. Between two notes of one
# voice both sound, which is less than a tenth of the time; of two instruments as loud
# as each other nearly half of the frames do.
_MUCH, _OFTEN = 0.2, 0.25
_VOICES = (
    'this does not sound like one voice: in {part:.0%} of the loud moments more than a '
    'fifth of the sound belongs to no partial of the pitch. Chords, accompaniment and '
    'noise make pitch and notes unreliable; expected one voice, or one instrument that '
    'plays one note at a time.'
)


def warn_of_voices(other: np.ndarray) -> list[str]:
    """Says that a recording is not of one voice, where it is not.

    Parameters
    ----------
    other : see `other_sound`; NaN where nothing is known.
    """
    known = other[np.isfinite(other)]
    part = float(np.mean(known > _MUCH)) if len(known) else 0.0
    return [_VOICES.format(part=part)] if part > _OFTEN else []


def other_sound(features: Features, f0_hz: np.ndarray) -> np.ndarray:
    """The part of the power of loud frames which is of no partial of the pitch.

    Parameters
    ----------
    features : of a recording.
    f0_hz : `[frames]`.

    Returns
    -------
    From 0 to 1, `[frames]`, found every 32 ms and held; NaN where it is not known: in
    soft frames, and below 125 Hz, where partials are not told apart.
    """
    n_fft = 2 * round(_FRAME_SECONDS * features.sample_rate / 2)
    bin_hz = features.sample_rate / n_fft
    step = max(1, round(_HOP_SECONDS * features.frame_rate))
    frames = np.arange(0, len(f0_hz), step)
    loudness = np.asarray(features.loudness_db, np.float64)
    loud = loudness > np.percentile(loudness, 95) + _LOUD_DB
    told = loud & (f0_hz > 8 * LOBE_BINS * bin_hz)
    part = np.full(len(frames), np.nan)
    known = told[frames]
    power = power_spectra(features.audio, frames[known] * features.hop, n_fft)
    part[known] = _between_partials(power, f0_hz[frames[known]], bin_hz)
    return np.repeat(part, step)[: len(f0_hz)]


def _between_partials(
    power: np.ndarray, f0_hz: np.ndarray, bin_hz: float
) -> np.ndarray:
    hz = np.arange(power.shape[1]) * bin_hz
    pitch = f0_hz[:, np.newaxis]
    number = np.maximum(np.round(hz / pitch), 1.0)
    # Vibrato widens partials in proportion to their number.
    reach = LOBE_BINS * bin_hz + _WIDENING * number * pitch
    apart = np.abs(hz - number * pitch) > reach
    # Where they widen into each other, nothing can be said.
    heard = (hz > 0.4 * pitch) & (hz < HIGHEST_HZ) & (reach < 0.35 * pitch)
    total = np.where(heard, power, 0.0).sum(axis=1)
    return np.where(heard & apart, power, 0.0).sum(axis=1) / np.maximum(total, 1e-12)
