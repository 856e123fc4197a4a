"""The multi-scale spectral loss: two recordings compared through several windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import tensorflow as tf

from ddsp import core, registration, short_time, spectral_ops
from ddsp.core import tensors
from ddsp.framing import hop_of_overlap
from ddsp.losses.base import Loss, check_audio_pair, mean_difference

_OVERLAP = 0.75
_LOUDNESS_FFT_SIZE = 2048

Pair = tuple[tf.Tensor, tf.Tensor]


@registration.register('ddsp.losses')
class SpectralLoss(Loss):
    """Compares spectrograms of audio and target, in several sizes and views.

    For each FFT size both signals become magnitudes of a short-time Fourier transform
    with a Hann window and 75% overlap. Each view whose weight is above 0 adds its
    weight times the mean difference of target and audio in it. Long windows judge
    pitch, short ones judge timing (Wang, Takaki and Yamagishi 2019; Engel et al. 2020).

    The target is given, so no gradient flows into it unless `target_gradient` says so;
    this spares a third of the work.

    Parameters
    ----------
    fft_sizes : sizes of the transforms, in samples, each at least 4.
    loss_type : `'L1'`, `'L2'` or `'COSINE'`, see `mean_difference`.
    mag_weight : weight of linear magnitudes.
    delta_time_weight : weight of their changes from frame to frame.
    delta_freq_weight : weight of their changes from bin to bin.
    cumsum_freq_weight : weight of their sums from the lowest bin up.
    logmag_weight : weight of the natural logarithm of magnitudes, those under 1e-5
        counting as 1e-5.
    loudness_weight : weight of A-weighted loudness in dB, 250 frames per second; not
        multiplied by the number of FFT sizes.
    name : name of the layer.
    sample_rate : of the audio, in Hz; only loudness depends on it, through the ear's
        sensitivity.
    target_gradient : whether gradients flow into the target as well.

    Raises
    ------
    ValueError
        When there is no FFT size or one is below 4.

    Notes
    -----
    Unlike earlier versions of this library, loudness is computed at the audio's own
    sample rate, and an FFT has exactly the size given, not the next power of 2.

    Examples
    --------
    >>> import numpy as np
    >>> tone = 0.5 * np.sin(np.arange(4000) * 0.2)[np.newaxis]
    >>> loss = SpectralLoss(logmag_weight=1.0)
    >>> float(loss(tone, tone))
    0.0
    """

    def __init__(
        self,
        fft_sizes: Sequence[int] = (2048, 1024, 512, 256, 128, 64),
        loss_type: str = 'L1',
        mag_weight: float = 1.0,
        delta_time_weight: float = 0.0,
        delta_freq_weight: float = 0.0,
        cumsum_freq_weight: float = 0.0,
        logmag_weight: float = 0.0,
        loudness_weight: float = 0.0,
        name: str = 'spectral_loss',
        sample_rate: int = 16000,
        target_gradient: bool = False,
    ) -> None:
        super().__init__(name=name)
        fft_sizes = tuple(int(size) for size in core.make_iterable(fft_sizes))
        if not fft_sizes or min(fft_sizes) < 4:
            raise ValueError(
                f'{name}: fft_sizes are {list(fft_sizes)}, expected one or more sizes '
                'of at least 4 samples.'
            )
        self.fft_sizes = fft_sizes
        self.loss_type = loss_type
        self.mag_weight = mag_weight
        self.delta_time_weight = delta_time_weight
        self.delta_freq_weight = delta_freq_weight
        self.cumsum_freq_weight = cumsum_freq_weight
        self.logmag_weight = logmag_weight
        self.loudness_weight = loudness_weight
        self.sample_rate = sample_rate
        self.target_gradient = target_gradient

    def call(
        self,
        target_audio: tf.Tensor,
        audio: tf.Tensor,
        weights: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Gives the weighted sum of all differences.

        Parameters
        ----------
        target_audio, audio : `[batch, samples]` or `[batch, samples, 1]`.
        weights : multiplies the differences before their mean. One for each example,
            `[batch]`, `[batch, 1]` or `[batch, 1, 1]`; or whatever broadcasts against
            each view, `[batch, frames, bins]` (loudness has no bins, and takes the
            mean over them).

        Returns
        -------
        A scalar.

        Raises
        ------
        ValueError
            When the shapes differ or are not those above, or audio is empty, NaN or
            infinite.
        """
        terms = self.get_terms(target_audio, audio, weights)
        return tf.add_n(list(terms.values())) if terms else tf.zeros([])

    def get_terms(
        self,
        target_audio: tf.Tensor,
        audio: tf.Tensor,
        weights: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Gives the parts of the loss: for each view its weighted sum over FFT sizes.

        Parameters
        ----------
        target_audio, audio : `[batch, samples]` or `[batch, samples, 1]`.
        weights : as in `call`: `[batch]`, or what broadcasts against each view.

        Returns
        -------
        A scalar for each of `'mag'`, `'delta_time'`, `'delta_freq'`, `'cumsum_freq'`,
        `'logmag'` and `'loudness'` whose weight is above 0.

        Raises
        ------
        ValueError
            When the shapes differ or are not those above, or audio is empty, NaN or
            infinite.
        """
        target, audio = self._prepare(target_audio, audio)
        if weights is not None:
            weights = _weights_by_example(tensors.tf_float32(weights))
        terms: dict[str, tf.Tensor] = {}
        for name, weight, pair in self._views(target, audio):
            term = weight * mean_difference(*pair, self.loss_type, weights)
            terms[name] = terms.get(name, 0.0) + term
        if self.loudness_weight > 0.0:
            by_example = weights
            if weights is not None and weights.shape.rank == 3:
                by_example = tf.reduce_mean(weights, axis=-1)
            difference = mean_difference(
                self._loudness(target),
                self._loudness(audio),
                self.loss_type,
                by_example,
            )
            terms['loudness'] = self.loudness_weight * difference
        return terms

    def _prepare(self, target: tf.Tensor, audio: tf.Tensor) -> Pair:
        target, audio = map(tensors.without_channel, (target, audio))
        check_audio_pair(target, audio, self.name)
        return (target if self.target_gradient else tf.stop_gradient(target)), audio

    def _views(
        self, target: tf.Tensor, audio: tf.Tensor
    ) -> Iterator[tuple[str, float, Pair]]:
        """Each view that counts, of each FFT size."""
        views: tuple[tuple[str, float, Callable[[tf.Tensor], tf.Tensor]], ...] = (
            ('mag', self.mag_weight, tf.identity),
            ('delta_time', self.delta_time_weight, _time_changes),
            ('delta_freq', self.delta_freq_weight, core.diff),
            ('cumsum_freq', self.cumsum_freq_weight, _sum_upwards),
            ('logmag', self.logmag_weight, core.safe_log),
        )
        views = tuple(view for view in views if view[1] > 0.0)
        for fft_size in self.fft_sizes if views else ():
            magnitudes = magnitude_pair(target, audio, fft_size, self.target_gradient)
            for name, weight, view in views:
                yield name, weight, tuple(view(mag) for mag in magnitudes)

    def _loudness(self, audio: tf.Tensor) -> tf.Tensor:
        return spectral_ops.compute_loudness(
            audio, self.sample_rate, n_fft=_LOUDNESS_FFT_SIZE
        )


def _time_changes(magnitudes: tf.Tensor) -> tf.Tensor:
    return core.diff(magnitudes, axis=1)


def _sum_upwards(magnitudes: tf.Tensor) -> tf.Tensor:
    return tf.cumsum(magnitudes, axis=2)


def _weights_by_example(weights: tf.Tensor) -> tf.Tensor:
    """Gives weights of examples the axes of a spectrogram."""
    if weights.shape.rank == 1:
        return weights[:, tf.newaxis, tf.newaxis]
    if weights.shape.rank == 2:
        return weights[:, :, tf.newaxis]
    return weights


def magnitude_pair(
    target: tf.Tensor, audio: tf.Tensor, fft_size: int, target_gradient: bool = False
) -> Pair:
    """Computes the magnitudes of two signals, with the gradient written out.

    Parameters
    ----------
    target, audio : `[batch, samples]`.
    fft_size : samples of a frame; the next one starts a quarter of it later, and zeros
        complete the last frames.
    target_gradient : whether gradients flow into the target. Going back through the
        transform costs as much for a target that needs none as for audio.

    Returns
    -------
    Two tensors `[batch, frames, fft_size // 2 + 1]`. The gradient at 0 is 0.
    """
    hop = hop_of_overlap(fft_size, _OVERLAP)
    n_samples = tensors.size(audio, 1)
    n_padded = (-(-n_samples // hop) - 1) * hop + fft_size

    def analyse(signal: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        signal = tf.pad(signal, [[0, 0], [0, n_padded - n_samples]])
        spectra = short_time.analyse(signal, fft_size, hop)
        return spectra, short_time.magnitude(spectra)

    def carry_back(
        upstream: tf.Tensor, spectra: tf.Tensor, magnitudes: tf.Tensor
    ) -> tf.Tensor:
        # The steepest way up from a complex number points away from 0.
        slope = tf.math.divide_no_nan(upstream, magnitudes)
        slope = tf.cast(slope, tf.complex64) * spectra
        return short_time.transpose(slope, fft_size, hop, n_padded)[:, :n_samples]

    @tf.custom_gradient
    def transform(target: tf.Tensor, audio: tf.Tensor) -> tuple[Pair, Callable]:
        # One transform for both would leave the cache of a processor.
        target_spectra, target_magnitudes = analyse(target)
        spectra, magnitudes = analyse(audio)

        def gradient(for_target: tf.Tensor, for_audio: tf.Tensor) -> Pair:
            to_audio = carry_back(for_audio, spectra, magnitudes)
            if not target_gradient:
                return tf.zeros_like(target), to_audio
            return carry_back(for_target, target_spectra, target_magnitudes), to_audio

        return (target_magnitudes, magnitudes), gradient

    return transform(target, audio)
