"""Losses between controls: amplitudes, frequencies and the partials they describe."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp import core, registration
from ddsp.core import checks, tensors
from ddsp.losses.base import Loss, mean_difference
from ddsp.losses.mixtures import GaussianMixture


def amp_loss(
    amp: Any,
    amp_target: Any,
    loss_type: str = 'L1',
    weights: Any = None,
    log: bool = False,
    amin: float = 1e-5,
) -> tf.Tensor:
    """Compares amplitudes, or their logarithms.

    Parameters
    ----------
    amp, amp_target : linear amplitudes of one shape.
    loss_type : see `mean_difference`.
    weights : see `mean_difference`.
    log : whether to compare `log10(max(amp, amin))`, so that 1 is 20 dB.
    amin : the floor under the logarithm.

    Returns
    -------
    A scalar.

    Examples
    --------
    >>> round(float(amp_loss([0.1], [1.0], log=True)), 4)  # 20 dB.
    1.0
    """
    if log:
        amp, amp_target = core.log10(amp, amin), core.log10(amp_target, amin)
    return mean_difference(amp_target, amp, loss_type, weights)


def freq_loss(
    f_hz: Any, f_hz_target: Any, loss_type: str = 'L1', weights: Any = None
) -> tf.Tensor:
    """Compares frequencies in semitones.

    Parameters
    ----------
    f_hz, f_hz_target : frequencies in Hz, of one shape; 0 counts as MIDI note 0.
    loss_type : see `mean_difference`.
    weights : see `mean_difference`.

    Returns
    -------
    A scalar: the mean distance in semitones (squared, for `'L2'`).

    Examples
    --------
    >>> round(float(freq_loss([440.0], [220.0])), 3)
    12.0
    """
    midi, midi_target = core.hz_to_midi(f_hz), core.hz_to_midi(f_hz_target)
    return mean_difference(midi_target, midi, loss_type, weights)


@registration.register('ddsp.losses')
class ParamLoss(Loss):
    """Compares any control with its target.

    Parameters
    ----------
    weight : multiplies the loss.
    loss_type : see `mean_difference`.
    **kwargs : `name` and others of `Loss`.

    Examples
    --------
    >>> loss = ParamLoss(weight=2.0)
    >>> float(loss(tf.constant([[1.0, 3.0]]), tf.constant([[1.0, 2.0]])))
    1.0
    """

    def __init__(self, weight: float = 1.0, loss_type: str = 'L1', **kwargs: Any):
        super().__init__(**kwargs)
        self.weight = weight
        self.loss_type = loss_type

    def call(
        self, pred: tf.Tensor, target: tf.Tensor, weights: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Takes the weighted mean distance of two tensors of one shape.

        Parameters
        ----------
        pred : tensor of any shape, in whatever unit.
        target : what it should be, of the same shape.
        weights : multiplies the distances, see `mean_difference`; they broadcast.

        Returns
        -------
        A scalar.
        """
        return self.weight * mean_difference(target, pred, self.loss_type, weights)


