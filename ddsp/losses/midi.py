"""A hidden Markov model of notes, by which pitch and amplitude are read as MIDI."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp import registration
from ddsp.core import checks, markov, tensors
from ddsp.losses.base import Loss


@registration.register('ddsp.losses')
class HmmTranscriber(Loss):
    """How badly pitch and amplitude fit melodies of steady notes, and which fits best.

    The hidden state of a frame is a note number from 0 to `n_pitches - 1`; note 0 is
    silence, as in `core.hz_to_midi`. The model, with `p` the pitch and `a` the
    amplitude of a frame:

    - At first all notes are as likely. A note stays with probability
      `1 - 1 / avg_length` from frame to frame, else every other note is as likely: its
      length is geometric, with mean `avg_length`.
    - Under a note `k > 0`, `p ~ Normal(k, midi_std)` and
      `a ~ Normal(amps_on_center, amps_on_scale)`.
    - In silence, `a ~ Normal(amps_off_center, amps_off_scale)` and `p` is anything,
      with density `1 / n_pitches`, since pitch estimates of silence mean nothing.

    Parameters
    ----------
    avg_length : mean length of a note, in frames, above 1.
    midi_std : standard deviation of pitch around its note, in semitones.
    amps_on_center, amps_on_scale : mean and standard deviation of the amplitude of a
        sounding note, in whatever scale the amplitudes come.
    amps_off_center, amps_off_scale : the same of silence.
    n_timesteps : accepted for older programs; sequences may have any length.
    n_pitches : number of notes with silence, at least 2.
    weight : multiplies the loss.
    **kwargs : `name` and others of `Loss`.

    Raises
    ------
    ValueError
        When a length or a width leaves no distribution.
    """

    def __init__(
        self,
        avg_length: float = 200,
        midi_std: float = 0.5,
        amps_on_center: float = 1.5,
        amps_on_scale: float = 0.5,
        amps_off_center: float = 0.0,
        amps_off_scale: float = 0.1,
        n_timesteps: int = 1000,
        n_pitches: int = 128,
        weight: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.avg_length = avg_length
        self.midi_std = midi_std
        self.amps_on_center = amps_on_center
        self.amps_on_scale = amps_on_scale
        self.amps_off_center = amps_off_center
        self.amps_off_scale = amps_off_scale
        self.n_timesteps = n_timesteps
        self.n_pitches = n_pitches
        self.weight = weight
        self._check_parameters()

    def _check_parameters(self) -> None:
        above = {
            'avg_length': 1.0,
            'midi_std': 0.0,
            'amps_on_scale': 0.0,
            'amps_off_scale': 0.0,
            'n_pitches': 1,
        }
        for key, least in above.items():
            value = getattr(self, key)
            if not value > least:
                raise ValueError(f'{self.name}: {key} is {value}, expected > {least}.')

    def __call__(self, pitch: Any, amps: Any, **kwargs: Any) -> tf.Tensor:
        """Gives the weighted loss, see `nll` for what it takes."""
        return super().__call__(pitch, amps, **kwargs)

    def call(self, pitch: tf.Tensor, amps: tf.Tensor) -> tf.Tensor:
        """Gives `weight` times the mean of `nll`.

        Parameters
        ----------
        pitch : in MIDI note numbers with fractions, `[batch, frames]` or
            `[batch, frames, 1]`.
        amps : of the same shape.

        Returns
        -------
        A scalar.
        """
        return self.weight * self.nll(pitch, amps)

    def nll(self, pitch: Any, amps: Any, per_example_loss: bool = False) -> tf.Tensor:
        """Takes the negative log likelihood of the frames under all melodies.

        Parameters
        ----------
        pitch : in MIDI note numbers with fractions, `[batch, frames]` or
            `[batch, frames, 1]`.
        amps : of the same shape.
        per_example_loss : whether to give one value for each example.

        Returns
        -------
        Nepers per frame: their mean, a scalar, or `[batch]`.

        Raises
        ------
        ValueError
            When shapes are wrong or differ, or values are not finite.
        """
        emission = self._log_emission(*self._prepare(pitch, amps))
        log_likelihood = markov.hmm_log_likelihood(
            self._log_initial(), self._log_transition(), emission
        )
        n_frames = tf.cast(tensors.size(emission, 1), tf.float32)
        per_example = -log_likelihood / n_frames
        return per_example if per_example_loss else tf.reduce_mean(per_example)

    def predict_midi(
        self,
        pitch: Any,
        amps: Any,
        channel_dim: bool = True,
        dtype: Any = tf.float32,
    ) -> tf.Tensor:
        """Finds the most probable melody.

        Parameters
        ----------
        pitch : in MIDI note numbers with fractions, `[batch, frames]` or
            `[batch, frames, 1]`.
        amps : of the same shape.
        channel_dim : whether the result has a last axis of size 1.
        dtype : of the result.

        Returns
        -------
        Whole note numbers, 0 for silence, `[batch, frames, 1]` or `[batch, frames]`.
        They have no gradient, see `straight_through`.

        Raises
        ------
        ValueError
            When shapes are wrong or differ, or values are not finite.
        """
        emission = self._log_emission(*self._prepare(pitch, amps))
        notes = markov.hmm_viterbi(
            self._log_initial(), self._log_transition(), emission
        )
        notes = tf.cast(notes, dtype)
        return notes[..., tf.newaxis] if channel_dim else notes

    @staticmethod
    def straight_through(x: Any, x_quant: Any) -> tf.Tensor:
        """Gives the quantised values, and the unquantised ones their gradient.

        Parameters
        ----------
        x, x_quant : of one shape.

        Returns
        -------
        float32 of that shape, equal to `x_quant`, with gradient 1 with respect to `x`.
        """
        x, x_quant = tensors.tf_float32(x), tensors.tf_float32(x_quant)
        return x + tf.stop_gradient(x_quant - x)

    def _prepare(self, pitch: Any, amps: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Checks both and gives them as `[batch, frames]`."""
        expected = '[batch, frames] or [batch, frames, 1]'
        pitch, amps = map(tensors.without_channel, (pitch, amps))
        for name, x in (('pitch', pitch), ('amps', amps)):
            checks.check_values(x, 2, name, self.name, expected)
        if not pitch.shape.is_compatible_with(amps.shape):
            raise ValueError(
                f'{self.name}: pitch has shape {list(pitch.shape)} and amps '
                f'{list(amps.shape)}; expected the same.'
            )
        return pitch, amps

    def _log_initial(self) -> np.ndarray:
        return np.full(self.n_pitches, -math.log(self.n_pitches))

    def _log_transition(self) -> np.ndarray:
        """Log probability from each note (row) to each (column)."""
        leaving = 1.0 / self.avg_length
        to_other = math.log(leaving / (self.n_pitches - 1))
        transition = np.full((self.n_pitches, self.n_pitches), to_other)
        np.fill_diagonal(transition, math.log1p(-leaving))
        return transition

    def _log_emission(self, pitch: tf.Tensor, amps: tf.Tensor) -> tf.Tensor:
        """Log density of each frame under each note, `[batch, frames, n_pitches]`."""
        notes = tf.range(1, self.n_pitches, dtype=tf.float32)
        on = _log_normal(amps, self.amps_on_center, self.amps_on_scale)
        off = _log_normal(amps, self.amps_off_center, self.amps_off_scale)
        sounding = on[..., tf.newaxis] + _log_normal(
            pitch[..., tf.newaxis], notes, self.midi_std
        )
        silent = off[..., tf.newaxis] - math.log(self.n_pitches)
        return tf.concat([silent, sounding], axis=-1)


def _log_normal(x: tf.Tensor, center: Any, scale: float) -> tf.Tensor:
    """Natural logarithm of the normal density."""
    height = -math.log(scale * math.sqrt(2.0 * math.pi))
    return height - 0.5 * tf.square((x - center) / scale)
