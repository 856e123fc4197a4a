"""Encoders that read the controls of synthesisers out of audio."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from ddsp import core, registration, spectral_ops
from ddsp.training import nn
from ddsp.training.encoders.base import run_net
from ddsp.training.nn.splits import check_splits

_F0_DEPTH = 64
_F0_SCALE = functools.partial(
    core.frequencies_softmax, depth=_F0_DEPTH, hz_min=20.0, hz_max=1200.0
)


@registration.register('ddsp.training.encoders')
class ResnetSinusoidalEncoder(nn.DictLayer):
    """Reads sinusoids and noise out of a spectrogram, by a residual network.

    The encoder of Engel et al. (2020b), self-supervised pitch detection by inverse
    audio synthesis.

    Parameters
    ----------
    output_splits : names and numbers of channels of the outputs. Frequencies have as
        many for each sinusoid as the depth with which they are scaled.
    spectral_fn : makes a spectrogram `[batch, frames, bins]` of audio
        `[batch, samples]`.
    size : of the network, see `ddsp.training.nn.ResNet`.
    **kwargs : passed on to `DictLayer`.

    Raises
    ------
    ValueError
        For an unknown size, or splits that are none.
    """

    def __init__(
        self,
        output_splits: Sequence[tuple[str, int]] = (
            ('frequencies', 100 * 64),
            ('amplitudes', 100),
            ('noise_magnitudes', 60),
        ),
        spectral_fn: Callable[[tf.Tensor], tf.Tensor] = spectral_ops.compute_logmel,
        size: str = 'tiny',
        **kwargs: Any,
    ) -> None:
        pairs = check_splits(output_splits, type(self).__name__)
        super().__init__(**{'output_keys': [key for key, _ in pairs], **kwargs})
        self.output_splits = pairs
        self.spectral_fn, self.size = spectral_fn, size
        dtype = self.dtype_policy
        self.resnet = nn.ResNet(size=size, dtype=dtype)
        self.dense_outs = [
            keras.layers.Dense(channels, dtype=dtype) for _, channels in pairs
        ]

    def call(self, audio: tf.Tensor) -> list[tf.Tensor]:
        """Makes controls of audio.

        Parameters
        ----------
        audio : `[batch, samples]`.

        Returns
        -------
        Unscaled controls `[batch, frames, channels]`, one for each split.
        """
        x = self.resnet(self.spectral_fn(audio)[..., tf.newaxis])
        shape = [core.tensors.size(x, axis) for axis in range(4)]
        x = tf.reshape(x, [shape[0], shape[1], shape[2] * shape[3]])
        return [tf.cast(dense(x), tf.float32) for dense in self.dense_outs]


@registration.register('ddsp.training.encoders')
class SinusoidalToHarmonicEncoder(nn.DictLayer):
    """Finds the harmonic tone that sinusoids belong to.

    Parameters
    ----------
    net : a layer that keeps the frames, such as `nn.RnnSandwich`; None for dense layers
        alone.
    n_harmonics : harmonics of the tone.
    f0_depth : channels of which `freq_scale_fn` makes a frequency.
    amp_scale_fn : makes amplitudes above 0 of any numbers.
    freq_scale_fn : makes Hz `[batch, frames, 1]` of `[batch, frames, f0_depth]`.
    sample_rate : in Hz. Harmonics at or above half of it are silent.
    **kwargs : passed on to `DictLayer`.
    """

    output_keys = ('harm_amp', 'harm_dist', 'f0_hz')

    def __init__(
        self,
        net: keras.layers.Layer | None = None,
        n_harmonics: int = 100,
        f0_depth: int = _F0_DEPTH,
        amp_scale_fn: Callable[[Any], tf.Tensor] = core.exp_sigmoid,
        freq_scale_fn: Callable[[Any], tf.Tensor] = _F0_SCALE,
        sample_rate: int = 16000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.net = net
        self.n_harmonics, self.f0_depth = n_harmonics, f0_depth
        self.amp_scale_fn, self.freq_scale_fn = amp_scale_fn, freq_scale_fn
        self.sample_rate = sample_rate
        dtype = self.dtype_policy
        self.amp_out = keras.layers.Dense(1, dtype=dtype)
        self.hd_out = keras.layers.Dense(n_harmonics, dtype=dtype)
        self.f0_out = keras.layers.Dense(f0_depth, dtype=dtype)

    def call(
        self, sin_freqs: tf.Tensor, sin_amps: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Gives amplitude, harmonic distribution and f0.

        Parameters
        ----------
        sin_freqs : in Hz, `[batch, frames, sinusoids]`.
        sin_amps : linear, of the same shape.

        Returns
        -------
        The amplitude `[batch, frames, 1]`, the distribution
        `[batch, frames, n_harmonics]`, which sums to 1, and f0 in Hz
        `[batch, frames, 1]`.
        """
        nyquist = self.sample_rate / 2.0
        units = core.hz_to_unit(sin_freqs, hz_min=0.0, hz_max=nyquist)
        x = run_net(self.net, tf.concat([units, sin_amps], axis=-1))
        amplitude, distribution, f0 = (
            tf.cast(layer(x), tf.float32)
            for layer in (self.amp_out, self.hd_out, self.f0_out)
        )
        f0_hz = self.freq_scale_fn(f0)
        distribution = core.normalize_harmonics(
            self.amp_scale_fn(distribution), f0_hz, self.sample_rate
        )
        return self.amp_scale_fn(amplitude), distribution, f0_hz
