"""Oscillators: sums of sines from frequencies and amplitudes."""

from __future__ import annotations

from typing import Any

import gin
import tensorflow as tf

from ddsp.core.banks import TWO_PI, play
from ddsp.core.checks import check_not_empty, check_rank, check_same_size
from ddsp.core.float32_phase import drifting_harmonics
from ddsp.core.grids import TAP_OFFSETS, FrameGrid, frame_grid
from ddsp.core.harmonic_bank import harmonic_kernel
from ddsp.core.harmonics import (
    get_harmonic_frequencies,
    normalize_harmonics,
    remove_above_nyquist,
)
from ddsp.core.phase import cycles_from_envelope, to_radians
from ddsp.core.resampling import check_whole_hop
from ddsp.core.sinusoid_bank import sinusoid_kernel
from ddsp.core.tensors import size, tf_float32


@gin.configurable(module='ddsp.core')
def angular_cumsum(angular_frequency: Any, chunk_size: int = 1000) -> tf.Tensor:
    """Sums angular frequency over time, exactly at any length.

    Unlike the established library's, it neither drifts nor needs a known batch size or
    a single channel.

    Parameters
    ----------
    angular_frequency : `[batch, samples, ...]`, in radians a sample.
    chunk_size : kept for programs that give it; the sum is exact without chunks.

    Returns
    -------
    float32 phase of the same shape, in radians, wrapped to [-pi, pi]. The step of a
    sample is part of its own phase.

    Examples
    --------
    >>> import math
    >>> eighth = math.pi / 4  # Of a cycle, each sample.
    >>> (angular_cumsum([[eighth] * 3]).numpy() / math.pi).round(4).tolist()
    [[0.25, 0.5, 0.75]]
    """
    del chunk_size
    omega = tf_float32(angular_frequency)
    return to_radians(cycles_from_envelope(omega, TWO_PI))


@gin.configurable(module='ddsp.core')
def oscillator_bank(
    frequency_envelopes: Any,
    amplitude_envelopes: Any,
    sample_rate: float = 16000,
    sum_sinusoids: bool = True,
    use_angular_cumsum: bool = False,
) -> tf.Tensor:
    """Plays free sinusoids whose envelopes are given at every sample.

    Phase does not drift, as the established library's does in float32.

    From controls at the frame rate, `sinusoidal_synthesis` is faster and smaller.

    Parameters
    ----------
    frequency_envelopes : `[batch, samples, partials]`, in Hz.
    amplitude_envelopes : `[batch, samples, partials]`.
    sample_rate : samples a second.
    sum_sinusoids : False gives each partial apart.
    use_angular_cumsum : kept for programs that give it; phase is always exact.

    Returns
    -------
    float32 `[batch, samples]`, or `[batch, samples, partials]`. Partials at or above
    Nyquist are silent.

    Raises
    ------
    ValueError
        For shapes that do not fit each other.

    Examples
    --------
    >>> frequencies = tf.fill([1, 4, 1], 4000.0)  # A quarter of a cycle each sample.
    >>> audio = oscillator_bank(frequencies, tf.ones([1, 4, 1]))
    >>> (audio.numpy().round(3) + 0.0).tolist()
    [[1.0, 0.0, -1.0, 0.0]]
    """
    del use_angular_cumsum
    frequencies = tf_float32(frequency_envelopes)
    amplitudes = tf_float32(amplitude_envelopes)
    _check_controls('oscillator_bank', frequencies=frequencies, amplitudes=amplitudes)
    audible = remove_above_nyquist(frequencies, amplitudes, sample_rate)
    phase = to_radians(cycles_from_envelope(frequencies, sample_rate))
    audio = audible * tf.sin(phase)
    return tf.reduce_sum(audio, axis=-1) if sum_sinusoids else audio


