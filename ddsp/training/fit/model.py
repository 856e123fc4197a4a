"""The model of a fit: decoder, processor group and loss."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ddsp import registration
from ddsp.core import tensors


@registration.configurable('ddsp.training.fit')
class FitModel(registration.Configured, keras.Model):
    """A decoder, the processors that play its controls, and the loss between the two.

    Its three parts come from a .gin file.

    Parameters
    ----------
    decoder : layer from `f0_hz` and `loudness_db` to a dictionary of raw controls.
    processor_group : from these controls and `f0_hz` to audio.
    reconstruction_loss : layer of target audio and audio.
    name : name of the model.
    """

    def __init__(
        self,
        decoder: keras.layers.Layer,
        processor_group: keras.layers.Layer,
        reconstruction_loss: keras.layers.Layer,
        name: str = 'fit_model',
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.decoder = decoder
        self.processor_group = processor_group
        self.reconstruction_loss = reconstruction_loss

    def build(self, *unused_shapes: Any, **unused_named_shapes: Any) -> None:
        """Leaves it to the parts, which build themselves on their first call."""
        self.built = True

    def call(self, features: dict[str, tf.Tensor]) -> tf.Tensor:
        """Resynthesises.

        Parameters
        ----------
        features : `f0_hz` and `loudness_db`, each `[batch, frames, 1]`.

        Returns
        -------
        Audio `[batch, samples]`, as long as the frames.
        """
        return self.processor_group(self.group_inputs(features))

    def group_inputs(self, features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """What the processor group is given: raw controls, f0 and loudness."""
        raw = self.decoder(f0_hz=features['f0_hz'], loudness_db=features['loudness_db'])
        return {**raw, **features}

    def train_step(self, data: tuple[dict[str, tf.Tensor], tf.Tensor]) -> dict:
        """One step; the loss that it returns is that of this step, not a running mean.

        Parameters
        ----------
        data : features of windows, and the audio `[batch, samples]` at the end of each;
            what is rendered before it is lead-in, which the loss does not see.
        """
        features, target = data
        with tf.GradientTape() as tape:
            audio = self(features, training=True)
            heard = audio[:, -tensors.size(target, 1) :]
            loss = self.reconstruction_loss(target, heard)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return {'loss': loss}
