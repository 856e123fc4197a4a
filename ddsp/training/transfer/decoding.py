"""Decodes features of any length, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ddsp.tracing import compile_apart
from ddsp.training import checkpoints, decoders

#: Inputs of decoders that can be made of f0, loudness and power.
KNOWN_INPUTS = ('f0_scaled', 'ld_scaled', 'pw_scaled', 'f0_hz', 'loudness_db', 'pw_db')

Controls = dict[str, tf.Tensor]


class Decoding:
    """Turns features into raw controls, in blocks that hang together.

    A recurrent decoder passes its state from block to block, which gives what it gives
    for all frames at once. Of other decoders nobody knows how far they look: they get
    all frames at once.

    Parameters
    ----------
    decoder : with its weights.
    block_frames : frames in a block.
    """

    def __init__(self, decoder: keras.layers.Layer, block_frames: int) -> None:
        self.block_frames = block_frames
        self._state_dims = None
        if isinstance(decoder, decoders.RnnFcDecoder) and not decoder.stateless:
            decoder = with_state(decoder)
            self._state_dims = decoder.state_dims
        self._decode = compile_apart(
            lambda inputs: decoder(inputs, training=False), reduce_retracing=True
        )

    def blocks(self, features: dict[str, np.ndarray]) -> Iterator[Controls]:
        """Gives features and raw controls of block after block.

        Parameters
        ----------
        features : `[frames]` each.
        """
        tensors = {
            name: tf.constant(value[np.newaxis, :, np.newaxis], tf.float32)
            for name, value in features.items()
        }
        n_frames = len(next(iter(features.values())))
        if self._state_dims is None:
            tensors.update(self._decode(tensors))
        else:
            tensors['state'] = tf.zeros([1, self._state_dims])
        for first in range(0, n_frames, self.block_frames):
            block = {
                name: value if name == 'state' else value[:, first : self._end(first)]
                for name, value in tensors.items()
            }
            if self._state_dims is not None:
                block.update(self._decode(block))
                tensors['state'] = block.pop('state')
            yield block

    def _end(self, first: int) -> int:
        return first + self.block_frames


def with_state(decoder: decoders.RnnFcDecoder) -> decoders.RnnFcDecoder:
    """The same decoder with its state as input and output: its weights are copies.

    Parameters
    ----------
    decoder : stateful, with its weights made.
    """
    config = {**decoder.get_config(), 'stateless': True}
    twin = type(decoder).from_config(config)
    features = {name: tf.zeros([1, 1, 1]) for name in decoder.input_keys}
    twin({**features, 'state': tf.zeros([1, twin.state_dims])})
    ours = checkpoints.variables_by_path(twin)
    for path, variable in checkpoints.variables_by_path(decoder).items():
        ours[path].assign(variable)
    return twin


def check_inputs(decoder: Any, where: str) -> None:
    """Refuses a decoder that wants more than pitch and loudness.

    Raises
    ------
    ValueError
        With the inputs that it wants.
    """
    wanted = getattr(decoder, 'input_keys', None)
    if decoder is None or wanted is None:
        raise ValueError(
            f'{where} has no decoder that says what its inputs are; expected an '
            'Autoencoder, as `ddsp train` makes it.'
        )
    known = KNOWN_INPUTS
    if getattr(decoder, 'stateless', False):
        known += ('state',)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(
            f'the decoder of {where} wants {", ".join(unknown)} besides pitch and '
            'loudness, which another sound cannot give it: expected a model of one '
            'instrument, such as solo_instrument, small_instrument or vst.'
        )
