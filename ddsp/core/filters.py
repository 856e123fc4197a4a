"""Design of filters as impulse responses, and filters made of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp.core import portable, tensors
from ddsp.core.convolution import fft_convolve


def apply_window_to_impulse_response(
    impulse_response: Any, window_size: int = 0, causal: bool = False
) -> tf.Tensor:
    """Shortens an impulse response by a Hann window around its lag 0.

    The window is `0.5 + 0.5 * cos(2 * pi * lag / window_size)`, so lag 0 passes
    unchanged whether the size is even or odd; the established library puts the peak of
    an odd window at lag -1.

    Parameters
    ----------
    impulse_response : `[..., taps]`, in zero-phase form (lag 0 first, negative lags at
        the end) or causal form (lag 0 at tap `taps // 2`).
    window_size : length of the window in samples. Below 1, or at least the length of
        the response, the window is as long as the response.
    causal : whether the response is in causal form already.

    Returns
    -------
    The response in causal form. At full length, `[..., taps]` with lag 0 at tap
    `taps // 2`; with an odd `window_size`, `[..., window_size]` with lag 0 at tap
    `window_size // 2`. An even `window_size` gives `[..., window_size - 1]`, laid out
    as existing programs know it: lag 0 at tap `window_size // 2 - 2` (so give
    `fft_convolve` this `delay_compensation`, or use `frequency_filter`).

    Raises
    ------
    ValueError
        When the number of taps is not known or is 0.
    """
    response = tensors.tf_float32(impulse_response)
    lags, period = _window_lags(_known_taps(response), window_size)
    shorter = period < response.shape[-1]
    if shorter and period % 2 == 0 and len(lags) > 1:
        lags = lags + 1
    return _windowed(response, lags, period, causal)


def _known_taps(response: tf.Tensor) -> int:
    taps = response.shape[-1]
    if not taps:
        raise ValueError(
            'apply_window_to_impulse_response: impulse_response has shape '
            f'{list(response.shape)}; its number of taps must be known and above 0.'
        )
    return taps


def _window_lags(taps: int, window_size: int) -> tuple[np.ndarray, int]:
    """The lags that a Hann window leaves, and the window's period in samples."""
    if window_size < 1 or window_size >= taps:
        return np.arange(taps) - taps // 2, taps
    half = (window_size - 1) // 2
    return np.arange(-half, half + 1), window_size


def _windowed(
    response: tf.Tensor, lags: np.ndarray, period: int, causal: bool
) -> tf.Tensor:
    """Takes consecutive lags of a response, weighted by a Hann window."""
    taps, first, last = response.shape[-1], int(lags[0]), int(lags[-1])
    if causal:
        centre = taps // 2
        response = response[..., centre + first : centre + last + 1]
    else:
        negative, positive = response[..., taps + first :], response[..., : last + 1]
        response = tf.concat([negative, positive], -1) if first < 0 else positive
    hann = 0.5 + 0.5 * np.cos(2.0 * np.pi * lags / period)
    return response * hann.astype(np.float32)


def frequency_impulse_response(magnitudes: Any, window_size: int = 0) -> tf.Tensor:
    """Designs a filter without phase shift from its magnitudes over frequency.

    The inverse FFT of the magnitudes, windowed: the frequency sampling method
    (J. O. Smith, "Spectral Audio Signal Processing", chapter on FIR filter design).

    Parameters
    ----------
    magnitudes : `[..., bins]`, linear gain at equally spaced frequencies from 0 to
        Nyquist, both included; at least 2 bins.
    window_size : length of the window in samples; below 1, the full response of
        `2 * (bins - 1)` taps. See `apply_window_to_impulse_response`.

    Returns
    -------
    Impulse response in causal form, `[..., taps]`.

    Raises
    ------
    ValueError
        When the number of bins is not known or is below 2.

    Examples
    --------
    >>> import numpy as np
    >>> int(np.argmax(frequency_impulse_response(np.ones(5))))
    4

    """
    zero_phase = _zero_phase_response(magnitudes, 'frequency_impulse_response')
    return apply_window_to_impulse_response(zero_phase, window_size)


