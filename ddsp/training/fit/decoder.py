"""The small network that turns f0 and loudness into raw controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ddsp import core, registration


class _Shifted(keras.layers.Layer):
    """A convolution of three taps, `dilation` frames apart, as one matrix product."""

    def __init__(self, units: int, dilation: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dilation = dilation
        self.dense = keras.layers.Dense(units)

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.dense.build((*input_shape[:-1], 3 * input_shape[-1]))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        around = tf.pad(x, [[0, 0], [self.dilation, self.dilation], [0, 0]])
        n_frames = core.tensors.size(x, 1)
        taps = [
            around[:, tap * self.dilation : tap * self.dilation + n_frames]
            for tap in range(3)
        ]
        return self.dense(tf.concat(taps, axis=-1))


@registration.register('ddsp.training.fit')
class FitDecoder(registration.Configured, keras.layers.Layer):
    """Turns f0 and loudness into the raw controls that a processor group asks for.

    A stack of residual dilated convolutions. Each frame sees `n_context_frames` before
    and after it and nothing else, which lets a long recording be decoded in blocks
    without a seam.

    Parameters
    ----------
    output_splits : names and numbers of channels of the controls, in any order.
    channels : width of the stack.
    dilations : distance in frames between the taps of each convolution.
    name : name of the layer.

    Raises
    ------
    ValueError
        When there are no controls, or a width or a distance is below 1.
    """

    def __init__(
        self,
        output_splits: Sequence[tuple[str, int]] = (
            ('amplitudes', 1),
            ('harmonic_distribution', 80),
            ('noise_magnitudes', 65),
        ),
        channels: int = 64,
        dilations: Sequence[int] = (1, 2, 4, 8, 16, 32),
        name: str = 'fit_decoder',
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.output_splits = [tuple(split) for split in output_splits]
        self.channels = channels
        self.dilations = list(dilations)
        self._check()
        self.inlet = keras.layers.Dense(channels, name='inlet')
        self.norms = [
            keras.layers.LayerNormalization(name=f'norm_{i}')
            for i in range(len(self.dilations))
        ]
        self.convolutions = [
            _Shifted(channels, dilation, name=f'convolution_{i}')
            for i, dilation in enumerate(self.dilations)
        ]
        self.outlet_norm = keras.layers.LayerNormalization(name='outlet_norm')
        n_out = sum(size for _, size in self.output_splits)
        # Near 0, an untrained decoder leaves all to the processors, whatever the seed.
        near_zero = keras.initializers.RandomNormal(stddev=1e-3)
        self.outlet = keras.layers.Dense(
            n_out, kernel_initializer=near_zero, name='outlet'
        )

    def _check(self) -> None:
        if not self.output_splits or any(size < 1 for _, size in self.output_splits):
            raise ValueError(
                f'FitDecoder: output_splits is {self.output_splits}, expected names '
                "and sizes such as [('amplitudes', 1), ('harmonic_distribution', 80)]."
            )
        if self.channels < 1 or any(dilation < 1 for dilation in self.dilations):
            raise ValueError(
                f'FitDecoder: channels {self.channels} and dilations {self.dilations} '
                'must be above 0.'
            )

    @property
    def n_context_frames(self) -> int:
        """How many frames before and after a frame have a say in its controls."""
        return sum(self.dilations)

    def build(self, *unused_shapes: Any, **unused_named_shapes: Any) -> None:
        """Makes the weights; their shapes do not depend on those of the inputs."""
        # Means and deviations of the two inputs: measured in the recording, saved with
        # the weights.
        self.center = self.add_weight(
            shape=(2,), initializer='zeros', trainable=False, name='center'
        )
        self.spread = self.add_weight(
            shape=(2,), initializer='ones', trainable=False, name='spread'
        )
        shape = (None, None, self.channels)
        self.inlet.build((None, None, 2))
        for layer in [*self.norms, *self.convolutions, self.outlet_norm, self.outlet]:
            layer.build(shape)

    def adapt(self, f0_hz: np.ndarray, loudness_db: np.ndarray) -> None:
        """Measures how f0 and loudness vary, to bring both near 0 ± 1.

        Parameters
        ----------
        f0_hz : of the recording, `[frames]`.
        loudness_db : of the recording, `[frames]`.
        """
        inputs = np.stack([hz_to_midi(f0_hz), loudness_db], axis=-1)
        if not self.built:
            self.build()
        # A recording on one note must not be divided by 0.
        spread = np.maximum(inputs.std(axis=0), [1.0, 3.0])
        self.center.assign(inputs.mean(axis=0))
        self.spread.assign(spread)

    def call(self, f0_hz: tf.Tensor, loudness_db: tf.Tensor) -> dict[str, tf.Tensor]:
        """Decodes.

        Parameters
        ----------
        f0_hz : `[batch, frames, 1]`.
        loudness_db : `[batch, frames, 1]`.

        Returns
        -------
        A dictionary of the controls `[batch, frames, channels]`, not yet scaled.
        """
        x = tf.concat([core.hz_to_midi(f0_hz), loudness_db], axis=-1)
        x = self.inlet((x - self.center) / self.spread)
        for norm, convolution in zip(self.norms, self.convolutions):
            x += convolution(tf.nn.leaky_relu(norm(x)))
        x = self.outlet(tf.nn.leaky_relu(self.outlet_norm(x)))
        names, sizes = zip(*self.output_splits)
        return dict(zip(names, tf.split(x, list(sizes), axis=-1)))


def hz_to_midi(f0_hz: np.ndarray) -> np.ndarray:
    """MIDI note numbers of frequencies above 0, 69 for 440 Hz."""
    return 12.0 * np.log2(np.asarray(f0_hz) / 440.0) + 69.0
