"""A live voice as a function of tensors, for other runtimes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ddsp.training.inference.tensor_function import (
    compile_named,
    tensorflow_variables,
)
from ddsp.training.live.following import control_values
from ddsp.training.live.voice import LiveVoice
from ddsp.training.transfer.controls import Controls

_NEXT = 'next_'


class LiveModule(tf.Module):
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

    def __init__(self, voice: LiveVoice, frames_per_block: int = 1) -> None:
        super().__init__(name='live_voice')
        if not isinstance(frames_per_block, int) or frames_per_block < 1:
            raise ValueError(
                f'frames_per_block is {frames_per_block!r}, expected a whole number '
                'above 0.'
            )
        self.info = voice.info
        self.frames_per_block, self.hop_size = frames_per_block, voice.hop_size
        self.sample_rate, self.frame_rate = voice.sample_rate, voice.frame_rate
        self.latency, self.hearing = voice.latency, voice.hearing
        self._state = {k: v.numpy() for k, v in voice.initial_state().items()}
        # A layer of Keras is not tracked inside of a module; its variables are.
        layers = [voice.instrument.decoder, voice.instrument.processor_group]
        self._weights = tensorflow_variables(layers)
        self.step = self._compile(voice)

    @property
    def control_names(self) -> tuple[str, ...]:
        """The inputs that a listener turns."""
        return tuple(self.controls())

    @property
    def state_names(self) -> tuple[str, ...]:
        """The inputs that hold the state."""
        return tuple(self._state)

    @property
    def input_names(self) -> tuple[str, ...]:
        """All inputs of `step`, in their order."""
        return ('audio', 'noise', *self.control_names, *self.state_names)

    @property
    def output_names(self) -> tuple[str, ...]:
        """All outputs of `step`: what is played, then the state as in the inputs."""
        told = ('played', 'f0_hz', 'loudness_db', 'note', 'heard_hz')
        return (*told, *(f'{_NEXT}{name}' for name in self.state_names))

    @property
    def input_specs(self) -> dict[str, tf.TensorSpec]:
        """Shapes and types of the inputs, in their order."""
        audio = ([1, self.frames_per_block * self.hop_size], tf.float32)
        kinds = {'audio': audio, 'noise': audio}
        kinds.update({name: ([], tf.float32) for name in self.control_names})
        kinds.update({k: (v.shape, v.dtype) for k, v in self._state.items()})
        return {name: tf.TensorSpec(*kind, name) for name, kind in kinds.items()}

    def controls(self, controls: Controls | None = None) -> dict[str, np.ndarray]:
        """Controls as scalars, by the names of the inputs."""
        values = control_values(controls or Controls())
        return {name: np.array(x, np.float32) for name, x in values.items()}

    def initial_state(self) -> dict[str, np.ndarray]:
        """The state of a stream that begins, by the names of the inputs."""
        return {name: value.copy() for name, value in self._state.items()}

    def _compile(self, voice: LiveVoice) -> Callable[..., dict[str, tf.Tensor]]:
        """Makes `step`, traced here and now."""
        specs = self.input_specs

        def step(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            named = dict(zip(specs, inputs))
            controls = {name: named[name] for name in self.control_names}
            state = {name: named[name] for name in self.state_names}
            played, state = voice.step(named['audio'], named['noise'], controls, state)
            outputs = [*played, *(state[name] for name in self.state_names)]
            return dict(zip(self.output_names, outputs))

        compiled = compile_named(step, specs)
        compiled.get_concrete_function()
        return compiled
