"""The state of a stream as one flat dictionary of tensors, for step after step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf

from ddsp.core.streaming.memory import NO_END
from ddsp.dag_structure import INPUTS

POSITION = 'position'
_END = 'end'


class StateLayout:
    """Takes the state of a streamed graph apart, and puts it together again.

    Each node counts the samples that went by and knows the end of the stream. Of these
    only the count of the graph is kept: nodes are behind it by a fixed number, and the
    stream has no end.

    Parameters
    ----------
    state : of `StreamedGraph.initial_state`.

    Examples
    --------
    >>> import ddsp
    >>> noise = ddsp.synths.FilteredNoise(n_samples=None)
    >>> group = ddsp.processors.ProcessorGroup([(noise, ['magnitudes'])])
    >>> state = group.initial_state(1, {'magnitudes': tf.zeros([1, 4, 65])})
    >>> StateLayout(state).names
    ('filtered_noise_tail', 'position')
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        start = int(state[INPUTS][POSITION])
        self._template = state
        self._behind = {
            path: int(leaf) - start
            for path, leaf in _leaves(state)
            if path[-1] == POSITION
        }
        kept = [path for path, _ in _leaves(state) if path[-1] not in (POSITION, _END)]
        self._names = dict(zip(kept, _unique([_name(path) for path in kept])))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the tensors, in alphabetical order."""
        return tuple(sorted([POSITION, *self._names.values()]))

    def flatten(self, state: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """Makes a flat dictionary of a state of the graph."""
        leaves = dict(_leaves(state))
        flat = {name: leaves[path] for path, name in self._names.items()}
        return {POSITION: leaves[(INPUTS, POSITION)], **flat}

    def nest(self, flat: Mapping[str, tf.Tensor]) -> dict[str, Any]:
        """Makes a state of the graph of a flat dictionary."""

        def value(path: tuple[str, ...]) -> tf.Tensor:
            if path[-1] == POSITION:
                return flat[POSITION] + self._behind[path]
            if path[-1] == _END:
                return tf.constant(NO_END, tf.int64)
            return flat[self._names[path]]

        return _filled(self._template, value)


def _leaves(
    state: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in state.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _filled(
    template: Mapping[str, Any], value: Any, above: tuple[str, ...] = ()
) -> dict[str, Any]:
    return {
        key: _filled(inner, value, (*above, key))
        if isinstance(inner, Mapping)
        else value((*above, key))
        for key, inner in template.items()
    }


def _name(path: tuple[str, ...]) -> str:
    """An identifier: the node and what it is of, without what all have in common."""
    return '_'.join(part for part in path if part not in ('state', 'memory'))


def _unique(names: list[str]) -> list[str]:
    """Numbers names that come again."""
    return [
        name if name not in names[:i] else f'{name}_{names[:i].count(name) + 1}'
        for i, name in enumerate(names)
    ]
