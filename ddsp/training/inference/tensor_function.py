"""Models that are one function of a few tensors of known shapes, to be saved."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp.tracing import compile_apart


class TensorFunction:
    """The part of a Keras model that runs and saves `call` as a plain function.

    Its inputs are those of `input_specs`, whatever they are called with is made into
    tensors and checked. Each is one moment of one stream: there is no batch.
    """

    @property
    def input_specs(self) -> dict[str, tf.TensorSpec]:
        """Shape and type of each argument of `call`, in their order."""
        raise NotImplementedError(f'{type(self).__name__} must define input_specs.')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs `call`, compiled.

        Raises
        ------
        ValueError
            When an input is missing or has another shape than expected.
        """
        specs = self.input_specs
        named = inspect.Signature([_parameter(name) for name in specs]).bind(
            *args, **kwargs
        )
        inputs = [
            self._checked(name, named.arguments[name], spec)
            for name, spec in specs.items()
        ]
        return self.as_function()(*inputs)

    def as_function(self) -> Callable[..., Any]:
        """`call` as a `tf.function` of the inputs, with their names and shapes."""
        if getattr(self, '_function', None) is None:
            self._function = compile_named(self.call, self.input_specs)
        return self._function

    def save_model(self, save_dir: str | Path) -> None:
        """Writes a SavedModel: `call`, and the signature `serving_default`.

        Parameters
        ----------
        save_dir : directory, which is made.
        """
        save_function(self.as_function(), self.saved_variables(), save_dir)

    def saved_variables(self) -> list[tf.Variable]:
        """All that `call` reads and writes."""
        return tensorflow_variables([self])

    def _checked(self, name: str, value: Any, spec: tf.TensorSpec) -> tf.Tensor:
        value = tf.convert_to_tensor(np.asarray(value, spec.dtype.as_numpy_dtype))
        if not spec.shape.is_compatible_with(value.shape):
            raise ValueError(
                f'{self.name}: {name} has the shape {list(value.shape)}, expected '
                f'{list(spec.shape)}.'
            )
        return value


def compile_named(
    function: Callable[..., Any], specs: Mapping[str, tf.TensorSpec]
) -> Callable[..., Any]:
    """Compiles a function of tensors, whose parameters get the names of the specs."""

    def named(*inputs: tf.Tensor) -> Any:
        return function(*inputs)

    # A signature of a SavedModel takes its names from here.
    named.__signature__ = inspect.Signature([_parameter(name) for name in specs])
    signature = [
        tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in specs.items()
    ]
    return compile_apart(named, input_signature=signature, autograph=False)


def save_function(
    function: Callable[..., Any], variables: Sequence[tf.Variable], save_dir: str | Path
) -> None:
    """Writes a `tf.function` that gives a dictionary, with the variables it needs."""
    module = tf.Module()
    # A layer of Keras is not tracked inside of a module; its variables are.
    module.saved_variables = list(variables)
    module.call = function
    tf.saved_model.save(module, str(save_dir), signatures={'serving_default': function})


def tensorflow_variables(layers: Sequence[Any]) -> list[tf.Variable]:
    """The variables of layers of Keras, as TensorFlow knows them."""
    return [variable.value for layer in layers for variable in layer.variables]


def _parameter(name: str) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD)