@gin.configurable(module='ddsp.core')
def harmonic_oscillator_bank(
    frequency: Any,
    amplitude_envelopes: Any,
    initial_phase: Any = None,
    sample_rate: float = 16000,
    use_angular_cumsum: bool = True,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Plays harmonics whose envelopes are given at every sample, from a phase on.

    Unlike the established library's, the final phase is wrapped and does not grow for
    ever.

    Parameters
    ----------
    frequency : `[batch, samples, 1]`, the fundamental in Hz.
    amplitude_envelopes : `[batch, samples, harmonics]`.
    initial_phase : `[batch, 1, 1]`, in radians; None is zero.
    sample_rate : samples a second.
    use_angular_cumsum : kept for programs that give it; phase is always exact.

    Returns
    -------
    audio : float32 `[batch, samples]`.
    final_phase : float32 `[batch, 1, 1]`, of the fundamental after the last sample, in
        radians, wrapped to [-pi, pi]: the next block's `initial_phase`.

    Raises
    ------
    ValueError
        For shapes that do not fit each other.

    Examples
    --------
    >>> import math
    >>> f0_hz = tf.fill([1, 3, 1], 2000.0)  # An eighth of a cycle each sample.
    >>> audio, phase = harmonic_oscillator_bank(f0_hz, tf.constant([[[0.0, 1.0]] * 3]))
    >>> (audio.numpy().round(3) + 0.0).tolist()  # The second harmonic alone.
    [[1.0, 0.0, -1.0]]
    >>> round(float(phase[0, 0, 0]) / math.pi, 3)  # Three eighths of a cycle.
    0.75
    """
    del use_angular_cumsum
    frequency = tf_float32(frequency)
    amplitudes = tf_float32(amplitude_envelopes)
    _check_controls(
        'harmonic_oscillator_bank', frequency=frequency, amplitudes=amplitudes
    )
    # One sample a frame: frequency and amplitudes of each sample are those given.
    grid = frame_grid(size(frequency, 1), hop_size=1)
    return _harmonics(
        frequency, amplitudes, grid, sample_rate, 'nearest', initial_phase
    )


def harmonic_synthesis(
    frequencies: Any,
    amplitudes: Any,
    harmonic_shifts: Any = None,
    harmonic_distribution: Any = None,
    n_samples: int | None = 64000,
    sample_rate: float = 16000,
    amp_resample_method: str = 'window',
    use_angular_cumsum: bool = False,
    hop_size: int | None = None,
    float32_phase: bool = False,
) -> tf.Tensor:
    """Plays harmonics from controls at the frame rate.

    Phase does not drift, as the established library's does in float32.

    Parameters
    ----------
    frequencies : `[batch, frames, 1]`, the fundamental in Hz, linear between frames.
    amplitudes : `[batch, frames, 1]`, or `[batch, frames, harmonics]` without a
        distribution.
    harmonic_shifts : `[batch, frames, harmonics]`, how far each harmonic lies off its
        place, as a part of its frequency: h * f0 * (1 + shift).
    harmonic_distribution : `[batch, frames, harmonics]`, multiplied by the amplitudes.
    n_samples : length of the audio; None means frames * hop_size.
    sample_rate : samples a second.
    amp_resample_method : 'window', 'linear', 'cubic' or 'nearest'.
    use_angular_cumsum : kept for programs that give it; phase is always exact.
    hop_size : samples a frame, for when `n_samples` is None.
    float32_phase : whether to sum up phase in float32, sample by sample and harmonic by
        harmonic, as the established library does: slow, and it drifts. For comparing
        with what it has rendered. Shifted harmonics are exact all the same.

    Returns
    -------
    float32 `[batch, n_samples]`. Harmonics at or above Nyquist are silent.

    Raises
    ------
    ValueError
        For shapes that do not fit each other, and for 'window' when `n_samples` is not
        a multiple of the frames.

    Examples
    --------
    >>> f0_hz = tf.fill([1, 2, 1], 4000.0)  # A quarter of a cycle each sample.
    >>> audio = harmonic_synthesis(f0_hz, tf.ones([1, 2, 1]), n_samples=4)
    >>> (audio.numpy().round(3) + 0.0).tolist()
    [[1.0, 0.0, -1.0, 0.0]]
    """
    del use_angular_cumsum
    where = 'harmonic_synthesis'
    controls = _harmonic_controls(where, frequencies, amplitudes, harmonic_distribution)
    frequencies, amplitudes = controls
    grid = _grid(frequencies, n_samples, hop_size, amp_resample_method)
    if harmonic_shifts is not None:
        shifts = tf_float32(harmonic_shifts)
        _check_controls(where, amplitudes=amplitudes, harmonic_shifts=shifts)
        partials = get_harmonic_frequencies(frequencies, size(shifts, -1))
        partials, amplitudes = _same_time(partials * (1.0 + shifts), amplitudes)
        return _sinusoids(partials, amplitudes, grid, sample_rate, amp_resample_method)
    if float32_phase:
        return drifting_harmonics(
            frequencies, amplitudes, grid.n_samples, sample_rate, amp_resample_method
        )
    audio, _ = _harmonics(
        frequencies, amplitudes, grid, sample_rate, amp_resample_method
    )
    return audio


def streaming_harmonic_synthesis(
    frequencies: Any,
    amplitudes: Any,
    harmonic_distribution: Any = None,
    initial_phase: Any = None,
    n_samples: int | None = 64000,
    sample_rate: float = 16000,
    amp_resample_method: str = 'linear',
    hop_size: int | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Plays harmonics from a given phase on, and says where it ended.

    The distribution is normalised over the harmonics below Nyquist.

    Parameters
    ----------
    frequencies : `[batch, frames, 1]`, the fundamental in Hz.
    amplitudes : `[batch, frames, 1]`, or `[batch, frames, harmonics]` without a
        distribution.
    harmonic_distribution : `[batch, frames, harmonics]`.
    initial_phase : `[batch, 1, 1]`, in radians; None is zero.
    n_samples : length of the audio; None means frames * hop_size.
    sample_rate : samples a second.
    amp_resample_method : 'linear', 'window', 'cubic' or 'nearest'.
    hop_size : samples a frame, for when `n_samples` is None.

    Returns
    -------
    audio : float32 `[batch, n_samples]`.
    final_phase : float32 `[batch, 1, 1]`, in radians, wrapped to [-pi, pi].

    Raises
    ------
    ValueError
        For shapes that do not fit each other, and for 'window' when `n_samples` is not
        a multiple of the frames.
    """
    where = 'streaming_harmonic_synthesis'
    if harmonic_distribution is not None:
        harmonic_distribution = normalize_harmonics(
            harmonic_distribution, frequencies, sample_rate
        )
    controls = _harmonic_controls(where, frequencies, amplitudes, harmonic_distribution)
    frequencies, amplitudes = controls
    grid = _grid(frequencies, n_samples, hop_size, amp_resample_method)
    return _harmonics(
        frequencies, amplitudes, grid, sample_rate, amp_resample_method, initial_phase
    )


def sinusoidal_synthesis(
    frequencies: Any,
    amplitudes: Any,
    n_samples: int | None = 64000,
    sample_rate: float = 16000,
    amp_resample_method: str = 'window',
    hop_size: int | None = None,
) -> tf.Tensor:
    """Plays free sinusoids from controls at the frame rate.

    Parameters
    ----------
    frequencies : `[batch, frames, partials]`, in Hz, linear between frames.
    amplitudes : `[batch, frames, partials]`.
    n_samples : length of the audio; None means frames * hop_size.
    sample_rate : samples a second.
    amp_resample_method : 'window', 'linear', 'cubic' or 'nearest'.
    hop_size : samples a frame, for when `n_samples` is None.

    Returns
    -------
    float32 `[batch, n_samples]`. Partials at or above Nyquist are silent.

    Raises
    ------
    ValueError
        For shapes that do not fit each other, and for 'window' when `n_samples` is not
        a multiple of the frames.

    Examples
    --------
    >>> frequencies = tf.constant([[[4000.0, 8000.0]] * 2])  # The second is at Nyquist.
    >>> audio = sinusoidal_synthesis(frequencies, tf.ones([1, 2, 2]), n_samples=4)
    >>> (audio.numpy().round(3) + 0.0).tolist()
    [[1.0, 0.0, -1.0, 0.0]]
    """
    frequencies, amplitudes = tf_float32(frequencies), tf_float32(amplitudes)
    _check_controls(
        'sinusoidal_synthesis', frequencies=frequencies, amplitudes=amplitudes
    )
    frequencies, amplitudes = _same_time(frequencies, amplitudes)
    grid = _grid(frequencies, n_samples, hop_size, amp_resample_method)
    return _sinusoids(frequencies, amplitudes, grid, sample_rate, amp_resample_method)


def _sinusoids(
    frequencies: tf.Tensor,
    amplitudes: tf.Tensor,
    grid: FrameGrid,
    sample_rate: float,
    method: str,
) -> tf.Tensor:
    kernel = sinusoid_kernel(size(amplitudes, 2), sample_rate)
    audio, _ = play(frequencies, amplitudes, grid, sample_rate, method, kernel)
    return audio


def _harmonics(
    f0_hz: tf.Tensor,
    amplitudes: tf.Tensor,
    grid: FrameGrid,
    sample_rate: float,
    method: str,
    initial_phase: Any = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Audio `[batch, samples]`, and the final phase `[batch, 1, 1]` in radians."""
    n_taps = len(TAP_OFFSETS.get(method, ()))
    kernel = harmonic_kernel(amplitudes.shape[-1], n_taps, sample_rate)
    initial_cycles = None
    if initial_phase is not None:
        initial_cycles = tf.cast(tf_float32(initial_phase), tf.float64) / TWO_PI
    audio, final_cycles = play(
        f0_hz, amplitudes, grid, sample_rate, method, kernel, initial_cycles
    )
    return audio, to_radians(final_cycles)


def _grid(
    frequencies: tf.Tensor, n_samples: Any, hop_size: int | None, method: str
) -> FrameGrid:
    n_frames = size(frequencies, 1)
    if method == 'window' and n_samples is not None:
        check_whole_hop(n_frames, n_samples)
    return frame_grid(n_frames, n_samples, hop_size)


def _harmonic_controls(
    where: str, frequencies: Any, amplitudes: Any, distribution: Any
) -> tuple[tf.Tensor, tf.Tensor]:
    """The fundamental and the amplitude of each harmonic."""
    frequencies, amplitudes = tf_float32(frequencies), tf_float32(amplitudes)
    _check_controls(where, frequencies=frequencies, amplitudes=amplitudes)
    if frequencies.shape[-1] not in (1, None):
        raise ValueError(
            f'{where}: frequencies has shape {list(frequencies.shape)}, expected one '
            'fundamental a frame, [batch, frames, 1].'
        )
    channels = amplitudes if distribution is None else distribution
    if tf.is_tensor(channels) and channels.shape.rank and channels.shape[-1] is None:
        raise ValueError(
            f'{where}: the number of harmonics must be known when the graph is made; '
            f'the shape is {list(channels.shape)}.'
        )
    if distribution is not None:
        distribution = tf_float32(distribution)
        _check_controls(
            where,
            frequencies=frequencies,
            amplitudes=amplitudes,
            harmonic_distribution=distribution,
        )
        amplitudes = amplitudes * distribution
    return _same_time(frequencies, amplitudes)


def _same_time(*controls: tf.Tensor) -> list[tf.Tensor]:
    """Repeats controls that have one example or one frame for all."""
    first = controls[0]
    if all(c.shape[:2].as_list() == first.shape[:2].as_list() for c in controls):
        return list(controls)
    time = first[..., :1]
    for control in controls[1:]:
        time = time + tf.zeros_like(control[..., :1])
    return [control + tf.zeros_like(time) for control in controls]


def _check_controls(where: str, **controls: tf.Tensor) -> None:
    for name, control in controls.items():
        check_rank(control, 3, name, where, '[batch, frames, channels]')
        check_not_empty(control, name, where)
    for axis, what in ((0, 'batch'), (1, 'frame'), (2, 'channel')):
        check_same_size(controls, axis, where, what)
