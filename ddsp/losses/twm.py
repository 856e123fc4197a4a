"""The two-way mismatch: which f0 explains a set of sinusoids, and how well."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp import core, registration
from ddsp.core import checks
from ddsp.losses.base import Loss
from ddsp.losses.mixtures import GaussianMixture

# What harmonics that meet no sinusoid at all are counted as: it bounds their loss.
_LEAST_DENSITY = 1e-4
_LOWEST_F0_HZ = 1.0


@registration.register('ddsp.losses')
class TWMLoss(Loss):
    """How well the best of several candidates for f0 explains sinusoids.

    The two-way mismatch of Maher and Beauchamp ("Fundamental frequency estimation of
    musical signals using a two-way mismatch procedure", 1994) asks of each candidate
    whether the sinusoids lie at its harmonics, and whether its harmonics meet
    sinusoids. Here both answers are likelihoods, so that they have gradients (Engel et
    al., "Self-supervised pitch detection by inverse audio synthesis", 2020):

    - The loss of sinusoids is the mean, weighted by amplitude, of their negative log
      density under equal Gaussians at the harmonics, on an axis of multiples of f0.
    - The loss of harmonics is `-log(1e-4 + d)`, with `d` the sum over harmonics of
      their density under Gaussians at the sinusoids, weighted by amplitude, on an axis
      of MIDI notes.

    A softmin over candidates of the weighted sum of both lets the best one count.
    Silent frames have no loss.

    Parameters
    ----------
    sinusoids_weight : weight of the loss of sinusoids.
    harmonics_weight : weight of the loss of harmonics.
    sinusoids_scale : standard deviation of the Gaussians at sinusoids, in semitones.
    harmonics_scale : standard deviation of the Gaussians at harmonics, as a part of f0.
    n_harmonic_points : number of harmonics that should meet sinusoids.
    n_harmonic_gaussians : number of harmonics at which sinusoids may lie.
    softmin_temperature : above 0; low ones let the best candidate count alone.
    sample_rate : in Hz; harmonics from half of it on do not count.
    **kwargs : `name` and others of `Loss`.

    Raises
    ------
    ValueError
        When a scale, a number of harmonics or the temperature is not above 0.
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
        for key in (
            'sinusoids_scale',
            'harmonics_scale',
            'n_harmonic_points',
            'n_harmonic_gaussians',
            'softmin_temperature',
        ):
            if not getattr(self, key) > 0:
                raise ValueError(
                    f'{self.name}: {key} is {getattr(self, key)}, expected > 0.'
                )

    def call(
        self, f0_candidates: tf.Tensor, freqs: tf.Tensor, amps: tf.Tensor
    ) -> tf.Tensor:
        """Gives the mean over frames of the softmin over candidates.

        Parameters
        ----------
        f0_candidates : `[batch, frames, candidates]`, in Hz.
        freqs : frequencies of sinusoids, `[batch, frames, sinusoids]`, in Hz.
        amps : their amplitudes, linear, of the same shape.

        Returns
        -------
        A scalar.

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

        Parameters
        ----------
        f0_candidates : `[batch, frames, candidates]`, in Hz.
        freqs : frequencies of sinusoids, `[batch, frames, sinusoids]`, in Hz.
        amps : their amplitudes, linear, of the same shape.

        Returns
        -------
        f0 in Hz, `[batch, frames, 1]`. Its gradient goes to the chosen candidate.

        Raises
        ------
        ValueError
            When shapes are wrong or disagree, or values are not finite.
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

        Parameters
        ----------
        f0_candidates : `[batch, frames, candidates]`, in Hz.
        freqs : frequencies of sinusoids, `[batch, frames, sinusoids]`, in Hz.
        amps : their amplitudes, linear, of the same shape.

        Returns
        -------
        sinusoids_loss : `[batch, frames, candidates]`.
        harmonics_loss : `[batch, frames, candidates]`.

        Raises
        ------
        ValueError
            When shapes are wrong or disagree, or values are not finite.
        """
        f0_candidates, freqs, amps = (
            core.tf_float32(x) for x in (f0_candidates, freqs, amps)
        )
        self._check(f0_candidates, freqs, amps)
        total = tf.reduce_sum(amps, axis=-1, keepdims=True)
        shares = core.safe_divide(amps, total)[:, :, tf.newaxis, :]
        # Nothing is a multiple of 0 Hz.
        f0 = tf.maximum(f0_candidates, _LOWEST_F0_HZ)[..., tf.newaxis]
        surprise = -self.get_p_sinusoids_given_harmonics().log_prob(
            freqs[:, :, tf.newaxis, :] / f0
        )
        sinusoids_loss = tf.reduce_sum(shares * surprise, axis=-1)

        harmonics_hz = self.get_candidate_harmonics(f0_candidates, as_midi=False)
        density = tf.exp(
            self.get_p_harmonics_given_sinusoids(freqs, amps).log_prob(
                core.hz_to_midi(harmonics_hz)
            )
        )
        audible = tf.cast(harmonics_hz < self.sample_rate / 2.0, tf.float32)
        met = tf.reduce_sum(density * audible, axis=-1)
        harmonics_loss = -tf.math.log(met + _LEAST_DENSITY)
        silence = tf.zeros_like(harmonics_loss)
        return sinusoids_loss, tf.where(total > 0.0, harmonics_loss, silence)

    def get_p_sinusoids_given_harmonics(self) -> GaussianMixture:
        """Gives the density of sinusoids around the harmonics of any f0.

        Returns
        -------
        A mixture whose `log_prob(ratio)` takes frequencies as multiples of f0.
        """
        harmonics = tf.range(1, self.n_harmonic_gaussians + 1, dtype=tf.float32)
        return GaussianMixture(tf.ones_like(harmonics), harmonics, self.harmonics_scale)

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
            self.sinusoids_scale,
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
            checks.check_values(x, 3, name, self.name, shape)
        checks.check_same_size(inputs, 0, self.name, 'batch')
        checks.check_same_size(inputs, 1, self.name, 'frames')
        if not freqs.shape.is_compatible_with(amps.shape):
            raise ValueError(
                f'{self.name}: freqs has shape {list(freqs.shape)} and amps '
                f'{list(amps.shape)}; each sinusoid needs both.'
            )
