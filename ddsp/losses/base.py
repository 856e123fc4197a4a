"""What every loss shares: a layer that gives one number, and groups of such layers."""

from __future__ import annotations

import collections
import inspect
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from ddsp import dags, registration
from ddsp.core import checks, tensors


class Loss(registration.Configured, keras.layers.Layer):
    """Abstract base class of losses: layers whose result is one number.

    To make your own, write `call`. What arrives in it is float32, whatever the dtype
    policy. Give it a name: that is what a `LossGroup` and training logs call its value.

    Parameters
    ----------
    name : name of the layer and of its value.
    **kwargs : passed on to `keras.layers.Layer`.

    Examples
    --------
    >>> import ddsp, tensorflow as tf
    >>> class Quietness(ddsp.losses.Loss):
    ...     def call(self, audio):
    ...         return tf.reduce_mean(audio**2)
    >>> loss = Quietness(name='quietness')
    >>> {name: float(x) for name, x in loss.get_losses_dict([[0.5, -0.5]]).items()}
    {'quietness': 0.25}
    """

    def __init__(self, name: str | None = None, **kwargs: Any) -> None:
        # A sum over a spectrogram in half precision would be no number to train by.
        super().__init__(name=name, **{'dtype': 'float32', 'autocast': False, **kwargs})

    def __call__(self, *args: Any, **kwargs: Any) -> tf.Tensor:
        """Computes the loss of tensors, arrays or numbers, given as `call` names them.

        Raises
        ------
        TypeError
            When an input is missing or there is no such input.
        """
        signature = inspect.signature(self.call)
        for key in ('training', 'mask'):  # Keras may pass these to any layer.
            if key not in signature.parameters:
                kwargs.pop(key, None)
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f'{self.name}: {error}; call it as {signature}.') from None
        for key, value in list(given.arguments.items()):
            given.arguments[key] = _to_tensor(value)
            # Keras wants tensors only among positional arguments.
            if value is None and signature.parameters[key].default is None:
                del given.arguments[key]
        return super().__call__(*given.args, **given.kwargs)

    def get_losses_dict(self, *args: Any, **kwargs: Any) -> dict[str, tf.Tensor]:
        """Computes the loss; gives it under its name, `{name: scalar}`."""
        return {self.name: self(*args, **kwargs)}


def _to_tensor(value: Any) -> Any:
    """Turns what is numeric into float32; leaves symbols, flags and structures."""
    if value is None or isinstance(value, (bool, str, Mapping, keras.KerasTensor)):
        return value
    if isinstance(value, keras.Variable):
        value = value.value
    return tensors.tf_float32(value)


@registration.register('ddsp.losses')
class LossGroup(dags.DAGLayer):
    """Computes several losses of one dictionary of outputs.

    Parameters
    ----------
    dag : list of `(loss, [input keys])`, see `ddsp.dags.DAGLayer`. A loss is a layer,
        or the name of one given as a keyword argument. Other layers may stand among
        them to prepare inputs; what they give is no loss.
    **kwarg_losses : losses that the list names by their keyword.

    Examples
    --------
    >>> import ddsp
    >>> group = ddsp.losses.LossGroup([
    ...     (ddsp.losses.ParamLoss(name='f0_loss'), ['f0_hz', 'target/f0_hz']),
    ... ])
    >>> outputs = {'f0_hz': [[[441.0]]], 'target': {'f0_hz': [[[440.0]]]}}
    >>> {name: float(loss) for name, loss in group(outputs).items()}
    {'f0_loss': 1.0}
    """

    # Outputs of a model are nested: 'harmonic/controls/f0_hz' is one of them.
    _nested_inputs = True

    def __init__(self, dag: dags.DAG, **kwarg_losses: Any) -> None:
        super().__init__(dag, **kwarg_losses)

    @property
    def losses(self) -> list[keras.layers.Layer]:
        """The loss layers, in order.

        Keras uses this name for the penalties that layers add. It gathers those of a
        model without asking this property, so none of them is lost.
        """
        return [module for module in self.modules if _is_loss(module)]

    def call(self, outputs: Mapping[str, Any], **kwargs: Any) -> dict[str, tf.Tensor]:
        """Gives each loss under its name.

        Of losses that share a name, each comes under the name of its node.

        Parameters
        ----------
        outputs : nested dictionary with the keys that the losses ask for.

        Returns
        -------
        A scalar for each name.
        """
        results = self.run_dag(outputs, **kwargs)
        steps = [s for s in self.steps if _is_loss(getattr(self, s.name))]
        names = collections.Counter(name for s in steps for name in results[s.name])
        # Layers of one name are told apart by their nodes: none may be lost.
        return {
            name if names[name] == 1 else step.name: value
            for step in steps
            for name, value in results[step.name].items()
        }

    def get_losses_dict(
        self, outputs: Mapping[str, Any], **kwargs: Any
    ) -> dict[str, tf.Tensor]:
        """Does what calling the group does."""
        return self(outputs, **kwargs)


