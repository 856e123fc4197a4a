"""Textbook formulas in float64 NumPy, at the sample rate, for tests to compare with."""

from __future__ import annotations

import numpy as np


def snr_db(reference, estimate):
    """Signal to noise ratio in dB; infinite when both are equal."""
    reference = np.asarray(reference, np.float64)
    noise = np.sum((np.asarray(estimate, np.float64) - reference) ** 2)
    return 10.0 * np.log10(np.sum(reference**2) / noise) if noise else np.inf


def upsample(frames, n_samples, method='linear'):
    """`[batch, frames, channels]` to `n_samples` in place of frames, the last held."""
    frames = np.asarray(frames, np.float64)
    n_frames = frames.shape[1]
    # Integer arithmetic, so that a sample on a frame is exactly on it.
    place = np.arange(n_samples) * n_frames
    index = place // n_samples
    fraction = (place - index * n_samples) / n_samples
    if method == 'nearest':
        fraction = np.zeros_like(fraction)
    if method == 'window':
        fraction = 0.5 - 0.5 * np.cos(np.pi * fraction)
    fraction = fraction[None, :, None]
    after = np.minimum(index + 1, n_frames - 1)
    return frames[:, index] * (1.0 - fraction) + frames[:, after] * fraction


def phase(frequencies_hz, sample_rate, initial=0.0):
    """Radians at each sample of `[batch, samples, channels]`, own step included."""
    velocity = np.asarray(frequencies_hz, np.longdouble) / sample_rate
    cycles = np.cumsum(velocity, axis=1) % 1.0
    return np.asarray(2.0 * np.pi * cycles, np.float64) + initial


def sinusoids(frequencies_hz, amplitudes, n_samples, sample_rate, method='window'):
    """Free sinusoids from frames, silent at and above Nyquist: `[batch, samples]`."""
    frequencies = upsample(frequencies_hz, n_samples)
    audible = frequencies < sample_rate / 2
    waves = np.sin(phase(frequencies, sample_rate))
    return np.sum(upsample(amplitudes, n_samples, method) * waves * audible, axis=-1)


def harmonics(f0_hz, amplitudes, n_samples, sample_rate, method='window', initial=0.0):
    """Harmonics with amplitudes `[batch, frames, harmonics]`: `[batch, samples]`."""
    numbers = np.arange(1, amplitudes.shape[-1] + 1)
    fundamental = upsample(f0_hz, n_samples)
    audible = fundamental * numbers < sample_rate / 2
    waves = np.sin(numbers * phase(fundamental, sample_rate, initial))
    return np.sum(upsample(amplitudes, n_samples, method) * waves * audible, axis=-1)


def vibrato(n_frames, hz=440.0, depth=0.03, rate_hz=5.5, frame_rate=250, batch=1):
    """A fundamental with vibrato, float32 `[batch, frames, 1]`."""
    time = np.arange(n_frames) / frame_rate
    f0 = hz * (1.0 + depth * np.sin(2.0 * np.pi * rate_hz * time))
    return np.tile(f0[None, :, None], [batch, 1, 1]).astype(np.float32)