def _zero_phase_response(magnitudes: Any, where: str) -> tf.Tensor:
    magnitudes = tensors.tf_float32(magnitudes)
    if magnitudes.shape.rank == 0 or (magnitudes.shape[-1] or 0) < 2:
        raise ValueError(
            f'{where}: magnitudes has shape {list(magnitudes.shape)}, expected '
            '[..., bins] with a known number of at least 2 bins.'
        )
    if portable.is_portable():
        return portable.inverse_of_magnitudes(magnitudes)
    return tf.signal.irfft(tf.complex(magnitudes, tf.zeros_like(magnitudes)))


def frequency_filter(
    audio: Any,
    magnitudes: Any,
    window_size: int = 0,
    padding: str = 'same',
    crossfade: bool = False,
) -> tf.Tensor:
    """Filters audio by magnitudes over frequency, without delay or phase shift.

    The established library delays audio by 2 samples here.

    Parameters
    ----------
    audio : `[batch, samples]`.
    magnitudes : `[batch, bins]`, or `[batch, frames, bins]` for a filter that changes
        from frame to frame: linear gain from 0 Hz to Nyquist.
    window_size : length in samples of the window on the impulse response; below 1, the
        full response of `2 * (bins - 1)` taps.
    padding : `'same'` keeps the length of the audio, `'valid'` the whole tail.
    crossfade : fade from each frame's filter to the next, see `fft_convolve`.

    Returns
    -------
    Filtered audio, `[batch, samples]`, or longer with `'valid'`. An impulse through a
    flat filter stays at its sample.

    Raises
    ------
    ValueError
        As `fft_convolve` and `frequency_impulse_response`.

    Examples
    --------
    >>> audio = [[1.0, 2.0, 3.0, 4.0]]
    >>> half = tf.fill([1, 1, 5], 0.5)  # The same gain in all bands.
    >>> frequency_filter(audio, half).numpy().round(4).tolist()
    [[0.5, 1.0, 1.5, 2.0]]
    """
    response = centred_response(magnitudes, window_size, 'frequency_filter')
    return fft_convolve(audio, response, padding, crossfade=crossfade)


def centred_response(magnitudes: Any, window_size: int, where: str) -> tf.Tensor:
    """The response of `frequency_filter`, `[..., taps]`, lag 0 at tap `taps // 2`."""
    zero_phase = _zero_phase_response(magnitudes, where)
    lags, period = _window_lags(zero_phase.shape[-1], window_size)
    return _windowed(zero_phase, lags, period, causal=False)


def window_taps(window_size: int, n_bins: int | None = None) -> int | None:
    """How many taps the response of `frequency_filter` has, or at most has.

    Parameters
    ----------
    window_size : see `frequency_filter`.
    n_bins : bins of the magnitudes; None for the most taps the window allows.

    Returns
    -------
    The number, or None where it depends on the bins and these are not known.
    """
    if n_bins is None and window_size < 1:
        return None
    taps = window_size + 1 if n_bins is None else 2 * (n_bins - 1)
    return len(_window_lags(taps, window_size)[0])


def sinc(x: Any, threshold: float = 1e-20) -> tf.Tensor:
    """Computes `sin(pi * x) / (pi * x)`, which is 1 at 0, with a gradient there too.

    Parameters
    ----------
    x : of any shape.
    threshold : magnitude below which the power series of the function is used. A small
        value is raised to 1e-3, from where the quotient's own gradient is exact.

    Returns
    -------
    Tensor of the same shape.

    Examples
    --------
    >>> round(float(sinc(0.0)), 4), round(float(sinc(0.5)), 4)  # 1 and 2 / pi.
    (1.0, 0.6366)
    """
    x = tf.convert_to_tensor(x)
    x = x if x.dtype == tf.float64 else tf.cast(x, tf.float32)
    y = math.pi * x
    small = tf.abs(x) < max(threshold, 1e-3)
    safe = tf.where(small, tf.ones_like(y), y)
    square = tf.where(small, y, tf.zeros_like(y)) ** 2
    series = 1.0 - square / 6.0 * (1.0 - square / 20.0)
    return tf.where(small, series, tf.sin(safe) / safe)


