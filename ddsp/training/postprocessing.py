"""Statistics of a dataset, and what makes other audio sound as if it were of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ddsp import core, spectral_ops
from ddsp.training.quantiles import QuantileTransformer

__all__ = [
    'QuantileTransformer',
    'compute_dataset_statistics',
    'detect_notes',
    'fit_quantile_transform',
    'smooth',
]

# The windows of the last frames hold the silence after an example.
_TRIM_SECONDS = 0.08


def smooth(x: Any, filter_size: int = 3) -> np.ndarray:
    """Takes the mean of each value and those around it.

    Parameters
    ----------
    x : `[frames]` or `[batch, frames]`.
    filter_size : how many frames, of which half stand before the middle one; of an even
        number one more comes after it. At both ends the mean is of those there are.

    Returns
    -------
    The same shape.

    Raises
    ------
    ValueError
        When `filter_size` is below 1, or for another rank.

    Examples
    --------
    >>> smooth([1.0, 4.0, 1.0, 1.0]).tolist()
    [2.5, 2.0, 2.0, 1.0]
    """
    x = np.asarray(x)
    if x.ndim not in (1, 2) or filter_size < 1:
        raise ValueError(
            f'smooth: x has shape {list(x.shape)} and filter_size is {filter_size}, '
            'expected [frames] or [batch, frames], and at least 1.'
        )
    n_frames = x.shape[-1]
    sums = np.cumsum(x, axis=-1, dtype=np.float64)
    sums = np.concatenate([np.zeros([*x.shape[:-1], 1]), sums], axis=-1)
    first = np.arange(n_frames) - (filter_size - 1) // 2
    last = np.minimum(first + filter_size, n_frames)
    first = np.maximum(first, 0)
    means = (sums[..., last] - sums[..., first]) / (last - first)
    return means.astype(np.result_type(x.dtype, np.float32))


def detect_notes(
    loudness_db: Any,
    f0_confidence: Any,
    note_threshold: float = 1.0,
    exponent: float = 2.0,
    smoothing: int = 40,
    f0_confidence_threshold: float = 0.7,
    min_db: float = -spectral_ops.DB_RANGE,
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the frames in which a note sounds: those that are loud and have a pitch.

    A frame's strength is its level above `min_db` times its smoothed confidence to the
    power of `exponent`. It is measured by the strength of a frame of mean level and of
    the confidence `f0_confidence_threshold`.

    Parameters
    ----------
    loudness_db : `[frames]` or `[batch, frames]`, in dB; the mean is taken over all.
    f0_confidence : of the same shape, in [0, 1].
    note_threshold : from this ratio on a note sounds.
    exponent : how much confidence matters.
    smoothing : frames over which the confidence is averaged.
    f0_confidence_threshold : confidence that a frame of mean level needs.
    min_db : level of silence.

    Returns
    -------
    mask_on : of the same shape, where a note sounds.
    note_on_ratio : how strong each frame is; 0 if everything is silent.

    Raises
    ------
    ValueError
        When the shapes differ.
    """
    loudness_db, f0_confidence = np.asarray(loudness_db), np.asarray(f0_confidence)
    if loudness_db.shape != f0_confidence.shape:
        raise ValueError(
            f'detect_notes: loudness_db has shape {list(loudness_db.shape)} and '
            f'f0_confidence {list(f0_confidence.shape)}, expected the same.'
        )
    strength = smooth(f0_confidence**exponent, smoothing) * (loudness_db - min_db)
    mean_db = np.mean(loudness_db, dtype=np.float64)
    enough = (mean_db - min_db) * f0_confidence_threshold**exponent
    ratio = strength / enough if enough > 0 else np.zeros_like(strength)
    return ratio >= note_threshold, ratio


def fit_quantile_transform(
    loudness_db: Any,
    mask_on: Any,
    inv_quantile: QuantileTransformer | Mapping[str, Any] | None = None,
) -> tuple[QuantileTransformer, np.ndarray]:
    """Learns how loudness is distributed, and gives it another distribution.

    Parameters
    ----------
    loudness_db : in dB, of any shape.
    mask_on : of the same shape: the frames in which notes sound, see `detect_notes`.
        Others count for nothing and stay as they are.
    inv_quantile : the transformer fitted to the loudness that shall be imitated, or
        its configuration, as the statistics of a dataset hold it. `None` takes the
        transformer fitted here.

    Returns
    -------
    quantile_transform : fitted to the loudness of notes.
    loudness_norm : loudness of the imitated distribution in dB, of the same shape.

    Raises
    ------
    ValueError
        When there is no note, or the shapes differ.
    """
    loudness_db, mask_on = np.asarray(loudness_db), np.asarray(mask_on, bool)
    if loudness_db.shape != mask_on.shape or not mask_on.any():
        raise ValueError(
            f'fit_quantile_transform: {int(mask_on.sum())} frames of a mask of shape '
            f'{list(mask_on.shape)} are on, for loudness of shape '
            f'{list(loudness_db.shape)}; expected the same shape, and a note.'
        )
    transform = QuantileTransformer()
    ranks = transform.fit_transform(loudness_db[mask_on])
    if inv_quantile is None:
        inv_quantile = transform
    elif isinstance(inv_quantile, Mapping):
        inv_quantile = QuantileTransformer.from_config(dict(inv_quantile))
    # Transformers of scikit-learn want columns.
    loudness_norm = np.array(loudness_db)
    loudness_norm[mask_on] = inv_quantile.inverse_transform(ranks[:, np.newaxis])[:, 0]
    return transform, loudness_norm


