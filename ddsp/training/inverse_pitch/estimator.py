"""An f0 estimator that learned from synthetic notes alone."""

from __future__ import annotations

import functools
import os
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp import core
from ddsp.pitch.base import PitchEstimator, register_estimator
from ddsp.training.inverse_pitch.weights import SHIPPED, load_weights

# Frames that the encoders were trained on, in samples, and ours, four times as many.
_HOP, _PHASES = 512, 4
# What is quieter, relative to the loudest sample, has no pitch.
_QUIET = 10 ** (-50 / 20)


@functools.lru_cache(maxsize=2)
def _compiled(path: str) -> Any:
    """Audio `[1, samples]` to f0, confidence, amplitude and the part it explains."""
    model = load_weights(path)

    def hear(audio: tf.Tensor) -> list[tf.Tensor]:
        heard = model.sinusoidal_encoder({'audio': audio}, training=False)
        sines = model.sinusoidal.get_controls(heard['amplitudes'], heard['frequencies'])
        tone = model.harmonic_encoder(
            {'sin_freqs': sines['frequencies'], 'sin_amps': sines['amplitudes']},
            training=False,
        )
        total = tf.reduce_sum(sines['amplitudes'], axis=-1, keepdims=True)
        explained = core.safe_divide(tone['harm_amp'], total)
        found = (tone['f0_hz'], tone['f0_confidence'], tone['harm_amp'], explained)
        return [value[0, :, 0] for value in found]

    signature = [tf.TensorSpec([1, None], tf.float32)]
    return tf.function(hear, input_signature=signature)


@register_estimator('ddsp-inv')
class InverseEstimator(PitchEstimator):
    """Inverse synthesis: sinusoids, then the tone whose harmonics they are.

    The encoders of `models/small_inverse_synthesis.gin`, 17 thousand weights that were
    trained on synthetic notes alone. 125 frames per second, 58 to 2093 Hz. Confidence
    is the weight of pitches near f0, times the part of the sinusoids that its harmonics
    explain.

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
    voiced_threshold = 0.3

    def __init__(self, weights: str | os.PathLike[str] = SHIPPED) -> None:
        self._hear = _compiled(os.fspath(weights))

    def estimate(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `PitchEstimator.estimate`."""
        n_frames = len(audio) // self.hop_size + 1
        n_coarse = -(-n_frames // _PHASES)
        found = np.empty([4, n_coarse, _PHASES], np.float32)
        for phase in range(_PHASES):
            shifted = audio[phase * self.hop_size :][: n_coarse * _HOP]
            padded = np.pad(shifted, (0, n_coarse * _HOP - len(shifted)))
            found[..., phase] = self._hear(tf.constant(padded[np.newaxis]))
        f0_hz, near, amplitude, explained = found.reshape(4, -1)[:, :n_frames]
        confidence = near * np.clip(explained, 0.0, 1.0) * (amplitude > _QUIET)
        return f0_hz, confidence
