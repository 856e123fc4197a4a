"""The same signals, made of operations that every runtime of exported models has.

TensorFlow's Fourier transforms and complex numbers are missing where models play
outside of Python, and in TensorFlow Lite float64 is. Within `portable_ops` the
functions of the library that need them take what is here in their place: products of
small matrices, and phase in whole numbers (see `ddsp.core.whole_phase`). It is for
blocks of a known size, of one stream, and without gradients.
"""

from __future__ import annotations

import contextlib
import contextvars
import math
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from ddsp.core.tensors import pad_axis, size

# Longer responses are convolved by their spectra.
_SHORT_RESPONSE = 512

_PORTABLE = contextvars.ContextVar('ddsp_portable', default=False)


@contextlib.contextmanager
def portable_ops() -> Iterator[None]:
    """Makes what is traced inside of operations that every runtime has.

    States made inside have other types than those made outside.

    Examples
    --------
    >>> import ddsp
    >>> synth = ddsp.synths.Harmonic(n_samples=None)
    >>> with portable_ops():
    ...     state = synth.initial_state()
    >>> state['memory']['cycles'].dtype
    tf.int64
    """
    token = _PORTABLE.set(True)
    try:
        yield
    finally:
        _PORTABLE.reset(token)


def is_portable() -> bool:
    """Whether this is within `portable_ops`."""
    return _PORTABLE.get()


def log(x: tf.Tensor) -> tf.Tensor:
    """The natural logarithm, in float64 where `x` is.

    The converter to ONNX takes that in float32 alone: here follows one step of Halley's
    method for `exp(y) = x`, which leaves the third power of that error.

    Parameters
    ----------
    x : float32 or float64, within the range of normal float32 and above 0.
    """
    if x.dtype != tf.float64:
        return tf.math.log(x)
    near = tf.cast(tf.math.log(tf.cast(x, tf.float32)), tf.float64)
    there = tf.exp(near)
    return near + 2.0 * (x - there) / (x + there)


def inverse_of_magnitudes(magnitudes: tf.Tensor) -> tf.Tensor:
    """The inverse Fourier transform of a real spectrum, as `tf.signal.irfft` gives it.

    Parameters
    ----------
    magnitudes : float32 `[..., bins]`, from 0 Hz to Nyquist.

    Returns
    -------
    float32 `[..., 2 * (bins - 1)]`.
    """
    n_bins = magnitudes.shape[-1]
    n = 2 * (n_bins - 1)
    angles = 2.0 * np.pi * np.outer(np.arange(n_bins), np.arange(n)) / n
    return _product(magnitudes, _both_sides(n_bins)[:, np.newaxis] * np.cos(angles) / n)


def convolve(frames: tf.Tensor, responses: tf.Tensor) -> tf.Tensor:
    """Convolves each frame with its response.

    Parameters
    ----------
    frames : float32 `[batch, frames, samples]`.
    responses : float32 `[batch, frames, taps]`; either axis may be 1.

    Returns
    -------
    float32 `[batch, frames, samples + taps - 1]`.
    """
    short, long = sorted([frames, responses], key=lambda x: x.shape[-1])
    n, longest = short.shape[-1], long.shape[-1]
    length = n + longest - 1
    if n > _SHORT_RESPONSE:
        n_fft = _composite(length)
        a, b = (rfft(pad_axis(x, (0, n_fft - x.shape[-1]), -1)) for x in (short, long))
        return irfft(multiply(a, b), n_fft)[..., :length]
    # Each row, one sample longer than it should be, pushes the next one to its place.
    rows = short[..., tf.newaxis] * long[:, :, tf.newaxis]
    rows = pad_axis(rows, (0, n), axis=-1)
    shape = [size(rows, 0), size(rows, 1)]
    rows = tf.reshape(rows, [*shape, n * (length + 1)])[..., : n * length]
    return tf.reduce_sum(tf.reshape(rows, [*shape, n, length]), axis=2)


def rfft(x: tf.Tensor) -> tf.Tensor:
    """The Fourier transform of real numbers.

    Parameters
    ----------
    x : float32 `[..., n]`, with n even.

    Returns
    -------
    float32 `[..., n + 2]`: the real parts of `n / 2 + 1` bins, then the imaginary ones.
    """
    n_bins = x.shape[-1] // 2 + 1
    re, im = _fourier(x, tf.zeros_like(x), sign=-1.0)
    return tf.concat([re[..., :n_bins], im[..., :n_bins]], axis=-1)


