"""Audio that came in as a control."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp import core
from ddsp.processors import Processor
from ddsp.registration import register
from ddsp.streaming import Memory, Span


@register('ddsp.synths')
class TensorToAudio(Processor):
    """Gives out audio that came in as a control, such as a recording's own samples.

    Parameters
    ----------
    name : name of the layer.

    Examples
    --------
    >>> TensorToAudio()([[0.1, 0.2]]).shape
    TensorShape([1, 2])
    """

    input_shapes = {'samples': ('[batch, samples, 1]', '[batch, samples]')}

    def __init__(self, name: str = 'tensor_to_audio', **kwargs: Any):
        super().__init__(name=name, **kwargs)

    def get_controls(self, samples: Any) -> dict[str, tf.Tensor]:
        """Takes `[batch, samples, 1]` or `[batch, samples]`."""
        return {'samples': core.tf_float32(samples)}

    def get_signal(self, samples: tf.Tensor) -> tf.Tensor:
        """Gives `[batch, samples]`."""
        return samples[..., 0] if samples.shape.rank == 3 else samples

    def stream_signal(
        self, memory: Memory, span: Span, samples: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Gives the samples of the block."""
        return self.get_signal(samples), {}
