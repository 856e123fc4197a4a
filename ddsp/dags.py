"""A layer that is a graph of other layers, written down as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gin
import keras
import numpy as np
import tensorflow as tf

from ddsp import dag_drawing, dag_structure, registration
from ddsp.core import tensors
from ddsp.dag_structure import DAG, Node, Step

__all__ = ['DAG', 'DAGLayer', 'Node', 'split_keras_kwargs']

# What Keras gives to constructors and to calls of any layer.
_KERAS_KEYS = ('name', 'trainable', 'dtype', 'training', 'mask')


def split_keras_kwargs(
    kwargs: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parts the keyword arguments that belong to Keras from the others.

    Parameters
    ----------
    kwargs : keyword arguments of a constructor or a call.

    Returns
    -------
    Two dictionaries: those of `name`, `trainable`, `dtype`, `training` and `mask` that
    are not `None`, and everything else.
    """
    keras_kwargs, others = {}, {}
    for key, value in kwargs.items():
        if key not in _KERAS_KEYS:
            others[key] = value
        elif value is not None:
            keras_kwargs[key] = value
    return keras_kwargs, others


@gin.configurable('run_dag', module='ddsp.dags')
def _verbose_by_gin(verbose: bool = False) -> bool:
    """Whether graphs report what they do: the gin parameter `run_dag.verbose`."""
    # A function of its own: if gin decorated the method, the layers that gin makes
    # would be instances of a hidden subclass, which Keras cannot save.
    return verbose


class _Structure:
    """The nodes, and the shapes last seen: kept from Keras, which tracks lists."""

    def __init__(self, steps: Sequence[Step], keyword_names: Sequence[str]) -> None:
        self.steps = tuple(steps)
        self.keyword_names = tuple(keyword_names)
        self.shapes: dict[str, Any] = {}


