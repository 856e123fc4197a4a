"""A directory of a tiny model, as training leaves it, with weights by chance."""

from __future__ import annotations

import gin
import keras
import numpy as np

from ddsp.training import checkpoints, gin_files, models
from ddsp.training.transfer.loading import make_weights

RATE, FRAME_RATE, FRAMES = 16000, 125, 125
CONFIG = """
import ddsp
import ddsp.training
include 'models/small_instrument.gin'
RnnFcDecoder.rnn_channels = 8
RnnFcDecoder.ch = 4
RnnFcDecoder.output_splits = (
    ('amps', 1), ('harmonic_distribution', 6), ('noise_magnitudes', 5))
F0LoudnessPreprocessor.time_steps = 125
Harmonic.n_samples = 16000
FilteredNoise.n_samples = 16000
"""
REVERB = """
processors.ProcessorGroup.dag = [
    (@synths.Harmonic(), ['amps', 'harmonic_distribution', 'f0_hz']),
    (@synths.FilteredNoise(), ['noise_magnitudes']),
    (@processors.Add(), ['filtered_noise/signal', 'harmonic/signal']),
    (@effects.Reverb(), ['add/signal']),
]
Reverb.name = 'reverb'
Reverb.reverb_length = 3000
Reverb.trainable = True
"""
# No noise, which would be another in each rendering.
HARMONIC_REVERB = """
processors.ProcessorGroup.dag = [
    (@synths.Harmonic(), ['amps', 'harmonic_distribution', 'f0_hz']),
    (@effects.Reverb(), ['harmonic/signal']),
]
Reverb.name = 'reverb'
Reverb.reverb_length = 3000
Reverb.trainable = True
"""


def write_tiny_model(directory, more: str = '', step: int = 7):
    """Writes `ckpt-STEP` and `operative_config-STEP.gin`; gives the model."""
    directory.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(3)
    gin.clear_config()
    gin_files.add_search_paths()
    gin.parse_config(CONFIG + more)
    text = gin.config_str()
    model = models.get_model()
    make_weights(model, n_frames=FRAMES)
    for variable in model.variables:
        if variable.path.endswith('ir'):
            decay = np.exp(np.arange(variable.shape[0]) / -500.0)
            variable.assign(0.05 * np.asarray(variable) * decay)
    checkpoints.save(str(directory / f'ckpt-{step}'), model)
    (directory / f'operative_config-{step}.gin').write_text(text)
    gin.clear_config()
    return model
