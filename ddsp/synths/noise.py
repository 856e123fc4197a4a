"""Noise through filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ddsp import core
from ddsp.core import checks, size
from ddsp.core.filters import centred_response
from ddsp.core.streaming.filters import start_filter, step_filter
from ddsp.core.streaming.memory import finite_or_zero, mute
from ddsp.core.streaming.noise import noise_from
from ddsp.processors import Processor
from ddsp.registration import register
from ddsp.streaming import Memory, Span
from ddsp.synths.rates import whole_hop


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
    name : name of the layer.
    sample_rate, frame_rate : samples and frames a second, for `n_samples=None`.
    crossfade : whether the filter fades from each frame to the next; False switches at
        the frame's edge, as the established library does.
    seed : a number makes the noise the same at every call; None draws anew, within
        `core.reproducible_noise` from the seed given there.

    Examples
    --------
    >>> synth = FilteredNoise(n_samples=None)
    >>> synth(tf.zeros([1, 10, 65])).shape  # 64 samples a frame.
    TensorShape([1, 640])
    """

    input_shapes = {'magnitudes': '[batch, frames, bands]'}

    needs_hop = True

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
        self.hop_size = whole_hop(n_samples, sample_rate, frame_rate)

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
            n_samples = size(magnitudes, 1) * self.hop_size
        return core.frequency_filter(
            core.uniform_noise([size(magnitudes, 0), n_samples], self.seed),
            magnitudes,
            window_size=self.window_size,
            crossfade=self.crossfade,
        )

    @property
    def latency(self) -> int:
        """Half the response; with a crossfade, one hop more."""
        return self._filter_latency(self.window_size, 'magnitudes', self.crossfade)

    def start_stream(self, batch_size: Any) -> dict[str, tf.Tensor]:
        """Remembers what of the responses is still to come."""
        hop = self._hop() if self.crossfade else None
        bands = self._channels('magnitudes')
        return start_filter(batch_size, self.window_size, bands, hop)

    def stream_signal(
        self,
        memory: Memory,
        span: Span,
        magnitudes: tf.Tensor,
        noise: Any = None,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Filters the noise of a block.

        Parameters
        ----------
        memory, span, magnitudes : see `Streamed.stream_signal`.
        noise : `[batch, samples]`, to filter in place of the processor's own. With a
            seed, that goes on from block to block as it would in one call, for a batch
            of one; without, it is new in each.

        Raises
        ------
        ValueError
            When the noise has another shape, or the hop size is not known.
        """
        batch, n_frames, hop = size(magnitudes, 0), size(magnitudes, 1), self._hop()
        n_samples = n_frames * hop
        if noise is not None:
            noise = finite_or_zero(core.tf_float32(noise))
            checks.check_rank(noise, 2, 'noise', self.name, '[batch, samples]')
            if noise.shape[1] not in (None, n_samples) and isinstance(n_samples, int):
                raise ValueError(
                    f'{self.name}: noise has shape {list(noise.shape)}, expected '
                    f'{n_samples} samples for {n_frames} frames.'
                )
        elif self.seed is not None:
            noise = noise_from(span.position, batch, n_samples, self.seed)
        else:
            noise = core.uniform_noise([batch, n_samples])
        noise = mute(noise, span.inside(n_samples))
        responses = centred_response(magnitudes, self.window_size, self.name)
        return step_filter(noise, responses, memory, self.window_size, self.crossfade)
