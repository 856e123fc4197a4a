"""Encoders between the controls of a synthesiser and notes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ddsp import core, registration, spectral_ops
from ddsp.training import nn
from ddsp.training.encoders.base import ZEncoder, run_net
from ddsp.training.encoders.timbre import compute_mfcc

_AUDIO_KEY = 'audio'
# Note numbers and velocities of MIDI end here.
_MOST = 127.0
# What decimal logarithms of amplitudes lie between: the floor of `core.log10`, and that
# of what `core.exp_sigmoid` gives at most.
_QUIETEST, _LOUDEST = math.log10(1e-5), math.log10(2.0)
#: What a velocity of `HarmonicToMidiEncoder.velocity_residual` is louder than the next.
VELOCITY_DB = 20.0 * (_LOUDEST - _QUIETEST) / _MOST


class _NoteEncoder(nn.DictLayer):
    """A network that gives a pitch and a velocity for each frame."""

    output_keys = ('z_pitch', 'z_vel')

    def __init__(
        self,
        net: keras.layers.Layer | None = None,
        f0_residual: bool = True,
        velocity_residual: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.net, self.f0_residual = net, f0_residual
        self.velocity_residual = velocity_residual
        self.dense_out = keras.layers.Dense(2, dtype=self.dtype_policy)

    def _encode(
        self, f0_midi: tf.Tensor, *controls: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        f0_unit = f0_midi / spectral_ops.F0_RANGE
        x = run_net(self.net, tf.concat([f0_unit, *controls], axis=-1))
        z = tf.cast(self.dense_out(x), tf.float32)
        z_pitch, z_vel = z[..., :1], z[..., 1:]
        if self.f0_residual:
            z_pitch += f0_midi
        if self.velocity_residual:
            # From the network alone all velocities come within a few whole numbers, and
            # what is below 0 has no gradient.
            z_vel += _MOST * self._level(controls[0])
        return z_pitch, z_vel

    def _level(self, loudness: tf.Tensor) -> tf.Tensor:
        """How loud it is, near [0, 1], by the first of the controls."""
        raise NotImplementedError


@registration.register('ddsp.training.encoders')
class MidiEncoder(_NoteEncoder):
    """Turns pitch and loudness into what is quantised to notes.

    Parameters
    ----------
    net : a layer that keeps the frames, such as `nn.DilatedConvStack`; None for a dense
        layer alone.
    f0_residual : whether the pitch that comes out is the one that goes in and what the
        network adds to it.
    velocity_residual : whether the velocity that comes out is the loudness,
        from 0 to 127, and what the network adds to it.
    **kwargs : passed on to `DictLayer`.
    """

    def call(
        self, f0_midi: tf.Tensor, loudness: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Makes pitch and velocity of each frame, which are still to be quantised.

        Parameters
        ----------
        f0_midi : MIDI note numbers with fractions, `[batch, frames, 1]`.
        loudness : scaled from dB to near [0, 1], of the same shape.

        Returns
        -------
        Pitch and velocity, each `[batch, frames, 1]`.
        """
        return self._encode(f0_midi, loudness)

    def _level(self, loudness: tf.Tensor) -> tf.Tensor:
        return loudness


@registration.register('ddsp.training.encoders')
class HarmonicToMidiEncoder(_NoteEncoder):
    """Turns the controls of a synthesiser into what is quantised to notes.

    Parameters
    ----------
    net : a layer that keeps the frames, such as `nn.DilatedConvStack`; None for a dense
        layer alone.
    f0_residual : whether the pitch that comes out is the one that goes in and what the
        network adds to it.
    velocity_residual : whether the velocity that comes out is the amplitude,
        from 0 to 127, and what the network adds to it.
    **kwargs : passed on to `DictLayer`.
    """

    def call(
        self, f0_midi: tf.Tensor, amps: tf.Tensor, hd: tf.Tensor, noise: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Makes pitch and velocity of each frame, which are still to be quantised.

        Parameters
        ----------
        f0_midi : MIDI note numbers with fractions, `[batch, frames, 1]`.
        amps, hd, noise : amplitude, harmonic distribution and noise magnitudes, each
            `[batch, frames, channels]`; the first and the last as decimal logarithms.

        Returns
        -------
        Pitch and velocity, each `[batch, frames, 1]`.
        """
        return self._encode(f0_midi, amps, hd, noise)

    def _level(self, loudness: tf.Tensor) -> tf.Tensor:
        return (loudness - _QUIETEST) / (_LOUDEST - _QUIETEST)


@registration.register('ddsp.training.encoders')
class ExpressionEncoder(ZEncoder):
    """Encodes how something is played, frame by frame or for the whole recording.

    Parameters
    ----------
    net : a layer that keeps the frames, such as `nn.DilatedConvStack`; None for a dense
        layer alone.
    z_dims : channels of the latent.
    input_keys : names of the inputs. They are controls `[batch, frames, channels]` or
        `[batch, frames]`. One named `'audio'` is `[batch, samples]` and becomes
        normalised cepstra, in as many frames as the others.
    mfcc_bins : number of cepstra.
    fft_size : samples of a frame of them.
    mel_bins : number of mel bands that they are made of.
    pool_time : whether to average the latent over time.
    sample_rate : of the audio, in Hz.
    **kwargs : passed on to `ZEncoder`.
    """

    def __init__(
        self,
        net: keras.layers.Layer | None = None,
        z_dims: int = 128,
        input_keys: Sequence[str] = ('f0_scaled', 'ld_scaled'),
        mfcc_bins: int = 60,
        fft_size: int = 1024,
        mel_bins: int = 128,
        pool_time: bool = True,
        sample_rate: int = 16000,
        **kwargs: Any,
    ) -> None:
        super().__init__(input_keys=input_keys, **kwargs)
        self.net, self.z_dims, self.pool_time = net, z_dims, pool_time
        self.mfcc_bins, self.fft_size, self.mel_bins = mfcc_bins, fft_size, mel_bins
        self.sample_rate = sample_rate
        dtype = self.dtype_policy
        self.z_norm = None
        if _AUDIO_KEY in self.input_keys:
            self.z_norm = nn.Normalize('instance', dtype=dtype)
        self.dense_out = keras.layers.Dense(z_dims, dtype=dtype)

    def compute_z(self, *inputs: tf.Tensor) -> tf.Tensor:
        """Gives `[batch, frames, z_dims]`, or one frame where it is pooled.

        Parameters
        ----------
        *inputs : in the order of `input_keys`.
        """
        by_key = dict(zip(self.input_keys, inputs))
        audio = by_key.pop(_AUDIO_KEY, None)
        controls = [x if x.shape.rank > 2 else x[..., None] for x in by_key.values()]
        if audio is not None:
            mfccs = self._mfccs(audio)
            if controls:
                mfccs = core.resample(mfccs, core.tensors.size(controls[0], 1))
            controls.append(mfccs)
        z = self.dense_out(run_net(self.net, tf.concat(controls, axis=-1)))
        return tf.reduce_mean(z, axis=1, keepdims=True) if self.pool_time else z

    def _mfccs(self, audio: tf.Tensor) -> tf.Tensor:
        mfccs = compute_mfcc(
            audio,
            self.sample_rate,
            fft_size=self.fft_size,
            mel_bins=self.mel_bins,
            mfcc_bins=self.mfcc_bins,
        )
        return tf.cast(self.z_norm(mfccs), tf.float32)
