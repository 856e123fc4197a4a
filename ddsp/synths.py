"""Synthesizers: layers that turn controls into audio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ddsp import core
from ddsp.core import size
from ddsp.core.checks import check_same_size
from ddsp.processors import Processor
from ddsp.registration import register


def _hop_size(
    n_samples: int | None, sample_rate: float, frame_rate: float
) -> int | None:
    """Samples a frame, for a synthesizer that renders any length.

    Raises
    ------
    ValueError
        When it is needed and is not a whole number, or for a length or a rate that
        cannot be.
    """
    if sample_rate <= 0 or frame_rate <= 0:
        raise ValueError(
            f'sample_rate is {sample_rate} and frame_rate {frame_rate}, expected both '
            'above 0.'
        )
    if n_samples is not None:
        if n_samples < 1 or n_samples != int(n_samples):
            raise ValueError(
                f'n_samples is {n_samples}, expected a whole number of at least 1, or '
                'None for as many as the controls last.'
            )
        return None
    hop_size = sample_rate / frame_rate
    if hop_size != int(hop_size):
        raise ValueError(
            f'n_samples=None takes sample_rate / frame_rate samples a frame, but '
            f'{sample_rate} / {frame_rate} is not a whole number: '
            'give n_samples, or other rates.'
        )
    return int(hop_size)


@register('ddsp.synths')
class TensorToAudio(Processor):
    """Gives out audio that came in as a control, such as a recording's own samples."""

    input_shapes = {'samples': ('[batch, samples, 1]', '[batch, samples]')}

    def __init__(self, name: str = 'tensor_to_audio', **kwargs: Any):
        super().__init__(name=name, **kwargs)

    def get_controls(self, samples: Any) -> dict[str, tf.Tensor]:
        """Takes `[batch, samples, 1]` or `[batch, samples]`."""
        return {'samples': core.tf_float32(samples)}

    def get_signal(self, samples: tf.Tensor) -> tf.Tensor:
        """Gives `[batch, samples]`."""
        return samples[..., 0] if samples.shape.rank == 3 else samples


