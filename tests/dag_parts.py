"""Parts of which tests make graphs of layers."""

from __future__ import annotations

import keras
import numpy as np

from ddsp.processors import Crop


@keras.saving.register_keras_serializable('tests')
class Split(keras.layers.Layer):
    """Gives a list, or a dictionary."""

    def __init__(self, named: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.named = named

    def call(self, x, gain=1.0, training=False):
        low, high = gain * x[:, :2], gain * x[:, 2:]
        return {'low': low, 'high': high} if self.named else [low, high]

    def get_config(self):
        return {**super().get_config(), 'named': self.named}


def scale(factor: float, name: str) -> keras.layers.Layer:
    return keras.layers.Rescaling(factor, name=name)


x = np.arange(8.0).reshape(2, 4)
crop = (Crop(1), ['add/signal'])
