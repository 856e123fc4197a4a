"""Adam whose clipping is the same on one device and on many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable('ddsp')
class ClippedAdam(keras.optimizers.Adam):
    """Adam that clips the gradients of the whole batch to a global norm.

    Keras clips what each replica of a `tf.distribute` strategy has, and sums after
    that, so that training on two devices is not that on one. Here the sum is clipped.

    Gradients that are not finite move nothing but the decaying momentum, so that the
    weights stay fit for finding out where it went wrong; see `gradient_norm`.

    Parameters
    ----------
    learning_rate : a number or a `keras.optimizers.schedules.LearningRateSchedule`.
    clip_norm : largest global norm of the gradients; None leaves them as they are.
    name : name of the optimizer.
    **kwargs : of `keras.optimizers.Adam`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        clip_norm: float | None = 3.0,
        name: str = 'adam',
        **kwargs: Any,
    ) -> None:
        if clip_norm is not None and not clip_norm > 0:
            raise ValueError(f'clip_norm is {clip_norm}, expected a number above 0.')
        super().__init__(learning_rate, name=name, **kwargs)
        self.clip_norm = clip_norm
        # Not a weight: it is told to people, and no checkpoint needs it.
        self._norm = tf.Variable(
            0.0,
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            name='gradient_norm',
        )

    @property
    def gradient_norm(self) -> tf.Tensor:
        """The global norm of the last step's gradients, before clipping."""
        return self._norm.read_value()

    def apply(
        self,
        grads: Sequence[tf.Tensor | None],
        trainable_variables: Sequence[Any] | None = None,
    ) -> None:
        """Updates the variables by what the replicas' gradients sum up to."""
        super().apply(self._clip(list(grads)), trainable_variables)

    def update_step(
        self, gradient: tf.Tensor, variable: Any, learning_rate: tf.Tensor
    ) -> None:
        """Moves one weight: as in Keras, but in one pass over the memory."""
        index = self._get_variable_index(variable)
        moments = self._momentums[index], self._velocities[index]
        resources = [_resource(x) for x in (variable, *moments)]
        if self.amsgrad or any(resource is None for resource in resources):
            super().update_step(gradient, variable, learning_rate)
            return
        var, m, v = resources
        dtype = var.dtype
        step = tf.cast(self.iterations + 1, dtype)
        beta1, beta2 = tf.constant(self.beta_1, dtype), tf.constant(self.beta_2, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=var.handle,
            m=m.handle,
            v=v.handle,
            beta1_power=beta1**step,
            beta2_power=beta2**step,
            lr=tf.cast(learning_rate, dtype),
            beta1=beta1,
            beta2=beta2,
            epsilon=tf.constant(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )

    def get_config(self) -> dict[str, Any]:
        """What makes this optimizer again."""
        return {**super().get_config(), 'clip_norm': self.clip_norm}

    def _clip(self, grads: list[tf.Tensor | None]) -> list[tf.Tensor | None]:
        given = [_dense(grad) for grad in grads if grad is not None]
        if not given:
            return grads
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync if context else 1
        if replicas > 1:
            given = context.all_reduce(tf.distribute.ReduceOp.SUM, given)
        # Keras is going to take the scale of the loss out of what is given to it.
        norm = tf.linalg.global_norm(given) / (self.loss_scale_factor or 1.0)
        self._norm.assign(norm)
        # Keras is going to sum over the replicas, which by now all have the sum.
        scale = self._scale(norm) / replicas
        scale = tf.where(tf.math.is_finite(norm), scale, tf.zeros_like(scale))
        clipped = iter([_scaled(grad, scale) for grad in given])
        return [None if grad is None else next(clipped) for grad in grads]

    def _scale(self, norm: tf.Tensor) -> tf.Tensor:
        if self.clip_norm is None:
            return tf.ones_like(norm)
        return self.clip_norm / tf.maximum(norm, self.clip_norm)


def _resource(variable: keras.Variable | tf.Variable) -> tf.Variable | None:
    """What TensorFlow can write in place; None where it is to be left to Keras."""
    value = variable.value if isinstance(variable, keras.Variable) else variable
    # With fewer digits, 1 - beta would be 0.
    fits = hasattr(value, 'handle') and value.dtype in (tf.float32, tf.float64)
    return value if fits else None


def _dense(grad: Any) -> tf.Tensor:
    """A gradient in which each row stands once; that of a table may have it often."""
    if not isinstance(grad, tf.IndexedSlices):
        return grad
    return tf.math.unsorted_segment_sum(
        grad.values, grad.indices, tf.cast(grad.dense_shape[0], tf.int32)
    )


def _scaled(grad: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """A gradient times a number; zero for 0, even where it is not finite."""
    return tf.math.multiply_no_nan(grad, tf.cast(scale, grad.dtype))
