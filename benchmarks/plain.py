"""The textbook formulas at the sample rate, as one writes them first.

They are what the library is measured against, and run in float64 they are what its
results are compared with. They take raw controls, as the processors do.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

RATE = 16000


def exp_sigmoid(x: tf.Tensor) -> tf.Tensor:
    return 2.0 * tf.nn.sigmoid(x) ** tf.cast(math.log(10.0), x.dtype) + 1e-7


def upsample(frames: tf.Tensor, n_samples: int, window: bool = False) -> tf.Tensor:
    """`[batch, frames, channels]` to `[batch, n_samples, channels]`."""
    n_frames = frames.shape[1]
    place = np.arange(n_samples) * n_frames
    index = place // n_samples
    fraction = (place % n_samples) / n_samples
    if window:
        fraction = 0.5 - 0.5 * np.cos(np.pi * fraction)
    fraction = tf.constant(fraction[:, None], frames.dtype)
    later = np.minimum(index + 1, n_frames - 1)
    here, there = tf.gather(frames, index, axis=1), tf.gather(frames, later, axis=1)
    return here * (1.0 - fraction) + there * fraction


def oscillators(frequencies: tf.Tensor, amplitudes: tf.Tensor) -> tf.Tensor:
    """Cumulative sum, sine, sum; both inputs `[batch, samples, partials]`."""
    heard = tf.cast(frequencies < RATE / 2, frequencies.dtype)
    phase = tf.cumsum(frequencies * (2.0 * math.pi / RATE), axis=1)
    return tf.reduce_sum(heard * amplitudes * tf.sin(phase), axis=-1)


def harmonic(
    amplitudes: tf.Tensor, distribution: tf.Tensor, f0_hz: tf.Tensor, n_samples: int
) -> tf.Tensor:
    numbers = tf.range(1, distribution.shape[-1] + 1)
    numbers = tf.cast(numbers, f0_hz.dtype)
    amplitudes, distribution = exp_sigmoid(amplitudes), exp_sigmoid(distribution)
    distribution *= tf.cast(f0_hz * numbers < RATE / 2, f0_hz.dtype)
    distribution /= tf.reduce_sum(distribution, axis=-1, keepdims=True)
    envelopes = upsample(amplitudes * distribution, n_samples, window=True)
    return oscillators(upsample(f0_hz * numbers, n_samples), envelopes)


def sinusoidal(
    amplitudes: tf.Tensor, frequencies: tf.Tensor, n_samples: int
) -> tf.Tensor:
    envelopes = upsample(exp_sigmoid(amplitudes), n_samples, window=True)
    return oscillators(upsample(frequencies, n_samples), envelopes)


def wavetable(
    amplitudes: tf.Tensor, tables: tf.Tensor, f0_hz: tf.Tensor, n_samples: int
) -> tf.Tensor:
    """Linear interpolation as a comparison with every entry."""
    n = tables.shape[-1]
    velocity = upsample(f0_hz, n_samples) / RATE
    place = tf.cumsum(velocity, axis=1, exclusive=True) % 1.0 * n
    distance = tf.abs(place - tf.range(n, dtype=place.dtype))
    distance = tf.minimum(distance, n - distance)
    entries = upsample(exp_sigmoid(tables), n_samples) * tf.nn.relu(1.0 - distance)
    envelope = upsample(exp_sigmoid(amplitudes), n_samples, window=True)
    return envelope[..., 0] * tf.reduce_sum(entries, axis=-1)


def mod_delay(audio: tf.Tensor, gain: tf.Tensor, phase: tf.Tensor) -> tf.Tensor:
    """A delay of 15 to 25 ms, read by a comparison with every delay there may be."""
    longest = round(0.025 * RATE)
    delay = (0.015 + 0.010 * tf.nn.sigmoid(phase)) * RATE
    past = tf.pad(audio, [[0, 0], [longest, 0]])
    frames = tf.signal.frame(past, longest + 1, 1)[..., ::-1]
    distance = tf.abs(delay - tf.range(longest + 1, dtype=delay.dtype))
    wet = tf.reduce_sum(frames * tf.nn.relu(1.0 - distance), axis=-1)
    return audio + exp_sigmoid(gain)[..., 0] * wet


def power_of_two(n: int) -> int:
    return 1 << (n - 1).bit_length()


def filtered_noise(magnitudes: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Each frame of noise through its own filter."""
    magnitudes = exp_sigmoid(magnitudes - 5.0)
    response = tf.signal.irfft(tf.complex(magnitudes, tf.zeros_like(magnitudes)))
    taps = response.shape[-1]
    lags = np.arange(taps) - taps // 2
    hann = tf.constant(0.5 + 0.5 * np.cos(2.0 * np.pi * lags / taps), response.dtype)
    response = tf.roll(response, taps // 2, axis=-1) * hann
    n_frames, n_samples = magnitudes.shape[1], noise.shape[1]
    hop = n_samples // n_frames
    frames = tf.reshape(noise, [noise.shape[0], n_frames, hop])
    size = [power_of_two(hop + taps - 1)]
    spectra = tf.signal.rfft(frames, size) * tf.signal.rfft(response, size)
    audio = tf.signal.overlap_and_add(tf.signal.irfft(spectra, size), hop)
    return audio[:, taps // 2 : taps // 2 + n_samples]


def reverb(audio: tf.Tensor, response: tf.Tensor) -> tf.Tensor:
    """The response tiled over the batch, one transform for each."""
    n = audio.shape[1]
    response = tf.concat([tf.zeros_like(response[:1]), response[1:]], axis=0)
    response = tf.tile(response[tf.newaxis], [audio.shape[0], 1])
    size = [power_of_two(n + response.shape[1] - 1)]
    spectra = tf.signal.rfft(audio, size) * tf.signal.rfft(response, size)
    return audio + tf.signal.irfft(spectra, size)[:, :n]


def magnitudes(audio: tf.Tensor, size: int) -> tf.Tensor:
    stft = tf.signal.stft(audio, size, size // 4, fft_length=size, pad_end=True)
    return tf.abs(stft)


def spectral_loss(target: tf.Tensor, audio: tf.Tensor) -> tf.Tensor:
    loss = tf.zeros([], audio.dtype)
    for size in (2048, 1024, 512, 256, 128, 64):
        a, b = magnitudes(target, size), magnitudes(audio, size)
        loss += tf.reduce_mean(tf.abs(a - b))
        a, b = (tf.math.log(tf.maximum(x, 1e-5)) for x in (a, b))
        loss += tf.reduce_mean(tf.abs(a - b))
    return loss


def loudness(audio: tf.Tensor, n_fft: int = 2048) -> tf.Tensor:
    """A-weighted power in dB (IEC 61672-1), 250 frames a second."""
    audio = tf.pad(audio, [[0, 0], [n_fft // 2, n_fft // 2]])
    stft = tf.signal.stft(audio, n_fft, RATE // 250, fft_length=n_fft)
    f2 = np.linspace(0.0, RATE / 2, n_fft // 2 + 1) ** 2
    weight = 12194.0**2 * f2**2
    weight /= (f2 + 20.6**2) * (f2 + 12194.0**2)
    weight /= np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2))
    weight = tf.constant((weight * 10.0**0.1) ** 2, audio.dtype)
    power = tf.reduce_mean(weight * tf.abs(stft) ** 2, axis=-1)
    decibels = 10.0 * tf.math.log(tf.maximum(power, 1e-20)) / math.log(10.0)
    return tf.maximum(decibels, -80.0)


def chain(
    amplitudes: tf.Tensor,
    distribution: tf.Tensor,
    f0_hz: tf.Tensor,
    bands: tf.Tensor,
    response: tf.Tensor,
    target: tf.Tensor,
    noise: tf.Tensor,
) -> tf.Tensor:
    dry = harmonic(amplitudes, distribution, f0_hz, target.shape[1])
    dry += filtered_noise(bands, noise)
    return spectral_loss(target, reverb(dry, response))
