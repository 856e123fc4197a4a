"""How well an instrument played what it was told to, in numbers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ddsp import spectral_ops
from ddsp.training.fit.features import Features, measure_f0, measure_loudness
from ddsp.training.fit.measures import f0_distance
from ddsp.training.transfer.instrument import Performance

# Estimators give 0 Hz where they find nothing, which has no distance in cents.
_LOWEST_HZ = 1.0


@dataclasses.dataclass(frozen=True)
class Heard:
    """What an instrument played, measured as the recording was.

    Parameters
    ----------
    f0_hz : `[frames]`.
    loudness_db : `[frames]`.
    """

    f0_hz: np.ndarray
    loudness_db: np.ndarray


def hear(performance: Performance, method: str = 'swift-f0') -> Heard:
    """Measures pitch and loudness of what was played, frame by frame of the recording.

    Parameters
    ----------
    performance : of an instrument.
    method : name of the pitch estimator.

    Raises
    ------
    ValueError
        When there is no such estimator.
    """
    features = performance.features
    audio = _whole_frames(performance.audio, features)
    rates = features.sample_rate, features.frame_rate
    f0_hz, _ = measure_f0(audio, *rates, method)
    return Heard(np.maximum(f0_hz, _LOWEST_HZ), measure_loudness(audio, *rates))


def measure(
    performance: Performance,
    method: str = 'swift-f0',
    min_confidence: float | None = None,
    heard: Heard | None = None,
) -> dict[str, Any]:
    """Compares what was played with what was asked.

    Parameters
    ----------
    performance : of an instrument.
    method : name of the pitch estimator.
    min_confidence : frames of notes whose f0 is at least this sure in the recording
        count in the comparison of pitch; those whose f0 is believed without it.
    heard : what was played, when it has been measured already.

    Returns
    -------
    Plain data, for a JSON file. Numbers that nothing can be said about, such as the
    pitch of notes where there are none, are `None`.

    Raises
    ------
    ValueError
        When there is no such estimator.

    Notes
    -----
    The entries are:

    - `seconds`; `octaves`, of the automatic shift; `notes`, uninterrupted passages in
      which notes sound; `note_ratio`, the part of the frames that they have.
    - `confident_frames`, that were compared; `within_50_cents`, the part of them;
      `within_50_cents_any_octave`; `median_cents`, of the distance.
    - `loudness_correlation`, over the frames of notes; `loudness_correlation_all`, over
      all; `loudness_distance_db`, the mean over the frames of notes.
    - `peak`, the largest sample; `clipped_ratio`, the part of the samples beyond
      full scale; `largest_step`, from one sample to the next; `silent`.
    """
    heard = heard or hear(performance, method)
    features, adjusted = performance.features, performance.adjusted
    notes = np.asarray(adjusted.notes, bool)
    return {
        'seconds': features.seconds,
        'octaves': adjusted.octaves,
        'notes': len(passages(notes)),
        'note_ratio': float(np.mean(notes)),
        **_pitch(performance, heard, min_confidence),
        'loudness_correlation': correlation(
            adjusted.loudness_db[notes], heard.loudness_db[notes]
        ),
        'loudness_correlation_all': correlation(
            adjusted.loudness_db, heard.loudness_db
        ),
        'loudness_distance_db': float(
            np.mean(np.abs(adjusted.loudness_db - heard.loudness_db)[notes])
        )
        if notes.any()
        else None,
        **_samples(performance.audio),
        'silent': bool(np.all(heard.loudness_db <= -spectral_ops.DB_RANGE + 1e-3)),
    }


def compared(
    performance: Performance, min_confidence: float | None = None
) -> np.ndarray:
    """`[frames]`: where the recording has a note, and its f0 is believed."""
    return performance.features.confident(min_confidence) & performance.adjusted.notes


def passages(notes: np.ndarray) -> list[tuple[int, int]]:
    """First and last frame, which is not part of it, of each run of `notes` [frames].

    Examples
    --------
    >>> passages(np.array([True, True, False, True]))
    [(0, 2), (3, 4)]
    """
    edges = np.flatnonzero(np.diff(np.pad(notes.astype(np.int8), 1)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def correlation(x: np.ndarray, y: np.ndarray) -> float | None:
    """Pearson's correlation of two curves; `None` where one of them never moves."""
    if len(x) < 2:
        return None
    x, y = (v - np.mean(v, dtype=np.float64) for v in (x, y))
    scale = float(np.sqrt(np.sum(x * x) * np.sum(y * y)))
    # Rounding alone moves a curve by less.
    return float(np.sum(x * y)) / scale if scale > 1e-6 * len(x) else None


def _pitch(
    performance: Performance, heard: Heard, min_confidence: float | None
) -> dict[str, float | int | None]:
    sure = compared(performance, min_confidence)
    asked = dataclasses.replace(
        performance.features,
        f0_hz=performance.adjusted.f0_hz,
        f0_confidence=np.where(sure, 1.0, 0.0),
    )
    distance = f0_distance(asked, heard.f0_hz, 1.0)
    any_octave = None
    if sure.any():
        octaves = np.log2(heard.f0_hz[sure] / asked.f0_hz[sure])
        cents = 1200.0 * np.abs(octaves - np.round(octaves))
        any_octave = float(np.mean(cents <= 50.0))
    return {**distance, 'within_50_cents_any_octave': any_octave}


def _samples(audio: np.ndarray) -> dict[str, float]:
    size = np.abs(audio)
    return {
        'peak': float(size.max()),
        'clipped_ratio': float(np.mean(size > 1.0)),
        'largest_step': float(np.abs(np.diff(audio)).max()) if len(audio) > 1 else 0.0,
    }


def _whole_frames(audio: np.ndarray, features: Features) -> np.ndarray:
    """As many frames of audio as the recording has, whatever is missing or too much."""
    length = len(features.f0_hz) * features.hop
    return np.pad(audio[:length], (0, max(0, length - len(audio))))
