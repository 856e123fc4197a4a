"""Finding out which tensor of a step was the first to be NaN or infinite."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from ddsp import core


def first_not_finite(
    model: keras.Model, features: Mapping[str, Any], seed: int | None = None
) -> str | None:
    """Repeats a step without updating anything, and names what went wrong first.

    What layers write while they are trained, such as codebooks, is put back afterwards.
    Looks at the features, the weights, what the model gives in the order in which it
    was made, the losses, and the gradients.

    Parameters
    ----------
    model : a `ddsp.training.models.Model`.
    features : the step's batch.
    seed : of the step's noise; None draws other noise.

    Returns
    -------
    A description such as `"the output 'harmonic/controls/amplitudes'"`, or None when
    all is finite.
    """
    found = _named_not_finite('the feature', _leaves(features))
    weights = {_path(weight): weight.value for weight in model.weights}
    found = found or _named_not_finite('the weight', weights.items())
    if found:
        return found
    variables = model.trainable_variables

    # In a graph, where layers do not refuse what is not finite.
    @tf.function(autograph=False)
    def repeat(features: Any) -> tuple:
        with core.reproducible_noise(0 if seed is None else seed):
            with tf.GradientTape() as tape:
                outputs, losses = model(features, training=True, return_losses=True)
            total = losses['total_loss']
            return outputs, losses, tape.gradient(total, variables)

    with _put_back(model.non_trainable_variables):
        outputs, losses, grads = repeat(features)
    # A tf.function gives dictionaries in the order in which they were filled.
    total = losses.pop('total_loss')
    named_grads = {_path(v): g for v, g in zip(variables, grads) if g is not None}
    return (
        _named_not_finite('the output', _leaves(outputs))
        or _named_not_finite('the loss', losses.items())
        or _named_not_finite('the loss', [('total_loss', total)])
        or _named_not_finite('the gradient of', named_grads.items())
    )


@contextlib.contextmanager
def _put_back(variables: Sequence[keras.Variable]) -> Iterator[None]:
    """Gives variables in the end the values that they have now."""
    before = [keras.ops.convert_to_numpy(variable) for variable in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, before):
            variable.assign(value)


def _named_not_finite(kind: str, tensors: Any) -> str | None:
    for name, tensor in tensors:
        if isinstance(tensor, tf.IndexedSlices):
            tensor = tensor.values
        tensor = tf.convert_to_tensor(tensor)
        if tensor.dtype.is_floating and tf.size(tensor) > 0:
            bad = tf.reduce_mean(
                tf.cast(tf.math.logical_not(tf.math.is_finite(tensor)), tf.float32)
            )
            if bad > 0:
                share = f'{100 * float(bad):.3g} % of it'
                return f'{kind} {name!r} ({share})'
    return None


def _leaves(nested: Any, prefix: str = '') -> Iterator[tuple[str, Any]]:
    """The tensors of a nested dictionary by their paths, in order."""
    if isinstance(nested, Mapping):
        for key, value in nested.items():
            yield from _leaves(value, f'{prefix}/{key}' if prefix else str(key))
    elif isinstance(nested, (list, tuple)):
        for i, value in enumerate(nested):
            yield from _leaves(value, f'{prefix}/{i}')
    elif tf.is_tensor(nested):
        yield prefix, nested


def _path(variable: Any) -> str:
    return getattr(variable, 'path', None) or variable.name