def sinc_impulse_response(
    cutoff_frequency: Any,
    window_size: int = 512,
    sample_rate: float | None = None,
    high_pass: bool = False,
) -> tf.Tensor:
    """Designs a low-pass or high-pass filter: a sinc under a Hamming window.

    The argument is left as it is; the established library writes into it.

    Parameters
    ----------
    cutoff_frequency : `[..., 1]` or a scalar, in Hz; or, without a sample rate, as a
        part of Nyquist in [0, 1].
    window_size : the filter has `2 * (window_size // 2) + 1` taps.
    sample_rate : samples per second, or `None`.
    high_pass : pass what is above the cutoff instead of what is below.

    Returns
    -------
    Impulse response, `[..., taps]`, lag 0 in the middle. The gain of the low-pass at
    0 Hz is 1.

    Raises
    ------
    ValueError
        When `cutoff_frequency` has more than one channel.

    Examples
    --------
    >>> taps = sinc_impulse_response(1000.0, window_size=64, sample_rate=16000)
    >>> taps.shape, round(float(tf.reduce_sum(taps)), 5)  # The gain at 0 Hz is 1.
    (TensorShape([65]), 1.0)
    """
    cutoff = tensors.tf_float32(cutoff_frequency)
    if cutoff.shape.rank == 0:
        cutoff = cutoff[tf.newaxis]
    if cutoff.shape[-1] not in (None, 1):
        raise ValueError(
            f'sinc_impulse_response: cutoff_frequency has shape {list(cutoff.shape)}, '
            'expected [..., 1].'
        )
    if sample_rate is not None:
        cutoff = cutoff * (2.0 / sample_rate)
    half = window_size // 2
    lags = np.arange(-half, half + 1, dtype=np.float32)
    response = sinc(cutoff * lags) * np.hamming(2 * half + 1).astype(np.float32)
    response /= tf.reduce_sum(response, axis=-1, keepdims=True)
    if high_pass:
        return (lags == 0).astype(np.float32) - response
    return response


def sinc_filter(
    audio: Any,
    cutoff_frequency: Any,
    window_size: int = 512,
    sample_rate: float | None = None,
    padding: str = 'same',
    high_pass: bool = False,
    crossfade: bool = False,
) -> tf.Tensor:
    """Filters audio by a windowed sinc, without delay.

    The established library delays audio by 1 sample here.

    Parameters
    ----------
    audio : `[batch, samples]`.
    cutoff_frequency : `[batch, 1]`, or `[batch, frames, 1]` for a cutoff that changes
        from frame to frame; in Hz, or a part of Nyquist without a sample rate.
    window_size : the filter has `2 * (window_size // 2) + 1` taps; more are steeper.
    sample_rate : samples per second, or `None`.
    padding : `'same'` keeps the length of the audio, `'valid'` the whole tail.
    high_pass : pass what is above the cutoff instead of what is below.
    crossfade : fade from each frame's filter to the next, see `fft_convolve`.

    Returns
    -------
    Filtered audio, `[batch, samples]`, or longer with `'valid'`.

    Raises
    ------
    ValueError
        As `fft_convolve` and `sinc_impulse_response`.

    Examples
    --------
    >>> audio = tf.ones([1, 256])  # 0 Hz.
    >>> low = sinc_filter(audio, [[1000.0]], window_size=64, sample_rate=16000)
    >>> high = sinc_filter(audio, [[1000.0]], 64, 16000, high_pass=True)
    >>> round(float(low[0, 128]), 3), round(abs(float(high[0, 128])), 3)
    (1.0, 0.0)
    """
    response = sinc_impulse_response(
        cutoff_frequency, window_size, sample_rate, high_pass
    )
    return fft_convolve(audio, response, padding, crossfade=crossfade)
