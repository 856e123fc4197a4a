"""A function of tensors by name: what is exported, and what an export gives back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp.training.inference import StreamingModule
from ddsp.training.inference.tensor_function import compile_named, save_function

NEXT = 'next_'
Arrays = dict[str, np.ndarray]
Run = Callable[[Mapping[str, np.ndarray]], Arrays]

_RANDOM = ('RandomUniform', 'RandomStandardNormal')
_PASSING = ('Identity', 'IdentityN', 'StopGradient')


@dataclasses.dataclass(frozen=True)
class Port:
    """An input or output.

    Parameters
    ----------
    name : by which it is fed or fetched.
    shape : all of it is known.
    dtype : such as `'float32'`.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclasses.dataclass(frozen=True)
class ExportedFunction:
    """A function that can be saved, run, and compared with what was saved.

    Parameters
    ----------
    function : a `tf.function` of tensors, with their names, that gives a dictionary.
    inputs, outputs : what it takes and gives, in order.
    variables : that it needs.
    initial_state : values of the inputs that hold a state at the start of a stream.
    """

    function: Any
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    variables: Sequence[tf.Variable] = ()
    initial_state: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """Runs it on arrays by name; others than its inputs are ignored."""
        values = [tf.constant(inputs[port.name], port.dtype) for port in self.inputs]
        return {name: x.numpy() for name, x in self.function(*values).items()}

    def save(self, directory: str | Path) -> None:
        """Writes a SavedModel, whose signature `serving_default` it is."""
        save_function(self.function, self.variables, directory)

    @property
    def draws_noise(self) -> bool:
        """Whether it gives other results each time, of noise that it draws."""
        graph = self.function.get_concrete_function().graph.as_graph_def()
        functions = [function.node_def for function in graph.library.function]
        return any(
            node.op in _RANDOM for nodes in (graph.node, *functions) for node in nodes
        )

    @property
    def carried(self) -> dict[str, str]:
        """Which output goes into which input at the next step."""
        given = {port.name for port in self.outputs}
        names = (port.name for port in self.inputs)
        pairs = {name: _candidates(name) for name in names}
        return {
            name: output
            for name, outputs in pairs.items()
            for output in outputs
            if output in given
        }


def of_function(
    function: Callable[..., Any],
    specs: Mapping[str, tf.TensorSpec],
    variables: Sequence[tf.Variable] = (),
    initial_state: Mapping[str, np.ndarray] | None = None,
) -> ExportedFunction:
    """Traces a function of tensors, in the order of `specs`, that gives a dictionary.

    It is traced once, here, so it stays as `ddsp.core.portable` or its absence made it.
    """
    compiled = compile_named(function, specs)
    traced = compiled.get_concrete_function()
    outputs = traced.structured_outputs
    # What is saved, and converted, is what was traced.
    again = compile_named(traced, specs)
    again.get_concrete_function()
    return ExportedFunction(
        again,
        tuple(_port(name, spec) for name, spec in specs.items()),
        tuple(_port(name, spec) for name, spec in outputs.items()),
        variables,
        initial_state or {},
    )


def of_stream(module: StreamingModule) -> ExportedFunction:
    """Makes one of a streaming instrument.

    Parts of the state that no step changes, such as the response of a reverb, become
    constants.
    """
    step = module.step.get_concrete_function()
    state = module.initial_state()
    constants = {name: state.pop(name) for name in _unchanged(step, state)}
    specs = {k: v for k, v in module.input_specs.items() if k not in constants}

    def changing(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        named = dict(zip(specs, inputs))
        named.update({name: tf.constant(x) for name, x in constants.items()})
        outputs = step(**named)
        names = [name for name in module.output_names if name in outputs]
        unchanged = {f'{NEXT}{name}' for name in constants}
        return {name: outputs[name] for name in names if name not in unchanged}

    return of_function(changing, specs, module.variables, state)


def _candidates(name: str) -> list[str]:
    """How the output may be called that goes into an input."""
    before = [name.removeprefix('prev_')] if name.startswith('prev_') else []
    return [name, f'{NEXT}{name}', *before]


def _port(name: str, spec: Any) -> Port:
    if not spec.shape.is_fully_defined():
        raise ValueError(
            f'{name} has the shape {spec.shape}, of which something is not known; what '
            'is exported has blocks of one size.'
        )
    return Port(name, tuple(spec.shape), spec.dtype.name)


def _unchanged(step: Any, state: Mapping[str, Any]) -> list[str]:
    """The parts of a state that come out of a step as they went in."""
    captured = {id(x) for x in step.inputs}
    # TensorFlow lays dictionaries out in the order of their keys.
    given = dict(zip(sorted(step.structured_outputs), step.outputs))
    same = []
    for name in state:
        tensor = given[f'{NEXT}{name}']
        while tensor.op.type in _PASSING:
            tensor = tensor.op.inputs[tensor.value_index]
        if id(tensor) in captured and tensor.op.name == name:
            same.append(name)
    return same
