"""The cases: their inputs, the library's way and the plain way."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

import ddsp
from benchmarks import plain

RATE, FRAME_RATE = plain.RATE, 250


class Sizes(NamedTuple):
    """How large a case is."""

    batch: int = 4
    seconds: float = 4.0
    harmonics: int = 100
    bands: int = 65

    @property
    def frames(self) -> int:
        """Control frames of one example."""
        return int(self.seconds * FRAME_RATE)

    @property
    def samples(self) -> int:
        """Audio samples of one example."""
        return int(self.seconds * RATE)


class Case(NamedTuple):
    """One row of the table.

    Attributes
    ----------
    title : what it is.
    inputs : makes float64 arrays from sizes and a seeded generator.
    ours, plain : take tensors of the inputs, give audio, frames or a loss.
    trained : which inputs gradients are taken for.
    peak_mb, forward, gradient : what is to be reached: megabytes at most, and how many
        times faster than plain.
    """

    title: str
    inputs: Callable
    ours: Callable
    plain: Callable
    trained: tuple[int, ...]
    forward: float
    gradient: float
    peak_mb: int | None = None


def _f0(sizes: Sizes) -> np.ndarray:
    time = np.arange(sizes.frames) / FRAME_RATE
    f0 = 220.0 * (1.0 + 0.03 * np.sin(2.0 * np.pi * 5.5 * time))
    return np.tile(f0[None, :, None], [sizes.batch, 1, 1])


def _frames(rng: np.random.Generator, sizes: Sizes, channels: int) -> np.ndarray:
    return rng.normal(size=[sizes.batch, sizes.frames, channels])


def _audio(rng: np.random.Generator, sizes: Sizes) -> np.ndarray:
    return 0.3 * rng.normal(size=[sizes.batch, sizes.samples])


def _noise(rng: np.random.Generator, sizes: Sizes) -> np.ndarray:
    return rng.uniform(-1.0, 1.0, [sizes.batch, sizes.samples])


def _response(rng: np.random.Generator, taps: int = 48000) -> np.ndarray:
    return rng.normal(size=[taps]) * np.exp(-np.arange(taps) / 8000.0) * 0.05


def _harmonic_inputs(rng: np.random.Generator, sizes: Sizes) -> list:
    return [
        _frames(rng, sizes, 1),
        _frames(rng, sizes, sizes.harmonics),
        _f0(sizes),
    ]


def _harmonic(amplitudes: tf.Tensor, distribution: tf.Tensor, f0: tf.Tensor):
    synth = ddsp.synths.Harmonic(n_samples=None)
    return synth.get_signal(**synth.get_controls(amplitudes, distribution, f0))


def _sinusoidal(amplitudes: tf.Tensor, frequencies: tf.Tensor):
    # Frequencies come in Hz: scaling them in float32 moves them, which is no fault of
    # the synthesizer's and would hide its own.
    synth = ddsp.synths.Sinusoidal(n_samples=None, freq_scale_fn=None)
    return synth.get_signal(**synth.get_controls(amplitudes, frequencies))


def _wavetable(amplitudes: tf.Tensor, tables: tf.Tensor, f0: tf.Tensor):
    synth = ddsp.synths.Wavetable(n_samples=None)
    return synth.get_signal(**synth.get_controls(amplitudes, tables, f0))


def _mod_delay(audio: tf.Tensor, gain: tf.Tensor, phase: tf.Tensor):
    effect = ddsp.effects.ModDelay()
    return effect.get_signal(**effect.get_controls(audio, gain, phase))


def _filtered_noise(magnitudes: tf.Tensor, noise: tf.Tensor):
    synth = ddsp.synths.FilteredNoise(n_samples=None)
    controls = synth.get_controls(magnitudes)
    return ddsp.core.frequency_filter(noise, controls['magnitudes'], window_size=257)


def _reverb(audio: tf.Tensor, response: tf.Tensor):
    effect = ddsp.effects.Reverb()
    return effect.get_signal(**effect.get_controls(audio, response))


def _spectral_loss(target: tf.Tensor, audio: tf.Tensor):
    return ddsp.losses.SpectralLoss(logmag_weight=1.0).call(target, audio)


def _loudness(audio: tf.Tensor):
    return ddsp.spectral_ops.compute_loudness(audio, n_fft=2048, padding='center')


def _chain(amplitudes, distribution, f0, bands, response, target, noise):
    dry = _harmonic(amplitudes, distribution, f0) + _filtered_noise(bands, noise)
    return _spectral_loss(target, _reverb(dry, response))


def _samples(function: Callable) -> Callable:
    """Gives a plain synthesizer its length: 64 samples a frame."""
    return lambda *inputs: function(
        *inputs, n_samples=inputs[0].shape[1] * RATE // FRAME_RATE
    )


CASES = {
    'harmonic': Case(
        'Harmonic synth',
        _harmonic_inputs,
        _harmonic,
        _samples(plain.harmonic),
        (0, 1, 2),
        20.0,
        8.0,
        900,
    ),
    'sinusoidal': Case(
        'Sinusoidal synth, free partials',
        lambda rng, sizes: [
            _frames(rng, sizes, sizes.harmonics),
            rng.uniform(20.0, 7900.0, [sizes.batch, sizes.frames, sizes.harmonics]),
        ],
        _sinusoidal,
        _samples(plain.sinusoidal),
        (0, 1),
        3.0,
        2.5,
        1100,
    ),
    'wavetable': Case(
        'Wavetable synth, 512 entries',
        lambda rng, sizes: [
            _frames(rng, sizes, 1),
            _frames(rng, sizes, 512),
            _f0(sizes),
        ],
        _wavetable,
        _samples(plain.wavetable),
        (0, 1, 2),
        10.0,
        10.0,
        1100,
    ),
    'mod_delay': Case(
        'ModDelay',
        lambda rng, sizes: [
            _audio(rng, sizes),
            *(rng.normal(size=[sizes.batch, sizes.samples, 1]) for _ in range(2)),
        ],
        _mod_delay,
        plain.mod_delay,
        (0, 1, 2),
        40.0,
        40.0,
        800,
    ),
    'filtered_noise': Case(
        'FilteredNoise',
        lambda rng, sizes: [_frames(rng, sizes, sizes.bands), _noise(rng, sizes)],
        _filtered_noise,
        plain.filtered_noise,
        (0,),
        1.25,
        1.25,
    ),
    'reverb': Case(
        'Reverb, one learned response of 48 000 taps',
        lambda rng, sizes: [_audio(rng, sizes), _response(rng)],
        _reverb,
        plain.reverb,
        (0, 1),
        1.5,
        1.5,
    ),
    'spectral_loss': Case(
        'SpectralLoss, 6 sizes, mag + logmag',
        lambda rng, sizes: [_audio(rng, sizes), _audio(rng, sizes)],
        _spectral_loss,
        plain.spectral_loss,
        (1,),
        1.2,
        1.2,
    ),
    'loudness': Case(
        'Loudness, n_fft 2048',
        lambda rng, sizes: [_audio(rng, sizes)],
        _loudness,
        plain.loudness,
        (0,),
        1.3,
        1.3,
    ),
    'chain': Case(
        'Harmonic + noise + reverb + SpectralLoss',
        lambda rng, sizes: [
            *_harmonic_inputs(rng, sizes),
            _frames(rng, sizes, sizes.bands),
            _response(rng),
            _audio(rng, sizes),
            _noise(rng, sizes),
        ],
        _chain,
        plain.chain,
        (0, 1, 2, 3, 4),
        6.0,
        6.0,
        1100,
    ),
}
