"""Processors: layers that turn the raw outputs of a network into signals."""

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

from ddsp import core, dags, registration
from ddsp.core import checks, tensors

# Whether the inputs that arrive in `get_controls` have been checked on their way.
_CHECKED = contextvars.ContextVar('checked', default=False)


class Processor(registration.Configured, keras.layers.Layer):
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
        """Turns controls into a signal."""
        raise NotImplementedError(f'{type(self).__name__} must define get_signal.')

    @tf.autograph.experimental.do_not_convert
    def _checked_inputs(
        self, args: tuple, kwargs: dict[str, Any]
    ) -> inspect.BoundArguments:
        """The inputs by name, as float32 tensors of the right shapes."""
        inputs = self._bind(args, kwargs)
        for key, value in inputs.arguments.items():
            inputs.arguments[key] = _to_tensors(value)
        self._check(inputs.arguments)
        return inputs

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

    def _check(self, inputs: Mapping[str, Any]) -> None:
        for name, value in inputs.items():
            for leaf in tf.nest.flatten(value):
                if tf.is_tensor(leaf) and leaf.dtype.is_floating:
                    checks.check_finite(leaf, name, self.name)
        given = {
            name: tf.TensorSpec(inputs[name].shape)
            for name in self.input_shapes
            if hasattr(inputs.get(name), 'shape')
        }
        for name, spec in given.items():
            _check_shape(spec, self.input_shapes[name], name, self.name)
            checks.check_not_empty(spec, name, self.name)
        _check_agreement(given, self.input_shapes, self.name)


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


