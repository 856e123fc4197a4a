"""A live voice as a function of tensors, for other runtimes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ddsp.training.inference.block_module import BlockModule, Tensors
from ddsp.training.live.following import control_values
from ddsp.training.live.voice import LiveVoice
from ddsp.training.transfer.controls import Controls


class LiveModule(BlockModule):
    """One step of a live voice with all that it needs, with known shapes.

    `step` takes the tensors of `input_names` in that order: the audio and noise, each
    `[1, frames_per_block * hop_size]`, the controls, scalars, and the state. It gives a
    dictionary of those of `output_names`: the audio, what was found in it, and the
    state after it, each name with `next_` before it.

    Parameters
    ----------
    voice : which plays.
    frames_per_block : frames in each block.

    Raises
    ------
    ValueError
        When `frames_per_block` is no whole number above 0.

    Examples
    --------
    >>> from ddsp.training import load_instrument
    >>> from ddsp.training.live import LiveModule, LiveVoice
    >>> module = LiveModule(LiveVoice(load_instrument('violin')))
    >>> module.input_names[:3], module.output_names[:3]
    (('audio', 'noise', 'adjust'), ('played', 'f0_hz', 'loudness_db'))
    >>> silence, controls = tf.zeros([1, 128]), module.controls()
    >>> out = module.step(silence, silence, **controls, **module.initial_state())
    >>> out['played'].shape
    TensorShape([1, 128])
    """

    played_names = ('played', 'f0_hz', 'loudness_db', 'note', 'heard_hz')

    def __init__(self, voice: LiveVoice, frames_per_block: int = 1) -> None:
        super().__init__(
            'live_voice',
            frames_per_block,
            voice.hop_size,
            voice.initial_state(),
            [voice.instrument.decoder, voice.instrument.processor_group],
        )
        self.info = voice.info
        self.sample_rate, self.frame_rate = voice.sample_rate, voice.frame_rate
        self.latency, self.hearing = voice.latency, voice.hearing

        def play(block: Tensors, state: Tensors) -> tuple[Sequence[tf.Tensor], Tensors]:
            audio, noise = block.pop('audio'), block.pop('noise')
            return voice.step(audio, noise, block, state)

        self.step = self._compile(play)

    @property
    def control_names(self) -> tuple[str, ...]:
        """The inputs that a listener turns."""
        return tuple(self.controls())

    @property
    def block_specs(self) -> dict[str, tf.TensorSpec]:
        """The audio, noise, and the controls."""
        audio = tf.TensorSpec([1, self.frames_per_block * self.hop_size])
        controls = dict.fromkeys(self.control_names, tf.TensorSpec([]))
        return {'audio': audio, 'noise': audio, **controls}

    def controls(self, controls: Controls | None = None) -> dict[str, np.ndarray]:
        """Controls as scalars, by the names of the inputs."""
        values = control_values(controls or Controls())
        return {name: np.array(x, np.float32) for name, x in values.items()}
