"""The two-way mismatch: which f0 explains a set of sinusoids, and how well."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp import core, registration
from ddsp.core import checks
from ddsp.losses.base import Loss
from ddsp.losses.mixtures import GaussianMixture


@registration.register('ddsp.losses')
class TWMLoss(Loss):
    """How well the best of several candidates for f0 explains sinusoids.

    The two-way mismatch of Maher and Beauchamp ("Fundamental frequency estimation of
    musical signals using a two-way mismatch procedure", 1994) asks of each candidate
    whether every sinusoid has a harmonic nearby, and whether every harmonic has a
    sinusoid. Here both are negative log likelihoods, so that they have gradients: of
    sinusoids under Gaussians at the harmonics, and of harmonics under Gaussians at the
    sinusoids. A softmin over candidates lets the best one count.

    Parameters
    ----------
    sinusoids_weight : weight of the loss of sinusoids without a harmonic.
    harmonics_weight : weight of the loss of harmonics without a sinusoid.
    sinusoids_scale : standard deviation of the Gaussians that sinusoids are judged by,
        as a part of the candidate f0.
    harmonics_scale : standard deviation of the Gaussians that harmonics are judged by,
        in semitones.
    n_harmonic_points : number of harmonics that are judged.
    n_harmonic_gaussians : number of harmonics that sinusoids are judged by.
    softmin_temperature : above 0; low ones let the best candidate count alone.
    sample_rate : in Hz; harmonics from half of it on are not judged.
    **kwargs : `name` and others of `Loss`.
    """

    def __init__(
        self,
        sinusoids_weight: float = 1.0,
        harmonics_weight: float = 1.0,
        sinusoids_scale: float = 0.5,
        harmonics_scale: float = 0.2,
        n_harmonic_points: int = 10,
        n_harmonic_gaussians: int = 30,
        softmin_temperature: float = 1.0,
        sample_rate: int = 16000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sinusoids_weight = sinusoids_weight
        self.harmonics_weight = harmonics_weight
        self.sinusoids_scale = sinusoids_scale
        self.harmonics_scale = harmonics_scale
        self.n_harmonic_points = n_harmonic_points
        self.n_harmonic_gaussians = n_harmonic_gaussians
        self.softmin_temperature = softmin_temperature
        self.sample_rate = sample_rate

    def call(
        self, f0_candidates: tf.Tensor, freqs: tf.Tensor, amps: tf.Tensor
    ) -> tf.Tensor:
        """Gives the mean over frames of the softmin over candidates.

        Parameters
        ----------
        f0_candidates : `[batch, frames, candidates]`, in Hz.
        freqs : frequencies of sinusoids, `[batch, frames, sinusoids]`, in Hz.
        amps : their amplitudes, linear, of the same shape.

        Raises
        ------
        ValueError
            When shapes are wrong or disagree, or values are not finite.
        """
        mismatch = self._mismatch(f0_candidates, freqs, amps)
        shares = tf.nn.softmax(-mismatch / self.softmin_temperature, axis=-1)
        return tf.reduce_mean(tf.reduce_sum(shares * mismatch, axis=-1))

    def predict_f0(
        self, f0_candidates: tf.Tensor, freqs: tf.Tensor, amps: tf.Tensor
    ) -> tf.Tensor:
        """Chooses the candidate with the least mismatch in each frame.

        Parameters are those of `call`.

        Returns
        -------
        f0 in Hz, `[batch, frames, 1]`. Its gradient goes to the chosen candidate.
        """
        f0_candidates = core.tf_float32(f0_candidates)
        best = tf.argmin(self._mismatch(f0_candidates, freqs, amps), axis=-1)
        return tf.gather(f0_candidates, best[..., tf.newaxis], batch_dims=2)

    def _mismatch(
        self, f0_candidates: tf.Tensor, freqs: tf.Tensor, amps: tf.Tensor
    ) -> tf.Tensor:
        sinusoids, harmonics = self.get_loss_tensors(f0_candidates, freqs, amps)
        return self.sinusoids_weight * sinusoids + self.harmonics_weight * harmonics

    def get_loss_tensors(
        self, f0_candidates: tf.Tensor, freqs: tf.Tensor, amps: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Gives both mismatches of each candidate, not weighted.

        Parameters are those of `call`.

        Returns
        -------
        sinusoids_loss : `[batch, frames, candidates]`.
        harmonics_loss : `[batch, frames, candidates]`.
        """
        f0_candidates, freqs, amps = (
            core.tf_float32(x) for x in (f0_candidates, freqs, amps)
        )
        self._check(f0_candidates, freqs, amps)
        ratios = core.safe_divide(
            freqs[:, :, tf.newaxis, :], f0_candidates[..., tf.newaxis]
        )
        surprise = -self.get_p_sinusoids_given_harmonics().log_prob(ratios)
        shares = core.safe_divide(amps, tf.reduce_sum(amps, axis=-1, keepdims=True))
        sinusoids_loss = tf.reduce_mean(shares[:, :, tf.newaxis, :] * surprise, axis=-1)

        candidates = self.get_candidate_harmonics(f0_candidates)
        density = self.get_p_harmonics_given_sinusoids(freqs, amps)
        harmonics_loss = tf.reduce_mean(-density.log_prob(candidates), axis=-1)
        return sinusoids_loss, harmonics_loss

    def get_p_sinusoids_given_harmonics(self) -> GaussianMixture:
        """Gives the density of sinusoids around the harmonics of any f0.

        Returns
        -------
        A mixture whose `log_prob(ratio)` takes frequencies as multiples of f0.
        """
        harmonics = tf.range(1, self.n_harmonic_gaussians + 1, dtype=tf.float32)
        return GaussianMixture(tf.ones_like(harmonics), harmonics, self.sinusoids_scale)

    def get_p_harmonics_given_sinusoids(
        self, freqs: tf.Tensor, amps: tf.Tensor
    ) -> GaussianMixture:
        """Gives the density of harmonics around sinusoids.

        Parameters
        ----------
        freqs, amps : `[batch, frames, sinusoids]`, in Hz and linear.

        Returns
        -------
        A mixture whose `log_prob(midi)` takes notes
        `[batch, frames, candidates, harmonics]`.
        """
        freqs, amps = core.tf_float32(freqs), core.tf_float32(amps)
        return GaussianMixture(
            amps[:, :, tf.newaxis, :],
            core.hz_to_midi(freqs)[:, :, tf.newaxis, :],
            self.harmonics_scale,
        )

    def get_candidate_harmonics(
        self, f0_candidates: tf.Tensor, as_midi: bool = True
    ) -> tf.Tensor:
        """Gives the harmonics of candidates that are judged.

        Parameters
        ----------
        f0_candidates : `[batch, frames, candidates]`, in Hz.
        as_midi : whether to give MIDI notes; otherwise Hz.

        Returns
        -------
        `[batch, frames, candidates, n_harmonic_points]`.
        """
        numbers = tf.range(1, self.n_harmonic_points + 1, dtype=tf.float32)
        harmonics = core.tf_float32(f0_candidates)[..., tf.newaxis] * numbers
        return core.hz_to_midi(harmonics) if as_midi else harmonics

    def _check(self, f0: tf.Tensor, freqs: tf.Tensor, amps: tf.Tensor) -> None:
        expected = '[batch, frames, sinusoids]'
        inputs = {'f0_candidates': f0, 'freqs': freqs, 'amps': amps}
        for name, x in inputs.items():
            shape = expected.replace('sinusoids', 'candidates') if x is f0 else expected
            checks.check_rank(x, 3, name, self.name, shape)
            checks.check_not_empty(x, name, self.name)
            checks.check_finite(x, name, self.name)
        checks.check_same_size(inputs, 0, self.name, 'batch')
        checks.check_same_size(inputs, 1, self.name, 'frames')
        if not freqs.shape.is_compatible_with(amps.shape):
            raise ValueError(
                f'{self.name}: freqs has shape {list(freqs.shape)} and amps '
                f'{list(amps.shape)}; each sinusoid needs both.'
            )
