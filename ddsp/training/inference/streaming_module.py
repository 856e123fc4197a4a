"""A streaming instrument with blocks of one size, as a function to export."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from ddsp.training.inference.streaming_instrument import StreamingInstrument

_NEXT = 'next_'


class StreamingModule(tf.Module):
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

    def __init__(self, instrument: StreamingInstrument, frames_per_block: int) -> None:
        super().__init__(name='streaming_instrument')
        if not isinstance(frames_per_block, int) or frames_per_block < 1:
            raise ValueError(
                f'frames_per_block is {frames_per_block!r}, expected a whole number '
                'above 0.'
            )
        self.frames_per_block = frames_per_block
        self.hop_size = instrument.hop_size
        self.sample_rate, self.frame_rate = (
            instrument.sample_rate,
            instrument.frame_rate,
        )
        self.latency = instrument.latency
        self._state = {
            name: value.numpy() for name, value in instrument.initial_state().items()
        }
        # A layer of Keras is not tracked inside of a module; its variables are.
        layers = [instrument.decoder, instrument.processor_group]
        self._weights = [v.value for layer in layers for v in layer.variables]
        self.feature_names = instrument.input_keys
        self.takes_noise = instrument.takes_noise
        self.step = self._compile(instrument)

    @property
    def state_names(self) -> tuple[str, ...]:
        """The inputs that hold the state."""
        return tuple(self._state)

    @property
    def input_names(self) -> tuple[str, ...]:
        """All inputs of `step`, in their order."""
        noise = ('noise',) if self.takes_noise else ()
        return (*self.feature_names, *noise, *self.state_names)

    @property
    def output_names(self) -> tuple[str, ...]:
        """All outputs of `step`: the audio, then the state in the order of inputs."""
        return ('audio', *(f'{_NEXT}{name}' for name in self.state_names))

    @property
    def input_specs(self) -> dict[str, tf.TensorSpec]:
        """Shapes and types of the inputs, in their order."""
        frames = tf.TensorSpec([1, self.frames_per_block])
        specs = dict.fromkeys(self.feature_names, frames)
        if self.takes_noise:
            specs['noise'] = tf.TensorSpec([1, self.frames_per_block * self.hop_size])
        specs.update(
            {k: tf.TensorSpec(v.shape, v.dtype) for k, v in self._state.items()}
        )
        return {
            name: tf.TensorSpec(spec.shape, spec.dtype, name)
            for name, spec in specs.items()
        }

    def initial_state(self) -> dict[str, np.ndarray]:
        """The state of a stream that begins, by the names of the inputs."""
        return {name: value.copy() for name, value in self._state.items()}

    def save(self, directory: str | Path) -> None:
        """Writes a SavedModel, whose signature `serving_default` is `step`."""
        tf.saved_model.save(
            self, str(directory), signatures={'serving_default': self.step}
        )

    def _compile(
        self, instrument: StreamingInstrument
    ) -> tf.types.experimental.GenericFunction:
        """Makes `step`, traced here and now."""
        specs = self.input_specs

        def step(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            named = dict(zip(specs, inputs))
            features = {key: named[key] for key in self.feature_names}
            state = {key: named[key] for key in self.state_names}
            audio, state = instrument.trace(features, state, named.get('noise'))
            outputs = [audio, *(state[name] for name in self.state_names)]
            return dict(zip(self.output_names, outputs))

        # A signature needs parameters of these names.
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        step.__signature__ = inspect.Signature(
            [inspect.Parameter(name, kind) for name in specs]
        )
        compiled = tf.function(step, list(specs.values()), autograph=False)
        compiled.get_concrete_function()
        return compiled