@register('ddsp.synths')
class Harmonic(Processor):
    """Plays the harmonics of a fundamental: a bank of sines at its multiples.

    Parameters
    ----------
    n_samples : length of the audio; None renders `sample_rate / frame_rate` samples for
        each frame, however many there are.
    sample_rate : samples a second.
    scale_fn : makes raw network outputs into amplitudes; None leaves them as they are.
    normalize_below_nyquist : whether harmonics at or above Nyquist are silenced before
        the distribution is normalised.
    amp_resample_method : how amplitudes go between frames: 'window', 'linear', 'cubic'
        or 'nearest'.
    use_angular_cumsum : kept for programs that give it; phase is always exact.
    frame_rate : frames a second, for `n_samples=None`.

    Examples
    --------
    >>> import numpy as np
    >>> synth = Harmonic(n_samples=None)
    >>> zeros = np.zeros([1, 250, 1], np.float32)
    >>> synth(zeros, np.zeros([1, 250, 60], np.float32), zeros + 440.0).shape
    TensorShape([1, 16000])
    """

    input_shapes = {
        'amplitudes': '[batch, frames, 1]',
        'harmonic_distribution': '[batch, frames, harmonics]',
        'f0_hz': '[batch, frames, 1]',
    }

    def __init__(
        self,
        n_samples: int | None = 64000,
        sample_rate: int = 16000,
        scale_fn: Callable | None = core.exp_sigmoid,
        normalize_below_nyquist: bool = True,
        amp_resample_method: str = 'window',
        use_angular_cumsum: bool = False,
        name: str = 'harmonic',
        frame_rate: int = 250,
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.n_samples = n_samples
        self.sample_rate = sample_rate
        self.scale_fn = scale_fn
        self.normalize_below_nyquist = normalize_below_nyquist
        self.amp_resample_method = amp_resample_method
        self.use_angular_cumsum = use_angular_cumsum
        self.frame_rate = frame_rate
        self._hop_size = _hop_size(n_samples, sample_rate, frame_rate)

    def get_controls(
        self, amplitudes: Any, harmonic_distribution: Any, f0_hz: Any
    ) -> dict[str, tf.Tensor]:
        """Scales amplitudes and makes the distribution sum to one below Nyquist.

        Parameters
        ----------
        amplitudes : `[batch, frames, 1]`, raw.
        harmonic_distribution : `[batch, frames, harmonics]`, raw.
        f0_hz : `[batch, frames, 1]`, in Hz.

        Returns
        -------
        The same three, float32.
        """
        controls = {
            'amplitudes': core.tf_float32(amplitudes),
            'harmonic_distribution': core.tf_float32(harmonic_distribution),
            'f0_hz': core.tf_float32(f0_hz),
        }
        if self.scale_fn is not None:
            for key in ('amplitudes', 'harmonic_distribution'):
                controls[key] = self.scale_fn(controls[key])
        controls['harmonic_distribution'] = core.normalize_harmonics(
            controls['harmonic_distribution'],
            controls['f0_hz'] if self.normalize_below_nyquist else None,
            self.sample_rate if self.normalize_below_nyquist else None,
        )
        return controls

    def get_signal(
        self,
        amplitudes: tf.Tensor,
        harmonic_distribution: tf.Tensor,
        f0_hz: tf.Tensor,
    ) -> tf.Tensor:
        """Plays scaled controls; gives `[batch, samples]`."""
        return core.harmonic_synthesis(
            frequencies=f0_hz,
            amplitudes=amplitudes,
            harmonic_distribution=harmonic_distribution,
            n_samples=self.n_samples,
            sample_rate=self.sample_rate,
            amp_resample_method=self.amp_resample_method,
            hop_size=self._hop_size,
        )


@register('ddsp.synths')
class FilteredNoise(Processor):
    """Plays noise through a filter that changes from frame to frame.

    Parameters
    ----------
    n_samples : length of the audio; None renders `sample_rate / frame_rate` samples for
        each frame, however many there are.
    window_size : length of the filter's impulse response in samples; 0 is the longest
        the bands allow, 2 * (bands - 1).
    scale_fn : makes raw network outputs into magnitudes; None leaves them as they are.
    initial_bias : added before scaling, so that an untrained network is quiet.
    sample_rate, frame_rate : for `n_samples=None`.
    crossfade : whether the filter fades from each frame to the next; False switches at
        the frame's edge, as the established library does.
    seed : a number makes the noise the same at every call; None draws anew, within
        `core.reproducible_noise` from the seed given there.
    """

    input_shapes = {'magnitudes': '[batch, frames, bands]'}

    def __init__(
        self,
        n_samples: int | None = 64000,
        window_size: int = 257,
        scale_fn: Callable | None = core.exp_sigmoid,
        initial_bias: float = -5.0,
        name: str = 'filtered_noise',
        sample_rate: int = 16000,
        frame_rate: int = 250,
        crossfade: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.n_samples = n_samples
        self.window_size = window_size
        self.scale_fn = scale_fn
        self.initial_bias = initial_bias
        self.sample_rate = sample_rate
        self.frame_rate = frame_rate
        self.crossfade = crossfade
        self.seed = seed
        self._hop_size = _hop_size(n_samples, sample_rate, frame_rate)

    def get_controls(self, magnitudes: Any) -> dict[str, tf.Tensor]:
        """Scales magnitudes `[batch, frames, bands]`, evenly from 0 Hz to Nyquist."""
        magnitudes = core.tf_float32(magnitudes)
        if self.scale_fn is not None:
            magnitudes = self.scale_fn(magnitudes + self.initial_bias)
        return {'magnitudes': magnitudes}

    def get_signal(self, magnitudes: tf.Tensor) -> tf.Tensor:
        """Filters uniform noise in [-1, 1]; gives `[batch, samples]`."""
        n_samples = self.n_samples
        if n_samples is None:
            n_samples = size(magnitudes, 1) * self._hop_size
        return core.frequency_filter(
            core.uniform_noise([size(magnitudes, 0), n_samples], self.seed),
            magnitudes,
            window_size=self.window_size,
            crossfade=self.crossfade,
        )


@register('ddsp.synths')
class Wavetable(Processor):
    """Plays a wavetable at the pace of a fundamental.

    Parameters
    ----------
    n_samples : length of the audio; None renders `sample_rate / frame_rate` samples for
        each frame, however many there are.
    sample_rate : samples a second.
    scale_fn : makes raw network outputs into amplitudes and tables; None leaves them.
    frame_rate : frames a second, for `n_samples=None`.
    """

    input_shapes = {
        'amplitudes': '[batch, frames, 1]',
        'wavetables': (
            '[batch, n_wavetable]',
            '[batch, frames_of_tables, n_wavetable]',
        ),
        'f0_hz': '[batch, frames, 1]',
    }

    def __init__(
        self,
        n_samples: int | None = 64000,
        sample_rate: int = 16000,
        scale_fn: Callable | None = core.exp_sigmoid,
        name: str = 'wavetable',
        frame_rate: int = 250,
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.n_samples = n_samples
        self.sample_rate = sample_rate
        self.scale_fn = scale_fn
        self.frame_rate = frame_rate
        self._hop_size = _hop_size(n_samples, sample_rate, frame_rate)

    def get_controls(
        self, amplitudes: Any, wavetables: Any, f0_hz: Any
    ) -> dict[str, tf.Tensor]:
        """Scales amplitudes and tables.

        Parameters
        ----------
        amplitudes : `[batch, frames, 1]`, raw.
        wavetables : `[batch, n_wavetable]` or `[batch, frames, n_wavetable]`, raw.
        f0_hz : `[batch, frames, 1]`, in Hz.

        Returns
        -------
        The same three, float32.
        """
        controls = {
            'amplitudes': core.tf_float32(amplitudes),
            'wavetables': core.tf_float32(wavetables),
            'f0_hz': core.tf_float32(f0_hz),
        }
        if self.scale_fn is not None:
            for key in ('amplitudes', 'wavetables'):
                controls[key] = self.scale_fn(controls[key])
        return controls

    def get_signal(
        self, amplitudes: tf.Tensor, wavetables: tf.Tensor, f0_hz: tf.Tensor
    ) -> tf.Tensor:
        """Plays scaled controls; gives `[batch, samples]`."""
        return core.wavetable_synthesis(
            amplitudes=amplitudes,
            wavetables=wavetables,
            frequencies=f0_hz,
            n_samples=self.n_samples,
            sample_rate=self.sample_rate,
            hop_size=self._hop_size,
        )


@register('ddsp.synths')
class Sinusoidal(Processor):
    """Plays free sinusoids.

    Parameters
    ----------
    n_samples : length of the audio; None renders `sample_rate / frame_rate` samples for
        each frame, however many there are.
    sample_rate : samples a second.
    amp_scale_fn : makes raw network outputs into amplitudes; None leaves them.
    amp_resample_method : how amplitudes go between frames: 'window', 'linear', 'cubic'
        or 'nearest'.
    freq_scale_fn : makes raw network outputs into frequencies in Hz; None leaves them.
    frame_rate : frames a second, for `n_samples=None`.
    """

    input_shapes = {
        'amplitudes': '[batch, frames, sinusoids]',
        'frequencies': '[batch, frames, sinusoids * depth]',
    }

    def __init__(
        self,
        n_samples: int | None = 64000,
        sample_rate: int = 16000,
        amp_scale_fn: Callable | None = core.exp_sigmoid,
        amp_resample_method: str = 'window',
        freq_scale_fn: Callable | None = core.frequencies_sigmoid,
        name: str = 'sinusoidal',
        frame_rate: int = 250,
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.n_samples = n_samples
        self.sample_rate = sample_rate
        self.amp_scale_fn = amp_scale_fn
        self.amp_resample_method = amp_resample_method
        self.freq_scale_fn = freq_scale_fn
        self.frame_rate = frame_rate
        self._hop_size = _hop_size(n_samples, sample_rate, frame_rate)

    def get_controls(self, amplitudes: Any, frequencies: Any) -> dict[str, tf.Tensor]:
        """Scales both and silences what is at or above Nyquist.

        Parameters
        ----------
        amplitudes : `[batch, frames, sinusoids]`, raw.
        frequencies : `[batch, frames, sinusoids * depth]`, raw, where depth is what
            `freq_scale_fn` turns into one frequency.

        Returns
        -------
        amplitudes, frequencies : float32 `[batch, frames, sinusoids]`, the last in Hz.
        """
        amplitudes = core.tf_float32(amplitudes)
        frequencies = core.tf_float32(frequencies)
        if self.amp_scale_fn is not None:
            amplitudes = self.amp_scale_fn(amplitudes)
        if self.freq_scale_fn is not None:
            frequencies = self.freq_scale_fn(frequencies)
        controls = {'amplitudes': amplitudes, 'frequencies': frequencies}
        check_same_size(controls, -1, self.name, 'sinusoid')
        controls['amplitudes'] = core.remove_above_nyquist(
            frequencies, amplitudes, self.sample_rate
        )
        return controls

    def get_signal(self, amplitudes: tf.Tensor, frequencies: tf.Tensor) -> tf.Tensor:
        """Plays scaled controls; gives `[batch, samples]`."""
        return core.sinusoidal_synthesis(
            frequencies=frequencies,
            amplitudes=amplitudes,
            n_samples=self.n_samples,
            sample_rate=self.sample_rate,
            amp_resample_method=self.amp_resample_method,
            hop_size=self._hop_size,
        )
