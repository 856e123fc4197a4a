"""One step of what plays block by block, as a function to export."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from ddsp.training.inference.tensor_function import (
    compile_named,
    tensorflow_variables,
)

_NEXT = 'next_'

Tensors = dict[str, tf.Tensor]
Play = Callable[[Tensors, Tensors], tuple[Sequence[tf.Tensor], Mapping[str, tf.Tensor]]]


class BlockModule(tf.Module):
    """One step with all that it needs: all shapes are known, all weights its own.

    `step` takes the tensors of `input_names` in that order: those of a block, then the
    state. It gives a dictionary of those of `output_names`: what is played, then the
    state after it, each name with `next_` before it.

    Subclasses say in `played_names` and `block_specs` what is played and what a block
    is made of, and compile `step`.

    Parameters
    ----------
    name : of the module.
    frames_per_block : frames in each block.
    hop_size : samples in a frame.
    state : of a stream that begins.
    layers : of Keras, whose weights `step` needs.

    Raises
    ------
    ValueError
        When `frames_per_block` is no whole number above 0.
    """

    #: The outputs of `step` but for the state.
    played_names: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        name: str,
        frames_per_block: int,
        hop_size: int,
        state: Mapping[str, tf.Tensor],
        layers: Sequence[Any],
    ) -> None:
        super().__init__(name=name)
        if not isinstance(frames_per_block, int) or frames_per_block < 1:
            raise ValueError(
                f'frames_per_block is {frames_per_block!r}, expected a whole number '
                'above 0.'
            )
        self.frames_per_block, self.hop_size = frames_per_block, hop_size
        self._state = {key: value.numpy() for key, value in state.items()}
        # A layer of Keras is not tracked inside of a module; its variables are.
        self._weights = tensorflow_variables(layers)

    @property
    def block_specs(self) -> dict[str, tf.TensorSpec]:
        """Shapes and types of the inputs but for the state, in their order."""
        raise NotImplementedError(f'{type(self).__name__} must define block_specs.')

    @property
    def state_names(self) -> tuple[str, ...]:
        """The inputs that hold the state."""
        return tuple(self._state)

    @property
    def input_names(self) -> tuple[str, ...]:
        """All inputs of `step`, in their order."""
        return (*self.block_specs, *self.state_names)

    @property
    def output_names(self) -> tuple[str, ...]:
        """All outputs of `step`: what is played, then the state as in the inputs."""
        return (*self.played_names, *(f'{_NEXT}{name}' for name in self.state_names))

    @property
    def input_specs(self) -> dict[str, tf.TensorSpec]:
        """Shapes and types of the inputs, in their order."""
        kinds = {
            key: (spec.shape, spec.dtype) for key, spec in self.block_specs.items()
        }
        kinds.update({key: (x.shape, x.dtype) for key, x in self._state.items()})
        return {name: tf.TensorSpec(*kind, name) for name, kind in kinds.items()}

    def initial_state(self) -> dict[str, np.ndarray]:
        """The state of a stream that begins, by the names of the inputs."""
        return {name: value.copy() for name, value in self._state.items()}

    def _compile(self, play: Play) -> Callable[..., Tensors]:
        """Makes `step`, traced here and now.

        Parameters
        ----------
        play : takes the tensors of a block and the state, gives what is played and the
            state after it.
        """
        specs = self.input_specs

        def step(*inputs: tf.Tensor) -> Tensors:
            block = dict(zip(specs, inputs))
            state = {name: block.pop(name) for name in self.state_names}
            played, state = play(block, state)
            outputs = [*played, *(state[name] for name in self.state_names)]
            return dict(zip(self.output_names, outputs))

        compiled = compile_named(step, specs)
        compiled.get_concrete_function()
        return compiled
