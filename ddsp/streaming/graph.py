"""Graphs of processors that play block by block.

Processors are late by different times. Where their signals meet, the earlier ones wait,
so that each node gets inputs of one moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from ddsp import dag_structure, dags
from ddsp.core import tensors
from ddsp.core.streaming.memory import delay
from ddsp.streaming.holding import guess_kinds, hold
from ddsp.streaming.streamed import Streamed, input_names


class _Timing(NamedTuple):
    """When a node gets its inputs and gives its signal, in samples after the start.

    Attributes
    ----------
    inputs : of each input its name, its kind (see `Streamed.kind_of`), and how long it
        waits for the others.
    starts : when the inputs begin.
    sounds : when the signal begins.
    cut : by how much the inputs are shorter than those of the graph.
    cut_after : by how much the signal is.
    """

    inputs: tuple[tuple[str, str | None, int], ...]
    starts: int
    sounds: int
    cut: int
    cut_after: int


class StreamedGraph:
    """The part of a `ProcessorGroup` that plays block by block.

    `state = group.initial_state(batch_size, inputs, hop_size)`, and for each block
    `signal, state = group.step(inputs, state)`; see `ddsp.streaming.Streamed`. The
    state is a dictionary by node. Layers that are no processors are called with what
    belongs to the block: they should do the same to each frame or sample.
    """

    @property
    def hop_size(self) -> int | None:
        """Samples a frame, the same for all processors.

        Raises
        ------
        ValueError
            When processors have several.
        """
        hops = {
            name: module.hop_size
            for name, module in self._streamed().items()
            if module.hop_size is not None
        }
        if len(set(hops.values())) > 1:
            listed = ', '.join(f'{name} {hop}' for name, hop in hops.items())
            raise ValueError(
                f'{self.name}: processors differ in how many samples a frame lasts: '
                f'{listed}. Give initial_state(..., hop_size=...) for all of them.'
            )
        return next(iter(hops.values()), None)

    @hop_size.setter
    def hop_size(self, hop_size: int | None) -> None:
        self._share_hop(hop_size)

    @property
    def latency(self) -> int:
        """Samples by which the signal of a stream is later than the inputs.

        Raises
        ------
        ValueError
            When the graph cannot play block by block; the message says which node.
        """
        self._share_hop(self.hop_size)
        return self._timings()[-1].sounds

    @property
    def shortening(self) -> int:
        """Samples by which all of the signal is shorter than all of the inputs.

        Raises
        ------
        ValueError
            When the graph cannot play block by block; the message says which node.
        """
        return self._timings()[-1].cut_after

    def initial_state(
        self,
        batch_size: Any = 1,
        inputs: Mapping[str, Any] | None = None,
        hop_size: int | None = None,
    ) -> dict[str, Any]:
        """Makes the state of a stream that begins.

        Parameters
        ----------
        batch_size : a number or a scalar tensor.
        inputs : a block of inputs, or others with as many channels, from which nodes
            learn their sizes. Without it they must have been called before, or find
            them with the first block, after which the state has other shapes.
        hop_size : samples a frame, for all processors.

        Returns
        -------
        A dictionary with one entry a node.

        Raises
        ------
        ValueError
            When the hop size, or a size that latency depends on, is not known.
        """
        if hop_size is not None:
            self._share_hop(hop_size)
        if inputs is not None:
            specs = _specs(self._check_inputs(inputs))
            tf.function(self.call, autograph=False).get_concrete_function(specs)
        return self.start_at(batch_size, lag=0)

    @tf.autograph.experimental.do_not_convert
    def step(
        self,
        inputs: Mapping[str, Any],
        state: Mapping[str, Any],
        return_outputs_dict: bool = False,
        **options: Any,
    ) -> tuple[Any, dict[str, Any]]:
        """Plays one block.

        Parameters
        ----------
        inputs : dictionary with what `input_keys` lists, for this block.
        state : of `initial_state`, or what the step before gave.
        return_outputs_dict : whether to give the results of all nodes, too; each is as
            late as its node.
        **options : each goes to those processors that take it, such as `noise`.

        Returns
        -------
        The signal, as long as the block, or `{'signal': signal, 'controls': results}`;
        and the next state.

        Raises
        ------
        TypeError
            When no processor takes an option.
        ValueError
            When an input is missing or has the wrong shape.
        """
        results: dict[str, Any] = {dag_structure.INPUTS: self._check_inputs(inputs)}
        self._check_options(options)
        states: dict[str, Any] = {}
        for node, timing in zip(self.steps, self._timings()):
            before = state.get(node.name, {'waiting': {}})
            values = [
                self._find(source, results, node.name, key)
                for source, key in zip(node.sources, node.inputs)
            ]
            module = getattr(self, node.name)
            args, waiting = _align(module, values, timing, before['waiting'])
            if _is_streamed(module):
                taken = {k: v for k, v in options.items() if module.takes_option(k)}
                given = args[0] if isinstance(module, StreamedGraph) else args
                result, after = module.step(given, before['state'], True, **taken)
                states[node.name] = {'state': after, 'waiting': waiting}
            else:
                result = dags.run_module(module, args, {})
            results[node.name] = dags.name_results(result, node, self.name)
        results[dag_structure.OUT] = results[self.steps[-1].name]
        signal = self.get_signal(results)
        moved = tf.cast(tensors.size(signal, 1), tf.int64)
        position = state[dag_structure.INPUTS]['position'] + moved
        states[dag_structure.INPUTS] = {'position': position}
        if return_outputs_dict:
            return {'signal': signal, 'controls': results}, states
        return signal, states

    @tf.autograph.experimental.do_not_convert
    def flush(
        self, inputs: Mapping[str, Any], state: Mapping[str, Any], **options: Any
    ) -> tuple[tf.Tensor, dict[str, Any]]:
        """Ends a stream and gives what is still inside, see `Streamed.flush`.

        Parameters
        ----------
        inputs : those of the last step.
        state : what the last step gave.
        **options : see `Streamed.step`.

        Returns
        -------
        The last `latency - shortening` samples, `[batch, samples]`, and the state after
        them.
        """
        state = self.ended_at(state, state[dag_structure.INPUTS]['position'])
        held = self.hold_inputs(inputs, self.hop_size, self.latency)
        signal, state = self.step(held, state, **options)
        return signal[:, : max(self.latency - self.shortening, 0)], state

    def start_at(self, batch_size: Any, lag: int) -> dict[str, Any]:
        """The state of a stream whose inputs begin after `lag` samples.

        Parameters
        ----------
        batch_size : how many streams go in parallel.
        lag : samples of silence before the inputs, 0 if there are none.

        Returns
        -------
        The state for the first step: nested dictionaries of tensors.

        Raises
        ------
        ValueError
            When the graph cannot play block by block, or processors differ in the hop
            size.
        """
        self._share_hop(self.hop_size)
        state = {dag_structure.INPUTS: {'position': tf.constant(-lag, tf.int64)}}
        for node, timing in zip(self.steps, self._timings()):
            module = getattr(self, node.name)
            if not _is_streamed(module):
                continue
            waiting = {
                name: module.blank_input(name, batch_size, self._length(kind, wait))
                for name, kind, wait in timing.inputs
                if wait
            }
            started = module.start_at(batch_size, lag + timing.starts)
            state[node.name] = {'state': started, 'waiting': waiting}
        return state

    def ended_at(self, state: Mapping[str, Any], end: tf.Tensor) -> dict[str, Any]:
        """The state of a stream whose inputs end at a position.

        Parameters
        ----------
        state : what the last step gave.
        end : int64 scalar, the sample before which the inputs end.

        Returns
        -------
        The same state with that end.

        Raises
        ------
        ValueError
            When the graph cannot play block by block; the message says which node.
        """
        state = dict(state)
        for node, timing in zip(self.steps, self._timings()):
            if node.name in state:
                module, own = getattr(self, node.name), state[node.name]
                own_end = end - timing.cut
                state[node.name] = {
                    **own,
                    'state': module.ended_at(own['state'], own_end),
                }
        return state

    def takes_option(self, name: str) -> bool:
        """Whether `step` of a processor takes an option."""
        return any(module.takes_option(name) for module in self._streamed().values())

    def kind_of(self, name: str, rank: int | None = None) -> None:
        """Nothing is known of how a dictionary of inputs goes along with a stream.

        Neither its `name` nor its `rank` says it.
        """
        del name, rank

    def hold_inputs(
        self, inputs: Any, hop_size: int | None, latency: int
    ) -> dict[str, Any]:
        """Makes the block that follows the last one, see `Streamed.flush`.

        Parameters
        ----------
        inputs : those of the last step, a nested dictionary.
        hop_size : samples a frame; None where no input has frames.
        latency : how many samples the block shall have at least.

        Returns
        -------
        Inputs of the same structure.
        """
        inputs = self._check_inputs(inputs)
        leaves = {path: x for path, x in _leaves(inputs) if tf.is_tensor(x)}
        by_processors = {
            path: kind for path, kind in self.kinds_of_leaves(inputs) if kind
        }
        kinds = dict.fromkeys(leaves) | by_processors
        held = hold(leaves, guess_kinds(leaves, kinds), hop_size, latency)
        return _map_leaves(held, inputs)

    def kinds_of_leaves(
        self, inputs: Mapping[str, Any]
    ) -> Iterator[tuple[str, str | None]]:
        """How inputs go along with a stream, by the processors that take them.

        Parameters
        ----------
        inputs : of the graph, a nested dictionary.

        Yields
        ------
        The path of an input, and `'samples'`, `'frames'`, `'constant'` or `None`.

        Raises
        ------
        ValueError
            When the graph cannot play block by block; the message says which node.
        """
        for node, timing in zip(self.steps, self._timings()):
            module = getattr(self, node.name)
            if not _is_streamed(module):
                continue
            for source, (name, _, _) in zip(node.sources, timing.inputs):
                if source.node != dag_structure.INPUTS:
                    continue
                value = dags.look_up(inputs, source.path)
                if not isinstance(value, Mapping):
                    yield source.path, module.kind_of(name, value.shape.rank)
                elif isinstance(module, StreamedGraph):
                    for path, kind in module.kinds_of_leaves(value):
                        yield f'{source.path}/{path}', kind

    def _streamed(self) -> dict[str, Any]:
        modules = {node.name: getattr(self, node.name) for node in self.steps}
        return {n: module for n, module in modules.items() if _is_streamed(module)}

    def _share_hop(self, hop_size: int | None) -> None:
        # Not by the property, which TensorFlow does not set to what it is already.
        for module in self._streamed().values():
            if isinstance(module, StreamedGraph):
                module._share_hop(hop_size)
            else:
                module.hop_size = hop_size

    def _length(self, kind: str | None, wait: int) -> int:
        """Samples or frames that make a time."""
        return wait // (self.hop_size or 1) if kind == 'frames' else wait

    def _check_options(self, options: Mapping[str, Any]) -> None:
        for name in options:
            if not self.takes_option(name):
                raise TypeError(
                    f'{self.name}: no processor takes an option {name!r} in a stream.'
                )

    def _timings(self) -> list[_Timing]:
        """When each node gets its inputs, in the order of the nodes."""
        timings: dict[str, _Timing] = {dag_structure.INPUTS: _Timing((), 0, 0, 0, 0)}
        for node in self.steps:
            timings[node.name] = self._timing(node, timings)
        return [timings[node.name] for node in self.steps]

    def _timing(
        self, node: dag_structure.Step, timings: Mapping[str, _Timing]
    ) -> _Timing:
        module = getattr(self, node.name)
        streamed = _is_streamed(module)
        names = input_names(module) if streamed else node.inputs
        names = list(names)[: len(node.sources)]
        kinds = [module.kind_of(name) if streamed else None for name in names]
        begins, cuts = [], []
        for source in node.sources:
            timing = timings[source.node]
            # Controls are made with the inputs, and the signal of them.
            early = source.path.split('/')[0] == 'controls'
            self._check_source(node, source, early)
            begins.append(timing.starts if early else timing.sounds)
            cuts.append(timing.cut if early else timing.cut_after)
        moving = [b for b, kind in zip(begins, kinds) if kind != 'constant']
        starts = self._common_start(moving, kinds)
        waits = [
            0 if kind == 'constant' else starts - begin
            for begin, kind in zip(begins, kinds)
        ]
        self._check_waits(node, kinds, waits)
        cut = max(cuts, default=0)
        inputs = tuple(zip(names, kinds, waits))
        if not streamed:
            return _Timing(inputs, starts, starts, cut, cut)
        return _Timing(
            inputs, starts, starts + module.latency, cut, cut + module.shortening
        )

    def _check_source(
        self, node: dag_structure.Step, source: dag_structure.Source, early: bool
    ) -> None:
        inner = getattr(self, source.node, None)
        if early and isinstance(inner, StreamedGraph):
            raise ValueError(
                f'{self.name}: in a stream, node {node.name!r} cannot take '
                f"'{source.node}/{source.path}': the nodes inside of a graph are not "
                'late by the same time. It can take its signal.'
            )

    def _common_start(self, begins: list[int], kinds: list[str | None]) -> int:
        """When all inputs have begun; where there are frames, that of a frame."""
        starts = max(begins, default=0)
        if 'frames' in kinds and starts:
            hop = self.hop_size or 1
            starts = -(-starts // hop) * hop
        return starts

    def _check_waits(
        self, node: dag_structure.Step, kinds: list[str | None], waits: list[int]
    ) -> None:
        for key, kind, wait in zip(node.inputs, kinds, waits):
            broken = kind == 'frames' and wait % (self.hop_size or 1)
            if wait and (kind is None or broken):
                raise ValueError(
                    f'{self.name}: in a stream, node {node.name!r} gets {key!r} '
                    f'{wait} samples before its other inputs, and cannot wait for '
                    'them: it should be a processor that says in input_shapes which '
                    'inputs have [batch, samples] and which [batch, frames, ...].'
                )


def _is_streamed(module: Any) -> bool:
    return isinstance(module, (StreamedGraph, Streamed))


def _align(
    module: Any,
    values: Sequence[Any],
    timing: _Timing,
    waiting: Mapping[str, tf.Tensor],
) -> tuple[list[Any], dict[str, tf.Tensor]]:
    """Lets early inputs wait; gives the inputs, and what waits now."""
    args, after = [], dict(waiting)
    for value, (name, _, _) in zip(values, timing.inputs):
        if name in waiting and module.kind_of(name, value.shape.rank) != 'constant':
            value, after[name] = delay(value, waiting[name])
        args.append(value)
    return args, after


def _leaves(inputs: Mapping[str, Any], prefix: str = '') -> Iterator[tuple[str, Any]]:
    for key, value in inputs.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f'{prefix}{key}/')
        else:
            yield f'{prefix}{key}', value


def _map_leaves(
    leaves: Mapping[str, Any], like: Mapping[str, Any], prefix: str = ''
) -> dict[str, Any]:
    return {
        key: _map_leaves(leaves, value, f'{prefix}{key}/')
        if isinstance(value, Mapping)
        else leaves.get(f'{prefix}{key}', value)
        for key, value in like.items()
    }


def _specs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs of unknown batch and time."""
    return {
        key: _specs(value)
        if isinstance(value, Mapping)
        else tf.TensorSpec(
            [None, None][: value.shape.rank] + value.shape[2:], value.dtype
        )
        for key, value in inputs.items()
        if isinstance(value, Mapping) or tf.is_tensor(value)
    }