def _is_loss(module: Any) -> bool:
    return hasattr(module, 'get_losses_dict')


def mean_difference(
    target: Any, value: Any, loss_type: str = 'L1', weights: Any = None
) -> tf.Tensor:
    """Takes the mean distance between two tensors.

    Parameters
    ----------
    target, value : tensors of one shape; axes of size 1 broadcast.
    loss_type : `'L1'`, mean of `|target - value|`; `'L2'`, mean of the squares;
        `'COSINE'`, mean of one minus the cosine of the angle between vectors along the
        last axis. Capitals do not matter. A vector of zeros has distance 1 from all.
    weights : multiplies the distances before their mean; the sum of weights does not
        divide. Broadcasts as in NumPy against the distances (whose last axis has size 1
        for `'COSINE'`). Of fewer axes, and where that does not fit, it is aligned with
        the first axes: `[batch, frames]` weighs `[batch, frames, channels]`.

    Returns
    -------
    A scalar.

    Raises
    ------
    ValueError
        For an unknown `loss_type`, numbers of axes or sizes that differ, nothing to
        compare, or weights that do not fit.

    Examples
    --------
    >>> float(mean_difference([0.0, 1.0], [2.0, 1.0], 'L1'))
    1.0
    """
    where = 'mean_difference'
    target, value = tensors.tf_float32(target), tensors.tf_float32(value)
    _check_comparable(target, value, where)
    kind = str(loss_type).upper()
    if kind == 'L1':
        distance = tf.abs(target - value)
    elif kind == 'L2':
        distance = tf.square(target - value)
    elif kind == 'COSINE':
        directions = (tf.math.l2_normalize(x, axis=-1) for x in (target, value))
        cosine = tf.reduce_sum(tf.multiply(*directions), axis=-1, keepdims=True)
        distance = 1.0 - cosine
    else:
        raise ValueError(
            f"{where}: loss_type is {loss_type!r}, expected 'L1', 'L2' or 'COSINE'."
        )
    if weights is not None:
        distance *= _fit_weights(tensors.tf_float32(weights), distance, where)
    return tf.reduce_mean(distance)


def check_audio_pair(target_audio: tf.Tensor, audio: tf.Tensor, where: str) -> None:
    """Refuses audio that cannot be compared, sample by sample.

    Raises
    ------
    ValueError
        When the shapes differ or are not `[batch, samples]`, or audio is empty, NaN or
        infinite.
    """
    for name, x in (('target_audio', target_audio), ('audio', audio)):
        checks.check_values(x, 2, name, where, '[batch, samples]')
    if not target_audio.shape.is_compatible_with(audio.shape):
        raise ValueError(
            f'{where}: target_audio has shape {list(target_audio.shape)} and audio '
            f'{list(audio.shape)}; cut or pad them to one shape.'
        )


def _check_comparable(target: tf.Tensor, value: tf.Tensor, where: str) -> None:
    """Refuses what would broadcast to something larger than either, or to NaN."""
    expected = f'{list(value.shape)} like value' if value.shape.rank is not None else ''
    if value.shape.rank is not None:
        checks.check_rank(target, value.shape.rank, 'target', where, expected)
        for axis in range(value.shape.rank):
            pair = {'target': target, 'value': value}
            checks.check_same_size(pair, axis, where, f'axis {axis}')
    checks.check_not_empty(target, 'target', where)
    checks.check_not_empty(value, 'value', where)


def _fit_weights(weights: tf.Tensor, distance: tf.Tensor, where: str) -> tf.Tensor:
    """Gives weights the axes of the distances that they weigh."""
    rank, weights_rank = distance.shape.rank, weights.shape.rank
    if rank is None or weights_rank in (None, 0):
        return weights
    shape, target = weights.shape.as_list(), distance.shape.as_list()
    missing = [1] * (rank - weights_rank)
    # Where axes are missing, a size that is not known yet hardly stands for a 1.
    if _broadcasts(missing + shape, target, unknown_fits_one=not missing):
        return weights
    if missing and _broadcasts(shape + missing, target):
        return weights[(...,) + (tf.newaxis,) * len(missing)]
    raise ValueError(
        f'{where}: weights of shape {shape} do not fit distances of shape {target}; '
        'give one weight for each, or sizes of 1.'
    )


def _broadcasts(
    shape: list[int | None], target: list[int | None], unknown_fits_one: bool = True
) -> bool:
    """Whether a shape spreads over the target without making it larger."""
    if len(shape) != len(target):
        return False
    return all(
        ours in (1, theirs)
        or (ours is None and (theirs != 1 or unknown_fits_one))
        or (theirs is None and ours is not None)
        for ours, theirs in zip(shape, target)
    )
