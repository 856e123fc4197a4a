"""The course of pitch from frame to frame, as far as it is known by then."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ddsp.pitch.likeness import FINE, Lags, largest

# The frames that costs are given for, in seconds.
_FRAME_SECONDS = 0.004
# A lag of an octave less needs to be alike by so much less: of a sound that is alike to
# itself after one period and after two, the pitch is the first.
_OCTAVE_COST = 0.06
# What the evenness of harmonics counts for, beside likeness.
_REGULARITY = 0.5
# What a step to the next pitch costs, and a leap to any.
_STEP_COST, _LEAP_COST = 0.01, 0.4
# How much of what was known goes with each frame that has no pitch.
_FORGOTTEN = 0.1
# Pitches to either side that f0 is read from: the course may lag behind a glide.
_NEAR = 3
# Likeness that has confidence 0 and 1: the middle tells voiced frames from others.
_UNLIKE, _ALIKE = 0.2, 0.9
# Below it there is nothing but noise, whose likeness stays below 0.2. Half noise, half
# sound has 0.5: not sure enough to be voiced, but its pitch can be read.
_PITCHED = 0.2
_NEVER = -1e9


class Tracker:
    """Finds the likeliest pitch of a frame, given those before it.

    It is the forward half of Viterbi's algorithm: the score of a pitch is what the
    frame says for it, plus the best score before less the cost of coming from there.
    Scores are relative to the best, and none falls further behind than a leap costs, so
    that what was long ago does not count.

    Parameters
    ----------
    lags : of the likeness, and the pitches.
    frame_seconds : from one frame to the next.
    dtype : of likeness, scores and f0.
    """

    def __init__(
        self, lags: Lags, frame_seconds: float, dtype: str = 'float32'
    ) -> None:
        self._lags, self._dtype = lags, dtype
        # Frames that come more often say less each.
        self._weight = frame_seconds / _FRAME_SECONDS
        reach = int(np.clip(round(8 * self._weight), 2, 24))
        steps = np.arange(-reach, reach + 1)
        self._reach = reach
        self._from = np.arange(lags.n_pitches)[:, np.newaxis] + steps + reach
        self._step_costs = (_STEP_COST * np.abs(steps)).astype(dtype)
        octaves = np.log2(lags.f0_hz[-1] / lags.f0_hz)
        self._octave_costs = (_OCTAVE_COST * octaves).astype(dtype)
        # Where f0 is read from, in fine lags, by the pitch that was found.
        pitch = np.arange(lags.n_pitches)
        first = lags.low[np.minimum(pitch + _NEAR, lags.n_pitches - 1)]
        last = lags.high[np.maximum(pitch - _NEAR, 0)]
        self._bounds = np.stack([first, last], axis=1).astype(dtype)
        self._fine = np.arange(lags.n_fine, dtype=dtype)

    def start(self, batch_size: int | tf.Tensor) -> tf.Tensor:
        """Scores before the first frame: nothing is known."""
        return tf.zeros([batch_size, self._lags.n_pitches])

    def salience(self, likeness: tf.Tensor, regularity: tf.Tensor) -> tf.Tensor:
        """What frames say for each pitch, `[batch, n, pitches]`.

        Parameters
        ----------
        likeness : `[batch, n, n_fine]`.
        regularity : `[batch, n, pitches]`.
        """
        likeness = tf.gather(likeness, self._lags.members, axis=-1)
        likeness = largest(likeness)
        sure = tf.nn.relu(largest(likeness, keepdims=True))
        said = likeness + _REGULARITY * regularity - self._octave_costs
        return sure * said

    def follow(
        self, salience: tf.Tensor, sure: tf.Tensor, scores: tf.Tensor
    ) -> tf.Tensor:
        """Goes on by one frame.

        Parameters
        ----------
        salience : of the frame, `[batch, pitches]`.
        sure : how alike the frame is to itself at best, `[batch, 1]`.
        scores : after the frame before, `[batch, pitches]`.

        Returns
        -------
        The scores after this frame, 0 for the pitch that is the likeliest.
        """
        ends = [[0, 0], [self._reach, self._reach]]
        padded = tf.pad(scores, ends, constant_values=_NEVER)
        come = tf.gather(padded, self._from, axis=-1) - self._step_costs
        come = tf.maximum(largest(come), -_LEAP_COST)
        kept = 1.0 - _FORGOTTEN * (1.0 - tf.clip_by_value(sure, 0.0, 1.0))
        scores = self._weight * salience + kept * come
        return scores - largest(scores, keepdims=True)

    def read(
        self, likeness: tf.Tensor, scores: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Gives f0 in Hz and confidence of a frame, `[batch]` each.

        Parameters
        ----------
        likeness : `[batch, n_fine]`.
        scores : after this frame, `[batch, pitches]`.
        """
        found = tf.cast(tf.equal(scores, 0.0), self._dtype)
        found /= tf.reduce_sum(found, axis=-1, keepdims=True)
        bounds = found @ self._bounds
        near = (self._fine >= bounds[:, :1]) & (self._fine <= bounds[:, 1:])
        near = tf.where(near, likeness, _NEVER * tf.ones_like(likeness))
        best = largest(near, keepdims=True)
        places = tf.where(near >= best, self._fine, -_NEVER * tf.ones_like(near))
        place = tf.reduce_min(places, axis=-1, keepdims=True)
        before, here, after = (self._at(likeness, place + i) for i in (-1.0, 0.0, 1.0))
        # The vertex of a parabola through the three.
        bend = tf.maximum(2.0 * here - before - after, 1e-6)
        vertex = place[:, 0] + tf.clip_by_value(
            0.5 * (after - before) / bend, -0.5, 0.5
        )
        confidence = (here - _UNLIKE) / (_ALIKE - _UNLIKE)
        f0_hz = FINE * self._lags.sample_rate / vertex
        return f0_hz, tf.clip_by_value(confidence, 0.0, 1.0)

    def _at(self, likeness: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
        here = tf.equal(self._fine, place)
        return tf.reduce_sum(tf.where(here, likeness, tf.zeros_like(likeness)), axis=-1)


def hold(f0_hz: tf.Tensor, confidence: tf.Tensor, before_hz: tf.Tensor) -> tf.Tensor:
    """Keeps the last f0 where there is no pitch."""
    return tf.where(confidence >= _PITCHED, f0_hz, before_hz)
