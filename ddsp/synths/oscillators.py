"""Banks of oscillators: harmonics and free sinusoids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ddsp import core
from ddsp.core import size
from ddsp.core.banks import Kernel
from ddsp.core.checks import check_same_size
from ddsp.core.grids import TAP_OFFSETS
from ddsp.core.harmonic_bank import harmonic_kernel
from ddsp.core.sinusoid_bank import sinusoid_kernel
from ddsp.core.streaming.oscillators import look_around, start_bank, step_bank
from ddsp.processors import Processor
from ddsp.registration import register
from ddsp.streaming import Memory, Span
from ddsp.synths.rates import whole_hop


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
    name : name of the layer.
    frame_rate : frames a second, for `n_samples=None`.
    float32_phase : whether to sum up phase in float32, as the established library does:
        slow, and it drifts. For comparing with what it has rendered; streams are exact
        all the same.

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

    needs_hop = True

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
        float32_phase: bool = False,
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.float32_phase = float32_phase
        self.n_samples = n_samples
        self.sample_rate = sample_rate
        self.scale_fn = scale_fn
        self.normalize_below_nyquist = normalize_below_nyquist
        self.amp_resample_method = amp_resample_method
        self.use_angular_cumsum = use_angular_cumsum
        self.frame_rate = frame_rate
        self.hop_size = whole_hop(n_samples, sample_rate, frame_rate)

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
            hop_size=self.hop_size,
            float32_phase=self.float32_phase,
        )

    @property
    def latency(self) -> int:
        """The hops that resampling looks ahead: one, or two for 'cubic'."""
        return look_around(self.amp_resample_method)[1] * self._hop()

    def start_stream(self, batch_size: Any) -> dict[str, tf.Tensor]:
        """Remembers the last frames, and the phase."""
        n_harmonics = self._channels('harmonic_distribution') or 1
        return start_bank(batch_size, 1, n_harmonics, self.amp_resample_method)

    def stream_signal(
        self,
        memory: Memory,
        span: Span,
        amplitudes: tf.Tensor,
        harmonic_distribution: tf.Tensor,
        f0_hz: tf.Tensor,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Plays a block of scaled controls."""
        amplitudes = amplitudes * harmonic_distribution
        return _step_bank(
            self,
            memory,
            span,
            f0_hz,
            amplitudes,
            self.amp_resample_method,
            harmonic_kernel(
                amplitudes.shape[-1],
                len(TAP_OFFSETS[self.amp_resample_method]),
                self.sample_rate,
            ),
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
    name : name of the layer.
    frame_rate : frames a second, for `n_samples=None`.

    Examples
    --------
    >>> synth = Sinusoidal(n_samples=4, amp_scale_fn=None, freq_scale_fn=None)
    >>> audio = synth(tf.ones([1, 2, 1]), tf.fill([1, 2, 1], 4000.0))
    >>> (audio.numpy().round(3) + 0.0).tolist()  # A quarter of a cycle each sample.
    [[1.0, 0.0, -1.0, 0.0]]
    """

    input_shapes = {
        'amplitudes': '[batch, frames, sinusoids]',
        'frequencies': '[batch, frames, sinusoids * depth]',
    }

    needs_hop = True

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
        self.hop_size = whole_hop(n_samples, sample_rate, frame_rate)

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

        Raises
        ------
        ValueError
            When there are not as many frequencies as amplitudes.
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
            hop_size=self.hop_size,
        )

    @property
    def latency(self) -> int:
        """The hops that resampling looks ahead: one, or two for 'cubic'."""
        return look_around(self.amp_resample_method)[1] * self._hop()

    def start_stream(self, batch_size: Any) -> dict[str, tf.Tensor]:
        """Remembers the last frames, and the phases."""
        n = self._channels('amplitudes') or 1
        return start_bank(batch_size, n, n, self.amp_resample_method)

    def stream_signal(
        self,
        memory: Memory,
        span: Span,
        amplitudes: tf.Tensor,
        frequencies: tf.Tensor,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Plays a block of scaled controls."""
        kernel = sinusoid_kernel(size(amplitudes, 2), self.sample_rate)
        return _step_bank(
            self,
            memory,
            span,
            frequencies,
            amplitudes,
            self.amp_resample_method,
            kernel,
        )


def _step_bank(
    synth: Harmonic | Sinusoidal,
    memory: Memory,
    span: Span,
    frequencies: tf.Tensor,
    amplitudes: tf.Tensor,
    method: str,
    kernel: Kernel,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    # A batch of one, or one frame, may serve for all.
    frequencies = frequencies + tf.zeros_like(amplitudes[..., :1])
    amplitudes = amplitudes + tf.zeros_like(frequencies[..., :1])
    return step_bank(
        frequencies,
        amplitudes,
        memory,
        span,
        synth._hop(),
        synth.sample_rate,
        method,
        kernel,
    )
