"""The paths by which checkpoints know what a model holds.

They do not depend on how Keras calls layers and weights, and are those of the
established library: `decoder/rnn/rnn/cell/kernel` is the attribute `kernel` of the
attribute `cell` and so on, `input_stacks/0` is an item of a list,
`layer_with_weights-0` the first layer with weights in a sequence.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import keras

_Children = Iterator[tuple[str, keras.layers.Layer]]
# How Keras calls weights without a name: counted over all models of a process.
_UNNAMED = re.compile(r'variable(_\d+)?')


def variables_by_path(model: keras.layers.Layer) -> dict[str, keras.Variable]:
    """The weights of a model or layer, each under its path.

    Layers that a layer lists in `not_in_checkpoints` are left out. A weight that can be
    reached on several ways has the path of the first.

    Raises
    ------
    ValueError
        When two weights would have one path, of which one would be lost.
    """
    found: dict[str, keras.Variable] = {}
    seen: set[int] = set()
    for prefix, layer, children in _walk(model, '', frozenset(), _children):
        for name, variable in _named(layer, _own_weights(layer, children)):
            if id(variable) not in seen:
                seen.add(id(variable))
                _add(found, prefix + name, variable)
    return found


def seed_states_by_path(model: keras.layers.Layer) -> dict[str, keras.Variable]:
    """The states of the `keras.random.SeedGenerator`s of a model, such as a dropout's.

    Raises
    ------
    ValueError
        When two would have one path.
    """
    found: dict[str, keras.Variable] = {}
    seen: set[int] = set()
    for prefix, layer, _ in _walk(model, '', frozenset(), _children):
        for i, generator in enumerate(layer._seed_generators):
            if id(generator) not in seen:
                seen.add(id(generator))
                name = _attribute_of(layer, generator) or f'seed_generator-{i}'
                _add(found, f'{prefix}{name}/state', generator.state)
    return found


def former_paths(model: keras.layers.Layer) -> dict[str, str]:
    """What checkpoints written before call weights: the path then, by the path now.

    Layers under private names, and in functional models of one's own, had no paths of
    their own once, and weights without a name had the number that Keras gives them.
    Paths that were those of several weights then are not there: of these only one was
    saved.
    """
    then: dict[str, list[int]] = {}
    seen: set[int] = set()
    for prefix, layer, children in _walk(model, '', frozenset(), _former_children):
        for variable in _own_weights(layer, children):
            if id(variable) not in seen:
                seen.add(id(variable))
                then.setdefault(prefix + variable.name, []).append(id(variable))
    alone = {ids[0]: path for path, ids in then.items() if len(ids) == 1}
    return {
        path: alone[id(variable)]
        for path, variable in variables_by_path(model).items()
        if alone.get(id(variable), path) != path
    }


def _add(found: dict[str, keras.Variable], path: str, variable: keras.Variable) -> None:
    if path in found:
        raise ValueError(
            f'a checkpoint cannot hold both {found[path].path} and {variable.path}: '
            f'the path of both is {path!r}. Give the keys of the dictionary that holds '
            'them names that differ as text, and no slash.'
        )
    found[path] = variable


def _walk(
    layer: keras.layers.Layer,
    prefix: str,
    above: frozenset[int],
    children_of: Callable[[keras.layers.Layer], _Children],
) -> Iterator[tuple[str, keras.layers.Layer, list[tuple[str, keras.layers.Layer]]]]:
    """A layer and all below it: what its paths begin with, and its children."""
    if id(layer) in above:
        return
    children = list(children_of(layer))
    yield prefix, layer, children
    for name, child in children:
        below = above | {id(layer)}
        yield from _walk(child, f'{prefix}{name}/', below, children_of)


def _own_weights(
    layer: keras.layers.Layer, children: Iterable[tuple[str, keras.layers.Layer]]
) -> list[keras.Variable]:
    elsewhere = [*(child for _, child in children), *_left_out(layer)]
    inside = {id(weight) for child in elsewhere for weight in child.weights}
    return [weight for weight in layer.weights if id(weight) not in inside]


def _left_out(layer: keras.layers.Layer) -> list[Any]:
    names = getattr(layer, 'not_in_checkpoints', ())
    # One that is made when it is first asked for may not be there yet.
    return [getattr(layer, name) for name in names if hasattr(layer, name)]


def _named(
    layer: keras.layers.Layer, variables: Iterable[keras.Variable]
) -> Iterator[tuple[str, keras.Variable]]:
    """Weights of one layer by names that differ, and are the same in every process."""
    taken: set[str] = set()
    # Those with a name come first, that none without takes it.
    for variable in sorted(variables, key=_is_unnamed):
        name = variable.name
        if _is_unnamed(variable) or name in taken:
            attribute = _attribute_of(layer, variable)
            name = attribute or ('variable' if _is_unnamed(variable) else name)
        name = _free(name, taken)
        taken.add(name)
        yield name, variable


def _is_unnamed(variable: keras.Variable) -> bool:
    return _UNNAMED.fullmatch(variable.name) is not None


def _free(name: str, taken: set[str]) -> str:
    number, wanted = 0, name
    while name in taken:
        number += 1
        name = f'{wanted}_{number}'
    return name


def _children(layer: keras.layers.Layer) -> _Children:
    """The layers directly inside a layer, by the names of checkpoints."""
    functional = any(cls.__name__ == 'Functional' for cls in type(layer).__mro__)
    if functional or isinstance(layer, keras.Sequential):
        found = list(_numbered(layer))
    else:
        found = list(_held(layer))
    yield from found
    known = {id(child) for child in (*(x for _, x in found), *_left_out(layer))}
    for i, child in enumerate(layer._layers):
        if id(child) not in known and child.variables:
            yield _attribute_of(layer, child) or f'_layers/{i}', child


def _former_children(layer: keras.layers.Layer) -> _Children:
    if isinstance(layer, keras.Sequential) or type(layer).__name__ == 'Functional':
        return _numbered(layer)
    return _held(layer)


def _numbered(layer: keras.layers.Layer) -> _Children:
    with_weights = [child for child in layer.layers if child.weights]
    for i, child in enumerate(with_weights):
        yield f'layer_with_weights-{i}', child
    for i, child in enumerate(layer.layers):
        if child.variables and not child.weights:
            yield f'layer-{i}', child


def _held(layer: keras.layers.Layer) -> _Children:
    """The layers in attributes, and in lists and dictionaries with public names."""
    left_out = getattr(layer, 'not_in_checkpoints', ())
    for name, value in vars(layer).items():
        # Under names with an underscore are Keras's own lists of what is found here.
        if name in left_out or (name.startswith('_') and not _is_layer(value)):
            continue
        for path, item in _leaves(name, value):
            if _is_layer(item):
                yield path, item


def _attribute_of(layer: keras.layers.Layer, item: Any) -> str:
    """The path of an item of a layer's attributes; empty if none holds it."""
    for name, value in vars(layer).items():
        # Under the others are lists of TensorFlow's of what is found elsewhere.
        if name not in _names_of_keras() and not name.startswith('_self_'):
            for path, leaf in _leaves(name, value):
                if leaf is item:
                    return path
    return ''


@functools.cache
def _names_of_keras() -> frozenset[str]:
    """Attributes of every model, such as Keras's own lists of what it holds."""
    return frozenset(vars(keras.Model()))


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What an attribute holds, also in lists and dictionaries, by path."""
    if _is_layer(value):
        yield name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(f'{name}/{key}', item)
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _leaves(f'{name}/{i}', item)
    else:
        yield name, value


def _is_layer(value: Any) -> bool:
    # A metric is no layer in Keras 3, and is not saved.
    return isinstance(value, keras.layers.Layer)
