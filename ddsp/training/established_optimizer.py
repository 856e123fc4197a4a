"""The state of Adam as checkpoints of the established library hold it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from tensorflow.core.protobuf import trackable_object_graph_pb2

_SUFFIX = '/.ATTRIBUTES/VARIABLE_VALUE'
_GRAPH = '_CHECKPOINTABLE_OBJECT_GRAPH'
_STEPS = tuple(f'optimizer/{name}{_SUFFIX}' for name in ('_iterations', 'iter'))
# Of TensorFlow before 2.11, beside the weight that it belongs to.
_SLOT = re.compile(r'model/(?P<path>.+)/\.OPTIMIZER_SLOT/optimizer/(?P<kind>[mv])/')
# Since then, under a number, and named after the weight that it belongs to.
_NUMBERED = re.compile(r'optimizer/_variables/\d+/')
_NAME = re.compile(r'Adam/(?P<kind>[mv])/(?P<name>.+)')


def adam_state(
    reader: Any, optimizer: keras.optimizers.Adam, paths: Mapping[int, str]
) -> list[np.ndarray] | None:
    """Finds the step and the moments of all weights.

    Parameters
    ----------
    reader : of the checkpoint, as `tf.train.load_checkpoint` gives it.
    optimizer : whose variables are to be filled, built.
    paths : of the weights in the checkpoint, by their `id`.

    Returns
    -------
    A value for each of `optimizer.variables`, in order; None where the checkpoint lacks
    some, or does not say which weight a moment belongs to.
    """
    shapes = reader.get_variable_to_shape_map()
    steps = [key for key in _STEPS if key in shapes]
    keys = _moment_keys(reader, shapes)
    wanted = {id(optimizer.iterations): steps[0]} if steps else {}
    for kind, moments in (('m', optimizer._momentums), ('v', optimizer._velocities)):
        for weight, moment in zip(optimizer._trainable_variables, moments):
            key = keys.get((kind, paths.get(id(weight), '')))
            if key is None or list(shapes[key]) != list(moment.shape):
                return None
            wanted[id(moment)] = key
    if id(optimizer.iterations) not in wanted:
        return None
    return [
        reader.get_tensor(wanted[id(variable)])
        if id(variable) in wanted
        else variable.numpy()
        for variable in optimizer.variables
    ]


def _moment_keys(reader: Any, shapes: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Where the moments are: by `'m'` or `'v'`, and the path of the weight."""
    found: dict[tuple[str, str], str] = {}
    for key in shapes:
        slot = _SLOT.match(key)
        if slot:
            found[slot['kind'], slot['path']] = key
    if found or _GRAPH not in shapes:
        return found
    names = _full_names(reader)
    path_of: dict[str, str | None] = {}
    for key, name in names.items():
        if key.startswith('model/'):
            path = key.removeprefix('model/').removesuffix(_SUFFIX)
            # Two weights of one name: nobody knows whose the moments are.
            path_of[name] = None if name in path_of else path
    for key, name in names.items():
        moment = _NAME.fullmatch(name)
        path = path_of.get(moment['name']) if moment else None
        if path and _NUMBERED.match(key):
            found[moment['kind'], path] = key
    return found


def _full_names(reader: Any) -> dict[str, str]:
    """The names that Keras gave to variables, by their keys in the checkpoint."""
    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
        reader.get_tensor(_GRAPH)
    )
    return {
        attribute.checkpoint_key: attribute.full_name
        for node in graph.nodes
        for attribute in node.attributes
    }
