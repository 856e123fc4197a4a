"""A wrapper that keeps a layer from amplifying."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ddsp import core, registration
from ddsp.training.nn import weights


@registration.register('ddsp.training.nn')
class SpectralNormalization(registration.Configured, keras.layers.Wrapper):
    """Divides the kernel of a layer by its largest singular value.

    The layer then stretches no input by more than about a factor of 1 (Miyato et al.
    2018). Power iteration follows the singular value: a few steps from where training
    left off last time. The gradient knows of the division.

    Parameters
    ----------
    layer : a layer with a `kernel`, such as `Dense` or `Conv2D`, or an `Embedding`.
    power_iterations : steps each time.
    **kwargs : passed on to `keras.layers.Wrapper`.

    Raises
    ------
    ValueError
        When there is no step, or the layer has no kernel.

    Notes
    -----
    The kernel itself stays as the optimizer left it; `normalize_weights` writes the
    normalised one in its place. Earlier versions of this library did that in every
    step of training.
    """

    def __init__(
        self, layer: keras.layers.Layer, power_iterations: int = 1, **kwargs: Any
    ) -> None:
        # The layer inside casts for itself; the singular value wants full precision.
        super().__init__(layer, **{**kwargs, 'autocast': False})
        if power_iterations < 1:
            raise ValueError(
                f'{self.name}: power_iterations is {power_iterations}, expected at '
                'least 1.'
            )
        self.power_iterations = power_iterations

    def build(self, input_shape: Any) -> None:
        """Builds the layer inside, and the vector with which iteration starts.

        Raises
        ------
        ValueError
            When the layer inside has no kernel.
        """
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True
        self.u = weights.add_statistic(
            self, (1, self._kernel().shape[-1]), 'random_normal', 'u'
        )

    def _kernel(self) -> keras.Variable:
        for name in ('kernel', 'embeddings'):
            if isinstance(getattr(self.layer, name, None), keras.Variable):
                return getattr(self.layer, name)
        raise ValueError(
            f'{self.name}: {type(self.layer).__name__} has neither a kernel nor '
            'embeddings to normalise.'
        )

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Does what the layer does, with its kernel divided.

        Parameters
        ----------
        inputs : `[batch, ...]`, as the layer inside takes them.
        training : whether to take a step of iteration, which is kept.

        Returns
        -------
        What the layer inside gives, of its shape.

        Raises
        ------
        ValueError
            When the layer inside has no kernel.
        """
        u, sigma = self._iterate()
        if training:
            self.u.assign(u)
        kernel = self._kernel()
        normalized = core.safe_divide(kernel.value, sigma)
        # The layer finds this in place of its variable.
        with keras.StatelessScope(state_mapping=[(kernel, normalized)]):
            return self.layer(inputs)

    def _iterate(self) -> tuple[tf.Tensor, tf.Tensor]:
        """The next right singular vector, and the singular value that it gives."""
        # Channels first: how a convolution's other axes count is all one.
        kernel = tf.cast(self._kernel().value, tf.float32)
        matrix = tf.reshape(kernel, [-1, kernel.shape[-1]])
        fixed = tf.stop_gradient(matrix)
        u = tf.cast(self.u.value, tf.float32)
        for _ in range(self.power_iterations):
            v = tf.math.l2_normalize(tf.matmul(u, fixed, transpose_b=True))
            u = tf.math.l2_normalize(tf.matmul(v, fixed))
        sigma = tf.matmul(tf.matmul(v, matrix), u, transpose_b=True)
        return u, sigma[0, 0]

    def normalize_weights(self) -> None:
        """Takes a step of iteration and writes the normalised kernel into the layer.

        Raises
        ------
        ValueError
            When the layer inside has no kernel.
        """
        u, sigma = self._iterate()
        self.u.assign(u)
        kernel = self._kernel()
        kernel.assign(core.safe_divide(kernel.value, sigma))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the layer inside."""
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Everything the constructor needs to make this layer again, as plain data."""
        return super().get_config()
