"""Directories of tiny models as `models/vst/*.gin` describe them."""

from __future__ import annotations

import gin
import keras
import numpy as np

from ddsp.training import checkpoints, gin_files, models
from ddsp.training.transfer.loading import call_once, of_any_length, rates_of_model

FILES = {16000: 'vst', 32000: 'vst_32k', 48000: 'vst_48k'}
HARMONICS, BANDS, CHANNELS = 6, 5, 8
TINY = """
include 'models/vst/{file}.gin'
RnnFcDecoder.rnn_channels = 8
RnnFcDecoder.ch = 4
RnnFcDecoder.output_splits = (
    ('amps', 1), ('harmonic_distribution', 6), ('noise_magnitudes', 5))
FilteredNoiseReverb.reverb_length = 700
FilteredNoiseReverb.n_frames = 10
FilteredNoiseReverb.n_filter_banks = 4
"""


def write_tiny_vst(directory, rate: int = 16000, more: str = ''):
    """Writes `ckpt-3` and `operative_config-3.gin`.

    Gives the model, which plays any length.
    """
    directory.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(4)
    gin.clear_config()
    gin_files.add_search_paths()
    gin.parse_config(TINY.format(file=FILES[rate]) + more)
    text = gin.config_str()
    model = models.get_model()
    gin.clear_config()
    model.processor_group = of_any_length(
        model.processor_group, **rates_of_model(model)
    )
    call_once(model.decoder, model.processor_group)
    for variable in model.decoder.variables:
        # Livelier than what is drawn at first.
        variable.assign(2.0 * np.asarray(variable))
    checkpoints.save(str(directory / 'ckpt-3'), model)
    (directory / 'operative_config-3.gin').write_text(text)
    return model


def melody(n_frames: int):
    """Pitch and power that move: `f0_hz`, `power_db`, float32 `[frames]`."""
    place = np.linspace(0.0, 1.0, n_frames, dtype=np.float32)
    power_db = -50.0 + 30.0 * np.sin(np.pi * place)
    return np.float32(220.0 * 2.0**place), np.float32(power_db)
