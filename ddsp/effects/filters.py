"""Filters that change from frame to frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ddsp import core, processors, registration
from ddsp.core.filters import centred_response
from ddsp.core.streaming.filters import start_filter, step_filter
from ddsp.streaming import Memory, Span


@registration.register('ddsp.effects')
class FIRFilter(processors.Processor):
    """Filters audio by magnitudes over frequency that change from frame to frame.

    Parameters
    ----------
    window_size : length in samples of the window on the impulse response.
    scale_fn : function from any magnitude to a positive one.
    name : name of the layer.
    crossfade : fade from each frame's filter to the next instead of switching.

    Examples
    --------
    >>> effect = FIRFilter(scale_fn=tf.identity)
    >>> audio = tf.constant([[1.0, 2.0, 3.0, 4.0]])
    >>> effect(audio, tf.fill([1, 1, 5], 0.5)).numpy().round(4).tolist()
    [[0.5, 1.0, 1.5, 2.0]]
    """

    input_shapes = {
        'audio': '[batch, samples]',
        'magnitudes': ('[batch, frames, bins]', '[batch, bins]'),
    }

    def __init__(
        self,
        window_size: int = 257,
        scale_fn: Callable = core.exp_sigmoid,
        name: str = 'fir_filter',
        crossfade: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.window_size = window_size
        self.scale_fn = scale_fn
        self.crossfade = crossfade

    def get_controls(self, audio: Any, magnitudes: Any) -> dict[str, tf.Tensor]:
        """Scales the magnitudes.

        Parameters
        ----------
        audio : `[batch, samples]`.
        magnitudes : `[batch, frames, bins]`, or `[batch, bins]` for one filter.

        Returns
        -------
        `audio`, and `magnitudes`, linear gain of the same shape.

        Raises
        ------
        ValueError
            For other ranks, or for audio that is empty or not finite.
        """
        audio = core.tf_float32(audio)
        magnitudes = core.tf_float32(magnitudes)
        return {'audio': audio, 'magnitudes': self.scale_fn(magnitudes)}

    def get_signal(self, audio: Any, magnitudes: Any) -> tf.Tensor:
        """Filters the audio, without delay.

        Parameters
        ----------
        audio : `[batch, samples]`.
        magnitudes : `[batch, frames, bins]` or `[batch, bins]`, linear gain.

        Returns
        -------
        Audio of the same length, `[batch, samples]`.
        """
        return core.frequency_filter(
            audio, magnitudes, self.window_size, crossfade=self.crossfade
        )

    @property
    def latency(self) -> int:
        """Half the response; with a crossfade, one hop more."""
        return self._filter_latency(
            self.window_size, 'magnitudes', self._fades_in_stream()
        )

    def start_stream(self, batch_size: Any) -> dict[str, tf.Tensor]:
        """Remembers what of the responses is still to come."""
        hop = self._hop() if self._fades_in_stream() else None
        bins = self._channels('magnitudes')
        return start_filter(batch_size, self.window_size, bins, hop)

    def stream_signal(
        self, memory: Memory, span: Span, audio: tf.Tensor, magnitudes: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Filters a block, which has as many samples for each frame as all others."""
        responses = centred_response(magnitudes, self.window_size, self.name)
        crossfade = self.crossfade and responses.shape.rank == 3
        if responses.shape.rank == 2:
            responses = responses[:, tf.newaxis]
        return step_filter(audio, responses, memory, self.window_size, crossfade)

    def _fades_in_stream(self) -> bool:
        return self.crossfade and self.kind_of('magnitudes') == 'frames'
