"""The network of CREPE: six convolutions from a frame of audio to 360 pitches."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ddsp import registration
from ddsp.core import checks
from ddsp.core.tensors import tf_float32

CREPE_SAMPLE_RATE = 16000
CREPE_FRAME_SIZE = 1024
PITCH_BINS = 360

# How many times wider than the narrowest thinkable network each capacity is.
CAPACITIES = {'tiny': 4, 'small': 8, 'medium': 16, 'large': 24, 'full': 32}
_BASE_FILTERS = (32, 4, 4, 4, 8, 16)
_KERNEL_SIZES = (512, 64, 64, 64, 64, 64)
# Added to the variance of a frame: -100 dB, so that silence stays silent and
# its gradient finite.
_VARIANCE_FLOOR = 1e-10

# Layers by whose output a call can end, in order.
ACTIVATION_LAYERS = (
    *(f'conv{i}{part}' for i in range(1, 7) for part in ('', '-BN', '-maxpool')),
    'flatten',
    'classifier',
)


@registration.register('ddsp.pitch')
class CrepeNetwork(registration.Configured, keras.layers.Layer):
    """The network of CREPE, from frames of audio to activations of pitch bins.

    It is that of Kim, Salamon, Li and Bello, "CREPE: a convolutional representation for
    pitch estimation", ICASSP 2018.

    Each of the six blocks is a convolution with ReLU, batch normalisation and max
    pooling by 2; a dense layer with a sigmoid ends it. Made with random weights:
    `load_crepe_weights` fills in trained ones. It is frozen; gradients pass through.

    Parameters
    ----------
    capacity : `'tiny'`, `'small'`, `'medium'`, `'large'` or `'full'`.
    name : of the layer.

    Raises
    ------
    ValueError
        For another capacity.
    """

    def __init__(
        self, capacity: str = 'full', name: str = 'crepe_network', **kwargs: Any
    ) -> None:
        kwargs = {'trainable': False, 'autocast': False, **kwargs}
        super().__init__(name=name, **kwargs)
        if capacity not in CAPACITIES:
            raise ValueError(
                f'CrepeNetwork: unknown capacity {capacity!r}, '
                f'known are {list(CAPACITIES)}.'
            )
        self.capacity = capacity
        filters = [n * CAPACITIES[capacity] for n in _BASE_FILTERS]
        self.convolutions = [
            keras.layers.Conv1D(
                n,
                width,
                strides=4 if i == 0 else 1,
                padding='same',
                activation='relu',
                dtype='float32',
                name=f'conv{i + 1}',
            )
            for i, (n, width) in enumerate(zip(filters, _KERNEL_SIZES))
        ]
        self.normalizations = [
            keras.layers.BatchNormalization(dtype='float32', name=f'conv{i + 1}_BN')
            for i in range(6)
        ]
        self.classifier = keras.layers.Dense(
            PITCH_BINS, activation='sigmoid', dtype='float32', name='classifier'
        )
        self.trainable = kwargs['trainable']

    def build(self, frames_shape: Any = None) -> None:
        """Makes the weights; their shapes depend on the capacity alone."""
        if self.built:
            return
        length, channels = CREPE_FRAME_SIZE, 1
        for convolution, normalization in zip(self.convolutions, self.normalizations):
            convolution.build((None, length, channels))
            length, _, channels = (
                length // convolution.strides[0],
                0,
                convolution.filters,
            )
            normalization.build((None, length, channels))
            length //= 2
        self.classifier.build((None, length * channels))
        self.built = True

    def call(
        self, frames: tf.Tensor, activation_layer: str = 'classifier'
    ) -> tf.Tensor:
        """Runs frames of audio through the network, up to a layer.

        Parameters
        ----------
        frames : `[frames, 1024]` at 16 kHz, normalised by `normalize_frames`.
        activation_layer : where to stop, out of `ACTIVATION_LAYERS`; `'classifier'` is
            the end. A name ending in `-dropout` means the `-maxpool` before it.

        Returns
        -------
        The layer's output: `[frames, 360]` in [0, 1] for `'classifier'`, one for each
        20 cents from 31.7 Hz on; `[frames, steps, channels]` inside a block;
        `[frames, features]` for `'flatten'`.

        Raises
        ------
        ValueError
            For frames of another shape or a layer that there is not.
        """
        wanted = _known_layer(activation_layer)
        frames = tf_float32(frames)
        where = 'CrepeNetwork'
        checks.check_rank(frames, 2, 'frames', where, '[frames, 1024]')
        if frames.shape[-1] not in (None, CREPE_FRAME_SIZE):
            raise ValueError(
                f'{where}: frames have {frames.shape[-1]} samples, '
                f'expected {CREPE_FRAME_SIZE} at {CREPE_SAMPLE_RATE} Hz.'
            )
        x = frames[:, :, tf.newaxis]
        for convolution, normalization in zip(self.convolutions, self.normalizations):
            x = convolution(x)
            if wanted == convolution.name:
                return x
            x = normalization(x, training=False)
            if wanted == f'{convolution.name}-BN':
                return x
            x = tf.nn.max_pool1d(x, 2, 2, 'VALID')
            if wanted == f'{convolution.name}-maxpool':
                return x
        x = tf.reshape(x, [-1, x.shape[1] * x.shape[2]])
        return x if wanted == 'flatten' else self.classifier(x)


def frame_audio(audio: tf.Tensor, hop_size: int) -> tf.Tensor:
    """Cuts audio into frames of 1024 samples, those that fit.

    Parameters
    ----------
    audio : `[batch, samples]`.
    hop_size : samples from one frame to the next.

    Returns
    -------
    `[batch, frames, 1024]`.
    """
    return tf.signal.frame(audio, CREPE_FRAME_SIZE, hop_size)


def normalize_frames(frames: tf.Tensor) -> tf.Tensor:
    """Takes the mean from each frame and makes its standard deviation 1.

    Silent frames stay silent: -100 dB are added to the variance.

    Parameters
    ----------
    frames : `[..., 1024]`.

    Returns
    -------
    The same shape.
    """
    frames = frames - tf.reduce_mean(frames, axis=-1, keepdims=True)
    variance = tf.reduce_mean(frames**2, axis=-1, keepdims=True)
    return frames * tf.math.rsqrt(variance + _VARIANCE_FLOOR)


def _known_layer(name: str) -> str:
    wanted = name.replace('-dropout', '-maxpool')
    if wanted not in ACTIVATION_LAYERS:
        raise ValueError(
            f'CrepeNetwork: there is no activation layer {name!r}, '
            f'known are {list(ACTIVATION_LAYERS)}.'
        )
    return wanted
