"""Vectors replaced by the nearest of a learned few."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ddsp import core, losses, registration
from ddsp.training.nn import weights


@registration.register('ddsp.training.nn')
class VectorQuantization(registration.Configured, keras.layers.Layer):
    """Replaces each vector by the nearest one of a codebook that follows the data.

    Each code is the mean of the vectors that came nearest to it, over a time that fades
    exponentially: `codebook = sums / counts`, with
    `counts <- gamma * counts + (1 - gamma) * (how many came)` and `sums` alike (van den
    Oord et al. 2017, appendix). Codebooks learn this way in training only, and in
    distributed training from all replicas. The gradient passes from the quantised
    vector to the vector itself.

    Parameters
    ----------
    k : number of codes.
    gamma : how much of the past a step keeps, in [0, 1).
    restart_threshold : a code whose count falls below it starts again at a random one
        of the vectors of the step. 0 for never. The counts of all codes sum to about
        the number of vectors in a step.
    num_heads : parts into which a vector is cut, each with a codebook of its own.
    commitment_loss_weight : multiplies `committment_loss`.
    **kwargs : passed on to `keras.layers.Layer`.

    Raises
    ------
    ValueError
        For a number out of its range, or channels that the heads cannot share.
    """

    def __init__(
        self,
        k: int,
        gamma: float = 0.99,
        restart_threshold: float = 0.0,
        num_heads: int = 1,
        commitment_loss_weight: float = 0.2,
        **kwargs: Any,
    ) -> None:
        # Distances in half precision would find other neighbours.
        super().__init__(**{**kwargs, 'dtype': 'float32', 'autocast': False})
        self.k, self.gamma, self.num_heads = k, gamma, num_heads
        self.restart_threshold = restart_threshold
        self.commitment_loss_weight = commitment_loss_weight
        self._check()

    def _check(self) -> None:
        if self.k < 1 or self.num_heads < 1:
            raise ValueError(
                f'{self.name}: k is {self.k} and num_heads {self.num_heads}, expected '
                'at least 1.'
            )
        if not 0.0 <= self.gamma < 1.0:
            raise ValueError(
                f'{self.name}: gamma is {self.gamma}, expected 0 <= gamma < 1.'
            )

    def build(self, input_shapes: Any) -> None:
        """Makes the codebook, and the counts and sums from which it is computed.

        Raises
        ------
        ValueError
            When the channels cannot be shared out among the heads.
        """
        channels = int(input_shapes[-1])
        if channels % self.num_heads:
            raise ValueError(
                f'{self.name}: {channels} channels cannot be shared out among '
                f'num_heads={self.num_heads}.'
            )
        self.depth = channels // self.num_heads
        shape = (self.num_heads, self.k, self.depth)
        add = weights.add_statistic
        self.codebook = add(self, shape, 'random_normal', 'codebook')
        # No vector has come yet: the first ones move the codes that are nearest.
        self.counts = add(self, shape[:2], 'zeros', 'counts')
        self.sums = add(self, shape, 'zeros', 'sums')

    def call(self, x: Any, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Quantises.

        Parameters
        ----------
        x : `[..., channels]`.
        training : whether the codebook learns.

        Returns
        -------
        The quantised `[..., channels]`, and the codes `[..., num_heads]`, int32.
        """
        x = core.tf_float32(x)
        heads = tf.reshape(x, [-1, self.num_heads, self.depth])
        codes = self._nearest(heads)
        shape = tf.concat([tf.shape(x)[:-1], [self.num_heads]], axis=0)
        c = tf.ensure_shape(tf.reshape(codes, shape), [*x.shape[:-1], self.num_heads])
        z_q = tf.ensure_shape(self.unquantize(c), x.shape)
        if training:
            self._learn(tf.stop_gradient(heads), codes)
        return tf.stop_gradient(z_q) + (x - tf.stop_gradient(x)), c

    def _nearest(self, heads: tf.Tensor) -> tf.Tensor:
        """Codes `[vectors, heads]` of `[vectors, heads, depth]`."""
        codebook = self.codebook.value
        # |x - e|^2 without |x|^2, which is the same for all codes.
        products = tf.einsum('nhd,hkd->nhk', tf.stop_gradient(heads), codebook)
        distances = tf.reduce_sum(codebook**2, axis=-1) - 2.0 * products
        return tf.argmin(distances, axis=-1, output_type=tf.int32)

    def _learn(self, heads: tf.Tensor, codes: tf.Tensor) -> None:
        one_hot = tf.one_hot(codes, self.k, dtype=tf.float32)
        came = tf.reduce_sum(one_hot, axis=0)
        sums = tf.einsum('nhk,nhd->hkd', one_hot, heads)
        came, sums = _over_replicas([came, sums])
        counts = self.gamma * self.counts.value + (1.0 - self.gamma) * came
        sums = self.gamma * self.sums.value + (1.0 - self.gamma) * sums
        is_used = counts[..., tf.newaxis] > 0.0
        codebook = tf.where(
            is_used,
            core.safe_divide(sums, counts[..., tf.newaxis]),
            self.codebook.value,
        )
        if self.restart_threshold > 0.0:
            heads = _of_all_replicas(heads)
            counts, sums, codebook = self._restart(heads, counts, sums, codebook)
        self.counts.assign(counts)
        self.sums.assign(sums)
        self.codebook.assign(codebook)

    def _restart(
        self,
        heads: tf.Tensor,
        counts: tf.Tensor,
        sums: tf.Tensor,
        codebook: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Puts codes that few vectors came to at random ones of the vectors."""
        n_vectors = tf.shape(heads)[0]
        noise = core.uniform_noise([self.num_heads, self.k], shared=True)
        uniform = 0.5 * (noise + 1.0)
        chosen = tf.cast(uniform * tf.cast(n_vectors, tf.float32), tf.int32)
        chosen = tf.minimum(chosen, n_vectors - 1)
        by_head = tf.transpose(heads, [1, 0, 2])
        vectors = tf.gather(by_head, chosen, axis=1, batch_dims=1)
        is_low = counts < self.restart_threshold
        # The count of a code of average use: it has time to show whether it is needed.
        usual = tf.reduce_mean(counts, axis=-1, keepdims=True)
        usual = tf.maximum(usual, self.restart_threshold)
        counts = tf.where(is_low, usual, counts)
        is_low = is_low[..., tf.newaxis]
        codebook = tf.where(is_low, vectors, codebook)
        sums = tf.where(is_low, usual[..., tf.newaxis] * vectors, sums)
        return counts, sums, codebook

    def unquantize(self, c: Any) -> tf.Tensor:
        """Looks codes up: `[..., channels]` for `[..., num_heads]`."""
        c = tf.convert_to_tensor(c)
        by_head = tf.reshape(c, [-1, self.num_heads])
        vectors = tf.gather(
            self.codebook.value, tf.transpose(by_head), axis=1, batch_dims=1
        )
        vectors = tf.transpose(vectors, [1, 0, 2])
        channels = self.num_heads * self.depth
        shape = tf.concat([tf.shape(c)[:-1], [channels]], axis=0)
        return tf.ensure_shape(tf.reshape(vectors, shape), [*c.shape[:-1], channels])

    def committment_loss(self, z: Any, z_q: Any) -> tf.Tensor:
        """Weighs the mean square distance of vectors from their codes, which stay.

        Parameters
        ----------
        z, z_q : vectors and quantised vectors, of one shape.

        Returns
        -------
        A scalar.
        """
        z_q = tf.stop_gradient(core.tf_float32(z_q))
        difference = losses.mean_difference(core.tf_float32(z), z_q, 'L2')
        return self.commitment_loss_weight * difference

    def get_losses_dict(self, z: Any, z_q: Any) -> dict[str, tf.Tensor]:
        """Gives `committment_loss` under this layer's name.

        Parameters
        ----------
        z, z_q : vectors and quantised vectors, of one shape.

        Returns
        -------
        A dictionary with a scalar.
        """
        return {f'{self.name}_commitment_loss': self.committment_loss(z, z_q)}

    def compute_output_shape(self, input_shapes: Any) -> tuple:
        """Shapes of the quantised vectors and of the codes."""
        shape = tuple(input_shapes)
        return shape, (*shape[:-1], self.num_heads)


def _over_replicas(tensors: list[tf.Tensor]) -> list[tf.Tensor]:
    """Sums over the replicas of a distributed step."""
    context = _distributed()
    return tensors if context is None else context.all_reduce('SUM', tensors)


def _of_all_replicas(x: tf.Tensor) -> tf.Tensor:
    """Joins what the replicas of a distributed step have, in the order of the batch."""
    context = _distributed()
    return x if context is None else context.all_gather(x, axis=0)


def _distributed() -> tf.distribute.ReplicaContext | None:
    context = tf.distribute.get_replica_context()
    alone = context is None or context.num_replicas_in_sync == 1
    return None if alone else context
