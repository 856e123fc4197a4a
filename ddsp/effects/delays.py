"""Delays that are modulated: chorus, flanger, vibrato."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ddsp import core, processors, registration
from ddsp.core.streaming.delays import start_delay, step_delay
from ddsp.streaming import Memory, Span


@registration.register('ddsp.effects')
class ModDelay(processors.Processor):
    """Delays audio by a time that is modulated: chorus, flanger, vibrato.

    The delay is `center_ms + depth_ms * phase`. The default `phase_scale_fn` gives
    phases in [0, 1]; with `tf.math.tanh`, for one, phases go from -1 to 1, and the
    delay from `center_ms - depth_ms` to `center_ms + depth_ms`. The longest delay is
    reached, where the established library wraps around to none.

    Parameters
    ----------
    center_ms : delay at phase 0, in milliseconds.
    depth_ms : how far the phase moves the delay, in milliseconds.
    sample_rate : samples per second.
    gain_scale_fn : function from any gain to a positive one.
    phase_scale_fn : function from any phase to one in [0, 1] or [-1, 1].
    add_dry : add the audio to its delayed copy.
    name : name of the layer.

    Raises
    ------
    ValueError
        When a time is negative or there is no delay at all.

    Examples
    --------
    >>> effect = ModDelay(
    ...     center_ms=1.0,
    ...     depth_ms=1.0,
    ...     sample_rate=1000,
    ...     gain_scale_fn=tf.identity,
    ...     phase_scale_fn=tf.identity,
    ...     add_dry=False,
    ... )
    >>> audio, zeros = tf.constant([[1.0, 2.0, 3.0]]), tf.zeros([1, 3, 1])
    >>> effect(audio, zeros + 0.5, zeros).numpy().tolist()  # One sample later, half.
    [[0.0, 0.5, 1.0]]
    """

    input_shapes = {
        'audio': '[batch, samples]',
        'gain': '[batch, samples, 1]',
        'phase': '[batch, samples, 1]',
    }

    def __init__(
        self,
        center_ms: float = 15.0,
        depth_ms: float = 10.0,
        sample_rate: int = 16000,
        gain_scale_fn: Callable = core.exp_sigmoid,
        phase_scale_fn: Callable = tf.nn.sigmoid,
        add_dry: bool = True,
        name: str = 'mod_delay',
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if min(center_ms, depth_ms) < 0.0 or center_ms + depth_ms <= 0.0:
            raise ValueError(
                f'{name}: center_ms {center_ms} and depth_ms {depth_ms} should not be '
                'negative, nor both zero.'
            )
        self.center_ms = center_ms
        self.depth_ms = depth_ms
        self.sample_rate = sample_rate
        self.gain_scale_fn = gain_scale_fn
        self.phase_scale_fn = phase_scale_fn
        self.add_dry = add_dry

    def get_controls(self, audio: Any, gain: Any, phase: Any) -> dict[str, tf.Tensor]:
        """Scales gain and phase.

        Parameters
        ----------
        audio : `[batch, samples]`.
        gain : `[batch, samples, 1]`, of the delayed audio, raw.
        phase : `[batch, samples, 1]`, of the modulation, raw. Scaled, it is the part of
            `depth_ms` by which the delay is longer.

        Returns
        -------
        `audio`, and the scaled `gain` and `phase`, `[batch, samples, 1]`.

        Raises
        ------
        ValueError
            For other ranks, sizes that differ, or audio that is empty or not finite.
        """
        audio = core.tf_float32(audio)
        gain, phase = core.tf_float32(gain), core.tf_float32(phase)
        gain, phase = self.gain_scale_fn(gain), self.phase_scale_fn(phase)
        return {'audio': audio, 'gain': gain, 'phase': phase}

    def get_signal(self, audio: Any, gain: Any, phase: Any) -> tf.Tensor:
        """Adds a delayed copy of the audio.

        Parameters
        ----------
        audio : `[batch, samples]`.
        gain : `[batch, samples, 1]`, linear gain of the delayed audio.
        phase : `[batch, samples, 1]`, in [0, 1] or [-1, 1].

        Returns
        -------
        Audio of the same length, `[batch, samples]`.
        """
        audio, phase = core.tf_float32(audio), core.tf_float32(phase)
        max_length = self._max_length()
        part = self._delay(phase) / max_length
        wet = core.variable_length_delay(part, audio, max_length)
        wet *= core.tf_float32(gain)[..., 0]
        return wet + audio if self.add_dry else wet

    def start_stream(self, batch_size: Any) -> dict[str, tf.Tensor]:
        """Remembers audio as long as the longest delay."""
        return start_delay(batch_size, self._max_length())

    def stream_signal(
        self,
        memory: Memory,
        span: Span,
        audio: tf.Tensor,
        gain: tf.Tensor,
        phase: tf.Tensor,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Adds a delayed copy of what was heard, without latency."""
        delay = self._delay(phase)[..., 0]
        wet, memory = step_delay(audio, delay, memory, self._max_length())
        wet *= gain[..., 0]
        return (wet + audio if self.add_dry else wet), memory

    def _max_length(self) -> int:
        longest_ms = self.center_ms + self.depth_ms
        return max(1, math.ceil(self.sample_rate / 1000.0 * longest_ms))

    def _delay(self, phase: tf.Tensor) -> tf.Tensor:
        """The delay in samples."""
        samples_per_ms = self.sample_rate / 1000.0
        return samples_per_ms * (self.center_ms + self.depth_ms * phase)
