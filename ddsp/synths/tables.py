"""Wavetables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ddsp import core
from ddsp.core.checks import check_same_size
from ddsp.core.streaming.oscillators import start_wavetable, step_wavetable
from ddsp.processors import Processor
from ddsp.registration import register
from ddsp.streaming import Memory, Span
from ddsp.synths.rates import whole_hop


@register('ddsp.synths')
class Wavetable(Processor):
    """Plays a wavetable at the pace of a fundamental.

    Parameters
    ----------
    n_samples : length of the audio; None renders `sample_rate / frame_rate` samples for
        each frame, however many there are.
    sample_rate : samples a second.
    scale_fn : makes raw network outputs into amplitudes and tables; None leaves them.
    name : name of the layer.
    frame_rate : frames a second, for `n_samples=None`.

    Examples
    --------
    >>> synth = Wavetable(n_samples=4, scale_fn=None)
    >>> table = tf.constant([[0.0, 1.0, 0.0, -1.0]])
    >>> audio = synth(tf.ones([1, 2, 1]), table, tf.fill([1, 2, 1], 4000.0))
    >>> (audio.numpy().round(3) + 0.0).tolist()  # A quarter of the table each sample.
    [[0.0, 1.0, 0.0, -1.0]]
    """

    input_shapes = {
        'amplitudes': '[batch, frames, 1]',
        'wavetables': (
            '[batch, n_wavetable]',
            '[batch, frames_of_tables, n_wavetable]',
        ),
        'f0_hz': '[batch, frames, 1]',
    }

    needs_hop = True

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
        self.hop_size = whole_hop(n_samples, sample_rate, frame_rate)

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
            hop_size=self.hop_size,
        )

    @property
    def latency(self) -> int:
        """One hop."""
        return self._hop()

    def start_stream(self, batch_size: Any) -> dict[str, tf.Tensor]:
        """Remembers the last frame, and the phase."""
        changes = self.kind_of('wavetables') == 'frames'
        return start_wavetable(batch_size, self._channels('wavetables') or 1, changes)

    def stream_signal(
        self,
        memory: Memory,
        span: Span,
        amplitudes: tf.Tensor,
        wavetables: tf.Tensor,
        f0_hz: tf.Tensor,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Plays a block; there is one table for each frame, or one for all.

        Raises
        ------
        ValueError
            For another number of tables, or when the hop size is not known.
        """
        if wavetables.shape.rank == 3:
            frames = {'wavetables': wavetables, 'f0_hz': f0_hz}
            check_same_size(frames, 1, self.name, 'frame')
        return step_wavetable(
            f0_hz, amplitudes, wavetables, memory, span, self._hop(), self.sample_rate
        )
