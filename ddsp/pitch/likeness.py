"""How alike a sound is to itself some time earlier, for each lag."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ddsp.core.portable import log
from ddsp.streaming.spectra import fold, folded_transform

# Lags are read at this fraction of a sample.
FINE = 4
# Pitches an octave, of those that are told apart.
PER_OCTAVE = 48
# So many lags are read off one copy of a window.
_STRIDE = 32
# Samples to either side that a value between two lags is made of.
_REACH = 6
# Quieter than -90 dB is not alike to anything.
_LEAST_POWER = 1e-9
# Harmonics above it tell nothing more about the octave, in Hz.
_HIGHEST_HZ = 5000.0
# Power of the magnitudes, of 2 in an autocorrelation as usual. Weak harmonics, which
# tell octaves apart, count for more (Tolonen and Karjalainen, 2000).
_COMPRESSION = 0.67
# Power of noise that quiet bins are taken to hold.
_NOISE = 1e-7


class Lags:
    """Lags, in steps of `1 / FINE` of a sample, and the pitches that they stand for.

    Parameters
    ----------
    sample_rate : in Hz.
    fmin, fmax : range of f0, in Hz.

    Attributes
    ----------
    f0_hz : the pitches, from low to high, `PER_OCTAVE` of them an octave.
    low, high : the first and last fine lag of each.
    members : the fine lags of each, `[pitches, most]`; the last one fills up.
    """

    def __init__(self, sample_rate: float, fmin: float, fmax: float) -> None:
        self.sample_rate = sample_rate
        self.longest = int(1.02 * sample_rate / fmin) + 3
        self.n_fine = self.longest * FINE
        self.n_pitches = round(PER_OCTAVE * np.log2(fmax / fmin)) + 1
        self.f0_hz = fmin * 2.0 ** (np.arange(self.n_pitches) / PER_OCTAVE)
        lags, half = FINE * sample_rate / self.f0_hz, 2.0 ** (0.5 / PER_OCTAVE)
        low, high = np.ceil(lags / half), np.floor(lags * half)
        # A pitch that no fine lag falls on has the nearest.
        empty = low > high
        self.low = np.where(empty, np.round(lags), low).astype(int)
        self.high = np.where(empty, np.round(lags), high).astype(int)
        width = int((self.high - self.low).max()) + 1
        self.members = np.minimum(
            self.low[:, np.newaxis] + np.arange(width), self.high[:, np.newaxis]
        )


class Likeness:
    """The normalised autocorrelation of windows, at fine lags.

    It is `2 sum(x[i] x[i + lag]) / sum(x[i]^2 + x[i + lag]^2)` (McLeod and Wyvill,
    2005), over as many products for each lag, weighted by half a sine, and with the
    middle of both parts in the middle of the window. Lags that are short for the sound
    make it alike to itself without being periods. They end where the likeness first
    falls below 0, and are left out.

    Parameters
    ----------
    lags : which.
    window_size : samples of a window.
    dtype : of windows.
    """

    def __init__(self, lags: Lags, window_size: int, dtype: str = 'float32') -> None:
        self._lags, self._dtype = lags, dtype
        shifts = _STRIDE * np.arange(-(-(lags.longest + _REACH) // _STRIDE))
        place = np.arange(window_size)
        later = place + np.arange(_STRIDE)[:, np.newaxis]
        self._later = np.minimum(later, window_size - 1)
        self._earlier = np.maximum(place[:, np.newaxis] - shifts, 0)
        self._weights = _weights(window_size, shifts).astype(dtype).T
        self._floor = 2.0 * _LEAST_POWER * float(self._weights[:, 0].sum())
        taps = np.arange(1 - _REACH, _REACH + 1)
        # An autocorrelation is the same to either side of lag 0.
        self._around = np.abs(np.arange(lags.longest)[:, np.newaxis] + taps)
        self._kernel = _between(taps).astype(dtype)

    def __call__(self, windows: tf.Tensor) -> tf.Tensor:
        """Gives `[batch, n, n_fine]`, from -1 to 1, of `[batch, n, window_size]`."""
        n_frames = (
            tf.shape(windows)[1] if windows.shape[1] is None else windows.shape[1]
        )
        later = tf.gather(windows, self._later, axis=-1)
        # Gathered as the product wants it: onnxruntime (1.23) takes a transposition
        # before a product into it, and then has no such product in float64.
        earlier = tf.gather(windows, self._earlier, axis=-1)
        weighted = earlier * self._weights
        # Tables multiply by tensordot: a matmul would broadcast them over frames, and
        # broadcasting products of several frames have crashed TensorFlow on CPU.
        power = tf.tensordot(tf.square(later), self._weights, 1)
        power += tf.reduce_sum(weighted * earlier, axis=-2, keepdims=True)
        likeness = 2.0 * tf.matmul(later, weighted) / (power + self._floor)
        likeness = tf.transpose(likeness, [0, 1, 3, 2])
        n_shifts = self._weights.shape[1]
        likeness = tf.reshape(likeness, [-1, n_frames, n_shifts * _STRIDE])
        fine = tf.tensordot(tf.gather(likeness, self._around, axis=-1), self._kernel, 1)
        fine = tf.reshape(fine, [-1, n_frames, self._lags.n_fine])
        return tf.where(self._after_fall(fine), fine, -tf.ones_like(fine))

    def _after_fall(self, likeness: tf.Tensor) -> tf.Tensor:
        """Which lags come after the first that is not alike."""
        order = np.arange(self._lags.n_fine, dtype=self._dtype)
        never = order.dtype.type(self._lags.n_fine)
        fell = tf.where(likeness < 0.0, order, never * tf.ones_like(likeness))
        return order > tf.reduce_min(fell, axis=-1, keepdims=True)


class Regularity:
    """How evenly the harmonics of windows are spaced, for each pitch.

    It is an autocorrelation too, of a spectrum whose magnitudes are compressed: one
    octave above the pitch, where the even harmonics alone would fit, it is far lower,
    however strong they are.

    Parameters
    ----------
    lags : whose pitches.
    window_size : samples of a window, even.
    dtype : of windows.
    """

    def __init__(self, lags: Lags, window_size: int, dtype: str = 'float32') -> None:
        n_bins = min(
            int(_HIGHEST_HZ * window_size / lags.sample_rate), window_size // 2
        )
        tables = folded_transform(window_size, n_bins)
        self._cosines, self._sines = (x.astype(dtype) for x in tables)
        bins_hz = lags.sample_rate / window_size * np.arange(1, n_bins + 1)
        # Below the lowest pitch there is rumble.
        heard = np.where(bins_hz >= 0.8 * lags.f0_hz[0], 1.0, 0.0)
        self._heard = heard.astype(dtype)
        turns = bins_hz[:, np.newaxis] / lags.f0_hz
        self._back = np.cos(2.0 * np.pi * turns).astype(dtype)

    def __call__(self, windows: tf.Tensor) -> tf.Tensor:
        """Gives `[batch, n, pitches]`, from -1 to 1, of `[batch, n, window_size]`."""
        sums, differences = fold(windows)
        real = tf.tensordot(sums, self._cosines, 1)
        imaginary = tf.tensordot(differences, self._sines, 1)
        power = tf.square(real) + tf.square(imaginary)
        magnitude = tf.exp(0.5 * _COMPRESSION * log(power + _NOISE))
        magnitude *= self._heard
        total = tf.reduce_sum(magnitude, axis=-1, keepdims=True)
        return tf.tensordot(magnitude, self._back, 1) / total


def largest(x: tf.Tensor, keepdims: bool = False) -> tf.Tensor:
    """The maximum along the last axis.

    The converter to ONNX makes a pooling of `reduce_max`, and of `reduce_mean`, which
    onnxruntime has in float32 alone.
    """
    return -tf.reduce_min(-x, axis=-1, keepdims=keepdims)


def _weights(window_size: int, shifts: np.ndarray) -> np.ndarray:
    """The weight of each product, by the later sample's place, `[shifts, samples]`."""
    length = window_size - shifts[-1] - _STRIDE
    starts = (window_size - shifts - _STRIDE - length) // 2 + shifts
    offset = np.arange(window_size) - starts[:, np.newaxis]
    weights = np.sin(np.pi * (offset + 0.5) / length)
    inside = (offset >= 0) & (offset < length)
    return np.where(inside, weights, 0.0)


def _between(taps: np.ndarray) -> np.ndarray:
    """A windowed sinc that reads between samples, `[taps, FINE]`."""
    distance = np.arange(FINE) / FINE - taps[:, np.newaxis]
    window = np.cos(np.pi * distance / (2 * _REACH)) ** 2
    return np.sinc(distance) * window
