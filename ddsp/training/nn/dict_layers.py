"""Layers whose inputs and outputs have names."""

from __future__ import annotations

import ast
import difflib
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from ddsp import registration
from ddsp.core import tensors
from ddsp.training.nn import splits


def _naming(call: Callable) -> Callable:
    """Gives names to what `call` returns, unless that of a subclass called it."""

    @functools.wraps(call)
    def named(self: DictLayer, *args: Any, **kwargs: Any) -> Any:
        outputs = call(self, *args, **kwargs)
        # Here and not in `__call__`, since a functional model that runs a layer again
        # expects its outputs in the same structure as the first time.
        return self._name_outputs(outputs) if type(self).call is named else outputs

    return named


class DictLayer(registration.Configured, keras.layers.Layer):
    """A layer that takes its inputs out of dictionaries and gives a dictionary.

    The input keys are the argument names of `call`; those with a default are optional.
    The output keys are the class attribute `output_keys`, or the return annotation of
    `call`, `-> ['a', 'b']`. Constructor arguments overrule both. A `call` that gives a
    dictionary needs no output keys.

    Inputs can be given as tensors, in order or by name, as dictionaries, or both:
    tensors take the first keys, the other keys are looked up by name, in the last
    dictionary that has them. A key `'harmonic/f0_hz'` finds what is nested.

    Parameters
    ----------
    input_keys : names under which to look for the arguments of `call`, in order.
    output_keys : names of the outputs of `call`, in order.
    **kwargs : passed on to `keras.layers.Layer`.

    Raises
    ------
    ValueError
        When `input_keys` are not as many as `call` takes, or a name comes twice.

    Examples
    --------
    >>> import tensorflow as tf
    >>> class Scale(DictLayer):
    ...     output_keys = ('scaled',)
    ...
    ...     def call(self, x, gain=2.0):
    ...         return gain * x
    >>> x = tf.constant([[1.0]])
    >>> float(Scale()({'x': x, 'other': x})['scaled'][0, 0])
    2.0
    >>> float(Scale(input_keys=['other'])({'other': x})['scaled'][0, 0])
    2.0
    >>> float(Scale()(x, {'gain': tf.constant(3.0)})['scaled'][0, 0])
    3.0
    """

    #: Names of what `call` gives, in order, where it gives no dictionary.
    output_keys: ClassVar[Sequence[str] | None] = None

    # The method whose arguments are the inputs.
    _inputs_of = 'call'

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Lets `call` give its outputs by name."""
        super().__init_subclass__(**kwargs)
        if 'call' in vars(cls):
            cls.call = _naming(cls.call)

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Notes which keys the constructor was given, for `get_config`."""
        layer = super().__new__(cls, *args, **kwargs)
        given = [k for k in ('input_keys', 'output_keys') if kwargs.get(k) is not None]
        vars(layer)['_keys_given'] = tuple(given)
        return layer

    def __init__(
        self,
        input_keys: Sequence[str] | None = None,
        output_keys: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        # Each layer inside decides what it casts: f0 must not lose its precision here.
        super().__init__(**{'autocast': False, **kwargs})
        required = self.get_argument_names(self._inputs_of)
        self.default_input_keys = self.get_default_argument_names(self._inputs_of)
        self.default_input_values = self.get_default_argument_values(self._inputs_of)
        self.input_keys = required
        if input_keys is not None:
            self._rename_inputs(list(tensors.make_iterable(input_keys)), required)
        if output_keys is None:
            output_keys = type(self).output_keys
        if output_keys is None:
            output_keys = self.get_return_annotations(self._inputs_of)
        self.output_keys = list(tensors.make_iterable(output_keys))
        _check_names(self.all_input_keys, 'input_keys', self.name)
        _check_names(self.output_keys, 'output_keys', self.name)

    def _rename_inputs(self, keys: list[str], required: list[str]) -> None:
        """Names the required arguments, and as many of the optional ones as given."""
        if self._takes_any_number():
            self.input_keys = keys
            self.default_input_keys, self.default_input_values = [], []
            return
        n_optional = len(self.default_input_keys)
        if not len(required) <= len(keys) <= len(required) + n_optional:
            known = required + [f'{key} (optional)' for key in self.default_input_keys]
            raise ValueError(
                f'{self.name}: input_keys are {keys}, but the inputs of '
                f'{type(self).__name__} are {known}.'
            )
        self.input_keys = keys[: len(required)]
        renamed = keys[len(required) :]
        self.default_input_keys = renamed + self.default_input_keys[len(renamed) :]

    def _takes_any_number(self) -> bool:
        parameters = inspect.signature(getattr(self, self._inputs_of)).parameters
        return any(p.kind is p.VAR_POSITIONAL for p in parameters.values())

    @property
    def all_input_keys(self) -> list[str]:
        """The keys of the inputs in order, the optional ones last."""
        return list(self.input_keys) + list(self.default_input_keys)

    @property
    def n_inputs(self) -> int:
        """How many inputs there are, with the optional ones."""
        return len(self.all_input_keys)

    def build(self, *unused_shapes: Any, **unused_named_shapes: Any) -> None:
        """Does nothing: the layers inside build themselves when first called."""

    def __call__(self, *inputs: Any, **kwargs: Any) -> dict[str, Any]:
        """Runs the layer.

        Parameters
        ----------
        *inputs : tensors, which take the first of `all_input_keys`, and dictionaries,
            in which the others are looked up.
        **kwargs : inputs by name, and whatever else `call` takes.

        Returns
        -------
        A dictionary of tensors.

        Raises
        ------
        TypeError
            When there are more tensors than keys, or one is given twice.
        ValueError
            When an input is missing, or `call` gave more or fewer outputs than keys.
        """
        self._drop_unused_switches(kwargs)
        found = self._find_inputs(inputs, kwargs)
        required = [found.pop(key) for key in self.input_keys]
        optional = self._optional_arguments(found)
        return super().__call__(*required, **optional, **kwargs)

    def _drop_unused_switches(self, kwargs: dict[str, Any]) -> None:
        """Takes out what callers may pass to any layer, where `call` does not ask."""
        asked = {*inspect.signature(self.call).parameters, *self.all_input_keys}
        if 'mask' not in asked:
            kwargs.pop('mask', None)
        # Keras tells the layers inside of `training` even where `call` does not take
        # it; None would hide from them what the layer around was told.
        if 'training' not in asked and kwargs.get('training') is None:
            kwargs.pop('training', None)

    def _find_inputs(
        self, inputs: Sequence[Any], kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        """The inputs by key; those given by keyword are taken out of `kwargs`."""
        merged: dict[str, Any] = {}
        in_order = []
        for value in inputs:
            if isinstance(value, Mapping):
                merged.update(value)
            else:
                in_order.append(value)
        if len(in_order) > self.n_inputs:
            raise TypeError(
                f'{self.name}: got {len(in_order)} tensors for {self.n_inputs} inputs, '
                f'{self.all_input_keys}.'
            )
        found = dict(zip(self.all_input_keys, in_order))
        for key in self.all_input_keys:
            if key in kwargs:
                if key in found:
                    raise TypeError(f'{self.name}: the input {key!r} is given twice.')
                found[key] = kwargs.pop(key)
            elif key not in found and _has(merged, key):
                found[key] = _look_up(merged, key)
        found = {k: _to_tensor(v) for k, v in found.items() if v is not None}
        self._check_complete(found, merged)
        return found

    def _check_complete(
        self, found: Mapping[str, Any], merged: Mapping[str, Any]
    ) -> None:
        for key in self.input_keys:
            if key not in found:
                given = {k: v for k, v in merged.items() if v is not None}
                known = tensors.nested_keys(given) or list(found)
                near = difflib.get_close_matches(key, known, 1)
                hint = f" (did you mean '{near[0]}'?)" if near else ''
                raise ValueError(
                    f'{self.name}: the input {key!r} is missing{hint}; given are '
                    f'{known}, needed are {list(self.input_keys)}.'
                )

    def _optional_arguments(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """The optional inputs that were given, by the argument names of `call`."""
        arguments = self.get_default_argument_names(self._inputs_of)
        return {
            argument: found[key]
            for argument, key in zip(arguments, self.default_input_keys)
            if key in found
        }

    def _name_outputs(self, outputs: Any) -> dict[str, Any]:
        if isinstance(outputs, Mapping):
            return dict(outputs)
        outputs = list(tensors.make_iterable(outputs))
        if len(outputs) != len(self.output_keys):
            raise ValueError(
                f'{self.name}: call gave {len(outputs)} outputs, but the output keys '
                f'are {list(self.output_keys)}; state them as the class attribute '
                "output_keys, or as a return annotation -> ['a', 'b'] of call."
            )
        return dict(zip(self.output_keys, outputs))

    def get_argument_names(self, method: str) -> list[str]:
        """Names of the arguments of a method that have no default."""
        return [p.name for p in self._arguments(method) if p.default is p.empty]

    def get_default_argument_names(self, method: str) -> list[str]:
        """Names of the arguments of a method that have a default."""
        return [p.name for p in self._arguments(method) if p.default is not p.empty]

    def get_default_argument_values(self, method: str) -> list[Any]:
        """Defaults of the arguments of a method, in order."""
        return [p.default for p in self._arguments(method) if p.default is not p.empty]

    def _arguments(self, method: str) -> list[inspect.Parameter]:
        parameters = inspect.signature(getattr(self, method)).parameters.values()
        return [
            parameter
            for parameter in parameters
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            # `training` is a switch, that Keras sets.
            and parameter.name not in ('training', 'mask')
        ]

    def get_return_annotations(self, method: str) -> list[str]:
        """Output keys in a return annotation such as `-> ['a', 'b']`; else none.

        A type, such as `-> tf.Tensor`, names no keys. An annotation that
        `from __future__ import annotations` made a text is read as a list.
        """
        annotation = inspect.signature(getattr(self, method)).return_annotation
        if isinstance(annotation, str):
            try:
                annotation = ast.literal_eval(annotation)
            except (ValueError, SyntaxError):
                return []
        if not isinstance(annotation, (list, tuple)):
            return []
        names = all(isinstance(key, str) for key in annotation)
        return list(annotation) if names else []

    def get_config(self) -> dict[str, Any]:
        """Everything the constructor needs to make this layer again, as plain data."""
        config = {key: getattr(self, key) for key in self._keys_given}
        config.update(super().get_config())
        if 'input_keys' in config:
            config['input_keys'] = self.all_input_keys
        return config


class OutputSplitsLayer(DictLayer):
    """A layer that ends in a dense layer, whose channels are split and named.

    To make your own, write `compute_output`.

    Parameters
    ----------
    input_keys : names of the inputs; those of the arguments of `compute_output`
        without it.
    output_splits : names and numbers of channels of the outputs.
    **kwargs : passed on to `DictLayer`.
    """

    _inputs_of = 'compute_output'

    def __init__(
        self,
        input_keys: Sequence[str] | None = None,
        output_splits: Sequence[tuple[str, int]] = (
            ('amps', 1),
            ('harmonic_distribution', 40),
        ),
        **kwargs: Any,
    ) -> None:
        checked_splits = splits.check_splits(output_splits, type(self).__name__)
        kwargs = {'output_keys': [key for key, _ in checked_splits], **kwargs}
        super().__init__(input_keys=input_keys, **kwargs)
        self.output_splits = checked_splits
        self.n_out = sum(size for _, size in checked_splits)
        self.dense_out = keras.layers.Dense(
            self.n_out, name='dense_out', dtype=self.dtype_policy
        )

    def call(self, *inputs: Any, **optional: Any) -> dict[str, tf.Tensor]:
        """Computes the last but one tensor, and from it the named outputs.

        Parameters
        ----------
        *inputs, **optional : what `compute_output` takes.

        Returns
        -------
        A dictionary of tensors `[..., size of each split]`, float32.
        """
        x = self.dense_out(self.compute_output(*inputs, **optional))
        return splits.split_to_dict(tf.cast(x, tf.float32), self.output_splits)

    def compute_output(self, *inputs: Any) -> tf.Tensor:
        """Gives the tensor `[batch, time, channels]` that is made the outputs."""
        raise NotImplementedError(f'{type(self).__name__} must define compute_output.')


def _check_names(names: Sequence[str], argument: str, where: str) -> None:
    twice = {name for name in names if list(names).count(name) > 1}
    if twice:
        raise ValueError(f'{where}: {argument} has {sorted(twice)} more than once.')


def _has(found: Mapping[str, Any], path: str) -> bool:
    try:
        _look_up(found, path)
    except KeyError:
        return False
    return True


def _look_up(found: Mapping[str, Any], path: str) -> Any:
    """Finds a path, which may also be one key with slashes."""
    return found[path] if path in found else tensors.nested_lookup(path, found)


def _to_tensor(value: Any) -> Any:
    """Makes tensors of arrays and numbers, of floats in float32."""
    if isinstance(value, keras.Variable):
        return value.value
    if isinstance(value, (np.ndarray, np.generic, list, int, float)):
        if isinstance(value, bool) or (isinstance(value, list) and _is_symbolic(value)):
            return value
        array = np.asarray(value)
        is_float = np.issubdtype(array.dtype, np.floating)
        return tf.convert_to_tensor(array, tf.float32 if is_float else None)
    return value


def _is_symbolic(values: list[Any]) -> bool:
    leaves = tf.nest.flatten(values)
    return any(tf.is_tensor(x) or isinstance(x, keras.KerasTensor) for x in leaves)
