"""Models: what learns to play."""

from __future__ import annotations

import gin
import keras

from ddsp.training.models.autoencoder import Autoencoder
from ddsp.training.models.inverse_synthesis import InverseSynthesis
from ddsp.training.models.midi_autoencoder import MidiAutoencoder
from ddsp.training.models.model import Model
from ddsp.training.models.z_midi_autoencoder import ZMidiAutoencoder

__all__ = [
    'Autoencoder',
    'InverseSynthesis',
    'MidiAutoencoder',
    'Model',
    'ZMidiAutoencoder',
    'get_model',
]


@gin.configurable(module='ddsp.training.models')
def get_model(model: keras.Model = gin.REQUIRED) -> keras.Model:
    """The model that gin describes: `get_model.model = @models.Autoencoder()`."""
    return model
