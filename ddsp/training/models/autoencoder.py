"""The autoencoder of sound: encode, decode, play, compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from ddsp import losses as ddsp_losses
from ddsp import registration
from ddsp.core import tensors
from ddsp.training.models.model import Model


@registration.configurable('ddsp.training.models')
class Autoencoder(Model):
    """Encodes features, decodes them to controls, and plays these.

    Its outputs are all that the processor group gave, the features among it, and the
    audio as `'audio_synth'`.

    Parameters
    ----------
    preprocessor : layer from features to more of them; none without it.
    encoder : layer that adds latent variables to the features; none without it.
    decoder : layer from features to raw controls.
    processor_group : `ddsp.processors.ProcessorGroup` from these to audio.
    losses : a loss of the audio of the features and that of the outputs, or a
        `ddsp.losses.LossGroup` of the outputs; or a list of such.
    **kwargs : of `keras.Model`.

    References
    ----------
    Engel et al. 2020, "DDSP: Differentiable Digital Signal Processing".
    """

    def __init__(
        self,
        preprocessor: keras.layers.Layer | None = None,
        encoder: keras.layers.Layer | None = None,
        decoder: keras.layers.Layer | None = None,
        processor_group: keras.layers.Layer | None = None,
        losses: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.preprocessor = preprocessor
        self.encoder = encoder
        self.decoder = decoder
        self.processor_group = processor_group
        self.loss_objs = list(tensors.make_iterable(losses))

    @property
    def loss_names(self) -> list[str]:
        """Names of the losses."""
        return [
            loss.name
            for loss_obj in self.loss_objs
            for loss in (loss_obj.losses if _is_group(loss_obj) else [loss_obj])
        ]

    def encode(
        self, features: Mapping[str, Any], training: bool = True
    ) -> dict[str, Any]:
        """Adds to the features what preprocessor and encoder make of them.

        Parameters
        ----------
        features : what preprocessor and encoder ask for.
        training : whether layers shall behave as in training.

        Returns
        -------
        The features and what was added, by name.
        """
        features = dict(features)
        if self.preprocessor is not None:
            features.update(self.preprocessor(features, training=training))
        if self.encoder is not None:
            features.update(self.encoder(features, training=training))
        return features

    def decode(self, features: Mapping[str, Any], training: bool = True) -> tf.Tensor:
        """Gives the audio of features that are encoded.

        Parameters
        ----------
        features : what decoder and processor group ask for.
        training : whether layers shall behave as in training.

        Returns
        -------
        The audio, `[batch, samples]`.

        Raises
        ------
        ValueError
            Without a processor group.
        """
        return self._play(self._with_controls(features, training))['signal']

    def get_audio_from_outputs(self, outputs: Mapping[str, Any]) -> tf.Tensor:
        """Takes the audio `[batch, samples]` out of the outputs."""
        return outputs['audio_synth']

    def call(self, features: dict[str, Any], training: bool = True) -> dict[str, Any]:
        """Resynthesises.

        Parameters
        ----------
        features : what preprocessor, encoder and decoder ask for.
        training : whether layers shall behave as in training.

        Returns
        -------
        Nested dictionary of the features, the raw controls, the results of all nodes
        of the processor group, and `'audio_synth'`, `[batch, samples]`.

        Raises
        ------
        ValueError
            Without a processor group, or when the audio of the data is missing or of
            another length than what is made.
        """
        features = self._with_controls(self.encode(features, training), training)
        played = self._play(features)
        outputs = {**features, **played['controls'], 'audio_synth': played['signal']}
        self._compare(features, outputs)
        return outputs

    def _with_controls(
        self, features: Mapping[str, Any], training: bool
    ) -> dict[str, Any]:
        features = dict(features)
        if self.decoder is not None:
            features.update(self.decoder(features, training=training))
        return features

    def _play(self, features: Mapping[str, Any]) -> dict[str, Any]:
        if self.processor_group is None:
            raise ValueError(
                f'{self.name}: there is no processor_group to play the controls; give '
                'Autoencoder.processor_group.'
            )
        return self.processor_group(features, return_outputs_dict=True)

    def _compare(self, features: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
        for loss_obj in self.loss_objs:
            if _is_group(loss_obj):
                self.update_losses(loss_obj, outputs)
            elif self.wants_losses:
                target = self._target(features, outputs['audio_synth'])
                self.update_losses(loss_obj, target, outputs['audio_synth'])

    def _target(self, features: Mapping[str, Any], audio: tf.Tensor) -> tf.Tensor:
        """The audio to compare with; refuses another length, and says what to do."""
        if 'audio' not in features:
            raise ValueError(
                f"{self.name}: the losses compare with the feature 'audio', which is "
                f'missing; given are {sorted(features)}.'
            )
        target = features['audio']
        given, made = target.shape[-1], audio.shape[-1]
        if given is not None and made is not None and given != made:
            raise ValueError(
                f'{self.name}: the audio of the data has {given} samples, the model '
                f'makes {made}; change n_samples of the synths (such as '
                f'Harmonic.n_samples = {given}), or prepare data of that length.'
            )
        return target

    def _constructor_arguments(self) -> dict[str, Any]:
        found = super()._constructor_arguments()
        if 'losses' in found:  # Under this name Keras has what layers add.
            found['losses'] = list(self.loss_objs)
        return found


def _is_group(loss_obj: Any) -> bool:
    return isinstance(loss_obj, ddsp_losses.LossGroup)