@registration.register('ddsp.dags')
class DAGLayer(keras.layers.Layer):
    """A directed acyclic graph of layers, run in the order in which it is written.

    Each node is `(module, [input keys])` or `(module, [input keys], [output keys])`.
    A module is a processor, a loss or any Keras layer; or it is the name of one that
    comes as a keyword argument. It becomes an attribute of this layer under its name.

    Keys are paths into a nested dictionary. `'f0_hz'` or `'inputs/f0_hz'` is an input
    of the graph, `'harmonic/signal'` and `'harmonic/controls/amplitudes'` are results
    of a processor. A module that gives a single tensor is named alone, `'dense'`; one
    that gives a list is `'split/0'`, `'split/1'`, unless output keys name its parts.
    A layer with one argument, such as `keras.layers.Concatenate`, gets several inputs
    as a list.

    Parameters
    ----------
    dag : the nodes.
    **kwarg_modules : modules that nodes name by a text; also `name` and `trainable`
        of this layer.

    Raises
    ------
    ValueError
        When a node is malformed, asks for a module or a key that does not exist, or a
        name is used twice.

    Examples
    --------
    >>> import keras
    >>> layer = DAGLayer(
    ...     [('double', ['x']), (keras.layers.Add(name='sum'), ['x', 'double'])],
    ...     double=keras.layers.Rescaling(2.0),
    ... )
    >>> layer.input_keys
    ['x']
    >>> layer({'x': [[1.0, 2.0]]})['out'].numpy().tolist()
    [[3.0, 6.0]]
    """

    # Whether `'a/b'` may be a nested input without the prefix `'inputs/'`.
    _nested_inputs = False
    # Properties that list modules.
    _lists = ('modules',)

    def __init__(self, dag: DAG, **kwarg_modules: Any) -> None:
        keras_kwargs, kwarg_modules = split_keras_kwargs(kwarg_modules)
        # The modules decide on precision, not the graph: f0 must not be cast.
        super().__init__(**{'dtype': 'float32', 'autocast': False, **keras_kwargs})
        nodes = self.format_dag(dag)
        modules = dag_structure.collect_modules(nodes, kwarg_modules, self.name)
        steps = dag_structure.make_steps(nodes, modules, self.name, self._nested_inputs)
        self._structure = _Structure(steps, list(kwarg_modules))
        for name, module in modules.items():
            self._keep(name, module)

    @staticmethod
    def format_dag(dag: DAG) -> list[tuple]:
        """Writes each node as a plain tuple of a module and lists of keys.

        Parameters
        ----------
        dag : the nodes, as lists, tuples or what gin and TensorFlow make of them; a
            single key may stand without a list.

        Returns
        -------
        A list of `(module or name, [input keys])` and
        `(module or name, [input keys], [output keys])`.

        Raises
        ------
        ValueError
            When it is not a list of such nodes, or is empty.
        """
        return dag_structure.format_dag(dag)

    @property
    def modules(self) -> list[Any]:
        """The modules, in the order of the nodes; then those that no node uses."""
        names = [step.name for step in self.steps]
        names += [name for name in self._structure.keyword_names if name not in names]
        return [getattr(self, name) for name in names]

    def __dir__(self) -> list[str]:
        # Keras stores weights under the first attribute, in alphabetical order, that
        # leads to them: it shall find modules by their names, not in the list of all.
        return [name for name in super().__dir__() if name not in self._lists]

    @property
    def steps(self) -> tuple[Step, ...]:
        """The nodes by name, with their keys and where these come from."""
        return self._structure.steps

    @property
    def input_keys(self) -> list[str]:
        """What the graph needs from outside, in the order of first use."""
        sources = [source for step in self.steps for source in step.sources]
        paths = [s.path for s in sources if s.node == dag_structure.INPUTS and s.path]
        return list(dict.fromkeys(paths))

    def build(self, input_shape: Any = None) -> None:
        """Does nothing: each module builds itself when it is first called."""

    def __call__(self, inputs: Mapping[str, Any], **kwargs: Any) -> Any:
        """Runs the graph on a dictionary of tensors, arrays or lists of numbers.

        Raises
        ------
        TypeError
            When `inputs` is not a dictionary, or no module takes a keyword argument.
        ValueError
            When an input is missing.
        """
        return super().__call__(self._check_inputs(inputs), **kwargs)

    def call(self, inputs: Mapping[str, Any], **kwargs: Any) -> Any:
        """Gives the results of all nodes, see `run_dag`."""
        return self.run_dag(inputs, **kwargs)

    def run_dag(
        self, inputs: Mapping[str, Any], verbose: bool = False, **kwargs: Any
    ) -> dict[str, Any]:
        """Runs the nodes one after the other.

        Parameters
        ----------
        inputs : dictionary with what `input_keys` lists; other entries pass through.
        verbose : whether to print keys and shapes of each node; a gin file can say
            `run_dag.verbose = True`.
        **kwargs : each goes to those modules whose call takes it.

        Returns
        -------
        The inputs under `'inputs'`, the results of each node under its name, and those
        of the last one also as `'out'`.

        Raises
        ------
        TypeError
            When no module takes a keyword argument.
        ValueError
            When an input is missing, or a node did not give what another asks for.
        """
        inputs = self._check_inputs(inputs)
        self._check_kwargs(kwargs)
        verbose = verbose or _verbose_by_gin()
        results: dict[str, Any] = {dag_structure.INPUTS: inputs}
        for step in self.steps:
            args = [
                self._find(source, results, step.name, key)
                for source, key in zip(step.sources, step.inputs)
            ]
            result = run_module(getattr(self, step.name), args, kwargs)
            results[step.name] = name_results(result, step, self.name)
            if verbose:
                shapes = dag_drawing.shapes_of(results[step.name])
                print(f'{step.name}: {list(step.inputs)} -> {shapes}')
        self._structure.shapes = dag_drawing.shapes_of(results)
        return {**results, dag_structure.OUT: results[self.steps[-1].name]}

    def summary(
        self,
        input_shapes: Mapping[str, Sequence[int | None]] | None = None,
        print_fn: Callable[[str], Any] = print,
    ) -> None:
        """Prints a table of nodes: type, inputs, output shapes, number of weights.

        Parameters
        ----------
        input_shapes : shape of each input, such as `{'f0_hz': (1, 1000, 1)}`; sizes
            can be `None`. Without it the shapes are those of the last call, or `?`.
        print_fn : what to print with.
        """
        if input_shapes is not None:
            self._trace(input_shapes)
        print_fn(dag_drawing.table(self, self._structure.shapes))

    def plot(self, path: str) -> str:
        """Draws the graph into a file.

        Parameters
        ----------
        path : file to write. `.svg`, `.png`, `.pdf` are drawn by Graphviz; without it
            an `.svg` is drawn more simply. `.mmd` and `.md` are Mermaid text, `.dot`
            is Graphviz text.

        Returns
        -------
        The path of what was drawn: an `.svg`, with a warning, in place of a `.png` or
        `.pdf` where Graphviz is missing.

        Raises
        ------
        ValueError
            When the format is unknown.
        RuntimeError
            When Graphviz fails.
        """
        return dag_drawing.draw(self, path)

    def get_config(self) -> dict[str, Any]:
        """Everything that makes this layer again, with its modules, as plain data."""
        keywords = self._structure.keyword_names
        dag = [
            [
                step.name if step.name in keywords else _saved(self, step.name),
                list(step.inputs),
                list(step.outputs),
            ]
            for step in self.steps
        ]
        modules = {name: _saved(self, name) for name in keywords}
        config = {'name': self.name, 'trainable': self.trainable}
        return {**config, 'dag': dag, 'modules': modules}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Makes the layer that `get_config` described."""
        config = dict(config)
        dag = [
            (_loaded(module), inputs, outputs) if outputs else (_loaded(module), inputs)
            for module, inputs, outputs in config.pop('dag')
        ]
        modules = config.pop('modules', {})
        loaded = {name: _loaded(module) for name, module in modules.items()}
        return cls(dag=dag, **config, **loaded)

    def _keep(self, name: str, module: Any) -> None:
        """Makes a module an attribute, where Keras and checkpoints see its weights."""
        if hasattr(type(self), name) or name in vars(self):
            raise ValueError(
                f'{self.name}: a module cannot be called {name!r}, which is an '
                f'attribute of {type(self).__name__}; give it another name.'
            )
        setattr(self, name, module)

    def _trace(self, input_shapes: Mapping[str, Sequence[int | None]]) -> None:
        """Finds shapes, and builds modules, without computing anything."""
        tf.function(self.__call__).get_concrete_function(_specs(input_shapes))

    def _check_inputs(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Makes tensors of the inputs, and names the first that is missing."""
        if not isinstance(inputs, Mapping):
            raise TypeError(
                f'{self.name}: expected a dictionary with the inputs '
                f'{self.input_keys}, not {dag_structure.describe(inputs)}.'
            )
        inputs = _to_tensors(inputs)
        for key in self.input_keys:
            try:
                look_up(inputs, key)
            except KeyError:
                given = tensors.nested_keys(inputs)
                hint = dag_structure.near(key, given)
                raise ValueError(
                    f'{self.name}: the input {key!r} is missing{hint}; '
                    f'given are {given}, needed are {self.input_keys}.'
                ) from None
        return inputs

    def _check_kwargs(self, kwargs: Mapping[str, Any]) -> None:
        for key in kwargs:
            taken = any(dag_structure.takes_argument(m, key) for m in self.modules)
            if not taken and key not in _KERAS_KEYS:
                raise TypeError(
                    f'{self.name}: no module takes an argument {key!r}; '
                    f'the modules are {[step.name for step in self.steps]}.'
                )

    def _find(
        self,
        source: dag_structure.Source,
        results: Mapping[str, Any],
        name: str,
        key: str,
    ) -> Any:
        result = results[source.node]
        try:
            return look_up(result, source.path)
        except KeyError:
            gave = 'a tensor'
            if isinstance(result, Mapping):
                gave = tensors.nested_keys(result, prefix=source.node)
            raise ValueError(
                f'{self.name}: node {name!r} asks for {key!r}, '
                f'but {source.node!r} gave {gave}.'
            ) from None


