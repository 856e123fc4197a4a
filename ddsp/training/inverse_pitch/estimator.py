"""An f0 estimator that learned from synthetic notes alone."""

from __future__ import annotations

import functools
import os
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp.pitch.base import PitchEstimator, register_estimator
from ddsp.training.inverse_pitch.confidence import Confidence, hear
from ddsp.training.inverse_pitch.weights import (
    SHIPPED,
    load_confidence,
    load_weights,
)

# Frames that the encoders were trained on, in samples, and ours, four times as many.
_HOP, _PHASES = 512, 4
_EVIDENCE = ('near', 'explained', 'amplitude')


@functools.lru_cache(maxsize=2)
def _compiled(path: str) -> tuple[Any, Confidence]:
    """Audio `[1, samples]` to what `hear` says of it, and the confidence in that."""
    model, confidence = load_weights(path), load_confidence(path)

    def heard(audio: tf.Tensor) -> list[tf.Tensor]:
        found = hear(model, audio)
        return [found[name][0] for name in ('f0_hz', *_EVIDENCE)]

    signature = [tf.TensorSpec([1, None], tf.float32)]
    return tf.function(heard, input_signature=signature), confidence


@register_estimator('ddsp-inv')
class InverseEstimator(PitchEstimator):
    """Inverse synthesis: sinusoids, then the tone whose harmonics they are.

    The encoders of `models/small_inverse_synthesis.gin`, 17 thousand weights that were
    trained on synthetic notes alone. 125 frames per second, 58 to 2093 Hz. Confidence
    is how often, among synthetic notes, rests and noise, f0 was right that was as
    marked, explained as much of the sinusoids, and was as loud.

    Parameters
    ----------
    weights : a file of `save_weights`; by default those that come with the library.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it holds other weights.
    """

    sample_rate = 16000
    hop_size = _HOP // _PHASES
    context = 4 * _HOP
    voiced_threshold = 0.5

    def __init__(self, weights: str | os.PathLike[str] = SHIPPED) -> None:
        self._hear, self._confidence = _compiled(os.fspath(weights))

    def estimate(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `PitchEstimator.estimate`."""
        n_frames = len(audio) // self.hop_size + 1
        n_coarse = -(-n_frames // _PHASES)
        found = np.empty([4, n_coarse, _PHASES], np.float32)
        for phase in range(_PHASES):
            shifted = audio[phase * self.hop_size :][: n_coarse * _HOP]
            padded = np.pad(shifted, (0, n_coarse * _HOP - len(shifted)))
            found[..., phase] = self._hear(tf.constant(padded[np.newaxis]))
        f0_hz, *evidence = found.reshape(4, -1)[:, :n_frames]
        return f0_hz, self._confidence.of(*evidence)