def irfft(spectra: tf.Tensor, n: int) -> tf.Tensor:
    """Undoes `rfft`.

    Parameters
    ----------
    spectra : float32 `[..., n + 2]`.
    n : an even number.

    Returns
    -------
    float32 `[..., n]`.
    """
    n_bins = n // 2 + 1
    # The bins beyond Nyquist repeat the others: these count twice instead.
    weights = tf.constant(_both_sides(n_bins) / n, tf.float32)
    re, im = tf.split(spectra, 2, axis=-1)
    re, im = (pad_axis(x * weights, (0, n - n_bins), axis=-1) for x in (re, im))
    return _fourier(re, im, sign=1.0)[0]


def multiply(a: tf.Tensor, b: tf.Tensor, axis: int = -1) -> tf.Tensor:
    """The product of spectra whose real and imaginary parts lie one after the other.

    Parameters
    ----------
    a, b : float32, real parts and then imaginary parts along `axis`.
    axis : of the bins.
    """
    a_re, a_im = tf.split(a, 2, axis)
    b_re, b_im = tf.split(b, 2, axis)
    return tf.concat([a_re * b_re - a_im * b_im, a_re * b_im + a_im * b_re], axis)


def _both_sides(n_bins: int) -> np.ndarray:
    """For how many bins of a whole spectrum each of half a spectrum stands."""
    return np.where(np.arange(n_bins) % (n_bins - 1) == 0, 1.0, 2.0)


def _fourier(re: tf.Tensor, im: tf.Tensor, sign: float) -> tuple[tf.Tensor, tf.Tensor]:
    """The sums of `x_n exp(sign 2 pi i k n / N)` over n, `[..., N]`, unscaled.

    With `N = N1 N2`, `n = N2 n1 + n2` and `k = k1 + N1 k2` these are sums over n1, a
    factor for each k1 and n2, and sums over n2 (W. M. Gentleman and G. Sande, "Fast
    Fourier transforms: for fun and profit", 1966): two products with small matrices in
    place of one with a large matrix.
    """
    shape, n = [size(re, i) for i in range(re.shape.rank)], re.shape[-1]
    n1 = _factor(n)
    n2 = n // n1
    re, im = (tf.reshape(x, [-1, n1, n2]) for x in (re, im))
    re, im = _small_fourier(re, im, sign)  # [rows, n2, k1]
    turn = sign * 2.0 * np.pi * np.outer(np.arange(n2), np.arange(n1)) / n
    cos, sin = (tf.constant(f(turn), tf.float32) for f in (np.cos, np.sin))
    re, im = re * cos - im * sin, re * sin + im * cos
    re, im = _small_fourier(re, im, sign)  # [rows, k1, k2]
    return tuple(tf.reshape(tf.transpose(x, [0, 2, 1]), shape) for x in (re, im))


def _small_fourier(
    re: tf.Tensor, im: tf.Tensor, sign: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Transforms axis 1 of three, which becomes the last."""
    n = re.shape[1]
    x = tf.transpose(tf.concat([re, im], axis=1), [0, 2, 1])
    angles = sign * 2.0 * np.pi * np.outer(np.arange(n), np.arange(n)) / n
    cos, sin = np.cos(angles), np.sin(angles)
    return tf.split(_product(x, np.block([[cos, sin], [-sin, cos]])), 2, axis=-1)


def _product(x: tf.Tensor, matrix: np.ndarray) -> tf.Tensor:
    """Multiplies the last axis by a matrix, in float32."""
    shape = [size(x, i) for i in range(x.shape.rank - 1)]
    rows = tf.reshape(x, [-1, matrix.shape[0]])
    product = tf.matmul(rows, tf.constant(matrix, tf.float32))
    return tf.reshape(product, [*shape, matrix.shape[1]])


def _factor(n: int) -> int:
    """The largest factor that is not above the root."""
    return next(i for i in range(math.isqrt(n), 0, -1) if n % i == 0)


def _composite(n: int) -> int:
    """The next even number whose factors make the transform quick."""
    root = math.isqrt(max(n - 1, 0)) + 1
    root += root % 2
    return root * root