def run_module(module: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Calls a module with the keyword arguments that it takes, for all its results."""
    taken = {
        key: value
        for key, value in kwargs.items()
        if dag_structure.takes_argument(module, key, len(args))
    }
    if hasattr(module, 'get_losses_dict'):
        return module.get_losses_dict(*args, **taken)
    if dag_structure.takes_argument(module, 'return_outputs_dict', len(args)):
        taken['return_outputs_dict'] = True
    elif len(args) > 1 and dag_structure.takes_list(module):
        return module(list(args), **taken)
    return module(*args, **taken)


def name_results(result: Any, step: Step, where: str) -> Any:
    """Gives names to results that came as a list, and checks those that have some."""
    if isinstance(result, Mapping):
        missing = [key for key in step.outputs if not _has(result, key)]
        if missing:
            raise ValueError(
                f'{where}: node {step.name!r} gave {tensors.nested_keys(result)}, '
                f'but its output keys are {list(step.outputs)}.'
            )
        return dict(result)
    is_list = isinstance(result, (list, tuple))
    if not step.outputs:
        return {str(i): r for i, r in enumerate(result)} if is_list else result
    values = list(result) if is_list else [result]
    if len(values) != len(step.outputs):
        raise ValueError(
            f'{where}: node {step.name!r} gave {len(values)} results, '
            f'but has the output keys {list(step.outputs)}.'
        )
    return dict(zip(step.outputs, values))


def look_up(found: Any, path: str) -> Any:
    """Finds a path, which may also be one key with slashes."""
    if not path:
        return found
    if not isinstance(found, Mapping):
        raise KeyError(path)
    return found[path] if path in found else tensors.nested_lookup(path, found)


def _has(found: Mapping[str, Any], path: str) -> bool:
    try:
        look_up(found, path)
    except KeyError:
        return False
    return True


def _to_tensors(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Makes tensors of arrays and numbers; an entry that is `None` is left out."""
    converted = {}
    for key, value in inputs.items():
        if isinstance(value, Mapping):
            converted[key] = _to_tensors(value)
        elif isinstance(value, (np.ndarray, np.generic, list, tuple, int, float)):
            converted[key] = _to_tensor(value)
        elif value is not None:
            converted[key] = value
    return converted


def _to_tensor(value: Any) -> Any:
    if any(
        hasattr(leaf, 'dtype') and not isinstance(leaf, (np.ndarray, np.generic))
        for leaf in tf.nest.flatten(value)
    ):
        return value  # A list of tensors.
    array = np.asarray(value)
    is_float = np.issubdtype(array.dtype, np.floating)
    return tf.convert_to_tensor(array, tf.float32 if is_float else None)


def _specs(shapes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _specs(shape)
        if isinstance(shape, Mapping)
        else tf.TensorSpec(shape, tf.float32)
        for key, shape in shapes.items()
    }


def _saved(layer: DAGLayer, name: str) -> Any:
    module = getattr(layer, name)
    if isinstance(module, keras.layers.Layer):
        config = keras.saving.serialize_keras_object(module)
        # Keras marks a layer that it meets twice, but loses the mark of the first.
        return {**config, 'shared_object_id': id(module)}
    where = f'{layer.name}.{name}'
    return {'function': registration.serialize_callable(module, where)}


def _loaded(config: Any) -> Any:
    """Makes the module that `_saved` described; a name stays a name."""
    if isinstance(config, Mapping) and 'function' in config:
        return registration.deserialize_callable(config['function'])
    return keras.saving.deserialize_keras_object(config)