def compute_dataset_statistics(
    data_provider: Any,
    batch_size: int = 1,
    power_frame_size: int = 1024,
    power_frame_rate: int = 50,
) -> dict[str, Any]:
    """Measures the pitch, power and loudness of a dataset.

    Parameters
    ----------
    data_provider : a `ddsp.training.data.DataProvider`; all its examples are read once.
        They have `audio`, `f0_hz`, `f0_confidence` and, or it is measured in the
        audio, `loudness_db`.
    batch_size : examples read at once.
    power_frame_size : samples over which power is measured.
    power_frame_rate : frames of power a second.

    Returns
    -------
    Plain data, for a JSON file. With X each of `pitch` (in MIDI notes), `power` (in dB)
    and `loudness` (in dB): `mean_X`, `min_X`, `max_X` over all frames; `mean_min_X` and
    `mean_max_X`, means over examples of their least and greatest. The same with
    `X_note` for X, over frames in which notes sound (`detect_notes`), or all frames of
    an example without any. `quantile_transform`, the configuration of the
    `QuantileTransformer` of the loudness of notes. `n_examples`, and `note_ratio`, the
    part of the frames that are notes.

    Raises
    ------
    ValueError
        When there are no examples, or some lack what is needed.
    """
    parts: dict[str, list[np.ndarray]] = {}
    dataset = data_provider.get_batch(
        batch_size, shuffle=False, repeats=1, drop_remainder=False
    )
    for batch in dataset:
        features = _measure(
            batch, data_provider, int(power_frame_size), int(power_frame_rate)
        )
        for key, values in features.items():
            parts.setdefault(key, []).append(values)
    if not parts:
        raise ValueError('compute_dataset_statistics: the dataset has no examples.')
    features = {key: np.concatenate(values) for key, values in parts.items()}
    confidence = features.pop('confidence')
    mask_on, _ = detect_notes(features['loudness'], confidence)
    note_ratio = float(mask_on.mean())
    mask_on = mask_on | ~mask_on.any(axis=-1, keepdims=True)
    statistics = _all_statistics(features, mask_on)
    transform, _ = fit_quantile_transform(features['loudness'], mask_on)
    statistics['quantile_transform'] = transform.get_config()
    return {**statistics, 'n_examples': len(mask_on), 'note_ratio': note_ratio}


def _measure(
    batch: Mapping[str, Any],
    provider: Any,
    power_frame_size: int,
    power_frame_rate: int,
) -> dict[str, np.ndarray]:
    """Features of a batch, `[batch, frames]` each, without the last frames."""
    missing = [key for key in ('audio', 'f0_hz', 'f0_confidence') if key not in batch]
    if missing:
        raise ValueError(
            f'compute_dataset_statistics: examples have no {missing[0]!r}; they have '
            f'{sorted(batch)}.'
        )
    sample_rate, frame_rate = int(provider.sample_rate), int(provider.frame_rate)
    audio = core.tf_float32(batch['audio'])
    loudness = batch.get('loudness_db')
    if loudness is None:
        loudness = spectral_ops.compute_loudness(audio, sample_rate, frame_rate)
    power = spectral_ops.compute_power(
        audio, sample_rate, power_frame_rate, power_frame_size
    )
    at_frame_rate = {
        'pitch': core.hz_to_midi(batch['f0_hz']),
        'loudness': loudness,
        'confidence': batch['f0_confidence'],
    }
    features = {
        key: _trimmed(values, frame_rate) for key, values in at_frame_rate.items()
    }
    length = min(values.shape[1] for values in features.values())
    features = {key: values[:, :length] for key, values in features.items()}
    return {**features, 'power': _trimmed(power, power_frame_rate)}


def _trimmed(values: Any, frame_rate: int) -> np.ndarray:
    values = np.asarray(values)
    values = values.reshape(*values.shape[:2])
    kept = values.shape[1] - round(_TRIM_SECONDS * frame_rate)
    return values[:, : max(kept, 1)]


def _all_statistics(
    features: Mapping[str, np.ndarray], mask_on: np.ndarray
) -> dict[str, Any]:
    statistics: dict[str, Any] = {}
    for name, values in features.items():
        everywhere = np.ones(values.shape, bool)
        statistics.update(_statistics(name, values, everywhere))
        notes = _at_frames(mask_on, values.shape[1])
        statistics.update(_statistics(f'{name}_note', values, notes))
    return statistics


def _statistics(name: str, values: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Mean and range over the frames of a mask, and of each example, averaged."""
    examples = [x[on] for x, on in zip(values, mask) if on.any()]
    together = np.concatenate(examples)
    found = {
        f'mean_{name}': together.mean(dtype=np.float64),
        f'min_{name}': together.min(),
        f'max_{name}': together.max(),
        f'mean_min_{name}': np.mean([x.min() for x in examples], dtype=np.float64),
        f'mean_max_{name}': np.mean([x.max() for x in examples], dtype=np.float64),
    }
    return {key: float(value) for key, value in found.items()}


def _at_frames(mask: np.ndarray, n_frames: int) -> np.ndarray:
    """A mask at another number of frames; one example's notes do not all get lost."""
    if mask.shape[1] == n_frames:
        return mask
    middles = (2 * np.arange(n_frames) + 1) * mask.shape[1] // (2 * n_frames)
    resampled = mask[:, middles]
    return resampled | ~resampled.any(axis=-1, keepdims=True)
