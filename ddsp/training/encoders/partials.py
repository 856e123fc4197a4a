"""Small encoders that look for partials where they are, the same way everywhere.

A network that moves along frequency as well as along time has a hundredth of the
weights of one that sees all of a spectrogram at once, and learns from as much less.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ddsp import core, registration, spectral_ops
from ddsp.training import nn

# Bins of the spectrum that a band has of its own, and sees to each side.
_BINS, _BEYOND = 4, 4
_FLOOR = 1e-5
# Where harmonics of a fundamental, and what speaks against it, stand: its multiples.
_MULTIPLES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0.5, 1.5, 2.5, 3.5, 1 / 3, 2 / 3, 4 / 3)
_STEPS_A_SEMITONE = 4
# Width of what stands for a sinusoid on the axis of pitch, in semitones.
_WIDTH = 0.35


@registration.register('ddsp.training.encoders')
class BandSinusoidalEncoder(nn.DictLayer):
    """Looks for one sinusoid in each of many equal bands of frequency.

    Where a sinusoid lies is first read off the spectrum by reassignment, from the rate
    at which its phase turns. A small network that is the same for all bands reads the
    logarithmic spectrum around each, corrects the frequency, and tells how loud the
    sinusoid is, or that there is none. To be used with `core.frequencies_linear_bands`.

    Parameters
    ----------
    ch : channels of the network.
    n_noise : bands of the noise.
    fft_size : samples of a frame; a band is four bins of it wide.
    overlap : part of a frame that the next one shares.
    reach : as in `core.frequencies_linear_bands`.
    **kwargs : passed on to `DictLayer`.

    References
    ----------
    Auger, Flandrin 1995, "Improving the readability of time-frequency and time-scale
    representations by the reassignment method".
    """

    output_keys = ('frequencies', 'amplitudes', 'noise_magnitudes')

    def __init__(
        self,
        ch: int = 32,
        n_noise: int = 65,
        fft_size: int = 1024,
        overlap: float = 0.5,
        reach: float = 1.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.ch, self.n_noise = ch, n_noise
        self.fft_size, self.overlap, self.reach = fft_size, overlap, reach
        width = _BINS + 2 * _BEYOND
        given = {'activation': 'relu', 'dtype': self.dtype_policy}
        self.look = keras.layers.Conv2D(ch, (3, width), (1, _BINS), **given)
        self.hidden = keras.layers.Conv2D(ch, (1, 3), padding='same', **given)
        self.dense_out = keras.layers.Dense(2, dtype=self.dtype_policy)
        self.noise_out = keras.layers.Dense(n_noise, dtype=self.dtype_policy)

    def call(self, audio: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Gives raw controls, a frame for each hop.

        Parameters
        ----------
        audio : `[batch, samples]`.

        Returns
        -------
        Frequencies and amplitudes `[batch, frames, bands]` and noise magnitudes
        `[batch, frames, n_noise]`, not scaled. Frame `i` is about sample `i * hop`.
        """
        magnitudes, deviation = self._reassigned(audio)
        # A sine of amplitude 1 has a quarter of the window's length.
        levels = tf.math.log(magnitudes / (self.fft_size / 4) + _FLOOR)
        levels = levels / -np.log(_FLOOR) + 1.0
        x = tf.stack([levels, tf.clip_by_value(deviation, -2.0, 2.0) / 2.0], axis=-1)
        padding = [[0, 0], [1, 1], [_BEYOND, _BEYOND], [0, 0]]
        x = self.hidden(self.look(tf.pad(x, padding, mode='REFLECT')))
        told = tf.cast(self.dense_out(x), tf.float32)
        correction, amplitudes = tf.unstack(told, axis=-1)
        frequencies = self._in_bands(magnitudes, deviation) + 0.1 * correction
        # How loud bands are tells of the noise between the sinusoids.
        noise = self.noise_out(tf.reduce_mean(x, axis=-1))
        return frequencies, amplitudes, tf.cast(noise, tf.float32)

    def _reassigned(self, audio: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Magnitudes, and how many bins away what each bin holds is.

        Both `[batch, frames, fft_size / 2]`.
        """
        size = self.fft_size
        hop = round(size * (1.0 - self.overlap))
        n_frames = core.tensors.size(audio, 1) // hop
        centred = spectral_ops.pad(audio, size, hop)
        frames = tf.signal.frame(centred, size, hop)[:, :n_frames]
        turn = 2.0 * np.pi * np.arange(size) / size
        window = tf.constant(0.5 - 0.5 * np.cos(turn), tf.float32)
        # Its slope, so that the quotient is in bins.
        slope = tf.constant(0.5 * np.sin(turn), tf.float32)
        spectrum = tf.signal.rfft(frames * window)[..., :-1]
        turned = tf.signal.rfft(frames * slope)[..., :-1]
        power = tf.square(tf.abs(spectrum))
        crossed = tf.math.imag(turned * tf.math.conj(spectrum))
        deviation = core.safe_divide(-crossed, power + _FLOOR)
        return tf.sqrt(power + 1e-12), deviation

    def _in_bands(self, magnitudes: tf.Tensor, deviation: tf.Tensor) -> tf.Tensor:
        """Where the sinusoid of each band lies, as `frequencies_linear_bands` takes it.

        The reassigned frequencies of the bins of a band, weighed by their powers.
        """
        shape = [core.tensors.size(magnitudes, axis) for axis in range(2)]
        shape = [*shape, self.fft_size // 2 // _BINS, _BINS]
        power = tf.reshape(tf.square(magnitudes), shape)
        bins = tf.reshape(deviation, shape) + tf.range(_BINS, dtype=tf.float32)
        total = tf.reduce_sum(power, axis=-1) + 1e-12
        mean = tf.reduce_sum(power * bins, axis=-1) / total
        # Half widths of a band from its middle.
        place = (mean - _BINS / 2) / (_BINS / 2) / self.reach
        return tf.atanh(tf.clip_by_value(place, -0.999, 0.999))


@registration.register('ddsp.training.encoders')
class SalienceHarmonicEncoder(nn.DictLayer):
    """Finds the fundamental whose multiples sinusoids are, and gathers them.

    For each pitch of a fine scale a small network sees how loud sinusoids are at its
    multiples, and at some fractions of it, which speak against it. The fundamental is
    the mean of pitches, weighed by a softmax over what the network says of each.
    Amplitude and harmonic distribution are those of the sinusoids near its multiples
    (`core.sinusoidal_to_harmonic`).

    Parameters
    ----------
    n_harmonics : harmonics of the tone.
    ch : channels of the network.
    midi_min, midi_max : range of pitches, as MIDI note numbers.
    sample_rate : in Hz. Harmonics at or above half of it are silent.
    spread_weight : weight of a loss of the layer's own: how wide the weights are
        spread, in semitones. Without it training finds weights on both sides of the
        truth whose mean is right.
    **kwargs : passed on to `DictLayer`.
    """

    output_keys = ('harm_amp', 'harm_dist', 'f0_hz', 'f0_confidence')

    def __init__(
        self,
        n_harmonics: int = 32,
        ch: int = 16,
        midi_min: float = 34.0,
        midi_max: float = 96.0,
        sample_rate: int = 16000,
        spread_weight: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.spread_weight = spread_weight
        self.n_harmonics, self.ch, self.sample_rate = n_harmonics, ch, sample_rate
        self.midi_min, self.midi_max = midi_min, midi_max
        dtype = self.dtype_policy
        given = {'padding': 'same', 'activation': 'relu', 'dtype': dtype}
        self.look = keras.layers.Conv2D(ch, (3, 1), **given)
        self.hidden = keras.layers.Conv2D(ch, (3, 3), **given)
        # Training begins with: harmonics speak for a pitch, what is between them
        # against it; and next to nothing of the network.
        little = keras.initializers.RandomNormal(stddev=0.01)
        self.salience_out = keras.layers.Dense(
            1, kernel_initializer=little, dtype=dtype
        )
        first = keras.initializers.Constant(_first_guess()[:, np.newaxis])
        self.guess = keras.layers.Dense(
            1, use_bias=False, kernel_initializer=first, dtype=dtype
        )

    def call(
        self, sin_freqs: tf.Tensor, sin_amps: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Gives amplitude, harmonic distribution, f0, and how sure it is of f0.

        Parameters
        ----------
        sin_freqs : in Hz, `[batch, frames, sinusoids]`.
        sin_amps : linear, of the same shape.

        Returns
        -------
        The amplitude `[batch, frames, 1]`, the distribution
        `[batch, frames, n_harmonics]`, which sums to 1, f0 in Hz and the part of the
        weight of pitches within a semitone of it, both `[batch, frames, 1]`.
        """
        x = self._at_multiples(sin_freqs, sin_amps)
        salience = self.guess(x) + self.salience_out(self.hidden(self.look(x)))
        salience = tf.cast(salience[..., 0], tf.float32)
        weights = tf.nn.softmax(salience, axis=-1)
        pitches = tf.constant(self._pitches(), tf.float32)
        midi = tf.reduce_sum(weights * pitches, axis=-1, keepdims=True)
        if self.spread_weight > 0.0:
            self.add_loss(self.spread_weight * _spread(weights, pitches - midi))
        near = tf.cast(tf.abs(pitches - midi) <= 1.0, tf.float32)
        confidence = tf.reduce_sum(weights * near, axis=-1, keepdims=True)
        f0_hz = core.midi_to_hz(midi)
        amplitude, distribution = core.sinusoidal_to_harmonic(
            sin_amps,
            sin_freqs,
            f0_hz,
            n_harmonics=self.n_harmonics,
            sample_rate=self.sample_rate,
        )
        return amplitude, distribution, f0_hz, confidence

    def _pitches(self) -> np.ndarray:
        steps = round((self.midi_max - self.midi_min) * _STEPS_A_SEMITONE)
        return self.midi_min + np.arange(steps + 1) / _STEPS_A_SEMITONE

    def _at_multiples(self, sin_freqs: tf.Tensor, sin_amps: tf.Tensor) -> tf.Tensor:
        """Levels at multiples of each pitch, `[batch, frames, pitches, multiples]`."""
        offsets = np.round(12.0 * np.log2(_MULTIPLES) * _STEPS_A_SEMITONE).astype(int)
        pitches = self._pitches()
        lowest = pitches[0] + offsets.min() / _STEPS_A_SEMITONE
        n_all = len(pitches) + offsets.max() - offsets.min()
        grid = lowest + np.arange(n_all) / _STEPS_A_SEMITONE
        distance = core.hz_to_midi(sin_freqs)[..., tf.newaxis] - tf.constant(
            grid, tf.float32
        )
        bumps = tf.exp(-0.5 * tf.square(distance / _WIDTH))
        levels = tf.einsum('btn,btng->btg', sin_amps, bumps)
        # Compressed, and relative to the loudest: pitch is no matter of level.
        levels = tf.pow(levels + _FLOOR, 0.3)
        levels /= tf.reduce_max(levels, axis=-1, keepdims=True)
        first = offsets - offsets.min()
        parts = [levels[..., start : start + len(pitches)] for start in first]
        return tf.stack(parts, axis=-1)


def _spread(weights: tf.Tensor, distances: tf.Tensor) -> tf.Tensor:
    """Mean over frames of the standard deviation of pitches, a scalar."""
    variance = tf.reduce_sum(weights * tf.square(distances), axis=-1)
    # The slope of a root at zero is infinite.
    return tf.reduce_mean(tf.sqrt(variance + 1e-4))


def _first_guess() -> np.ndarray:
    """Weights of levels at multiples of a pitch, `[multiples]`."""
    multiples = np.array(_MULTIPLES)
    whole = multiples == np.round(multiples)
    return np.where(whole, 3.0 / np.sqrt(multiples), -2.0)
