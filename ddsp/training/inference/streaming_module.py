"""A streaming instrument with blocks of one size, as a function to export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import tensorflow as tf

from ddsp.training.inference.block_module import BlockModule, Tensors

if TYPE_CHECKING:
    from ddsp.training.inference.streaming_instrument import StreamingInstrument


class StreamingModule(BlockModule):
    """One step of an instrument, with all that it needs, for other runtimes.

    `step` takes the tensors of `input_names` in that order, `[1, frames_per_block]`
    features, `[1, frames_per_block * hop_size]` noise and the state, and gives a
    dictionary of those of `output_names`: the audio, and the state after it, each name
    with `next_` before it. All shapes are known, and all weights belong to the module.

    Parameters
    ----------
    instrument : which plays.
    frames_per_block : frames in each block.

    Raises
    ------
    ValueError
        When `frames_per_block` is no whole number above 0.

    Examples
    --------
    >>> from ddsp.training.inference import StreamingInstrument
    >>> module = StreamingInstrument.load('violin').as_module(frames_per_block=2)
    >>> module.input_names[:4]
    ('f0_hz', 'loudness_db', 'noise', 'add_waiting_signal_one')
    >>> block = {'f0_hz': tf.fill([1, 2], 440.0), 'loudness_db': tf.fill([1, 2], -20.0)}
    >>> noise = tf.zeros([1, 256])
    >>> out = module.step(**block, noise=noise, **module.initial_state())
    >>> out['audio'].shape
    TensorShape([1, 256])
    """

    played_names = ('audio',)

    def __init__(self, instrument: StreamingInstrument, frames_per_block: int) -> None:
        super().__init__(
            'streaming_instrument',
            frames_per_block,
            instrument.hop_size,
            instrument.initial_state(),
            [instrument.decoder, instrument.processor_group],
        )
        self.sample_rate, self.frame_rate = (
            instrument.sample_rate,
            instrument.frame_rate,
        )
        self.latency = instrument.latency
        self.feature_names = instrument.input_keys
        self.takes_noise = instrument.takes_noise

        def play(block: Tensors, state: Tensors) -> tuple[Sequence[tf.Tensor], Tensors]:
            noise = block.pop('noise', None)
            audio, state = instrument.trace(block, state, noise)
            return [audio], state

        self.step = self._compile(play)

    @property
    def block_specs(self) -> dict[str, tf.TensorSpec]:
        """The features, and noise if it takes any."""
        specs = dict.fromkeys(
            self.feature_names, tf.TensorSpec([1, self.frames_per_block])
        )
        if self.takes_noise:
            specs['noise'] = tf.TensorSpec([1, self.frames_per_block * self.hop_size])
        return specs

    def save(self, directory: str | Path) -> None:
        """Writes a SavedModel, whose signature `serving_default` is `step`."""
        tf.saved_model.save(
            self, str(directory), signatures={'serving_default': self.step}
        )
