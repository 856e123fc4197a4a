"""Mean, spread and quantiles of any number of values, in bounded memory."""

from __future__ import annotations

import numpy as np

from ddsp import core, spectral_ops
from ddsp.training.data_preparation.features import read_features
from ddsp.training.data_preparation.settings import Settings
from ddsp.training.data_preparation.splitting import Chunk

VOICED_CONFIDENCE = 0.9
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_SILENCE_DB = -spectral_ops.DB_RANGE + 1e-3


class Distribution:
    """Sums up values as they come.

    Mean, standard deviation, minimum and maximum are exact; quantiles are read off a
    histogram and right to the width of its bins.

    Parameters
    ----------
    low, high : range of the histogram; what lies outside counts in its end bins.
    width : of a bin.
    """

    def __init__(self, low: float, high: float, width: float) -> None:
        self.count = 0
        self._mean = 0.0
        self._squares = 0.0
        self._min, self._max = np.inf, -np.inf
        self._edges = np.linspace(low, high, round((high - low) / width) + 1)
        self._bins = np.zeros(len(self._edges) - 1, np.int64)

    def add(self, values: np.ndarray) -> None:
        """Adds an array of values, of any shape."""
        values = np.asarray(values, np.float64).ravel()
        if not values.size:
            return
        # Chan et al. 1979: joins two means and sums of squares without cancellation.
        mean, count = values.mean(), self.count + values.size
        delta = mean - self._mean
        self._squares += np.sum((values - mean) ** 2)
        self._squares += delta**2 * self.count * values.size / count
        self._mean += delta * values.size / count
        self.count = count
        self._min = min(self._min, values.min())
        self._max = max(self._max, values.max())
        inside = np.clip(values, self._edges[0], self._edges[-1])
        self._bins += np.histogram(inside, self._edges)[0]

    def summary(self) -> dict[str, object] | None:
        """What `dataset.json` says of the values; None when there were none."""
        if not self.count:
            return None
        return {
            'mean': float(self._mean),
            'std': float(np.sqrt(self._squares / self.count)),
            'min': float(self._min),
            'max': float(self._max),
            'quantiles': {str(part): self.quantile(part) for part in QUANTILES},
        }

    def quantile(self, part: float) -> float:
        """The value below which a part of all values lies."""
        below = np.concatenate([[0], np.cumsum(self._bins)]) / self.count
        # Only edges of filled bins, between which the curve rises.
        rising = np.concatenate([[True], np.diff(below) > 0])
        rising[:-1] |= rising[1:]
        value = np.interp(part, below[rising], self._edges[rising])
        return float(np.clip(value, self._min, self._max))


def summarise(chunks: list[Chunk], settings: Settings) -> dict[str, object]:
    """Statistics of what was recorded of a split, read from the features on disk."""
    loudness = Distribution(-spectral_ops.DB_RANGE, 40.0, 0.05)
    confidence = Distribution(0.0, 1.0, 0.001)
    f0_hz = Distribution(0.0, 8000.0, 0.25)
    f0_midi = Distribution(0.0, 127.0, 0.01)
    n_silent = n_samples = 0
    for chunk in chunks:
        features = read_features(
            settings, chunk.recording, chunk.start, chunk.start, chunk.n_recorded
        )
        audible = features[:, 2] > _SILENCE_DB
        voiced = features[(features[:, 1] >= VOICED_CONFIDENCE) & audible, 0]
        f0_hz.add(voiced)
        f0_midi.add(core.hz_to_midi(voiced).numpy())
        confidence.add(features[:, 1])
        loudness.add(features[:, 2])
        n_silent += int(np.sum(~audible))
        n_samples += chunk.n_recorded * settings.hop
    energy = sum(chunk.energy for chunk in chunks)
    return {
        'loudness_db': loudness.summary(),
        'f0_hz': f0_hz.summary(),
        'f0_midi': f0_midi.summary(),
        'f0_confidence': confidence.summary(),
        'voiced_confidence': VOICED_CONFIDENCE,
        'voiced_fraction': f0_hz.count / loudness.count,
        'silent_fraction': n_silent / loudness.count,
        'audio': {
            'peak': max(chunk.peak for chunk in chunks),
            'rms': float(np.sqrt(energy / n_samples)),
        },
    }
