"""Encoders of timbre: cepstra of the audio, averages of features, or an identity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ddsp import core, registration, spectral_ops
from ddsp.training import nn
from ddsp.training.encoders.base import ZEncoder

_MEL_BINS = 128
_MFCC_BINS = 30
# FFT size and overlap that give so many frames for 64000 samples.
_FRAMINGS = {
    63: (2048, 0.5),
    125: (1024, 0.5),
    250: (1024, 0.75),
    500: (512, 0.75),
    1000: (256, 0.75),
}


def compute_mfcc(audio: tf.Tensor, sample_rate: int, **kwargs: Any) -> tf.Tensor:
    """Cepstra of the whole range below 8 kHz, `[batch, frames, mfcc_bins]`."""
    hi_hz = min(8000.0, sample_rate / 2)
    return spectral_ops.compute_mfcc(
        audio, lo_hz=20.0, hi_hz=hi_hz, sample_rate=sample_rate, **kwargs
    )


@registration.register('ddsp.training.encoders')
class MfccTimeDistributedRnnEncoder(ZEncoder):
    """Follows timbre in time: cepstra through a recurrent layer.

    The encoder of the autoencoder with a latent of Engel et al. (2020).

    Parameters
    ----------
    rnn_channels : channels of the recurrent layer.
    rnn_type : `'gru'` or `'lstm'`.
    z_dims : channels of the latent.
    z_time_steps : frames of the latent for 64000 samples, before it is spread over
        those of `f0_scaled`: 63, 125, 250, 500 or 1000.
    sample_rate : of the audio, in Hz.
    **kwargs : passed on to `ZEncoder`.

    Raises
    ------
    ValueError
        For another number of frames.
    """

    def __init__(
        self,
        rnn_channels: int = 512,
        rnn_type: str = 'gru',
        z_dims: int = 32,
        z_time_steps: int = 250,
        sample_rate: int = 16000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if z_time_steps not in _FRAMINGS:
            raise ValueError(
                f'{self.name}: z_time_steps is {z_time_steps}, expected one of '
                f'{list(_FRAMINGS)}.'
            )
        self.rnn_channels, self.rnn_type = rnn_channels, rnn_type
        self.z_dims, self.z_time_steps = z_dims, z_time_steps
        self.sample_rate = sample_rate
        dtype = self.dtype_policy
        self.z_norm = nn.Normalize('instance', dtype=dtype)
        self.rnn = nn.Rnn(rnn_channels, rnn_type, dtype=dtype)
        self.dense_out = keras.layers.Dense(z_dims, dtype=dtype)

    def compute_z(self, audio: tf.Tensor) -> tf.Tensor:
        """Gives `[batch, frames, z_dims]` for audio `[batch, samples]`."""
        fft_size, overlap = _FRAMINGS[self.z_time_steps]
        mfccs = compute_mfcc(
            audio,
            self.sample_rate,
            fft_size=fft_size,
            mel_bins=_MEL_BINS,
            mfcc_bins=_MFCC_BINS,
            overlap=overlap,
        )
        return self.dense_out(self.rnn(self.z_norm(mfccs)))


@registration.register('ddsp.training.encoders')
class MfccEncoder(ZEncoder):
    """Gives normalised cepstra themselves as the latent.

    Parameters
    ----------
    fft_sizes : sizes of the transforms, one or several.
    mel_bins : number of mel bins of each.
    mfcc_bins : number of cepstral coefficients of each; together the latent's channels.
    time_steps : number of frames in which the sizes meet.
    sample_rate : of the audio, in Hz.
    **kwargs : passed on to `ZEncoder`.

    Raises
    ------
    ValueError
        When the three lists differ in length.
    """

    def __init__(
        self,
        fft_sizes: Sequence[int] = (1024,),
        mel_bins: Sequence[int] = (128,),
        mfcc_bins: Sequence[int] = (30,),
        time_steps: int = 250,
        sample_rate: int = 16000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fft_sizes = list(core.make_iterable(fft_sizes))
        self.mel_bins = list(core.make_iterable(mel_bins))
        self.mfcc_bins = list(core.make_iterable(mfcc_bins))
        self.time_steps, self.sample_rate = time_steps, sample_rate
        if not len(self.fft_sizes) == len(self.mel_bins) == len(self.mfcc_bins):
            raise ValueError(
                f'{self.name}: fft_sizes {self.fft_sizes}, mel_bins {self.mel_bins} '
                f'and mfcc_bins {self.mfcc_bins} must be of one length.'
            )
        self.z_norm = nn.Normalize('instance', dtype=self.dtype_policy)

    def compute_z(self, audio: tf.Tensor) -> tf.Tensor:
        """Gives `[batch, time_steps, sum of mfcc_bins]` for `[batch, samples]`."""
        sizes = zip(self.fft_sizes, self.mel_bins, self.mfcc_bins)
        mfccs = [
            compute_mfcc(
                audio,
                self.sample_rate,
                fft_size=fft_size,
                mel_bins=mel_bins,
                mfcc_bins=mfcc_bins,
            )
            for fft_size, mel_bins, mfcc_bins in sizes
        ]
        resampled = [core.resample(mfcc, self.time_steps) for mfcc in mfccs]
        return self.z_norm(tf.concat(resampled, axis=-1))


@registration.register('ddsp.training.encoders')
class MfccRnnEncoder(ZEncoder):
    """Sums the timbre of a recording up in one latent that stays the same.

    Parameters
    ----------
    rnn_channels : channels of the recurrent layer.
    rnn_type : `'gru'` or `'lstm'`.
    z_dims : channels of the latent.
    mean_aggregate : whether to average over time, rather than to take the last frame.
    sample_rate : of the audio, in Hz.
    **kwargs : passed on to `ZEncoder`.
    """

    def __init__(
        self,
        rnn_channels: int = 512,
        rnn_type: str = 'gru',
        z_dims: int = 512,
        mean_aggregate: bool = False,
        sample_rate: int = 16000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rnn_channels, self.rnn_type = rnn_channels, rnn_type
        self.z_dims, self.mean_aggregate = z_dims, mean_aggregate
        self.sample_rate = sample_rate
        dtype = self.dtype_policy
        self.z_norm = nn.Normalize('instance', dtype=dtype)
        self.rnn = nn.Rnn(
            rnn_channels, rnn_type, return_sequences=mean_aggregate, dtype=dtype
        )
        self.dense_z = keras.layers.Dense(z_dims, dtype=dtype)

    def compute_z(self, audio: tf.Tensor) -> tf.Tensor:
        """Gives `[batch, 1, z_dims]` for audio `[batch, samples]`."""
        mfccs = compute_mfcc(
            audio,
            self.sample_rate,
            fft_size=1024,
            mel_bins=_MEL_BINS,
            mfcc_bins=_MFCC_BINS,
        )
        z = self.rnn(self.z_norm(mfccs))
        if self.mean_aggregate:
            z = tf.reduce_mean(z, axis=1)
        return self.dense_z(z)[:, tf.newaxis, :]


@registration.register('ddsp.training.encoders')
class OneHotEncoder(ZEncoder):
    """Gives each instrument, or whatever else is numbered, a vector of its own.

    Parameters
    ----------
    one_hot_key : name of the input, whole numbers below `vocab_size`.
    vocab_size : how many vectors there are.
    n_dims : channels of each.
    skip_expand : whether the latent stays without the frames of other controls.
    **kwargs : passed on to `ZEncoder`.
    """

    def __init__(
        self,
        one_hot_key: str = 'instrument',
        vocab_size: int = 1024,
        n_dims: int = 256,
        skip_expand: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{'input_keys': [one_hot_key], **kwargs})
        self.one_hot_key = one_hot_key
        self.vocab_size, self.n_dims = vocab_size, n_dims
        self.skip_expand = skip_expand
        self.embedding = keras.layers.Embedding(
            vocab_size, n_dims, dtype=self.dtype_policy
        )

    def compute_z(self, one_hot: tf.Tensor) -> tf.Tensor:
        """Gives `[batch, n_dims]` for numbers `[batch]`, and so on for more axes."""
        return self.embedding(one_hot)

    def expand_z(self, z: tf.Tensor, time_steps: int | tf.Tensor) -> tf.Tensor:
        """Gives the latent the number of frames of other controls, unless it is not to.

        Parameters
        ----------
        z, time_steps : see `ZEncoder.expand_z`.
        """
        return z if self.skip_expand else super().expand_z(z, time_steps)


@registration.register('ddsp.training.encoders')
class AggregateFeaturesEncoder(ZEncoder):
    """Sums up how a recording is played: averages of f0 and loudness, and their spread.

    Means and standard deviations over time of both, and of their changes from frame to
    frame, go through a stack of dense layers.

    Parameters
    ----------
    ch : channels of the latent.
    **kwargs : passed on to `ZEncoder`.
    """

    def __init__(self, ch: int = 512, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ch = ch
        self.fc_stack = nn.FcStack(ch, 2, dtype=self.dtype_policy)

    def compute_z(self, f0_scaled: tf.Tensor, ld_scaled: tf.Tensor) -> tf.Tensor:
        """Gives `[batch, 1, ch]`.

        Parameters
        ----------
        f0_scaled, ld_scaled : `[batch, frames, 1]`.
        """
        x = tf.concat([f0_scaled, ld_scaled], axis=-1)
        moments = [*_moments(x), *_moments(core.diff(x, axis=1))]
        return self.fc_stack(tf.concat(moments, axis=-1))


def _moments(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and standard deviation over time, `[batch, 1, channels]`."""
    return nn.get_note_moments(x, tf.ones_like(x[..., :1]))