@registration.register('ddsp.losses')
class FilteredNoiseConsistencyLoss(Loss):
    """Compares the magnitudes of filtered noise with a target's.

    Parameters
    ----------
    weight : multiplies the loss, the mean absolute difference.
    **kwargs : `name` and others of `Loss`.
    """

    def __init__(self, weight: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.weight = weight

    def call(
        self, noise_magnitudes: tf.Tensor, noise_magnitudes_target: tf.Tensor
    ) -> tf.Tensor:
        """Gives the loss.

        Parameters
        ----------
        noise_magnitudes : `[batch, frames, bands]`.
        noise_magnitudes_target : `[batch, frames, bands]`; another number of frames is
            resampled to that of `noise_magnitudes`.

        Returns
        -------
        A scalar.
        """
        target = _match_frames(noise_magnitudes_target, noise_magnitudes)
        return self.weight * amp_loss(noise_magnitudes, target)


@registration.register('ddsp.losses')
class HarmonicConsistencyLoss(Loss):
    """Compares the controls of a harmonic synthesizer with a target's.

    The distribution and f0 mean nothing in silence, so they count only where the target
    is loud enough.

    Parameters
    ----------
    amp_weight : weight of the mean absolute difference of amplitudes.
    dist_weight : weight of the mean absolute difference of harmonic distributions.
    f0_weight : weight of the mean absolute difference of f0, in semitones.
    amp_threshold : linear amplitude of the target from which its frames count.
    **kwargs : `name` and others of `Loss`.
    """

    def __init__(
        self,
        amp_weight: float = 1.0,
        dist_weight: float = 1.0,
        f0_weight: float = 1.0,
        amp_threshold: float = 1e-4,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.amp_weight = amp_weight
        self.dist_weight = dist_weight
        self.f0_weight = f0_weight
        self.amp_threshold = amp_threshold

    def call(
        self,
        harm_amp: tf.Tensor,
        harm_amp_target: tf.Tensor,
        harm_dist: tf.Tensor,
        harm_dist_target: tf.Tensor,
        f0_hz: tf.Tensor,
        f0_hz_target: tf.Tensor,
    ) -> tf.Tensor:
        """Gives the weighted sum of the three differences.

        Targets with another number of frames are resampled.

        Parameters
        ----------
        harm_amp, harm_amp_target : `[batch, frames, 1]`, linear.
        harm_dist, harm_dist_target : `[batch, frames, harmonics]`.
        f0_hz, f0_hz_target : `[batch, frames, 1]`, in Hz.

        Returns
        -------
        A scalar.
        """
        amp_target = _match_frames(harm_amp_target, harm_amp)
        dist_target = _match_frames(harm_dist_target, harm_dist)
        f0_target = _match_frames(f0_hz_target, f0_hz)
        loud = tf.cast(amp_target >= self.amp_threshold, tf.float32)
        return (
            self.amp_weight * amp_loss(harm_amp, amp_target)
            + self.dist_weight * amp_loss(harm_dist, dist_target, weights=loud)
            + self.f0_weight * freq_loss(f0_hz, f0_target, weights=loud)
        )


def _match_frames(target: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """Resamples a target to as many frames as the value has, where they differ."""
    ours, theirs = value.shape[1], target.shape[1]
    if ours is None or theirs is None or ours == theirs:
        return target
    return core.resample(target, ours)


@registration.register('ddsp.losses')
class WassersteinConsistencyLoss(Loss):
    """How far the partials of one sound must be moved to give those of another.

    Parameters
    ----------
    weight : multiplies the loss.
    midi : whether distances are semitones; otherwise they are Hz.
    **kwargs : `name` and others of `Loss`.

    Examples
    --------
    >>> loss = WassersteinConsistencyLoss()
    >>> amps, low_hz = tf.ones([1, 1, 1]), tf.fill([1, 1, 1], 220.0)
    >>> round(float(loss(amps, low_hz, amps, 2.0 * low_hz)), 3)  # An octave away.
    12.0
    """

    def __init__(self, weight: float = 1.0, midi: bool = True, **kwargs: Any):
        super().__init__(**kwargs)
        self.weight = weight
        self.midi = midi

    def call(
        self,
        amps_a: tf.Tensor,
        freqs_a: tf.Tensor,
        amps_b: tf.Tensor,
        freqs_b: tf.Tensor,
    ) -> tf.Tensor:
        """Takes the mean over frames of the distance between two sets of partials.

        Parameters
        ----------
        amps_a, freqs_a : amplitudes (linear, not normalised) and frequencies in Hz,
            both `[batch, frames, partials]`.
        amps_b, freqs_b : the same, `[batch, frames, partials]`, frequencies in Hz; the
            number of partials may differ.

        Returns
        -------
        A scalar.

        Raises
        ------
        ValueError
            When shapes are wrong or disagree, or values are not finite.
        """
        _check_partials(amps_a, freqs_a, 'a', self.name)
        _check_partials(amps_b, freqs_b, 'b', self.name)
        if self.midi:
            freqs_a, freqs_b = core.hz_to_midi(freqs_a), core.hz_to_midi(freqs_b)
        distance = wasserstein_distance(freqs_a, freqs_b, amps_a, amps_b)
        return self.weight * tf.reduce_mean(distance)


def wasserstein_distance(
    u_values: Any, v_values: Any, u_weights: Any, v_weights: Any, p: float = 1.0
) -> tf.Tensor:
    """Measures how far apart two weighted sets of points on a line are.

    `(integral |U(x) - V(x)|^p dx)^(1/p)`, where `U(x)` sums the weights of the points
    of the first set up to `x`. For `p = 1` and weights that sum to 1 it is the
    Wasserstein or earth mover's distance: the least work that moves one heap onto the
    other (Ramdas, Garcia and Cuturi 2015). For `p = 2` it is Cramer's distance.

    Parameters
    ----------
    u_values, v_values : points, `[..., n]` and `[..., m]`.
    u_weights, v_weights : their weights, of the same shapes, at least 0. They are taken
        as they are: divide by their sums to compare distributions. Where the sums
        differ, the surplus counts as far as the outermost point.
    p : power, at least 1.

    Returns
    -------
    Distances, `[...]`. Gradients are finite, also where points coincide or weigh
    nothing.

    Raises
    ------
    ValueError
        For `p` below 1, no points, or weights that do not match their points.

    Examples
    --------
    >>> float(wasserstein_distance([0.0, 1.0], [3.0], [0.5, 0.5], [1.0]))
    2.5
    """
    where = 'wasserstein_distance'
    if p < 1.0:
        raise ValueError(f'{where}: p is {p}, expected 1 or more.')
    u, v, u_weights, v_weights = (
        tensors.tf_float32(x) for x in (u_values, v_values, u_weights, v_weights)
    )
    _check_points(u, u_weights, 'u', where)
    _check_points(v, v_weights, 'v', where)
    points = tf.concat([u, v], axis=-1)
    order = tf.argsort(points, axis=-1)
    points = tf.gather(points, order, batch_dims=points.shape.rank - 1)
    # One running sum of both weights, the second set's with the other sign, is the
    # difference of the two cumulative weights in each gap between neighbours.
    weights = tf.concat([u_weights, -v_weights], axis=-1)
    weights = tf.gather(weights, order, batch_dims=points.shape.rank - 1)
    surplus = tf.abs(tf.cumsum(weights, axis=-1)[..., :-1])
    gaps = core.diff(points, axis=-1)
    if p == 1.0:
        return tf.reduce_sum(surplus * gaps, axis=-1)
    return _root(tf.reduce_sum(surplus**p * gaps, axis=-1), p)


def _root(x: tf.Tensor, p: float) -> tf.Tensor:
    """The p-th root, with gradient 0, in place of infinity, at 0."""
    some = x > 0.0
    root = tf.where(some, x, tf.ones_like(x)) ** (1.0 / p)
    return tf.where(some, root, tf.zeros_like(x))


def _check_points(values: tf.Tensor, weights: tf.Tensor, name: str, where: str) -> None:
    checks.check_not_empty(values, f'{name}_values', where)
    if not values.shape.is_compatible_with(weights.shape):
        raise ValueError(
            f'{where}: {name}_values has shape {list(values.shape)} and {name}_weights '
            f'{list(weights.shape)}; each point needs one weight.'
        )


def _check_partials(amps: tf.Tensor, freqs: tf.Tensor, name: str, where: str) -> None:
    """Refuses partials whose amplitudes and frequencies do not belong together."""
    expected = '[batch, frames, partials]'
    for x, kind in ((amps, 'amps'), (freqs, 'freqs')):
        checks.check_values(x, 3, f'{kind}_{name}', where, expected)
    if not amps.shape.is_compatible_with(freqs.shape):
        raise ValueError(
            f'{where}: amps_{name} has shape {list(amps.shape)} and freqs_{name} '
            f'{list(freqs.shape)}; each partial needs both.'
        )


@registration.register('ddsp.losses')
class KDEConsistencyLoss(Loss):
    """How surprising the partials of one sound are to another, both ways.

    Each set of partials becomes a density along the axis of MIDI notes: a Gaussian at
    each frequency, weighed by amplitude. The loss of one set is the mean, over batch,
    frames and partials, of its normalised amplitudes times the negative logarithm of
    the other's density at its frequencies. The mean amplitudes are compared as well,
    since the densities are normalised. A silent frame surprises nobody.

    Parameters
    ----------
    weight_a : weight of the negative log likelihood of `a` under the density of `b`.
    weight_b : weight of that of `b` under the density of `a`.
    weight_mean_amp : weight of the mean absolute difference of mean amplitudes.
    scale_a, scale_b : width of the Gaussians (standard deviation) of each set, in
        semitones.
    **kwargs : `name` and others of `Loss`.
    """

    def __init__(
        self,
        weight_a: float = 1.0,
        weight_b: float = 1.0,
        weight_mean_amp: float = 1.0,
        scale_a: float = 0.1,
        scale_b: float = 0.1,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.weight_a = weight_a
        self.weight_b = weight_b
        self.weight_mean_amp = weight_mean_amp
        self.scale_a = scale_a
        self.scale_b = scale_b

    def call(
        self,
        amps_a: tf.Tensor,
        freqs_a: tf.Tensor,
        amps_b: tf.Tensor,
        freqs_b: tf.Tensor,
    ) -> tf.Tensor:
        """Gives the weighted sum of the three parts.

        Parameters
        ----------
        amps_a, freqs_a : amplitudes (linear) and frequencies in Hz,
            both `[batch, frames, partials]`.
        amps_b, freqs_b : the same, `[batch, frames, partials]`, frequencies in Hz; the
            number of partials may differ.

        Returns
        -------
        A scalar.

        Raises
        ------
        ValueError
            When shapes are wrong or disagree, or values are not finite.
        """
        _check_partials(amps_a, freqs_a, 'a', self.name)
        _check_partials(amps_b, freqs_b, 'b', self.name)
        loss = tf.zeros([])
        if self.weight_a > 0.0:
            nll = self.nll(amps_a, freqs_a, amps_b, freqs_b, self.scale_b)
            loss += self.weight_a * nll
        if self.weight_b > 0.0:
            nll = self.nll(amps_b, freqs_b, amps_a, freqs_a, self.scale_a)
            loss += self.weight_b * nll
        if self.weight_mean_amp > 0.0:
            means = (tf.reduce_mean(x, axis=-1) for x in (amps_b, amps_a))
            loss += self.weight_mean_amp * mean_difference(*means)
        return loss

    def nll(
        self,
        amps: tf.Tensor,
        freqs: tf.Tensor,
        amps_target: tf.Tensor,
        freqs_target: tf.Tensor,
        scale_target: float,
    ) -> tf.Tensor:
        """Takes the negative log likelihood of partials under a target's density.

        Parameters
        ----------
        amps, freqs : `[batch, frames, partials]`, frequencies in Hz.
        amps_target, freqs_target : partials that make the density, of the same shape
            but for their number; frequencies in Hz.
        scale_target : width of its Gaussians, in semitones.

        Returns
        -------
        A scalar.
        """
        amps, amps_target = tensors.tf_float32(amps), tensors.tf_float32(amps_target)
        density = self.kernel_density_estimate(amps_target, freqs_target, scale_target)
        surprise = -density.log_prob(core.hz_to_midi(freqs))
        total = tf.reduce_sum(amps, axis=-1, keepdims=True)
        target_sounds = tf.reduce_sum(amps_target, axis=-1, keepdims=True) > 0.0
        shares = tf.where(target_sounds, core.safe_divide(amps, total), 0.0)
        return tf.reduce_mean(shares * surprise)

    def kernel_density_estimate(
        self, amps: tf.Tensor, freqs: tf.Tensor, scale: float
    ) -> GaussianMixture:
        """Makes a density along MIDI notes from partials.

        Parameters
        ----------
        amps, freqs : `[batch, frames, partials]`, frequencies in Hz.
        scale : width of the Gaussians, in semitones.

        Returns
        -------
        A mixture whose `log_prob(midi)` takes notes `[batch, frames, points]`.
        """
        return GaussianMixture(tensors.tf_float32(amps), core.hz_to_midi(freqs), scale)
