"""How sure the estimator is: the probability that it is right."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ddsp import core
from ddsp.training.data_preparation import synthetic_data

# What sounds, and what surely does not, as linear amplitudes of synthetic notes.
_SOUNDS, _SILENT = 1e-3, 5e-5
_RIDGE, _NEWTON_STEPS = 1e-3, 30


class Confidence(NamedTuple):
    """A logistic regression on what the encoders say of a frame.

    Attributes
    ----------
    near : weight of the log odds of pitches near f0.
    explained : weight of the logarithm of the part of the sinusoids that the harmonics
        of f0 explain.
    amplitude : weight of the amplitude of the harmonic tone, in tens of decibels.
    bias : log odds of a tone at full level of which all is explained.
    """

    near: float
    explained: float
    amplitude: float
    bias: float

    def of(self, near: Any, explained: Any, amplitude: Any) -> np.ndarray:
        """Gives the probability that f0 is within 50 cents of a pitch that is there.

        Parameters
        ----------
        near : part of the weight of pitches within a semitone of f0, from 0 to 1.
        explained : amplitude of the harmonic tone relative to that of all sinusoids.
        amplitude : of the harmonic tone, where the loudest sample of the recording
            is 1. All three have one shape.

        Returns
        -------
        From 0 to 1, of the same shape.

        Examples
        --------
        >>> confidence = Confidence(0.5, 0.5, 1.0, 3.0)
        >>> confidence.of([1.0, 1.0], [1.0, 0.1], [0.5, 1e-5]).round(2).tolist()
        [1.0, 0.03]
        """
        odds = _evidence(near, explained, amplitude) @ np.array(self[:3]) + self.bias
        return 1.0 / (1.0 + np.exp(-odds))


def hear(model: Any, audio: tf.Tensor) -> dict[str, tf.Tensor]:
    """Has the encoders of a model hear audio.

    Parameters
    ----------
    model : of `weights.make_model`, with weights.
    audio : `[batch, samples]`.

    Returns
    -------
    `f0_hz` and the arguments of `Confidence.of`, each `[batch, frames]`.
    """
    heard = model.sinusoidal_encoder({'audio': audio}, training=False)
    sines = model.sinusoidal.get_controls(heard['amplitudes'], heard['frequencies'])
    tone = model.harmonic_encoder(
        {'sin_freqs': sines['frequencies'], 'sin_amps': sines['amplitudes']},
        training=False,
    )
    total = tf.reduce_sum(sines['amplitudes'], axis=-1, keepdims=True)
    found = {
        'f0_hz': tone['f0_hz'],
        'near': tone['f0_confidence'],
        'explained': core.safe_divide(tone['harm_amp'], total),
        'amplitude': tone['harm_amp'],
    }
    return {name: value[..., 0] for name, value in found.items()}


def calibrate(model: Any, n_examples: int = 256, seed: int = 5) -> Confidence:
    """Fits the confidence of a model to how often it is right about synthetic sound.

    Half of the examples are notes and rests over noise, half noise alone, at levels
    from full to 60 dB below.

    Parameters
    ----------
    model : of `weights.make_model`, with weights.
    n_examples : of one second each.
    seed : of what is drawn.

    Returns
    -------
    The confidence.
    """
    rng = np.random.default_rng(seed)
    rows, right = [], []
    for number in range(max(n_examples // 32, 2)):
        noise_alone = number % 2 == 1
        notes = synthetic_data.generate_notes_v2(
            32,
            n_timesteps=32,
            n_harmonics=32,
            p_silent=1.0 if noise_alone else 0.3,
            midi_min=36.0,
            midi_max=94.0,
            seed=(seed, number),
        )
        with core.reproducible_noise(seed + number):
            audio = model.generate_synthetic_audio(notes)
        audio /= tf.reduce_max(tf.abs(audio), axis=1, keepdims=True)
        if noise_alone:
            audio *= 10.0 ** (rng.uniform(-3.0, 0.0, [32, 1]).astype(np.float32))
        heard = {name: x.numpy() for name, x in hear(model, audio).items()}
        known, sounds = _what_is_known(notes['harm_amp'].numpy()[..., 0])
        apart = np.log2(heard.pop('f0_hz') / notes['f0_hz'].numpy()[..., 0])
        rows.append(_evidence(**{name: x[known] for name, x in heard.items()}))
        right.append((sounds & (np.abs(apart) < 0.5 / 12.0))[known])
    return Confidence(*_logistic(np.concatenate(rows), np.concatenate(right)))


def _what_is_known(amplitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frames whose truth is beyond doubt, and those that sound, of `[batch, frames]`.

    A frame is heard together with those beside it.
    """
    beside = [np.roll(amplitude, shift, axis=1) for shift in (-1, 0, 1)]
    sounds = np.min(beside, axis=0) > _SOUNDS
    known = sounds | (np.max(beside, axis=0) < _SILENT)
    known[:, [0, -1]] = False
    return known, sounds


def _evidence(near: Any, explained: Any, amplitude: Any) -> np.ndarray:
    """What the regression sees, `[..., 3]`."""
    near, explained, amplitude = (
        np.asarray(x, np.float64) for x in (near, explained, amplitude)
    )
    return np.stack(
        [
            np.log(near + 1e-4) - np.log(1.0 - np.minimum(near, 1.0) + 1e-4),
            np.log(np.clip(explained, 1e-3, 1.0)),
            2.0 * np.log10(np.clip(amplitude, 1e-5, 1.0)),
        ],
        axis=-1,
    )


def _logistic(rows: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Weights and bias, `[4]`, by Newton's method, with a little ridge."""
    x = np.concatenate([rows, np.ones([len(rows), 1])], axis=1)
    weights = np.zeros(4)
    ridge = _RIDGE * len(x) * np.diag([1.0, 1.0, 1.0, 0.0])
    for _ in range(_NEWTON_STEPS):
        p = 1.0 / (1.0 + np.exp(-x @ weights))
        slope = x.T @ (right - p) - ridge @ weights
        curve = (x * (p * (1.0 - p))[:, np.newaxis]).T @ x + ridge + 1e-9 * np.eye(4)
        weights = weights + np.linalg.solve(curve, slope)
    return weights
