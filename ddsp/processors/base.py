"""What all processors have in common: their inputs, checks and two steps."""

from __future__ import annotations

import contextvars
import difflib
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from ddsp import registration, streaming
from ddsp.core import checks, tensors

# Whether the inputs that arrive in `get_controls` have been checked on their way.
_CHECKED = contextvars.ContextVar('checked', default=False)


class Processor(streaming.Streamed, registration.Configured, keras.layers.Layer):
    """Abstract base class of synthesizers and effects.

    A processor works in two steps. `get_controls` turns its inputs, often the raw
    outputs of a network, into controls that mean something: amplitudes, frequencies
    in Hz, magnitudes of a filter. `get_signal` turns controls into a signal. To make
    your own processor, write these two; calling the layer runs both. What arrives in
    `get_controls` is float32, whatever the dtype policy, and has been checked against
    `input_shapes`.

    Parameters
    ----------
    name : name of the layer, under which a `ProcessorGroup` knows its results.
    trainable : whether the weights of the processor are trained, if it has any.
    **kwargs : passed on to `keras.layers.Layer`.

    Examples
    --------
    >>> import ddsp
    >>> class Gain(ddsp.processors.Processor):
    ...     input_shapes = {'audio': '[batch, samples]', 'gain_db': '[batch]'}
    ...
    ...     def get_controls(self, audio, gain_db):
    ...         return {'audio': audio, 'gain': ddsp.core.db_to_amplitude(gain_db)}
    ...
    ...     def get_signal(self, audio, gain):
    ...         return audio * gain[:, None]
    >>> gain = Gain(name='gain')
    >>> gain([[1.0, -0.5]], [20.0]).numpy().round(3).tolist()
    [[10.0, -5.0]]
    """

    #: The shapes of inputs that have a fixed number of axes, such as
    #: `{'f0_hz': '[batch, frames, 1]'}`; several allowed ones as a tuple. Axes of one
    #: name must have one size among all inputs; a size of 1 broadcasts.
    input_shapes: ClassVar[Mapping[str, str | tuple[str, ...]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Gives `call` the signature of `get_controls`, by which Keras knows inputs.

        And lets `get_controls` check what it is given when it is called by itself.
        """
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith('ddsp.'):
            # AutoGraph would take a second to read what has nothing for it to convert.
            for name in {'get_controls', 'get_signal'} & set(vars(cls)):
                method = tf.autograph.experimental.do_not_convert(vars(cls)[name])
                setattr(cls, name, method)
        if 'get_controls' not in vars(cls):
            return
        cls.get_controls = _checking(cls.get_controls)
        if cls.call is Processor.call or hasattr(cls.call, '_of_get_controls'):
            cls.call = _call_like(cls.get_controls)

    def __init__(self, name: str, trainable: bool = False, **kwargs: Any) -> None:
        # Neither autocast nor a mixed policy may take phase below float32.
        kwargs = {'dtype': 'float32', 'autocast': False, **kwargs}
        super().__init__(name=name, trainable=trainable, **kwargs)
        self._seen = _Seen()

    def __call__(self, *args: Any, return_outputs_dict: bool = False, **kwargs: Any):
        """Runs the processor on tensors, arrays or lists of numbers.

        Parameters
        ----------
        *args : the arguments of `get_controls`, by position or by name.
        return_outputs_dict : whether to give the controls beside the signal.
        **kwargs : see `*args`.

        Returns
        -------
        The signal, or `{'signal': signal, 'controls': controls}`.

        Raises
        ------
        TypeError
            When an input is missing or there is no such input.
        ValueError
            When an input has the wrong shape, is empty or is not finite.
        """
        inputs = self._checked_inputs(args, kwargs)
        token = _CHECKED.set(True)
        try:
            outputs = super().__call__(
                *inputs.args, return_outputs_dict=return_outputs_dict, **inputs.kwargs
            )
        finally:
            _CHECKED.reset(token)
        if not self.trainable:
            # To a model around it, weights count one by one, whatever their layer says.
            for weight in self.variables:
                weight.trainable = False
        return outputs

    def call(self, *args: Any, return_outputs_dict: bool = False, **kwargs: Any) -> Any:
        """Makes controls from the inputs, and the signal from the controls."""
        args, kwargs = _to_tensors(args), _to_tensors(kwargs)
        controls = self.get_controls(*args, **kwargs)
        signal = self.get_signal(**controls)
        if return_outputs_dict:
            return {'signal': signal, 'controls': controls}
        return signal

    def get_controls(self, *args: Any, **kwargs: Any) -> dict[str, tf.Tensor]:
        """Turns inputs into controls: a dictionary of arguments for `get_signal`."""
        raise NotImplementedError(f'{type(self).__name__} must define get_controls.')

    def get_signal(self, *args: Any, **kwargs: Any) -> tf.Tensor:
        """Turns controls into a signal.

        Parameters
        ----------
        *args : the controls, as `get_controls` named them.
        **kwargs : see `*args`.

        Returns
        -------
        The signal, `[batch, samples]` from most processors.
        """
        raise NotImplementedError(f'{type(self).__name__} must define get_signal.')

    @tf.autograph.experimental.do_not_convert
    def _checked_inputs(
        self, args: tuple, kwargs: dict[str, Any]
    ) -> inspect.BoundArguments:
        """The inputs by name, as float32 tensors of the right shapes."""
        inputs = self._bind(args, kwargs)
        for key, value in inputs.arguments.items():
            inputs.arguments[key] = _to_tensors(value)
        self._check_finite(inputs.arguments)
        self._check_shapes(inputs.arguments)
        return inputs

    def _block_inputs(self, inputs: Any) -> dict[str, Any]:
        """The inputs of a block by name; what is not finite comes through here."""
        args, kwargs = (), {}
        if isinstance(inputs, Mapping):
            kwargs = dict(inputs)
        else:
            args = inputs if isinstance(inputs, (list, tuple)) else (inputs,)
        arguments = self._bind(tuple(args), kwargs).arguments
        arguments = {key: _to_tensors(value) for key, value in arguments.items()}
        self._check_shapes(arguments)
        return arguments

    def _block_controls(
        self, memory: streaming.Memory, inputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        token = _CHECKED.set(True)
        try:
            return self.stream_controls(memory, **inputs)
        finally:
            _CHECKED.reset(token)

    def _seen_shape(self, name: str) -> list[int | None] | None:
        return self._seen.shapes.get(name)

    def _axes_of(self, name: str, rank: int | None = None) -> list[str] | None:
        """The names of the axes of an input, where `input_shapes` says them."""
        if name not in self.input_shapes:
            return None
        by_rank = _alternatives(self.input_shapes[name])
        if rank is None:
            seen = self._seen_shape(name)
            rank = max(by_rank) if seen is None else len(seen)
        return _axes(by_rank[rank]) if rank in by_rank else None

    def _bind(self, args: tuple, kwargs: dict[str, Any]) -> inspect.BoundArguments:
        """Names the inputs; one that is `None`, as by default, counts as not given."""
        signature = inspect.signature(self.get_controls)
        for key in ('training', 'mask'):  # Keras may pass these to any layer.
            if key not in signature.parameters:
                kwargs.pop(key, None)
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            message = _explain_arguments(self.name, signature, kwargs, error)
            raise TypeError(message) from None
        for key, parameter in signature.parameters.items():
            if parameter.default is None and bound.arguments.get(key, 0) is None:
                del bound.arguments[key]
        return bound

    def _check_finite(self, inputs: Mapping[str, Any]) -> None:
        for name, value in inputs.items():
            for leaf in tf.nest.flatten(value):
                if tf.is_tensor(leaf) and leaf.dtype.is_floating:
                    checks.check_finite(leaf, name, self.name)

    def _check_shapes(self, inputs: Mapping[str, Any]) -> None:
        given = {
            name: tf.TensorSpec(inputs[name].shape)
            for name in self.input_shapes
            if hasattr(inputs.get(name), 'shape')
        }
        for name, spec in given.items():
            _check_shape(spec, self.input_shapes[name], name, self.name)
            checks.check_not_empty(spec, name, self.name)
        _check_agreement(given, self.input_shapes, self.name)
        for name, spec in given.items():
            if spec.shape.rank is not None:
                self._seen.shapes[name] = spec.shape.as_list()


class _Seen:
    """The shapes of the last inputs: kept from Keras, which tracks dictionaries."""

    def __init__(self) -> None:
        self.shapes: dict[str, list[int | None]] = {}


def _checking(get_controls: Callable) -> Callable:
    """Lets `get_controls` check its inputs, unless calling the layer has done so."""

    @functools.wraps(get_controls)
    def checked(self: Processor, *args: Any, **kwargs: Any) -> dict[str, tf.Tensor]:
        if _CHECKED.get():
            return get_controls(self, *args, **kwargs)
        inputs = self._checked_inputs(args, kwargs)
        return get_controls(self, *inputs.args, **inputs.kwargs)

    return checked


def _call_like(get_controls: Callable) -> Callable:
    """Makes the method `call` of a processor, with the inputs as its arguments."""

    def call(self: Processor, *args: Any, **kwargs: Any) -> Any:
        return Processor.call(self, *args, **kwargs)

    signature = inspect.signature(get_controls)
    parameters = list(signature.parameters.values())
    flag = inspect.Parameter(
        'return_outputs_dict', inspect.Parameter.KEYWORD_ONLY, default=False
    )
    has_catch_all = parameters and parameters[-1].kind is inspect.Parameter.VAR_KEYWORD
    parameters.insert(len(parameters) - bool(has_catch_all), flag)
    call.__doc__ = Processor.call.__doc__
    call.__signature__ = inspect.Signature(parameters)
    call._of_get_controls = True
    return call


def _to_tensors(value: Any) -> Any:
    """Turns what is numeric into float32 tensors; leaves symbols, flags and texts."""
    if isinstance(value, Mapping):
        return {key: _to_tensors(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_to_tensors(item) for item in value)
    if isinstance(value, keras.Variable):
        value = value.value
    if tf.is_tensor(value) or isinstance(value, tf.Variable):
        numeric = value.dtype.is_floating or value.dtype.is_integer
        return tensors.tf_float32(value) if numeric else value
    if isinstance(value, list) and any(isinstance(x, keras.KerasTensor) for x in value):
        return value
    numbers = isinstance(value, (list, int, float, np.ndarray, np.generic))
    if numbers and not isinstance(value, bool):
        return tensors.tf_float32(value)
    return value


def _explain_arguments(
    name: str, signature: inspect.Signature, kwargs: Mapping[str, Any], error: TypeError
) -> str:
    known = [
        key + ('' if parameter.default is parameter.empty else ' (optional)')
        for key, parameter in signature.parameters.items()
    ]
    message = f'{name}: {error}; its inputs are {", ".join(known) or "none"}.'
    for key in kwargs:
        near = difflib.get_close_matches(key, list(signature.parameters), 1)
        if near and key not in signature.parameters:
            message += f" Did you mean '{near[0]}' by '{key}'?"
    return message


def _axes(shape: str) -> list[str]:
    return [axis.strip() for axis in shape.strip('[] ').split(',')]


def _alternatives(shapes: str | tuple[str, ...]) -> dict[int, str]:
    """The allowed shapes, by their number of axes."""
    shapes = (shapes,) if isinstance(shapes, str) else shapes
    return {len(_axes(shape)): shape for shape in shapes}


def _check_shape(
    x: tf.TensorSpec, shapes: str | tuple[str, ...], name: str, where: str
) -> None:
    by_rank = _alternatives(shapes)
    expected = ' or '.join(by_rank.values())
    checks.check_rank(x, list(by_rank), name, where, expected)
    if x.shape.rank is None:
        return
    for size, axis in zip(x.shape, _axes(by_rank[x.shape.rank])):
        if axis.isdigit() and size not in (None, int(axis)):
            raise ValueError(
                f'{where}: {name} has shape {x.shape.as_list()}, expected {expected}.'
            )


def _check_agreement(
    given: Mapping[str, tf.TensorSpec],
    shapes: Mapping[str, str | tuple[str, ...]],
    where: str,
) -> None:
    """Refuses inputs whose axes of one name have several sizes."""
    by_axis: dict[str, dict[str, tf.TensorSpec]] = {}
    for name, spec in given.items():
        if spec.shape.rank is None:
            continue
        axes = _axes(_alternatives(shapes[name])[spec.shape.rank])
        for axis, size in zip(axes, spec.shape):
            by_axis.setdefault(axis, {})[name] = tf.TensorSpec([size])
    for axis, specs in by_axis.items():
        checks.check_same_size(specs, 0, where, axis)