@registration.register('ddsp.processors')
class Add(Processor):
    """Adds two signals.

    Parameters
    ----------
    name : name of the layer.
    """

    input_shapes = {
        'signal_one': ('[batch, samples]', '[batch, samples, channels]'),
        'signal_two': ('[batch, samples]', '[batch, samples, channels]'),
    }

    def __init__(self, name: str = 'add', **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def get_controls(
        self, signal_one: tf.Tensor, signal_two: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Passes two signals `[batch, samples]` of one length as they are."""
        _check_same_rank(signal_one, signal_two, self.name)
        return {'signal_one': signal_one, 'signal_two': signal_two}

    def get_signal(self, signal_one: tf.Tensor, signal_two: tf.Tensor) -> tf.Tensor:
        """Gives the sum, `[batch, samples]`."""
        return signal_one + signal_two


@registration.register('ddsp.processors')
class Mix(Processor):
    """Cross-fades two signals at constant power.

    With a level m between 0 and 1 the output is
    `sqrt(m) * signal_one + sqrt(1 - m) * signal_two`: signals that are not correlated
    keep their loudness at every level. The gains of the established library do not.

    Parameters
    ----------
    name : name of the layer.
    """

    input_shapes = {
        'signal_one': ('[batch, samples]', '[batch, samples, channels]'),
        'signal_two': ('[batch, samples]', '[batch, samples, channels]'),
        'nn_out_mix_level': ('[batch, frames]', '[batch, frames, 1]'),
    }

    def __init__(self, name: str = 'mix', **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def get_controls(
        self, signal_one: tf.Tensor, signal_two: tf.Tensor, nn_out_mix_level: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Scales the mixing level and brings it to the length of the signals.

        Parameters
        ----------
        signal_one : `[batch, samples]` or `[batch, samples, channels]`.
        signal_two : as `signal_one`.
        nn_out_mix_level : raw output of a network, `[batch, frames, 1]` or
            `[batch, frames]`; its sigmoid is the share of `signal_one` in the power.

        Returns
        -------
        The signals and `mix_level`, between 0 and 1, with as many axes as the signals.
        """
        _check_same_rank(signal_one, signal_two, self.name)
        n_samples = tensors.size(signal_one, 1)
        level = core.resample(tf.math.sigmoid(nn_out_mix_level), n_samples)
        if level.shape.rank < signal_one.shape.rank:
            level = level[..., tf.newaxis]
        elif level.shape.rank > signal_one.shape.rank:
            level = level[..., 0]
        return {
            'signal_one': signal_one,
            'signal_two': signal_two,
            'mix_level': level,
        }

    def get_signal(
        self, signal_one: tf.Tensor, signal_two: tf.Tensor, mix_level: tf.Tensor
    ) -> tf.Tensor:
        """Gives the mixture of two signals, of their shape."""
        first, second = _root(mix_level), _root(1.0 - mix_level)
        return first * signal_one + second * signal_two


def _check_same_rank(signal_one: tf.Tensor, signal_two: tf.Tensor, where: str) -> None:
    """Refuses `[batch, samples]` beside `[batch, samples, channels]`."""
    if signal_one.shape.rank != signal_two.shape.rank:
        raise ValueError(
            f'{where}: signal_one has shape {list(signal_one.shape)} and signal_two '
            f'{list(signal_two.shape)}, expected the same number of axes.'
        )


def _root(x: tf.Tensor) -> tf.Tensor:
    """Square root with gradient 0, in place of infinity, where nothing is above 0."""
    positive = x > 0.0
    root = tf.sqrt(tf.where(positive, x, tf.ones_like(x)))
    return tf.where(positive, root, tf.zeros_like(x))


@registration.register('ddsp.processors')
class Crop(Processor):
    """Cuts samples off one end of the audio.

    Cutting off none gives all of it, and not an empty tensor as in the established
    library.

    Parameters
    ----------
    frame_size : number of samples to cut off; 0 leaves the audio whole.
    crop_location : the end where they go, `'front'` or `'back'`.
    name : name of the layer.

    Raises
    ------
    ValueError
        When `frame_size` is negative or there is no such end.
    """

    input_shapes = {'audio': ('[batch, samples]', '[batch, samples, channels]')}

    def __init__(
        self,
        frame_size: int,
        crop_location: str = 'back',
        name: str = 'crop',
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if frame_size < 0:
            raise ValueError(f'{name}: frame_size is {frame_size}, expected >= 0.')
        if crop_location not in ('front', 'back'):
            raise ValueError(
                f'{name}: crop_location is {crop_location!r}, '
                "expected 'front' or 'back'."
            )
        self.frame_size = frame_size
        self.crop_location = crop_location

    def get_controls(self, audio: tf.Tensor) -> dict[str, tf.Tensor]:
        """Passes audio `[batch, samples]` as it is."""
        n_samples = audio.shape[1]
        if n_samples is not None and n_samples <= self.frame_size:
            raise ValueError(
                f'{self.name}: cannot crop {self.frame_size} samples from audio '
                f'of {n_samples}.'
            )
        return {'audio': audio}

    def get_signal(self, audio: tf.Tensor) -> tf.Tensor:
        """Gives the rest, `[batch, samples - frame_size]`."""
        if self.crop_location == 'front':
            return audio[:, self.frame_size :]
        # A slice up to -0 would be empty.
        return audio[:, : tf.maximum(tensors.size(audio, 1) - self.frame_size, 0)]


@registration.configurable('ddsp.processors')
class ProcessorGroup(dags.DAGLayer):
    """A graph of processors that is itself called like a processor.

    See `ddsp.dags.DAGLayer` for how nodes and keys are written. The signal of the last
    node is the signal of the group.

    Parameters
    ----------
    dag : the nodes; a gin file can give them as `ProcessorGroup.dag`.
    **kwarg_processors : processors that nodes name by a text; also `name`.

    Examples
    --------
    >>> import ddsp
    >>> group = ddsp.processors.ProcessorGroup(dag=[
    ...     (ddsp.processors.Add(), ['voice', 'noise']),
    ...     (ddsp.processors.Crop(1), ['add/signal']),
    ... ])
    >>> group({'voice': [[1.0, 2.0]], 'noise': [[0.5, 0.5]]}).numpy().tolist()
    [[1.5]]
    """

    _lists = ('modules', 'processors')

    def __init__(self, dag: dags.DAG, **kwarg_processors: Any) -> None:
        super().__init__(dag, **kwarg_processors)

    @property
    def processors(self) -> list[Any]:
        """The modules of the graph, in the order of the nodes."""
        return self.modules

    def call(
        self,
        inputs: Mapping[str, Any],
        return_outputs_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Runs the graph.

        Parameters
        ----------
        inputs : dictionary with what `input_keys` lists.
        return_outputs_dict : whether to give the results of all nodes, too.
        **kwargs : each goes to those processors that take it.

        Returns
        -------
        The signal, `[batch, samples]`, or `{'signal': signal, 'controls': results}`
        with the nested dictionary that `get_controls` gives.
        """
        controls = self.get_controls(inputs, **kwargs)
        signal = self.get_signal(controls)
        if return_outputs_dict:
            return {'signal': signal, 'controls': controls}
        return signal

    def get_controls(self, inputs: Mapping[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Gives the inputs and the results of all nodes, see `DAGLayer.run_dag`."""
        return self.run_dag(inputs, **kwargs)

    def get_signal(self, outputs: Mapping[str, Any]) -> tf.Tensor:
        """Takes the signal of the last node out of what `get_controls` gave.

        Raises
        ------
        ValueError
            When the last node gave no signal.
        """
        out = outputs['out']
        if not isinstance(out, Mapping):
            return out
        if 'signal' not in out:
            raise ValueError(
                f'{self.name}: the last node gave {list(out)}, but no signal; '
                'end the dag with a processor, or give its result the output key '
                "'signal'."
            )
        return out['signal']
